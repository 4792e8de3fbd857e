from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from xps_stn_plugin.chemistry.substances import find_substance
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.expectation.pattern import CHEMISTRY, shift_by_pattern
from xps_stn_plugin.models.lineshapes import pseudo_voigt

ESTER = {"C1s": ((285.0, 2), (285.7, 1), (286.8, 1), (289.0, 1)), "O1s": ((532.2, 1), (533.6, 1))}
PTFE = {"C1s": ((292.5, 1),), "F1s": ((689.7, 1),)}


def drawn(lines, shift=0.0, height=5000.0, slope=0.0, seed=1):
    """Symmetric lines of 1.2 eV on a sloping background, with counting noise."""
    random = np.random.default_rng(seed)
    regions = {}
    for region, rows in lines.items():
        x = np.arange(min(e for e, _ in rows) - 5, max(e for e, _ in rows) + 6, 0.1)
        y = 100 + slope * (x - x[0]) + height * sum(n * pseudo_voigt(x, e, 1.2, 0.2) for e, n in rows)
        regions[region] = region_dataset("made", x + shift, random.poisson(y), region=region)
    return spectrum_tree("made", regions)


@pytest.mark.parametrize("shift", [-6.3, -0.4, 0.0, 2.71])
@pytest.mark.parametrize(("lines", "name"), [(ESTER, "PMMA"), (PTFE, "PTFE")])
def test_shift_of_known_lines(lines, name, shift):
    found = shift_by_pattern(drawn(lines, shift, slope=8.0), [find_substance(name)])
    assert found.shift == pytest.approx(shift, abs=2 * CHEMISTRY)
    assert CHEMISTRY <= found.stderr < 0.15
    assert found.misfit < 0.08
    assert found.elsewhere < 0.01
    assert (found.foreign, found.empty, found.shares) == ((), (), (1.0,))


@pytest.mark.parametrize("scale", [1e-9, 0.01, 1e7])
def test_the_unit_of_intensity_does_not_matter(scale):
    spectrum = drawn(ESTER, 1.5)
    scaled = xr.DataTree.from_dict(
        {
            f"/{name}": (child.to_dataset() * scale).assign_attrs(region=name, intensity="arbitrary")
            for name, child in spectrum.children.items()
        }
    )
    one, other = (shift_by_pattern(tree, [find_substance("PMMA")]) for tree in (spectrum, scaled))
    assert one.shift == pytest.approx(other.shift, abs=0.01)
    assert one.misfit == pytest.approx(other.misfit, abs=0.01)


def test_one_line_is_placed_by_what_it_is():
    line = drawn({"C1s": ((290.0, 1),)})
    peg, ptfe = (shift_by_pattern(line, [find_substance(name)]) for name in ("PEG", "PTFE"))
    assert peg.shift - ptfe.shift == pytest.approx(292.5 - 286.5, abs=0.25)


def test_wrong_lines_leave_much():
    assert shift_by_pattern(drawn(ESTER), [find_substance("PMMA")]).misfit < 0.03
    wrong = shift_by_pattern(drawn({"C1s": ((285.0, 1), (291.0, 1))}), [find_substance("PEG")])
    assert wrong.misfit > 0.12


def test_lines_must_lie_in_the_measured_range():
    cut = drawn({"C1s": ((285.0, 1),)})["C1s"].to_dataset().sel(binding_energy=slice(283.5, 286.5))
    one_line = spectrum_tree("made", {"C1s": cut})
    # One of its two lines would fit, the other would lie outside at every shift.
    assert shift_by_pattern(one_line, [find_substance("PVdF")]).misfit == pytest.approx(1.0, abs=0.05)
    assert shift_by_pattern(one_line, [find_substance("hydrocarbon")]).misfit < 0.1


def test_mixtures_share_the_area():
    both = {"C1s": (*PTFE["C1s"], (285.0, 1))}
    found = shift_by_pattern(drawn(both), [find_substance("PTFE"), find_substance("hydrocarbon")])
    assert found.shares == pytest.approx((0.5, 0.5), abs=0.06)
    absent = shift_by_pattern(drawn(ESTER), [find_substance("PMMA"), find_substance("PTFE")])
    assert absent.shares[1] < 0.02


def test_regions_that_contradict_are_named():
    spectrum = drawn({**ESTER, "N1s": ((400.0, 1),)})
    assert shift_by_pattern(spectrum, [find_substance("PMMA")]).foreign == ("N1s",)
    silent = region_dataset("made", np.arange(395, 405, 0.1), np.random.default_rng(0).poisson(100, 100), region="N1s")
    spectrum = xr.DataTree.from_dict(
        {**{f"/{name}": child.to_dataset() for name, child in drawn(ESTER).children.items()}, "/N1s": silent}
    )
    assert shift_by_pattern(spectrum, [find_substance("PAM")]).empty == ("N1s",)


def test_nothing_to_go_by():
    assert shift_by_pattern(drawn({"N1s": ((400.0, 1),)}), [find_substance("PMMA")]) is None
    survey = region_dataset("made", np.arange(0, 1200, 1.0), np.arange(1200) % 7, region="Survey")
    assert shift_by_pattern(spectrum_tree("made", {"Survey": survey}), [find_substance("PMMA")]) is None


def test_stacks_are_passed_over():
    one = drawn(ESTER)["C1s"].to_dataset()
    tree = spectrum_tree("made", {"C1s": xr.concat([one, one], "level"), "O1s": drawn(ESTER)["O1s"].to_dataset()})
    assert shift_by_pattern(tree, [find_substance("PMMA")]).shift == pytest.approx(0.0, abs=0.2)
