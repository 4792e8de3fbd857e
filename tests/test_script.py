from __future__ import annotations

import subprocess
import sys

import lmfit
import numpy as np
import pytest
from test_expectation_pattern import ESTER, drawn

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError

SHIFT = 1.2
GROUPS = ["alkane", "ester (aliphatic)"]


def pmma():
    return drawn(ESTER, SHIFT)


def centers(fit):
    return {name: fit.params[name].value for name in fit.params if name.endswith("center")}


def test_a_seed_by_hand_from_one_array():
    data = pmma()["C1s"]["counts"].rename("C1s")
    seed = xps.seed(data, groups=GROUPS, shift=SHIFT)
    assert (seed.region, seed.shift) == ("C1s", SHIFT)
    assert {group for component in seed.components for group in component.groups} == set(GROUPS)
    fit = xps.fit(seed, data)
    assert fit.success
    assert fit.params["ester_center"].value == pytest.approx(289.0, abs=0.1)
    plain = seed.model.fit(data.values, seed.params, x=data["binding_energy"].values - seed.shift)
    assert plain.params["ester_center"].value == pytest.approx(fit.params["ester_center"].value, abs=0.05)


def test_all_regions_and_one_of_several():
    seeds = xps.seeds(pmma(), groups="ester (aliphatic)", shift=SHIFT)
    assert set(seeds) == {"C1s", "O1s"}
    assert xps.seed(pmma(), "O1s", groups="ester (aliphatic)", shift=SHIFT).params == seeds["O1s"].params
    assert xps.fit(seeds["O1s"], pmma()).success


def test_calibrated_data_are_not_moved_again():
    result = xps.prefit(pmma())
    seed = result.seeds["C1s"]
    assert seed.shift == result.shift
    fits = [
        xps.fit(seed, data)
        for data in (
            pmma(),
            pmma()["C1s"],
            pmma()["C1s"]["counts"],
            result.calibrated,
            result.calibrated["C1s"].to_dataset(),
            result.calibrated["C1s"]["counts"],
        )
    ]
    for fit in fits[1:]:
        assert centers(fit) == pytest.approx(centers(fits[0]), abs=1e-4)
    assert centers(fits[0]) == pytest.approx(centers(result.fit("C1s")), abs=1e-4)


def test_the_reference_moves_the_scale_only():
    seed = xps.seed(pmma(), "C1s", groups=GROUPS, shift=SHIFT + 0.315, reference=284.8)
    assert xps.fit(seed, pmma()).params["ester_center"].value == pytest.approx(288.685, abs=0.1)


def test_shift_from_expected_lines():
    seed = xps.seed(pmma(), "C1s", expect="PMMA", shift=None)
    assert seed.shift == pytest.approx(SHIFT, abs=0.2)
    with pytest.raises(PrefitError, match="there is no substance to take it from"):
        xps.seed(pmma(), "C1s", shift=None)
    with pytest.raises(PrefitError, match=r"shift: the lines of poly\(ethylene glycol\) \(PEG\), expected, do not fit"):
        xps.seed(drawn({"C1s": ((285.0, 1), (291.0, 1))}), expect="PEG", shift=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "region: the spectrum has C1s, O1s; name one"),
        ({"region": "N1s"}, "region N1s: there is no model to be seeded; there is for: C1s, O1s"),
        ({"region": "C1s", "groups": ["esther"]}, "no functional group 'esther'; similar:"),
        ({"region": "C1s", "shift": float("nan")}, "nan eV is not a shift"),
        ({"region": "C1s", "shift_stderr": -1.0}, "-1 eV is not a standard error"),
        ({"region": "C1s", "groups": ["amine"], "absent": "amine"}, "both present and absent"),
    ],
)
def test_bad_input_is_one_sentence(options, message):
    with pytest.raises(PrefitError, match=message):
        xps.seed(pmma(), **options)


def test_a_fit_needs_the_region():
    seed = xps.seed(pmma(), "C1s", groups=GROUPS, shift=SHIFT)
    with pytest.raises(PrefitError, match="region C1s: is not in the spectrum, which has O1s"):
        xps.fit(seed, drawn({"O1s": ESTER["O1s"]}))


def test_joined_models_fit_together():
    lines = {"C1s": (*ESTER["C1s"], (281.5, 0.5))}
    data = drawn(lines, SHIFT)
    # The seed of data without the line lacks it.
    seed = xps.seed(drawn({"C1s": ESTER["C1s"]}, SHIFT), groups=GROUPS, shift=SHIFT)
    extra = lmfit.models.GaussianModel(prefix="carbide_")
    params = extra.make_params(amplitude=1000, center=281.5, sigma=0.5)
    joined = seed.joined(extra, params, name="C1s carbide")
    assert [component.name for component in joined.components][-1] == "C1s carbide"
    assert "carbide_center" not in seed.params
    fit = xps.fit(joined, data)
    assert fit.params["carbide_center"].value == pytest.approx(281.5, abs=0.05)
    tied = seed.joined(
        extra,
        lmfit.create_params(carbide_amplitude=10.0, carbide_sigma=0.5, carbide_center={"expr": "ester_center-7.5"}),
    )
    assert tied.params["carbide_center"].value == pytest.approx(tied.params["ester_center"].value - 7.5)
    with pytest.raises(PrefitError, match="seed of C1s: has 'carbide_amplitude' already"):
        joined.joined(extra)
    with pytest.raises(PrefitError, match="'a step' is not a component: it has no 'a_amplitude'"):
        seed.joined(lmfit.models.LinearModel(prefix="a_"), name="a step")


def test_no_network_is_loaded():
    code = (
        "import sys, numpy as np, xarray as xr, xps_stn_plugin as xps\n"
        "x = np.arange(280, 295, 0.1)\n"
        "data = xr.DataArray(100 + 900 * np.exp(-(x - 285) ** 2), {'binding_energy': x}, name='C1s')\n"
        "xps.fit(xps.seed(data, groups='alkane', expect='hydrocarbon', shift=None), data)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def test_measured_spectrum_is_left_as_it_is():
    data = pmma()
    before = data.copy(deep=True)
    xps.fit(xps.seed(data, "C1s", groups=GROUPS, shift=SHIFT), data)
    assert data.identical(before)
    assert np.all(np.isfinite(data["C1s"]["counts"]))
