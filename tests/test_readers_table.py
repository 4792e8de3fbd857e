from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, read_file

C1S = np.round(np.arange(280.0, 292.0, 0.5), 3)
O1S = np.round(np.arange(528.0, 538.0, 0.5), 3)


def read(path, **asked):
    return read_file(path, builtin_readers(), Settings(**asked))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    order=st.permutations(range(C1S.size + O1S.size)),
    columns=st.permutations(["region", "binding_energy_eV", "intensity"]),
    delimiter=st.sampled_from(",;\t"),
    counts=st.lists(st.floats(-1, 1e6), min_size=C1S.size + O1S.size, max_size=C1S.size + O1S.size, unique=True),
)
def test_rows_and_columns_in_any_order(tmp_path, order, columns, delimiter, counts):
    points = [("C1s", e) for e in C1S.tolist()] + [("O 1s", e) for e in O1S.tolist()]
    rows = [
        {"region": name, "binding_energy_eV": repr(e), "intensity": repr(c)}
        for (name, e), c in zip(points, counts, strict=True)
    ]
    lines = [delimiter.join(columns), *(delimiter.join(rows[i][column] for column in columns) for i in order)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines))
    tree = read(path)
    assert set(tree.children) == {"C1s", "O1s"}
    assert np.array_equal(tree["C1s"]["binding_energy"], C1S)
    assert np.array_equal(tree["O1s"]["binding_energy"], O1S)
    assert [*tree["C1s"]["counts"].values, *tree["O1s"]["counts"].values] == counts
    assert tree["O1s"].attrs["label"] == "O 1s"


def table(energies, label="C1s", header="region,binding_energy_eV,intensity"):
    return "\n".join([header, *(f"{label},{e:g},{i % 7}" for i, e in enumerate(energies))])


def test_two_labels_of_one_core_level_are_two_regions(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table(C1S) + "\n" + table(C1S, "C 1s scan 2").partition("\n")[2])
    tree = read(path)
    assert list(tree.children) == ["C1s", "C1s_2"]
    assert {child.attrs["region"] for child in tree.children.values()} == {"C1s"}


def test_kinetic_table(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table(1486.6 - C1S, header="region,kinetic_energy_eV,counts"))
    assert np.allclose(read(path, photon_energy=1486.6)["C1s"]["binding_energy"], C1S)
    with pytest.raises(PrefitError, match="does not give the photon energy"):
        read(path)


def test_unusable_region_is_left_out_and_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table(C1S) + "\nO1s,530,1\nO1s,531,2")
    tree = read(path)
    assert list(tree.children) == ["C1s"]
    assert tree.attrs["skipped"] == [f"{path}: region O1s has 2 points; at least 8 are needed."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (table(C1S) + "\nC1s,290.1", "row 26 has 2 fields, but the header names 3"),
        (table(C1S) + "\nC1s,290.1,x", "row 26 holds 'x'"),
        (table(C1S) + "\nC1s,290.1,nan", "row 26 holds 'nan'"),
        (table(C1S) + "\n,290.1,5", "row 26 names no region"),
        (table(C1S[:2]), "has 2 points"),
        ("region,binding_energy_eV,intensity\n", "has a header but no rows"),
        ("region,energy,intensity\n" + table(C1S).partition("\n")[2], "needed are region, binding_energy_eV"),
        (table(C1S, "O1s"), "region O1s covers 280 to 291.5 eV, but O 1s is expected between"),
    ],
)
def test_wrong_tables_get_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
