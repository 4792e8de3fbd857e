"""Files of spectra in other formats: what was written is read again, by our readers and by other programs' ones."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from exported import result_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xps_stn_plugin as xps
from xps_stn_plugin._util.marks import holds_results, origin
from xps_stn_plugin.cli import main
from xps_stn_plugin.core.samples import joined_samples
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.writers import FORMATS, write_spectrum
from xps_stn_plugin.writers.regions import regions_of, steps_of

#: Metadata of a measurement, all of which NeXus, VAMAS and Igor text keep.
MEASURED = {
    "technique": "XPS", "photon_energy": 1486.6, "radiation": "Al mono", "pass_energy": 20.0, "lens_mode": "Hybrid",
    "energy_scan_mode": "fixed_analyzer_transmission", "work_function": -4.5, "dwell_time": 0.1, "scans": 5,
    "instrument": "Maker, Model 1", "start_time": "2022-06-01T10:11:06+02:00", "x": 1.25, "y": -0.5, "etch_time": 30.0,
}  # fmt: skip
STARTS = {"C1s": 280.0, "O1s": 525.0, "Ni2p": 845.0, "Survey": 0.0}
KINDS = ("counts", "counts per second", "arbitrary")


def region(name="C1s", points=31, step=0.1, shape=(), intensity="counts", seed=0, **attrs):
    """Region with random counts."""
    energy = STARTS[name] + step * np.arange(points)
    counts = np.random.default_rng(seed).poisson(500, (*shape, points)).astype(float)
    counts = counts if intensity == "counts" else counts / 7.0
    data = region_dataset("made", energy, counts, region=name, intensity=intensity, **{"label": name, **attrs})
    return data.rename({f"axis_{i}": dim for i, dim in enumerate(("y", "x")[: len(shape)])})


def converted(tree, kind, folder):
    path = Path(folder) / f"made.{kind}"
    write_spectrum(tree, path, kind, overwrite=True)
    assert origin(path) == "unchanged"
    return path, xps.read(path)


def assert_same_spectra(tree, again, tolerance=1e-9):
    before, after = regions_of(tree), regions_of(again)
    assert [(one.name, one.sample) for one in before] == [(one.name, one.sample) for one in after]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(other.energy, one.energy, rtol=0, atol=tolerance)
        counts = one.data["counts"]
        np.testing.assert_array_equal(other.data["counts"].transpose(*counts.dims), counts)


levels = st.lists(st.sampled_from(list(STARTS)), min_size=1, max_size=4, unique=True)


@st.composite
def trees(draw):
    """One sample, or two, with several regions, of which each may be a map or a profile."""
    sizes = draw(st.lists(st.integers(2, 3), max_size=2))
    regions = {
        name: region(
            name,
            draw(st.integers(8, 40)),
            # Core levels are told by a range that is not that of a survey.
            4.0 if name == "Survey" else draw(st.sampled_from([0.05, 0.1, 0.125, 0.3])),
            tuple(sizes),
            draw(st.sampled_from(KINDS)),
            draw(st.integers(0, 99)),
            **(MEASURED if draw(st.booleans()) else {}),
        )
        for name in draw(levels)
    }
    tree = spectrum_tree("made", regions)
    if not draw(st.booleans()):
        return tree
    return joined_samples("made", {"PET foil": tree, "#2 'PA', 6": spectrum_tree("made", regions)})


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees())
def test_spectra_come_back(kind, tree):
    with tempfile.TemporaryDirectory() as folder:
        _, again = converted(tree, kind, folder)
        assert_same_spectra(tree, again)
        kinds = {str(one.attrs["intensity"]) for one in regions_of(tree)}
        if kind != "csv" or len(kinds) == 1:
            assert {str(one.attrs["intensity"]) for one in regions_of(again)} == kinds


@pytest.mark.parametrize("kind", ["nxs", "vms", "itx"])
def test_metadata_come_back(kind, tmp_path):
    referencing = {"energy_referencing_offset": -1.25, "energy_referencing_reference_peak": "C 1s"}
    tree = spectrum_tree("made", {"C1s": region(**MEASURED, **referencing, sample="PET, foil")})
    _, again = converted(tree, kind, tmp_path)
    wanted = {**MEASURED, **referencing, "sample": "PET, foil", "intensity": "counts"}
    attrs = again["C1s"].attrs
    assert {name: attrs.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("kind", FORMATS)
def test_transmission_comes_back(kind, tmp_path):
    data = region()
    data["transmission"] = "binding_energy", np.linspace(1.0, 0.5, 31)
    _, again = converted(spectrum_tree("made", {"C1s": data}), kind, tmp_path)
    np.testing.assert_array_equal(again["C1s"]["transmission"], data["transmission"])


@pytest.mark.parametrize("kind", FORMATS)
def test_labels_of_a_stack_come_back(kind, tmp_path):
    data = region(shape=(3,)).rename(y="etch_time")
    data = data.assign_coords(etch_time=("etch_time", [0.0, 30.5, 90.0], {"units": "s"}))
    _, again = converted(spectrum_tree("made", {"C1s": data}), kind, tmp_path)
    assert again["C1s"]["etch_time"].values.tolist() == [0, 30.5, 90] and again["C1s"]["etch_time"].units == "s"


@pytest.mark.parametrize("kind", FORMATS)
def test_uneven_axis_comes_back_exactly(kind, tmp_path):
    energy = 280.0 + np.cumsum(np.random.default_rng(3).uniform(0.05, 0.2, 40))
    data = region_dataset("made", energy, np.arange(40.0), region="C1s")
    _, again = converted(spectrum_tree("made", {"C1s": data}), kind, tmp_path)
    np.testing.assert_array_equal(again["C1s"]["binding_energy"], energy)


def test_axis_rounded_to_three_decimals_is_even_and_another_is_not():
    exact = 280.0 + np.arange(100) / 30
    first, step = steps_of(np.round(exact, 3))
    assert step == pytest.approx(1 / 30, abs=1e-5)
    np.testing.assert_allclose(first + step * np.arange(100), exact, atol=1e-3)
    assert steps_of(exact + 0.01 * np.sin(np.arange(100))) is None
    assert steps_of(280.0 + 0.1 * np.arange(50)) == (280.0, 0.1)


def test_vamas_is_what_the_public_package_reads(tmp_path):
    vamas = pytest.importorskip("vamas")
    data = region(intensity="counts per second", **MEASURED, sample="PET")
    data["transmission"] = "binding_energy", np.linspace(1.0, 0.5, 31)
    profile = region("O1s", shape=(3,), sample="PET").rename(y="etch_time").assign_coords(etch_time=[0.0, 30.0, 60.0])
    path, _ = converted(spectrum_tree("made", {"C1s": data, "O1s": profile}), "vms", tmp_path)
    file = vamas.Vamas(str(path))
    assert len(file.blocks) == 4 and file.header.scan_mode == "REGULAR"
    block = file.blocks[0]
    assert (block.species_label, block.transition_or_charge_state_label) == ("C", "1s")
    assert (block.sample_identifier, block.technique, block.analysis_source_label) == ("PET", "XPS", "Al mono")
    assert (block.year, block.month, block.day, block.hour, block.num_hours_advance_gmt) == (2022, 6, 1, 10, 2.0)
    assert block.analysis_source_characteristic_energy == 1486.6
    assert (block.analyzer_mode, block.analyzer_pass_energy_or_retard_ratio_or_mass_res) == ("FAT", 20.0)
    assert (block.x_label, block.x_units, block.x_start, block.x_step) == ("Binding Energy", "eV", 283.0, -0.1)
    assert (block.signal_collection_time, block.num_scans_to_compile_block) == (0.1, 5)
    counts, transmission = block.corresponding_variables
    assert (counts.label, counts.unit, transmission.label) == ("counts per second", "c/s", "Transmission")
    np.testing.assert_array_equal(counts.y_values, data["counts"].values[::-1])
    np.testing.assert_array_equal(transmission.y_values, data["transmission"].values[::-1])
    place = [variable.label for variable in file.header.experiment_variables].index("etch_time")
    assert [float(other.values_exp_var[place]) for other in file.blocks[1:]] == [0.0, 30.0, 60.0]


@pytest.mark.parametrize(("suffix", "kind"), [(".vms", "vamas"), (".itx", "igor-text")])
def test_result_is_saved_on_the_corrected_axis(tmp_path, suffix, kind):
    result = result_of("C1s", "O1s")
    path = tmp_path / f"out{suffix}"
    result.save(path)
    again = xps.read(path)
    assert again.attrs["reader"] == kind
    for name in ("C1s", "O1s"):
        np.testing.assert_allclose(
            again[name]["binding_energy"], result.calibrated[name]["binding_energy"], rtol=0, atol=1e-9
        )
        np.testing.assert_array_equal(again[name]["counts"], result.spectrum[name]["counts"])
    assert again["C1s"].attrs["energy_referencing_offset"] == -result.shift
    # Its own file may be replaced, another one not.
    result.save(path)
    path.write_text("mine")
    with pytest.raises(xps.PrefitError, match="not written by this program"):
        result.save(path)
    assert path.read_text() == "mine"


def test_workbook_has_a_sheet_for_each_table_and_no_formula(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    result = result_of("C1s", "O1s")
    hostile = "=HYPERLINK(1)"
    result.spectrum.attrs["source"] = hostile
    path = tmp_path / "out.xlsx"
    replace(result, source=hostile).save(path)
    workbook = openpyxl.load_workbook(path)
    assert workbook.sheetnames == ["shift", "groups", "composition", "components", "fits"]
    cells = [one for sheet in workbook for row in sheet.iter_rows() for one in row]
    assert all(one.data_type != "f" for one in cells)
    assert f"'{hostile}" in {one.value for one in workbook["shift"]["B"]}
    shift = {row[0].value: row[1].value for row in workbook["shift"].iter_rows(min_row=2)}
    assert shift["shift (measured minus true binding energy)"] == pytest.approx(result.shift)
    components = result.report().modelled["C1s"].components
    rows = [row for row in workbook["components"].iter_rows(min_row=2, values_only=True) if row[0] == "C1s"]
    assert [row[1] for row in rows] == [component.name for component in components]
    assert [row[3] for row in rows] == pytest.approx([component.center for component in components])
    elements = result.report().quantification.elements
    at = {row[0]: row[2] for row in workbook["composition"].iter_rows(min_row=2, values_only=True) if row}
    assert {element.symbol: at[element.symbol] for element in elements} == pytest.approx(
        {element.symbol: element.atomic_percent for element in elements}
    )
    assert origin(path) == "unchanged" and holds_results(path)
    replace(result, source=hostile).save(path)


def invoke(*arguments):
    outcome = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert "Traceback" not in outcome.output
    return outcome


@pytest.fixture
def measured(tmp_path):
    tree = spectrum_tree("made", {"C1s": region(**MEASURED, sample="PET"), "O1s": region("O1s", sample="PET")})
    path = tmp_path / "data" / "pet.vms"
    path.parent.mkdir()
    write_spectrum(tree, path, "vms")
    return path


@pytest.mark.parametrize("kind", ["nxs", "csv", "itx"])
def test_convert_writes_beside_the_file_or_into_a_folder(measured, tmp_path, kind):
    before = measured.read_bytes()
    assert invoke("convert", measured, "--to", kind).exit_code == 0
    outcome = invoke("convert", measured.parent / "*.vms", "--to", kind, "--out", tmp_path / "new" / "folder")
    assert outcome.exit_code == 0
    assert "1/1: " in outcome.output and f"pet.{kind} (2 regions)" in outcome.output
    for path in (measured.with_suffix(f".{kind}"), tmp_path / "new" / "folder" / f"pet.{kind}"):
        assert_same_spectra(xps.read(measured), xps.read(path))
    assert measured.read_bytes() == before


def test_convert_says_what_failed_and_does_the_rest(measured, tmp_path):
    (measured.parent / "bad.vms").write_text("nothing")
    outcome = invoke("convert", measured.parent, "--to", "itx", "--out", tmp_path / "out")
    assert outcome.exit_code == 1
    assert "Error: " in outcome.output and "bad.vms" in outcome.output and "2/2: " in outcome.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["pet.itx"]


def test_convert_replaces_neither_measured_nor_foreign_files(measured, tmp_path):
    outcome = invoke("convert", measured, "--to", "vms", "--force")
    assert outcome.exit_code == 1 and "measured file itself" in outcome.output
    foreign = tmp_path / "pet.csv"
    foreign.write_text("mine")
    outcome = invoke("convert", measured, "--to", "csv", "--out", tmp_path)
    assert outcome.exit_code == 1 and foreign.read_text() == "mine"
    assert invoke("convert", measured, "--to", "csv", "--out", tmp_path, "--force").exit_code == 0
    assert invoke("convert", measured, "--to", "csv", "--out", tmp_path).exit_code == 0


def test_convert_takes_one_sample_and_the_photon_energy(tmp_path):
    parts = {name: spectrum_tree("made", {"C1s": region(), "O1s": region("O1s")}) for name in ("A", "B")}
    write_spectrum(joined_samples("made", parts), tmp_path / "two.nxs", "nxs")
    assert invoke("convert", tmp_path / "two.nxs", "--to", "csv", "--sample", "B").exit_code == 0
    assert {one.sample for one in regions_of(xps.read(tmp_path / "two.csv"))} == {"B"}
    rows = "\n".join(f"{1486.6 - 280 - 0.1 * i:.1f}\t{i}" for i in range(40))
    (tmp_path / "ke.txt").write_text(f"kinetic energy (eV)\tcounts\n{rows}\n")
    assert invoke("convert", tmp_path / "ke.txt", "--to", "csv").exit_code == 1
    assert invoke("convert", tmp_path / "ke.txt", "--to", "csv", "--photon-energy", 1486.6).exit_code == 0
    assert float(xps.read(tmp_path / "ke.csv")["C1s"]["binding_energy"][0]) == pytest.approx(280)


def test_show_tells_regions_axes_and_metadata(measured, tmp_path):
    picture = tmp_path / "pet.png"
    outcome = invoke("show", measured, "--plot", picture)
    assert outcome.exit_code == 0
    lines = [" ".join(line.split()) for line in outcome.output.splitlines()]
    assert "sample PET" in lines and "C1s C 1s 280.00 to 283.00 0.1 31 counts" in lines
    assert "pass energy: 20 eV (C1s); others not stated" in lines
    assert "dwell time: 0.1 s (C1s); others not stated" in lines
    assert picture.read_bytes().startswith(b"\x89PNG") and origin(picture) == "unchanged"
    assert invoke("show", measured, "--plot", tmp_path / "pet.gif").exit_code == 1


def test_show_gives_json_and_goes_on_after_a_failure(measured, tmp_path):
    outcome = invoke("show", tmp_path / "none.vms", measured, "--json")
    assert outcome.exit_code == 1
    (document,) = [json.loads(line) for line in outcome.output.splitlines() if line.startswith("{")]
    assert [one["name"] for one in document["regions"]] == ["C1s", "O1s"]
    assert document["regions"][0]["metadata"]["pass_energy"] == 20.0
    assert document["regions"][0]["binding_energy"] == [280.0, 283.0]


def test_show_lists_stacks_and_what_was_left_out(tmp_path):
    data = region(shape=(2, 3)).assign_coords(y=("y", [0.0, 0.5], {"units": "mm"}))
    write_spectrum(spectrum_tree("made", {"C1s": data}), tmp_path / "map.nxs", "nxs")
    assert "y 2 (0 to 0.5 mm), x 3 (0 to 2)" in invoke("show", tmp_path / "map.nxs").output
    assert invoke("show", tmp_path / "map.nxs", "--plot", tmp_path / "map.svg").exit_code == 0


@pytest.mark.parametrize("arguments", [("show",), ("convert", "--to", "nxs"), ("convert", "--to", "vms")])
def test_commands_for_files_never_load_torch(measured, arguments):
    path = measured.rename(measured.with_suffix(".x"))
    code = (
        "import sys\nfrom xps_stn_plugin.cli import main\n"
        f"main([{arguments[0]!r}, {str(path)!r}, *{list(arguments[1:])!r}], standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nFalse\n")


def test_spectra_that_were_not_measured_are_left_out(tmp_path):
    data = region(shape=(3,)).rename(y="etch_time").assign_coords(etch_time=[0.0, 30.0, 60.0])
    data["counts"][1] = np.nan
    path, again = converted(spectrum_tree("made", {"C1s": data}), "vms", tmp_path)
    assert again["C1s"]["etch_time"].values.tolist() == [0.0, 60.0]
    _, again = converted(spectrum_tree("made", {"C1s": data}), "nxs", tmp_path)
    xr.testing.assert_equal(again["C1s"]["counts"].drop_vars("etch_time"), data["counts"].drop_vars("etch_time"))
    with pytest.raises(xps.PrefitError, match="nothing to write"):
        write_spectrum(spectrum_tree("made", {"C1s": data.where(False)}), path, "vms", overwrite=True)


def test_prefit_writes_further_formats_into_the_folder(fake, tmp_path):
    write_spectrum(fakes.spectrum(), tmp_path / "made.csv", "csv")
    outcome = invoke("prefit", tmp_path / "made.csv", "--out", tmp_path / "out", "--to", "vms", "--to", ".xlsx")
    assert outcome.exit_code == 0, outcome.output
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".csv", ".png", ".vms", ".xlsx"}
    assert invoke("prefit", tmp_path / "made.csv", "--to", "vms").exit_code == 2
