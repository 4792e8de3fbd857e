from __future__ import annotations

import math

import fakes
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import xps_stn_plugin as xps
from xps_prefit_hooks import MAXIMUM_ABOVE_FIRST_MEMBER, ModelInfo, Prediction, PrefitError, Settings, hookimpl
from xps_stn_plugin.api import PrefitFailure
from xps_stn_plugin.core.energy_scale import scale_offset
from xps_stn_plugin.core.result import LazySeeds, calibrated_spectrum


@pytest.fixture
def csv(tmp_path):
    """The made spectrum as a long table."""
    path = tmp_path / "made.csv"
    lines = ["region,binding_energy_eV,intensity"]
    for name, region in fakes.spectrum().children.items():
        pairs = zip(region["binding_energy"].values, region["counts"].values, strict=True)
        lines += [f"{name},{energy:.3f},{counts:.0f}" for energy, counts in pairs]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_file_to_fit(fake, csv):
    result = xps.prefit(csv)
    assert result.source == str(csv)
    assert (result.shift, result.shift_stderr) == (fakes.SHIFT, 0.06)
    assert (result.status, result.reasons) == ("ok", ("Looks fine.",))
    assert result.convention == "measured minus true; aliphatic C 1s = 285.00 eV (first vibrational member)"
    assert list(result.groups["group"].values) == ["alkane", "ester (aliphatic)", "ketone"]
    assert float(result.groups.sel(group="ester (aliphatic)")) == 0.98
    assert result.region_shifts["C1s"].value == pytest.approx(fakes.SHIFT + 0.05)
    assert set(result.seeds) == {"C1s", "O1s"}
    assert not result.fits
    fit = result.fit("C1s")
    assert fit.success
    assert fit.params["p1_center"].value == pytest.approx(285.0, abs=0.03)
    assert fit.params["p2_center"].value == pytest.approx(289.0, abs=0.05)
    (heard,) = fake.fits
    assert heard == (result, "C1s", fit)


def test_fitted_has_all_regions_and_leaves_the_first_result(fake):
    result = xps.prefit(fakes.spectrum())
    fitted = result.fitted()
    assert set(fitted.fits) == {"C1s", "O1s"}
    assert not result.fits
    assert fitted.seeds["C1s"] is result.seeds["C1s"]
    assert [region for _, region, _ in fake.fits] == ["C1s", "O1s"]


def test_measured_spectrum_is_left_as_it_is(fake):
    spectrum = fakes.spectrum()
    before = spectrum.copy(deep=True)
    result = xps.prefit(spectrum).fitted()
    assert spectrum.identical(before)
    for name, child in result.spectrum.children.items():
        np.testing.assert_array_equal(result.calibrated[name]["counts"], child["counts"])
        moved = child["binding_energy"].values - result.calibrated[name]["binding_energy"].values
        np.testing.assert_allclose(moved, fakes.SHIFT, atol=1e-9)


@pytest.mark.parametrize("reference", [284.8, 285.0, 285.1])
@pytest.mark.parametrize("reference_at", ["maximum", "first-member", None])
def test_reference_moves_scale_seeds_and_fits_alike(fake, reference, reference_at):
    result = xps.prefit(fakes.spectrum(), reference=reference, reference_at=reference_at)
    # A reference is the energy of the maximum unless the first member is asked for.
    above = 0.0 if reference_at == "first-member" else MAXIMUM_ABOVE_FIRST_MEMBER
    assert result.shift == pytest.approx(fakes.SHIFT + 285.0 + above - reference)
    assert result.region_shifts["C1s"].disagreement == 0.05
    assert result.calibrated["C1s"].attrs["energy_referencing_binding_energy"] == reference
    assert f"{reference:.2f} eV" in result.convention
    fit = result.fit("C1s")
    assert fit.params["p1_center"].value == pytest.approx(reference - above, abs=0.03)
    assert fit.chisqr == pytest.approx(xps.prefit(fakes.spectrum()).fit("C1s").chisqr, rel=1e-3)


@given(shift=st.floats(-10, 10), reference=st.floats(280.5, 289.5))
def test_calibration_and_shift_agree(shift, reference):
    prediction = Prediction(shift, 0.1, {}, "ok", (), {}, ModelInfo("made", "1", ""))
    settings = Settings(reference=reference)
    spectrum = fakes.spectrum(shift)
    moved = calibrated_spectrum(spectrum, prediction, settings)
    # A line truly at 285.00 eV reads the reference.
    measured = spectrum["C1s"]["binding_energy"].values
    np.testing.assert_allclose(moved["C1s"]["binding_energy"], measured - shift - scale_offset(settings), atol=1e-9)
    assert 285.0 + shift - (shift + scale_offset(settings)) == pytest.approx(reference)


@pytest.mark.parametrize("form", ["node", "dataset", "array", "array by name", "descending array"])
def test_one_region_in_every_form(fake, form):
    node = fakes.spectrum()["C1s"]
    array = node["counts"].assign_attrs(region="C1s")
    spectrum = {
        "node": node,
        "dataset": node.to_dataset(),
        "array": array,
        "array by name": node["counts"].rename("C1s"),
        "descending array": array[::-1],
    }[form]
    result = xps.prefit(spectrum)
    assert list(result.spectrum.children) == ["C1s"]
    assert np.all(np.diff(result.spectrum["C1s"]["binding_energy"]) > 0)
    assert result.spectrum["C1s"].attrs["region"] == "C1s"
    assert result.fit("C1s").params["p1_center"].value == pytest.approx(285.0, abs=0.03)


def test_array_is_known_by_its_energies(fake):
    result = xps.prefit(fakes.spectrum()["O1s"]["counts"])
    assert result.spectrum["O1s"].attrs["region_from"] == "energy range"


def _with_nan():
    spectrum = fakes.spectrum()
    spectrum["C1s"]["counts"][3] = np.nan
    return spectrum


@pytest.mark.parametrize(
    ("spectrum", "options", "message"),
    [
        ([1.0, 2.0], {}, r"list is not a spectrum; give \(energy, counts\)"),
        (xr.DataTree(), {}, r"no counts over binding_energy \(its variables: none\)"),
        (xr.Dataset({"a": ("x", [1.0])}), {}, r"region given has no counts over binding_energy \(its variables: a\)"),
        (_with_nan(), {}, r"made.csv: region C1s has 1 intensities that are not numbers, first at point 4"),
        ("nowhere.csv", {}, "nowhere.csv: there is no such file"),
        (fakes.spectrum(), {"reference": 300.0}, "reference: 300 eV is not an energy of aliphatic C 1s"),
        (fakes.spectrum(), {"reference": math.nan}, "reference: nan eV is not an energy"),
        (fakes.spectrum(), {"photon_energy": -1.0}, "photon energy: -1 eV"),
        (
            fakes.spectrum(),
            {"background": "cubic"},
            "background: 'cubic' is unknown; take one of auto, offset, linear, shirley, tougaard-u2, tougaard-u3",
        ),
    ],
)
def test_bad_input_is_one_sentence(fake, spectrum, options, message):
    with pytest.raises(PrefitError, match=message) as raised:
        xps.prefit(spectrum, **options)
    assert "\n" not in str(raised.value)


def test_what_the_reader_left_out_is_a_reason(fake):
    spectrum = fakes.spectrum()
    spectrum.attrs["skipped"] = ["made.csv: region N1s is empty."]
    assert xps.prefit(spectrum).reasons == ("Looks fine.", "made.csv: region N1s is empty.")


def test_unknown_region_and_suffix_name_what_there_is(fake, tmp_path):
    result = xps.prefit(fakes.spectrum())
    with pytest.raises(PrefitError, match="no seeded model for region N1s; there is for: C1s, O1s"):
        result.fit("N1s")
    with pytest.raises(PrefitError, match=r"suffix '.docx'; known are .json, .seeds.json, .csv, .png, .pdf, .svg, "):
        result.save(tmp_path / "a.docx")


class _Blind:
    def __init__(self, status):
        self.status = status

    @hookimpl
    def xps_prefit_predict(self):
        nan = math.nan
        return Prediction(nan, nan, {"ketone": nan}, self.status, ("Nothing known.",), {}, ModelInfo("blind", "1", ""))


def test_no_shift_gives_a_result_that_says_so(fake):
    xps.plugin_manager().register(_Blind("out_of_domain"), "blind")
    result = xps.prefit(fakes.spectrum())
    assert math.isnan(result.shift)
    assert "no shift" in repr(result)
    assert result.axis is result.spectrum
    with pytest.raises(PrefitError, match=r"nothing is calibrated\. Nothing known\."):
        _ = result.calibrated


def test_no_shift_without_a_word_is_the_predictors_fault(fake):
    xps.plugin_manager().register(_Blind("ok"), "blind")
    with pytest.raises(PrefitError, match="blind gave nan eV as shift with the status ok"):
        xps.prefit(fakes.spectrum())


def test_stack_is_calibrated_but_not_seeded(fake):
    one = fakes.spectrum()["C1s"].to_dataset()
    stack = xr.concat([one, one], dim="level")
    tree = xr.DataTree.from_dict({"/C1s": stack, "/O1s": fakes.spectrum()["O1s"].to_dataset()})
    result = xps.prefit(tree)
    assert set(result.seeds) == {"O1s"}
    assert result.calibrated["C1s"]["counts"].shape[0] == 2


def test_many_gives_one_row_for_each(fake, csv, tmp_path):
    rows = xps.prefit_many([csv, tmp_path / "absent.csv", fakes.spectrum(), 7])
    assert [type(row).__name__ for row in rows] == ["PrefitResult", "PrefitFailure", "PrefitResult", "PrefitFailure"]
    assert rows[1] == PrefitFailure(str(tmp_path / "absent.csv"), f"{tmp_path / 'absent.csv'}: there is no such file.")
    assert rows[3].source == "spectrum 4"


def test_many_survives_a_bug_and_refuses_bad_options(fake, monkeypatch, caplog):
    def bug(*_):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("xps_stn_plugin.api.calibrated_spectrum", bug)
    (row,) = xps.prefit_many([fakes.spectrum()])
    assert row == PrefitFailure("made.csv", "unexpected ZeroDivisionError: oops")
    assert "Unexpected error in made.csv" in caplog.text
    with pytest.raises(PrefitError, match="reference"):
        xps.prefit_many([], reference=0.0)


def test_seeds_are_made_once_and_only_when_asked():
    made = []

    def make(region):
        made.append(region)
        return None if region == "Survey" else region

    seeds = LazySeeds(("C1s", "Survey", "O1s"), make)
    assert repr(seeds) == "LazySeeds(C1s, Survey, O1s)"
    assert made == []
    assert seeds["O1s"] == "O1s"
    assert made == ["O1s"]
    assert list(seeds) == ["C1s", "O1s"]
    assert len(seeds) == 2
    assert "Survey" not in seeds
    assert "N1s" not in seeds
    assert sorted(made) == ["C1s", "O1s", "Survey"]
    assert repr(seeds) == "LazySeeds(C1s, O1s)"


def test_evidence_is_found_once_and_only_when_asked(fake):
    result = xps.prefit(fakes.spectrum(), reference=284.8)
    fitted = result.fitted()
    assert fake.explained == 0
    (part, against) = result.evidence["ester (aliphatic)"]
    assert (part.region, part.low, part.high) == ("C1s", pytest.approx(288.185), pytest.approx(289.185))
    assert against.weight < 0 < part.weight
    assert list(fitted.evidence) == ["ester (aliphatic)"]
    assert "ketone" not in fitted.evidence
    assert fake.explained == 1


def test_no_evidence_without_a_shift(fake):
    xps.plugin_manager().register(_Blind("out_of_domain"), "blind")
    assert dict(xps.prefit(fakes.spectrum()).evidence) == {}
    assert fake.explained == 0


def test_without_a_shift_the_data_alone_seed_models_on_the_measured_axis(fake):
    from xps_stn_plugin.export.csv_export import rows
    from xps_stn_plugin.export.json_export import document

    xps.plugin_manager().register(_Blind("out_of_domain"), "blind")
    result = xps.prefit(fakes.spectrum()).fitted()
    assert result.fits["C1s"].success
    assert "measured axis" in result.seeds["C1s"].notes[-1]
    component = document(result)["regions"]["C1s"]["components"][0]
    assert component["center"] is None
    assert 270 < component["center_measured"] < 310
    assert rows(result)[0]["center_eV"] == ""


def test_prefit_many_of_a_path_alone_is_one_spectrum(fake, csv):
    for path in (csv, str(csv)):
        (result,) = xps.prefit_many(path)
        assert result.source == str(csv)


def test_prefit_many_of_a_folder_points_to_the_batch(fake, tmp_path):
    with pytest.raises(PrefitError, match=r"is a folder; name its files, or let run_batch \(command: xps-stn batch\)"):
        xps.prefit_many(tmp_path)


@pytest.mark.parametrize("spectra", [b"a.csv", 7, None])
def test_prefit_many_of_what_holds_no_spectra_is_one_sentence(spectra):
    with pytest.raises(PrefitError, match="is not a list of spectra"):
        xps.prefit_many(spectra)
