from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fakes
import h5py
import numpy as np
import pytest
import quantified
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xps_stn_plugin as xps
from xps_prefit_hooks import GroupEvidence, PrefitError, Settings
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.nexus_terms import CONCEPTS, DEFINITIONS
from xps_stn_plugin.core.result import calibrated_spectrum
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.export import nexus
from xps_stn_plugin.export.calibrated_copy import write_calibrated_copy
from xps_stn_plugin.fitting import background_table, component_table, curves, fit_quality
from xps_stn_plugin.fitting.standard_errors import uncertainty

TEXT, NUMBER = "text", "number"

#: What NXxps (and NXmpes, which it extends) of the definitions v2026.01 require of an entry: group and class, or field
#: with its type, units and closed enumeration. Of recommended groups, what they require where they are there.
REQUIRED = {
    "definition": (TEXT, "", {"NXxps"}),
    "title": (TEXT, "", None),
    "start_time": (TEXT, "", None),
    "method": (TEXT, "", None),
    "instrument": "NXinstrument",
    "instrument/beam_probe": "NXbeam",
    "instrument/beam_probe/incident_energy": (NUMBER, "eV", None),
    "instrument/electronanalyzer": "NXelectronanalyzer",
    "instrument/electronanalyzer/work_function": (NUMBER, "eV", None),
    "instrument/electronanalyzer/collectioncolumn": "NXcollectioncolumn",
    "instrument/electronanalyzer/collectioncolumn/scheme": (
        TEXT,
        "",
        {"angular dispersive", "spatial dispersive", "momentum dispersive", "non-dispersive"},
    ),
    "instrument/electronanalyzer/energydispersion": "NXenergydispersion",
    "instrument/electronanalyzer/energydispersion/scheme": (
        TEXT,
        "",
        {"tof", "hemispherical", "double hemispherical", "cylindrical mirror", "display mirror", "retarding grid"},
    ),
    "instrument/electronanalyzer/energydispersion/energy_scan_mode": (TEXT, "", None),
    "instrument/electronanalyzer/detector": "NXelectron_detector",
    "instrument/electronanalyzer/detector/raw_data": "NXdata",
    "instrument/electronanalyzer/detector/raw_data/raw": (NUMBER, None, None),
    "sample": "NXsample",
    "sample/name": (TEXT, "", None),
    "data": "NXdata",
    "data/data": (NUMBER, None, None),
    "data/energy": (NUMBER, "eV", None),
    "energy_referencing": "NXcalibration",
    "energy_referencing/physical_quantity": (TEXT, "", {"energy"}),
}
OF_FIT = {
    "label": (TEXT, "", None),
    "data": "NXdata",
    "data/input_dependent": (NUMBER, None, None),
    "data/input_independent": (NUMBER, "eV", None),
    "data/fit_sum": (NUMBER, None, None),
}
OF_PEAK = {
    "label": (TEXT, "", None),
    "data": "NXdata",
    "data/position": (NUMBER, "eV", None),
    "data/intensity": (NUMBER, None, None),
    "function/function_type": (TEXT, "", None),
}

#: Attributes of a region that NXxps requires to be known.
KNOWN = {
    "start_time": "2026-01-02T03:04:05+00:00",
    "sample": "PET",
    "photon_energy": 1486.7,
    "work_function": 4.5,
    "collection_scheme": "angular dispersive",
    "dispersion_scheme": "hemispherical",
    "energy_scan_mode": "fixed_analyzer_transmission",
    "pass_energy": 20.0,
    "dwell_time": 0.25,
    "lens_mode": "wide",
}


def missing(group, required):
    """Paths that a table requires and that are not there; what is there must be as it says."""
    found = set()
    for path, wanted in required.items():
        if path not in group:
            found.add(path)
        elif isinstance(wanted, str):
            assert group[path].attrs["NX_class"] == wanted, path
        else:
            kind, units, words = wanted
            node = group[path]
            assert (kind == TEXT) == (h5py.check_string_dtype(node.dtype) is not None), path
            assert units is None or node.attrs.get("units", "") == units, path
            assert words is None or node.asstr()[()] in words, path
    return found


def text(node):
    return node.asstr()[()]


def sentences(group):
    return list(group["sentences"].asstr())


def known(spectrum, **attrs):
    for child in spectrum.children.values():
        child.attrs.update({**KNOWN, **attrs})
    return spectrum


@pytest.fixture
def result(fake):
    return xps.prefit(fakes.spectrum())


@pytest.fixture
def fitted(fake):
    spectrum = known(fakes.spectrum(), intensity="counts", label="02 C 1s")
    return xps.prefit(spectrum, background={"C1s": "linear"}, present=["ester (aliphatic)"]).fitted()


@pytest.fixture
def file(fitted, tmp_path):
    fitted.save(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        yield file


def test_required_concepts_are_there(file):
    for entry in file.values():
        assert entry.attrs["NX_class"] == "NXentry"
        assert text(entry["definition"]) == "NXxps"
        assert entry["definition"].attrs["version"] == DEFINITIONS
        assert missing(entry, REQUIRED) == set()
        assert "not_known" not in entry
        assert (entry["data"].attrs["signal"], list(entry["data"].attrs["axes"])) == ("data", ["energy"])
        assert entry["data"].attrs["energy_indices"] == 0
        assert missing(entry["fit"], OF_FIT) == set()
        peaks = [name for name in entry["fit"] if re.match("peak|background", name)]
        assert len(peaks) >= 2
        for name in peaks:
            assert missing(entry["fit"][name], OF_PEAK) == set()


def test_what_the_source_does_not_know_is_listed_and_not_invented(result, tmp_path):
    result.save(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        for entry in file.values():
            assert missing(entry, REQUIRED) == set(sentences(entry["not_known"])) == {
                "start_time",
                "sample/name",
                "instrument/beam_probe/incident_energy",
                "instrument/electronanalyzer/work_function",
                "instrument/electronanalyzer/collectioncolumn/scheme",
                "instrument/electronanalyzer/energydispersion/scheme",
                "instrument/electronanalyzer/energydispersion/energy_scan_mode",
            }  # fmt: skip


def test_spectrum_and_calibration(fitted, file):
    assert file.attrs["default"] == "C1s"
    assert list(file) == ["C1s", "O1s"]
    for name, entry in file.items():
        data, raw = entry["data"], entry["instrument/electronanalyzer/detector/raw_data"]
        measured, moved = fitted.spectrum[name], fitted.calibrated[name]
        for counts in (data["data"], data["counts"], raw["raw"]):
            np.testing.assert_array_equal(counts, measured["counts"])
        assert data["data"].attrs["units"] == "counts"
        for axis in (data["energy"], data["binding_energy"], entry["energy_referencing/calibrated_axis"]):
            np.testing.assert_array_equal(axis, moved["binding_energy"])
            assert (axis.attrs["units"], axis.attrs["type"]) == ("eV", "binding")
        for axis in (data["binding_energy_measured"], entry["energy_referencing/original_axis"], raw["energy"]):
            np.testing.assert_array_equal(axis, measured["binding_energy"])
        referencing = entry["energy_referencing"]
        assert referencing["offset"][()] == -fitted.shift
        assert referencing["offset_errors"][()] == fitted.shift_stderr
        assert referencing["binding_energy"][()] == 285.0
        assert text(referencing["level"]) == "C 1s"
        assert text(referencing["calibration_parameters/status"]) == "ok"
        assert sentences(referencing["reasons"]) == list(fitted.reasons)
    assert list(file["O1s/transitions"].asstr()) == ["O 1s"]


def test_prediction_settings_and_percentages(fitted, file):
    prediction = file["C1s/prediction"]
    assert file["O1s/prediction"] == prediction  # written once
    names, values = prediction["groups/name"].asstr()[:], prediction["groups/probability"][:]
    assert dict(zip(names, values, strict=True)) == dict(fitted.prediction.groups)
    assert prediction["shift/shift"][()] == fitted.shift
    assert prediction["shift/shift"].attrs["error"] == fitted.shift_stderr
    assert text(prediction["shift/status"]) == fitted.status
    assert sentences(prediction["reasons"]) == ["Looks fine."]
    assert text(prediction["model/sha256"]) == "0" * 64
    for number, (region, shift) in enumerate(fitted.region_shifts.items()):
        assert prediction["region_shifts/region"].asstr()[number] == region
        for quantity in ("value", "stderr", "disagreement"):
            assert prediction[f"region_shifts/{quantity}"][number] == getattr(shift, quantity)
    evidence = prediction["evidence"]
    rows = zip(*(evidence[name][()] for name in ("low", "high", "weight")), strict=True)
    parts = [
        (group, GroupEvidence(region, *row))
        for group, region, row in zip(evidence["group"].asstr(), evidence["region"].asstr(), rows, strict=True)
    ]
    assert parts == [(group, part) for group, parts in fitted.evidence.items() for part in parts]
    assert list(prediction["settings/present"].asstr()) == ["ester (aliphatic)"]
    assert list(prediction["settings/background"].asstr()) == ["C1s: linear"]
    assert prediction["settings/reference"][()] == 285.0
    found = fitted.quantification()
    elements = file["C1s/quantification/elements"]
    assert list(elements["symbol"].asstr()) == [element.symbol for element in found.elements]
    assert list(elements["atomic_percent"]) == [element.atomic_percent for element in found.elements]
    assert list(elements["atomic_percent_errors"]) == [element.stderr for element in found.elements]
    assert sentences(file["O1s/quantification/notes"]) == list(found.notes)


def check_fit(entry, result, name):
    """Every value of an NXfit against the result."""
    seed, fit = result.seeds[name], result.fits.get(name)
    params = seed.params if fit is None else fit.params
    made = entry["fit"]
    energy = result.axis[name]["binding_energy"].values
    drawn = curves(seed, params, energy)
    data = made["data"]
    np.testing.assert_array_equal(data["input_independent"], energy)
    np.testing.assert_array_equal(data["input_dependent"], result.axis[name]["counts"])
    np.testing.assert_array_equal(data["fit_sum"], drawn["envelope"])
    np.testing.assert_array_equal(data["background"], drawn["background"])
    np.testing.assert_allclose(data["fit_sum"][:] + data["residual"][:], data["input_dependent"][:], rtol=1e-12)
    rows = component_table(seed, fit)
    peaks = [made[f"peak_{number}"] for number in range(len(rows))]
    assert f"peak_{len(rows)}" not in made
    shares = {} if fit is None else {(s.region, s.name): s for s in result.quantification().components}
    for row, peak in zip(rows, peaks, strict=True):
        assert text(peak["label"]) == row.name
        np.testing.assert_array_equal(peak["data/intensity"], drawn[row.name])
        np.testing.assert_array_equal(peak["data/position"], energy)
        assert peak["total_area"][()] == row.area
        assert peak["relative_area"][()] == row.fraction_of_region
        for group in row.groups:
            assert group in text(peak["function/description"])
        own = peak["function/fit_parameters"]
        for field, key in (("position", "center"), ("width", "fwhm"), ("area", "area")):
            assert own[field][()] == getattr(row, key)
            assert own[field].attrs.get("error") == row.stderr.get(key)
        share = shares.get((name, row.name))
        assert ("relative_atomic_concentration" in peak) == (share is not None)
        if share is not None:
            assert peak["relative_atomic_concentration"][()] == share.atomic_percent / 100
            assert peak["relative_atomic_concentration_errors"][()] == share.stderr / 100
    errors = {} if fit is None else uncertainty(seed, fit).stderr
    table = made["global_fit_function/fit_parameters"]
    assert list(table) == list(params)
    for key, parameter in params.items():
        node, attrs = table[key], table[key].attrs
        assert node[()] == parameter.value
        assert attrs.get("error") == errors.get(key)
        assert attrs.get("initial") == (None if fit is None else seed.params[key].value)
        assert attrs.get("min", -np.inf) == parameter.min
        assert attrs.get("max", np.inf) == parameter.max
        assert attrs.get("expression") == parameter.expr
        assert attrs["vary"] == (parameter.vary and not parameter.expr)
    background = made["background_0"]
    np.testing.assert_array_equal(background["data/intensity"], drawn["background"])
    assert len(background["function/fit_parameters"]) == len(background_table(seed, fit))


def test_fits(fitted, file):
    for name, entry in file.items():
        check_fit(entry, fitted, name)
        made, fit = entry["fit"], fitted.fits[name]
        quality = fit_quality(fitted.seeds[name], fit)
        assert made["figure_of_merit_reduced_chi_square"][()] == fit.redchi
        assert made["figure_of_merit_reduced_chi_square"].attrs["metric"] == "reduced chi-square"
        assert made["figure_of_merit_durbin_watson"][()] == quality.durbin_watson
        assert made["figure_of_merit_chi_square_probability"][()] == quality.chi_square_probability
        assert made["solver/nfev"][()] == fit.nfev
        assert quality.weighting in text(made["error_function/description"])
        assert text(made["label"]) == f"{name[0]} 1s"
        assert text(made["global_fit_function/description"]).endswith("; fitted.")
    units = {key: node.attrs.get("units") for key, node in file["C1s/fit/global_fit_function/fit_parameters"].items()}
    expected = {"bg_slope": "counts/eV", "bg_intercept": "counts", "p1_center": "eV", "p1_amplitude": "counts*eV"}
    assert expected.items() <= units.items()
    assert file["C1s/fit/peak_0"]["total_area"].attrs["units"] == "counts*eV"


def test_start_values_are_said_to_be_so(result, tmp_path):
    result.save(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        for name, entry in file.items():
            check_fit(entry, result, name)
            assert text(entry["fit/label"]) == f"{name[0]} 1s, start values, not fitted"
            assert text(entry["fit/global_fit_function/description"]).endswith("start values, not fitted.")
            assert not [key for key in entry["fit"] if key.startswith(("figure_of_merit", "solver", "error_function"))]
            assert "quantification" not in entry
        # Areas of an arbitrary intensity are in eV.
        assert file["C1s/fit/peak_0/total_area"].attrs["units"] == "eV"


def test_doublet_is_one_peak_with_the_parameters_of_both_lines(result, tmp_path):
    sample = quantified.sample({"Cl2p": [("C-Cl", ("chloride",), 200.0, 1.0)]}, {"Cl2p": 2.3})
    spectrum = sample.spectrum
    moved = calibrated_spectrum(spectrum, result.prediction, Settings())
    doublet = replace(result, spectrum=spectrum, moved=moved, seeds=sample.seeds, fits=sample.fits, evidence={})
    doublet = replace(doublet, fits={"Cl2p": doublet.fit("Cl2p")})
    doublet.save(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        check_fit(file["Cl2p"], doublet, "Cl2p")
        own = file["Cl2p/fit/peak_0/function/fit_parameters"]
        assert {"line0_center", "line0_low_center", "line0_low_amplitude"} <= set(own)
        assert own["line0_low_center"].attrs["expression"].startswith("line0_center+")


def test_regions_without_a_model_have_no_fit(fake, tmp_path):
    lines = dict(fakes.spectrum().children)
    survey = region_dataset("made", np.arange(0, 600.0), np.arange(600) % 7, region="Survey")
    stack = region_dataset("made", np.arange(398, 404, 0.2), np.arange(60).reshape(2, 30) % 11, region="N1s")
    tree = spectrum_tree("made", {"O1s": lines["O1s"].to_dataset(), "Survey": survey, "N1s": stack})
    result = xps.prefit(tree)
    result.save(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        assert [name for name, entry in file.items() if "fit" in entry] == ["O1s"]
        assert file["Survey/transitions"].asstr()[0] == "Survey"
        assert list(file["N1s/data"].attrs["axes"]) == ["axis_0", "energy"]
        assert file["N1s/data"].attrs["energy_indices"] == 1
    again = xps.read(tmp_path / "a.nxs")
    assert list(again.children) == ["O1s", "Survey", "N1s"]
    for name, region in again.children.items():
        np.testing.assert_array_equal(region["counts"], result.calibrated[name]["counts"])


def test_calibrated_copy_is_the_same_file_without_what_was_found(fitted, file, tmp_path):
    write_calibrated_copy(fitted, tmp_path / "copy.nxs")
    with h5py.File(tmp_path / "copy.nxs") as copy:
        for name, entry in copy.items():
            assert set(file[name]) - set(entry) == {"fit", "prediction", "quantification"}
            np.testing.assert_array_equal(entry["data/energy"], file[name]["data/energy"])


def test_written_file_is_read_back_and_can_be_prefitted(fitted, tmp_path):
    fitted.save(tmp_path / "a.nxs")
    again = xps.read(tmp_path / "a.nxs")
    for name, region in again.children.items():
        assert set(region.data_vars) == {"counts"}
        np.testing.assert_array_equal(region["binding_energy"], fitted.calibrated[name]["binding_energy"])
        np.testing.assert_array_equal(region["counts"], fitted.spectrum[name]["counts"])
        assert KNOWN.items() <= region.attrs.items()
        assert region.attrs["intensity"] == "counts"
        assert region.attrs["energy_referencing_offset"] == -fitted.shift
    second = xps.prefit(tmp_path / "a.nxs")
    second.save(tmp_path / "b.nxs")
    with h5py.File(tmp_path / "b.nxs") as file:
        # What the first file says of its calibration stays on record.
        assert file["C1s/energy_referencing/earlier/offset"][()] == -fitted.shift
        assert missing(file["C1s"], REQUIRED) == set()


LEVELS = sorted(core_levels())


def _has_signal(counts):
    # Intensities below 1e-120 are refused.
    return np.ptp(counts) > 1e-9


@st.composite
def spectra(draw):
    regions = {}
    for name in draw(st.lists(st.sampled_from(LEVELS), min_size=1, max_size=4)):
        low = core_levels()[name].window[0]
        step, points = draw(st.floats(0.02, 0.3)), draw(st.integers(8, 40))
        counts = draw(st.lists(st.floats(-1e9, 1e9), min_size=points, max_size=points).filter(_has_signal))
        attrs = draw(st.dictionaries(st.text(min_size=1, max_size=6), st.text(max_size=9) | st.floats() | st.none()))
        reserved = {"region", "label", "source", "binding_energy", "counts"}
        attrs = {f"x{key}": value for key, value in attrs.items() if key not in reserved}
        energies = low + 4 + step * np.arange(points)
        taken = [key for key in regions if key.partition("_")[0] == name]
        key = name if not taken else f"{name}_{len(taken) + 1}"
        label = draw(st.text(max_size=9))
        dataset = region_dataset("made", energies, counts, region=name, label=label, **attrs)
        dataset["transmission"] = ("binding_energy", np.linspace(1, 2, points))
        regions[key] = dataset
    return spectrum_tree(draw(st.text(max_size=12)), regions)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(spectrum=spectra(), shift=st.floats(-3, 3))
def test_round_trip(result, tmp_path, spectrum, shift):
    prediction = replace(result.prediction, shift=shift)
    moved = calibrated_spectrum(spectrum, prediction, Settings())
    made = replace(
        result, source=spectrum.attrs["source"], spectrum=spectrum, moved=moved, prediction=prediction, seeds={}
    )
    before = {name: region["counts"].values.copy() for name, region in spectrum.children.items()}
    nexus.write(made, tmp_path / "a.nxs")
    again = xps.read(tmp_path / "a.nxs")
    assert list(again.children) == list(spectrum.children)
    for name, region in again.children.items():
        np.testing.assert_array_equal(region["binding_energy"], moved[name]["binding_energy"])
        np.testing.assert_array_equal(region["counts"], before[name])
        np.testing.assert_array_equal(spectrum[name]["counts"], before[name])
        np.testing.assert_array_equal(region["transmission"], spectrum[name]["transmission"])


def test_without_a_shift_the_file_is_as_measured_and_says_so(result, tmp_path):
    lost = replace(result, moved=None, prediction=replace(result.prediction, shift=np.nan, status="out_of_domain"))
    lost.save(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as made:
        referencing = made["C1s/energy_referencing"]
        assert not referencing["applied"][()]
        assert referencing["reference_peak"].asstr()[()] == "none"
        assert referencing["description"].asstr()[()] == "no shift: energies are as measured"
    again = xps.read(tmp_path / "a.nxs")
    np.testing.assert_array_equal(again["C1s/binding_energy"], result.spectrum["C1s/binding_energy"])
    with pytest.raises(PrefitError, match=r"made\.csv: no shift, so nothing is calibrated\. Looks fine\."):
        write_calibrated_copy(lost, tmp_path / "copy.nxs")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nxs"]


def test_interrupted_write_leaves_the_older_file(result, tmp_path, monkeypatch):
    path = tmp_path / "a.nxs"
    result.save(path)
    before = path.read_bytes()

    def cut(temporary, image):
        temporary.write_bytes(image.getvalue()[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nexus, "_store", cut)
    with pytest.raises(PrefitError, match="cannot be written: No space left on device"):
        result.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_error_while_it_is_made_leaves_nothing(fitted, tmp_path, monkeypatch):
    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(nexus, "write_fit", broken)
    with pytest.raises(KeyboardInterrupt):
        fitted.save(tmp_path / "a.nxs")
    assert not list(tmp_path.iterdir())


def test_measured_file_is_never_taken(fake, tmp_path):
    path = tmp_path / "a.nxs"
    path.write_bytes(b"raw")
    with pytest.raises(PrefitError, match="this is the measured file itself"):
        xps.prefit(fakes.spectrum(source=str(path))).save(path)
    assert path.read_bytes() == b"raw"


def test_opens_in_nexusformat_with_a_default_plot(fitted, tmp_path):
    pytest.importorskip("nexusformat", reason="nexusformat (of NeXpy) is not installed")
    from nexusformat.nexus import nxload

    fitted.save(tmp_path / "a.nxs")
    root = nxload(tmp_path / "a.nxs")
    data = root.plottable_data
    assert data.nxpath == "/C1s/data"
    assert (data.nxsignal.nxname, [axis.nxname for axis in data.nxaxes]) == ("data", ["energy"])
    fit = root["C1s/fit"].plottable_data
    np.testing.assert_array_equal(fit.nxsignal.nxvalue, fitted.spectrum["C1s"]["counts"])


def validated(path):
    """Complaints of pynxtools about concepts that are not as the definitions want them, by entry."""
    program = shutil.which("pynx")
    if program is None and importlib.util.find_spec("pynxtools"):
        program = str(Path(sys.executable).with_name("pynx"))
    if program is None:
        pytest.skip("pynxtools, whose program pynx validates NeXus files, is not installed or not on the path")
    command = [program, "validate", "--ignore-undocumented", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = " ".join((ran.stdout + ran.stderr).split())
    assert "application definition" in said, said
    return said


@pytest.mark.slow
def test_pynxtools_finds_it_valid(fitted, tmp_path):
    fitted.save(tmp_path / "a.nxs")
    said = validated(tmp_path / "a.nxs")
    assert "WARNING" not in said, said
    for name in ("C1s", "O1s"):
        assert f"The entry `{name}` in file `{tmp_path / 'a.nxs'}` is valid according to the `NXxps`" in said


@pytest.mark.slow
def test_pynxtools_misses_just_what_the_file_says_is_not_known(result, tmp_path):
    result.save(tmp_path / "a.nxs")
    said = validated(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        lacking = {f"/{name}/{path}" for name, entry in file.items() for path in sentences(entry["not_known"])}
    assert set(re.findall(r"The required \w+ (\S+) hasn't been supplied", said)) == lacking
    assert said.count("WARNING") == len(lacking) + 2  # and the verdict on each entry


def test_data_tree_is_not_changed(fitted, tmp_path):
    before = fitted.calibrated.copy(deep=True)
    fitted.save(tmp_path / "a.nxs")
    xr.testing.assert_identical(fitted.calibrated, before)


READ = xps.read
PAGE = Path(__file__).parent.parent / "docs" / "nexus.md"


def test_page_names_every_concept():
    page = PAGE.read_text(encoding="utf-8")
    assert DEFINITIONS in page
    for concept in CONCEPTS:
        lines = [line for line in page.splitlines() if f"`{concept.attribute}`" in line and line.startswith("| `")]
        assert any(f"`{concept.path}`" in line for line in lines), concept


def test_examples_of_the_page_run(fake, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_calibrated_copy(xps.prefit(fakes.spectrum()), Path("made.nxs"))
    monkeypatch.setattr(xps, "read", lambda path: READ("made.nxs" if path == "sample.vms" else path))
    namespace = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(block, namespace)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 3
    assert told[1].startswith("C1s line 1 28")
    assert list(namespace["curves"]) == ["C1s line 1", "C1s line 2"]
    assert "collection_scheme" in namespace["spectrum"]["C1s"].attrs
    assert set(namespace["again"].seeds) == {"C1s", "O1s"}
