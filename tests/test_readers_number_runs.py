"""Rows that are parsed at once hold what they hold when they are parsed one by one, whatever stands between them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, number_runs, read_file, text_rows
from xps_stn_plugin.readers.grid import blocks_of

ENERGY = np.round(np.arange(280.0, 295.0, 0.005), 3)
COUNTS = np.random.default_rng(1).poisson(1000, ENERGY.size)


def read(path):
    return read_file(path, builtin_readers(), Settings())


def written(path, rows, header="binding_energy_eV,counts", end="\n"):
    path.write_bytes(end.join([header, *rows, ""]).encode())
    return path


def rows_of(energy=ENERGY, counts=COUNTS, mark=","):
    return [f"{e}{mark}{c}" for e, c in zip(energy, counts, strict=True)]


def blocks(text, monkeypatch, *, at_once):
    with monkeypatch.context() as patch:
        if not at_once:
            patch.setattr(text_rows.RunReader, "run_at", lambda *_: None)
        try:
            found = blocks_of("a", text_rows.text_rows("a", text), lambda lines: any("energy" in one for one in lines))
        except PrefitError as error:
            return str(error)
    return [(b.header, b.names, b.lines.tolist(), np.nan_to_num(b.values, nan=-1e99).tolist()) for b in found]


CELLS = st.one_of(
    st.floats(-1e6, 1e6).map(repr),
    st.integers(-1000, 10**20).map(str),
    st.sampled_from(["", " ", "1e", "e5", "-", "1.5.2", "5.", ".5", "1e999", "1,5", "1 2", "nan", "x", '"1"', "+-1"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    mark=st.sampled_from([",", ";", "\t", "  ", " ; "]),
    width=st.integers(2, 4),
    changes=st.lists(st.tuples(st.integers(5, 390), st.lists(CELLS, min_size=0, max_size=5)), max_size=3),
    end=st.sampled_from(["", "\n", "\n\n"]),
)
def test_any_rows_at_once_are_the_same_as_one_by_one(monkeypatch, mark, width, changes, end):
    rng = np.random.default_rng(2)
    lines = [mark.join(repr(value) for value in row) for row in rng.normal(0.0, 1e3, (400, width)).tolist()]
    for place, cells in changes:
        lines[place] = mark.join(cells)
    text = "\n".join(["some energy", *lines]) + end
    assert blocks(text, monkeypatch, at_once=True) == blocks(text, monkeypatch, at_once=False)


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
def test_most_rows_of_a_long_table_are_parsed_at_once(monkeypatch, mark):
    rows = text_rows.text_rows("a", "\n".join(["energy", *rows_of(mark=mark)]))
    assert sum(isinstance(row, number_runs.NumberRun) for row in rows) > 0
    assert sum(not isinstance(row, number_runs.NumberRun) for row in rows) < 10


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_numbers_of_a_long_table_are_exact(tmp_path, end):
    counts = np.random.default_rng(3).random(ENERGY.size) * 1e5
    path = written(tmp_path / "a.csv", [f"{e},{c!r}" for e, c in zip(ENERGY, counts.tolist(), strict=True)], end=end)
    region = read(path)["C1s"]
    assert np.array_equal(region["binding_energy"], ENERGY)
    assert np.array_equal(region["counts"], counts)


def test_decimal_commas_of_a_long_table_are_read(tmp_path):
    rows = [f"{e};{c},5".replace(".", ",") for e, c in zip(ENERGY, COUNTS, strict=True)]
    region = read(written(tmp_path / "a.csv", rows, "Bindungsenergie (eV);Counts"))["C1s"]
    assert np.array_equal(region["binding_energy"], ENERGY)
    assert np.array_equal(region["counts"], COUNTS + 0.5)


def test_many_columns_are_read_as_scans(tmp_path):
    scans = np.random.default_rng(4).poisson(1000, (301, 200))
    rows = [f"{280 + 0.05 * i:.2f}," + ",".join(map(str, row)) for i, row in enumerate(scans)]
    path = written(tmp_path / "a.csv", rows, "binding_energy_eV," + ",".join(f"Scan {i}" for i in range(200)))
    assert np.array_equal(read(path)["C1s"]["counts"], scans.T)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("x", "row 2502 holds 'x' where a number should be"),
        ("1e999", "row 2502 holds '1e999' where a number should be"),
        ("", "row 2502"),
    ],
)
def test_a_damaged_row_far_down_is_named(tmp_path, cell, message):
    rows = rows_of()
    rows[2500] = f"{ENERGY[2500]},{cell}"
    with pytest.raises(PrefitError, match=message):
        read(written(tmp_path / "a.csv", rows))


def test_a_decimal_point_far_down_among_decimal_commas_is_refused(tmp_path):
    rows = [f"{e};{c}".replace(".", ",") for e, c in zip(ENERGY, COUNTS, strict=True)]
    rows[2900] = rows[2900].replace(",", ".")
    with pytest.raises(PrefitError, match="row 2902 has a decimal point while others have a decimal comma"):
        read(written(tmp_path / "a.csv", rows, "Bindungsenergie (eV);Counts"))


def test_long_regions_one_under_the_other_are_regions(tmp_path):
    second = ["", "Region: O 1s", "binding_energy_eV,counts", *rows_of(ENERGY + 245.0)]
    tree = read(written(tmp_path / "a.csv", [*rows_of(), *second]))
    assert list(tree.children) == ["C1s", "O1s"]
    assert np.array_equal(tree["O1s"]["counts"], COUNTS)


def test_a_damaged_row_of_a_long_table_of_regions_is_named(tmp_path):
    rows = [f"C1s,{row}" for row in rows_of()]
    path = written(tmp_path / "a.csv", rows, "region,binding_energy_eV,intensity")
    assert np.array_equal(read(path)["C1s"]["counts"], COUNTS)
    rows[2500] = f"C1s,{ENERGY[2500]},"
    with pytest.raises(PrefitError, match="row 2502 holds '' where a number should be"):
        read(written(tmp_path / "a.csv", rows, "region,binding_energy_eV,intensity"))
    rows[2500] = f"C1s,{ENERGY[2500]}"
    with pytest.raises(PrefitError, match="row 2502 has 2 fields"):
        read(written(tmp_path / "a.csv", rows, "region,binding_energy_eV,intensity"))


@pytest.mark.parametrize("every", [2, 10, 1000])
def test_blank_lines_among_rows_take_time_in_proportion(every):
    rows = rows_of()[:3000]
    lines = [line for i, row in enumerate(rows * 20) for line in ([row, ""] if i % every == 0 else [row])]
    start = time.process_time()
    text_rows.text_rows("a", "\n".join(["energy", *lines]))
    assert time.process_time() - start < 3.0
