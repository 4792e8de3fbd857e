from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, read_file
from xps_stn_plugin.readers.formats import VAMAS_LINE
from xps_stn_plugin.readers.vamas_blocks import read_blocks, read_header
from xps_stn_plugin.readers.vamas_text import VamasText

COUNTS = [100 + 7 * i % 13 for i in range(20)]
DATE = ["2024", "5", "6", "7", "8", "9", "0"]


def read(path, **asked):
    return read_file(path, builtin_readers(), Settings(**asked))


def header(
    blocks=1, *, mode="NORM", scan="REGULAR", listed=(0,), manual=(), future=((), 0), conditions=(("Time", "s"),)
):
    return [
        VAMAS_LINE, "Institute", "Instrument", "Operator", "Experiment", "1", "a comment", mode, scan,
        *(["1"] if mode in {"NORM", "SDP", "MAP"} else []),
        *(["1", "1", "1"] if mode == "MAP" else []),
        str(len(conditions)), *[text for condition in conditions for text in condition],
        *[str(number) for number in listed],
        str(len(manual)), *manual, str(len(future[0])), str(future[1]), *future[0], str(blocks),
    ]  # fmt: skip


def block(
    species="C", transition="1s", *, start=1196.6, step=0.5, counts=COUNTS, axis="Kinetic Energy", unit="d", comment=(),
    date=DATE, units="eV", hv="1486.6", position=(), sputter=(), ion=(), irregular=False, sample="PET", future=(),
    at=(0,), scans=3,
):  # fmt: skip
    energies = [f"{start + step * i:.4f}" for i in range(len(counts))]
    rows = [[e, str(c), "0.5"] if irregular else [str(c), "0.5"] for e, c in zip(energies, counts, strict=True)]
    variables = [*([axis, units] if irregular else []), "Intensity", unit, "Transmission", "d"]
    return [
        f"{species} {transition}", sample, *date, str(len(comment)), *comment, "XPS", *position, *map(str, at),
        "Al mono", *ion,
        hv, "100", "1e37", "1e37", "1e+037", "1e37", "FAT", "20", "1", "4.5", "0", "1e37", "1e37", "0", "0",
        species, transition, "-1",
        *([] if irregular else [axis, units, str(start), str(step)]),
        str(len(variables) // 2), *variables, "pulse counting", "0.25", str(scans), "0", *sputter,
        "1e37", "1e37", "1e37", "1", "MFP", "d", "0.6", *future,
        str(sum(map(len, rows))), *["0", "1"] * len(rows[0]), *[value for row in rows for value in row],
    ]  # fmt: skip


def written(path, *parts, end="\r\n", before="", encoding="utf-8"):
    lines = [line for part in parts for line in part]
    path.write_bytes((before + end.join([*lines, "end of experiment", ""])).encode(encoding))
    return path


def check_c1s(region):
    assert np.allclose(region["binding_energy"], 290 - 0.5 * np.arange(20)[::-1])
    assert region["counts"].values.tolist() == COUNTS[::-1]
    assert np.all(region["transmission"] == 0.5)
    attrs = region.attrs
    assert (attrs["label"], attrs["sample"], attrs["dwell_time"], attrs["scans"]) == ("C 1s", "PET", 0.25, 3)
    assert (attrs["photon_energy"], attrs["pass_energy"], attrs["work_function"]) == (1486.6, 20, 4.5)


@pytest.mark.parametrize("irregular", [False, True])
@pytest.mark.parametrize(
    ("date", "time"),
    [
        (DATE, "2024-05-06T07:08:09+00:00"),
        (["2024", "5", "6", "7", "8", "9", "-3.5"], "2024-05-06T07:08:09-03:30"),
        (["2024", "5", "6", "7", "8", "9", "1e37"], "2024-05-06T07:08:09"),
        (["1e37"] * 7, None),
        (["24", "5", "6", "7", "8", "9", "0"], None),
        (["2024", "0", "0", "0", "0", "0", "0"], None),
    ],
)
def test_time_of_the_measurement_where_it_is_one(tmp_path, date, time, irregular):
    scan = "IRREGULAR" if irregular else "REGULAR"
    path = written(tmp_path / "a.vms", header(scan=scan), block(date=date, irregular=irregular))
    assert read(path)["C1s"].attrs.get("start_time") == time


def test_analyser_mode_says_what_the_pass_energy_is(tmp_path):
    fixed = read(written(tmp_path / "a.vms", header(), block()))["C1s"].attrs
    assert (fixed["energy_scan_mode"], fixed["pass_energy"]) == ("fixed_analyzer_transmission", 20)
    lines = ["FRR" if line == "FAT" else line for line in block()]
    ratio = read(written(tmp_path / "b.vms", header(), lines))["C1s"].attrs
    assert ratio["energy_scan_mode"] == "fixed_retardation_ratio"
    assert "pass_energy" not in ratio


@pytest.mark.parametrize("name", ["a.vms", "a.npl", "a.txt", "a"])
@pytest.mark.parametrize("before", ["", "\r\n\r\n", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_regular(tmp_path, name, before, end):
    tree = read(written(tmp_path / name, header(), block(), before=before, end=end))
    assert list(tree.children) == ["C1s"]
    check_c1s(tree["C1s"])
    assert tree["C1s"].attrs["intensity"] == "counts"


def test_irregular(tmp_path):
    tree = read(written(tmp_path / "a.vms", header(2, scan="IRREGULAR"), block(irregular=True), block(irregular=True)))
    assert list(tree.children) == ["C1s", "C1s_2"]
    check_c1s(tree["C1s"])
    check_c1s(tree["C1s_2"])


def test_falling_binding_energy_axis_and_padded_labels(tmp_path):
    path = written(
        tmp_path / "a.npl", header(), block("O", "1s\x00", start=540.0, step=-0.5, axis="Binding Energy", unit="c/s")
    )
    region = read(path, photon_energy=1000.0)["O1s"]
    assert region["binding_energy"].values[[0, -1]].tolist() == [530.5, 540.0]
    assert region["counts"].values.tolist() == COUNTS[::-1]
    assert region.attrs["label"] == "O 1s"
    assert region.attrs["intensity"] == "counts per second"


def test_user_photon_energy_overrides_the_file(tmp_path):
    region = read(written(tmp_path / "a.vms", header(), block()), photon_energy=1488.6)["C1s"]
    assert region["binding_energy"].values[-1] == pytest.approx(292.0)


@pytest.mark.parametrize("hv", ["1e37", "0"])
def test_kinetic_axis_without_photon_energy(tmp_path, hv):
    path = written(tmp_path / "a.vms", header(), block(hv=hv))
    with pytest.raises(
        PrefitError, match="block 1: the energies are kinetic and the file does not give the photon energy"
    ):
        read(path)
    check = read(path, photon_energy=1486.6)["C1s"]
    assert check["binding_energy"].values[-1] == pytest.approx(290.0)


def test_casa_calibration_is_kept_and_not_applied(tmp_path):
    comment = ["Casa Info Follows", "0", "Calib M = 282.5 A = 285 BE ADD", "calibrated by hand"]
    region = read(written(tmp_path / "a.vms", header(), block(comment=comment)))["C1s"]
    check_c1s(region)
    assert region.attrs["casa_calibration"] == ["Calib M = 282.5 A = 285 BE ADD"]


def test_latin_letters_and_micro_signs(tmp_path):
    path = written(tmp_path / "a.vms", header(), block(sample="Grün 5 µm"), encoding="cp1252")
    assert read(path)["C1s"].attrs["sample"] == "Grün 5 µm"


def test_exclusion_list_takes_parameters_from_the_first_block(tmp_path):
    # A negative count: the listed parameters (here the date) are missing in later blocks.
    listed = [-7, *range(1, 8)]
    tree = read(
        written(tmp_path / "a.vms", header(3, listed=listed), block(), block(date=[]), block("O", date=[], start=950.0))
    )
    assert list(tree.children) == ["C1s", "C1s_2", "O1s"]
    check_c1s(tree["C1s_2"])


def test_inclusion_list_names_what_later_blocks_have(tmp_path):
    listed = [33, *range(8, 41)]
    tree = read(written(tmp_path / "a.vms", header(2, listed=listed), block(), block(date=[])))
    check_c1s(tree["C1s_2"])


def test_depth_profile_map_and_future_entries(tmp_path):
    sputter = ["500", "1", "1", "1", "45", "0", "continuous"]
    depth = block(ion=["18", "1", "1"], sputter=sputter)
    assert len(read(written(tmp_path / "sdp.vms", header(2, mode="SDP"), depth, depth)).children) == 1
    pixel = block(position=["1", "2"])
    field = pixel.index("1e37")  # after the beam widths, a map has a field of view
    pixel[field + 2 : field + 2] = ["100", "100"]
    check_c1s(read(written(tmp_path / "map.vms", header(mode="MAP"), pixel))["C1s"])
    future = header(manual=["25"], future=(("one", "two"), 1))
    check_c1s(read(written(tmp_path / "future.vms", future, block(future=["x"])))["C1s"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    counts=st.lists(st.integers(0, 10**6), min_size=8, max_size=60, unique=True),
    start=st.floats(1150, 1200).map(lambda v: round(v, 2)),
    step=st.sampled_from([0.05, 0.1, 0.5, 1.0]),
)
def test_our_block_reader_and_the_package_agree(counts, start, step):
    parts = [*header(2), *block(counts=counts, start=start, step=step, comment=["x", "y"]), *block("O", start=950.0)]
    text = VamasText("f", "\n".join(parts))
    ours = list(read_blocks(text, read_header(text)))
    theirs = pytest.importorskip("vamas").Vamas("\n".join(parts).encode()).blocks
    assert len(ours) == len(theirs) == 2
    for one, other in zip(ours, theirs, strict=True):
        points = len(counts) if one.species == "C" else len(COUNTS)
        assert np.array_equal(one.abscissa, other.x_start + other.x_step * np.arange(points))
        for mine, packaged in zip(one.variables, other.corresponding_variables, strict=True):
            assert (mine.label, mine.unit) == (packaged.label, packaged.unit)
            assert np.array_equal(mine.values, packaged.y_values)
        assert (one.identifier, one.sample, one.technique) == (
            other.block_identifier, other.sample_identifier, other.technique,
        )  # fmt: skip
        assert (one.species, one.transition) == (other.species_label, other.transition_or_charge_state_label)
        assert (one.source_label, one.source_energy) == (
            other.analysis_source_label, other.analysis_source_characteristic_energy,
        )  # fmt: skip
        assert (one.collection_time, one.scans) == (other.signal_collection_time, other.num_scans_to_compile_block)
        assert "\n".join(one.comment) == other.block_comment
        assert one.conditions == tuple(map(float, other.values_exp_var))


@pytest.mark.parametrize("text", ["1e+03", "+1000", ".1e4", "1000.", " 1000 ", "01000", "1E+003"])
def test_numbers_as_any_program_writes_them(tmp_path, text):
    lines = block()
    place = len(lines) - 2 * len(COUNTS)
    assert lines[place : place + 2] == [str(COUNTS[0]), "0.5"]
    lines[place] = text
    region = read(written(tmp_path / "a.vms", header(), lines))["C1s"]
    assert region["counts"].values.tolist() == [*COUNTS[:0:-1], 1000.0]


def test_two_numbers_on_a_line_are_refused(tmp_path):
    lines = block()
    lines[-2:] = ["1 0.5", ""]
    with pytest.raises(PrefitError, match=r"should hold a value, a number, but says '1 0\.5'; the file is damaged"):
        read(written(tmp_path / "a.vms", header(), lines))


def test_profile_of_many_blocks_takes_less_than_three_times_the_memory_of_its_numbers(tmp_path):
    rng = np.random.default_rng(1)
    blocks = [
        line
        for i in range(300)
        for line in block(start=1190.0, step=0.01, at=(i,), counts=rng.poisson(1000, 2000).tolist())
    ]
    path = written(tmp_path / "a.vms", header(300), blocks)
    read(path)
    tracemalloc.start()
    region = read(path)["C1s"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert region["counts"].shape == (300, 2000)
    assert peak < 3 * 2 * region["counts"].nbytes  # intensities and transmission


WHOLE = [*header(2), *block(), *block("O", start=950.0)]


@pytest.mark.parametrize("scan", ["REGULAR", "IRREGULAR"])
def test_file_cut_off_anywhere_says_where(tmp_path, scan):
    parts = WHOLE if scan == "REGULAR" else [*header(2, scan=scan), *block(irregular=True), *block(irregular=True)]
    path = tmp_path / "cut.vms"
    second = len(header(2)) + (len(parts) - len(header(2))) // 2
    for length in range(1, len(parts)):
        path.write_text("\n\n" + "\n".join(parts[:length]) + "\n")
        with pytest.raises(PrefitError) as caught:
            read(path)
        assert f"ends after line {length + 2} in" in caught.value.message, length
        assert "cut off or damaged" in caught.value.message
        if length > second + 1:
            assert "in block 2 of 2 (" in caught.value.message


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([["energy,counts"], ["285,100"]], "this is not a VAMAS file: it begins with 'energy,counts'"),
        ([header(mode="MAPSV", scan="MAPPING"), block()], "scan mode is 'MAPPING'"),
        ([header(), block(counts=[1, 2])], "block 1: region C 1s has 2 points"),
        ([header(), block(counts=[*COUNTS, "NaN"])], "has 1 intensities that are not numbers"),
        (
            [header(), block(counts=[*COUNTS, "12a"])],
            r"should hold a value, a number, but says '12a'; the file is damaged",
        ),
        (
            [header(), block(axis="Time", units="s")],
            "block 1: the abscissa is 'Time', neither kinetic nor binding energy",
        ),
        ([header(), block(units="J")], "block 1: the energies are in 'J'"),
        ([header(), block("O")], "block 1: region O 1s covers 280.5 to 290 eV"),
    ],
)
def test_wrong_files_get_one_sentence(tmp_path, parts, sentence):
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(written(tmp_path / "wrong.vms", *parts))
    assert "\n" not in str(caught.value)
    assert "failed on this file" not in str(caught.value)


def test_one_bad_block_does_not_take_the_others_with_it(tmp_path):
    path = written(
        tmp_path / "a.vms", header(3), block(), block("O", counts=[0] * 20, start=950.0), block("N", "1s", start=1080.0)
    )
    tree = read(path)
    assert list(tree.children) == ["C1s", "N1s"]
    assert tree.attrs["skipped"] == [
        f"{path}, block 2: region O 1s has the same intensity 0 everywhere; there is no signal."
    ]


def test_lone_phi_header(tmp_path):
    path = tmp_path / "phi.vms"
    path.write_text("3\nSOFH\nAcqFilename: run7.pro\nEOFH\n")
    with pytest.raises(
        PrefitError, match=r"only the PHI header .* identification line and all blocks are missing .* export run7.pro"
    ):
        read(path)
