"""The shift that the user gives, and the one that puts the aliphatic component of C 1s at the reference."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pytest
import stacked
import xarray as xr

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError, Settings, hookimpl
from xps_stn_plugin.batch.tasks import make_record
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stacks.stack import stack_of


class _Predictor(fakes.FakePlugin):
    """Says `fakes.SHIFT` with a status; models are those of the package's seeder."""

    def __init__(self, status="ok"):
        super().__init__()
        self.status = status

    @hookimpl
    def xps_prefit_predict(self, spectrum, settings):
        groups = {"alkane": 0.9, "ester (aliphatic)": 0.2, "ketone": 0.01}
        return replace(super().xps_prefit_predict(spectrum, settings), groups=groups, status=self.status)

    @hookimpl
    def xps_prefit_seed(self):
        return None


@pytest.fixture
def predictor():
    plugin_manager.cache_clear()
    plugin = _Predictor()
    assert plugin_manager().register(plugin, "predictor").state == "active"
    yield plugin
    plugin_manager.cache_clear()


def carbon(charge, counts=3000.0, seed=0):
    """Adventitious carbon on an oxide: symmetric lines, the maximum of C-C at 284.8 eV when not charged."""
    rng = np.random.default_rng(seed)
    lines = {
        "C1s": (276.0, 296.0, [(284.8, 1.0, 1.3), (286.3, 0.2, 1.3), (288.8, 0.12, 1.3)]),
        "O1s": (522.0, 540.0, [(530.0, 3.0, 1.2), (531.6, 1.0, 1.6)]),
    }
    regions = {}
    for name, (low, high, parts) in lines.items():
        x = np.arange(low, high, 0.1)
        y = 0.1 + sum(area * pseudo_voigt(x, center, fwhm, 0.2) for center, area, fwhm in parts)
        regions[name] = region_dataset("carbon", x + charge, rng.poisson(counts * y), region=name, intensity="counts")
    return spectrum_tree("carbon", regions)


def noise():
    energy = np.arange(280.0, 290.0, 0.1)
    return spectrum_tree("noise", {"C1s": region_dataset("noise", energy, np.arange(energy.size) % 7, region="C1s")})


def test_given_shift_moves_the_spectrum_and_is_said(predictor):
    result = xps.prefit(fakes.spectrum(1.3), shift=1.3)
    assert (result.shift, result.applied_shift, result.status) == (pytest.approx(1.3), pytest.approx(1.3), "ok")
    assert result.reasons[0] == "The shift was given: +1.30 eV; the network alone says +1.25 ± 0.06 eV."
    assert result.fitted().report().regions["C1s"].components[0].maximum == pytest.approx(285.0, abs=0.05)


def test_given_shift_is_on_the_scale_of_the_reference(predictor):
    result = xps.prefit(fakes.spectrum(), shift=1.45, reference=284.8, reference_at="first-member")
    assert result.shift == pytest.approx(1.45)
    assert result.prediction.shift == pytest.approx(fakes.SHIFT)


def test_given_shift_that_contradicts_the_network_is_uncertain(predictor):
    result = xps.prefit(fakes.spectrum(), shift=3.0)
    assert (result.applied_shift, result.status) == (pytest.approx(3.0), "uncertain")


def test_given_shift_out_of_domain_is_applied_without_groups(predictor):
    predictor.status = "out_of_domain"
    result = xps.prefit(fakes.spectrum(), shift=1.2, present="ketone (aliphatic)")
    assert (result.applied_shift, result.status) == (pytest.approx(1.2), "uncertain")
    assert "nothing checks it" in result.reasons[0]
    assert np.isnan(result.prediction.groups["alkane"])
    assert result.prediction.groups["ketone (aliphatic)"] == 1.0


#: Charge at which the predictor is 0.4 eV off on the scale with the maximum of C-C at 284.8 eV.
_NEAR = fakes.SHIFT + 0.315 - 0.4


@pytest.mark.parametrize(
    ("status", "charge", "expected"),
    [
        ("ok", _NEAR, "uncertain"),
        ("ok", _NEAR + 0.35, "ok"),
        ("out_of_domain", -3.0, "uncertain"),
        ("out_of_domain", 4.0, "uncertain"),
    ],
)
def test_calibration_on_carbon_reads_the_charge(predictor, status, charge, expected):
    predictor.status = status
    result = xps.prefit(carbon(charge), calibrate_on="C-C", reference=284.8).fitted()
    assert result.shift == pytest.approx(charge, abs=0.03)
    assert result.applied_shift == result.shift
    assert result.status == expected
    component = max(result.report().regions["C1s"].components, key=lambda one: one.area)
    assert component.maximum == pytest.approx(284.8, abs=0.02)


def test_calibration_on_carbon_has_no_bias():
    charges = np.linspace(-4.0, 6.0, 11)
    found = [
        xps.prefit(carbon(charge, seed=number), calibrate_on="C-C", reference=284.8)
        for number, charge in enumerate(charges)
    ]
    assert np.mean([result.shift for result in found] - charges) == pytest.approx(0.0, abs=0.03)
    assert all(result.status != "out_of_domain" for result in found)


@pytest.mark.parametrize(
    ("spectrum", "sentence"),
    [
        (carbon(1.0)["O1s"], "there is no C 1s region."),
        (noise(), "C 1s shows no line above the noise."),
    ],
)  # fmt: skip
def test_calibration_without_aliphatic_carbon_is_uncertain(predictor, spectrum, sentence):
    result = xps.prefit(spectrum, calibrate_on="C-C")
    assert result.reasons[0] == f"The shift cannot be taken from C-C: {sentence}"
    assert (result.shift, result.status) == (fakes.SHIFT, "uncertain")


def test_given_shift_and_calibration_exclude_each_other():
    with pytest.raises(PrefitError, match=r"shift: \+2 eV is given and C-C is to decide it; drop one of the two\."):
        xps.prefit(fakes.spectrum(), shift=2.0, calibrate_on="C-C")


@pytest.mark.parametrize("options", [{"shift": 1.1}, {"calibrate_on": "C-C"}])
def test_a_stack_is_told_as_single_spectra_are(options):
    spectra = stacked.tree(stacked.counts(["alkane", "ester"], [1.0, 1.2], [2000, 2000]), (2,), ("x",))
    found = xps.prefit_many(spectra, **options)
    stack = stack_of(spectra)
    for x in range(2):
        alone = xps.prefit(stack.spectrum({"x": x}), **options)
        assert found["applied_shift"].values[x] == pytest.approx(alone.applied_shift, abs=1e-4)
        assert found["shift"].values[x] == pytest.approx(alone.shift, abs=1e-4)


def test_batch_applies_a_given_shift(predictor, tmp_path):
    path = tmp_path / "a.csv"
    region = fakes.spectrum()["C1s"]
    pairs = zip(region["binding_energy"].values, region["counts"].values, strict=True)
    path.write_text("binding_energy_eV,intensity\n" + "".join(f"{energy:.3f},{counts}\n" for energy, counts in pairs))
    record = make_record([path], Settings(shift=1.5), False)
    assert record.report is not None
    assert record.report.shift.applied == pytest.approx(1.5)


def test_given_shift_refuses_what_is_not_a_number():
    with pytest.raises(PrefitError, match=r"shift: nan eV is not a shift; give a number of eV\."):
        xps.prefit(xr.Dataset(), shift=float("nan"))
