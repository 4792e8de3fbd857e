from __future__ import annotations

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.element_lines import subshells
from xps_stn_plugin.quantification import sensitivity_set, sensitivity_sets

#: Share of a doublet's area in its higher-j line, by degeneracy.
SHARES = {"p": 2 / 3, "d": 3 / 5, "f": 4 / 7}


@pytest.mark.parametrize("name", sensitivity_sets())
def test_every_set_knows_the_organic_elements_and_its_source(name):
    factors = sensitivity_set(name)
    assert {"C1s", "O1s", "N1s", "F1s", "Si2p", "P2p", "S2p", "Cl2p"} <= set(factors.factors)
    assert "19" in factors.citation or "Kratos" in factors.citation
    reference = "C1s" if "C 1s = 1" in factors.citation else "F1s"
    assert factors.factors[reference].whole == 1


@pytest.mark.parametrize("name", sensitivity_sets())
def test_a_single_line_is_about_its_share_by_degeneracy(name):
    # Scofield's own 2p ratio is 1.96 instead of 2: within 3 %, which a slip of digits is not.
    factors = sensitivity_set(name).factors
    assert all(factors[core].line is None for core in factors if core.endswith("s"))
    for core, factor in factors.items():
        if factor.line is not None:
            assert factor.line / factor.whole == pytest.approx(SHARES[core[-1]], rel=0.03), core


@pytest.mark.parametrize("name", ["scofield", "scofield-mg"])
@pytest.mark.parametrize("subshell", ["1s", "2s", "2p", "3d", "4f"])
def test_factors_rise_along_a_subshell(name, subshell):
    # Slips in transcriptions of the table stand out here: Cl 2p of 1.51 and Na 2p of 0.78 did.
    factors = sensitivity_set(name).factors
    elements = [element for element in subshells() if element + subshell in factors]
    values = [factors[element + subshell].whole for element in elements]
    assert values == sorted(values)
    assert len(values) > 2


def test_scofield_is_what_the_simulator_draws_with():
    factors = sensitivity_set("scofield").factors
    for core, level in core_levels().items():
        assert factors[core].whole == level.sensitivity


def test_an_unknown_set_is_named():
    with pytest.raises(PrefitError, match=r"no set of factors named 'schofield'.*scofield, "):
        sensitivity_set("schofield")
