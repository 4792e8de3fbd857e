from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, read_file

ENERGY = np.round(np.arange(280.0, 292.0, 0.5), 3)
COUNTS = np.array([1000 + 37 * i % 211 for i in range(ENERGY.size)], dtype=float)


def read(path, **asked):
    return read_file(path, builtin_readers(), Settings(**asked))


def written(path, energy, counts, *, separator=",", header="binding_energy_eV,intensity", decimal=".", **kinds):
    rows = [
        f"{e!r}{separator}{c!r}".replace(".", decimal) for e, c in zip(energy.tolist(), counts.tolist(), strict=True)
    ]
    lines = [*kinds.get("comments", []), *([header] if header else []), *rows]
    path.write_bytes(kinds.get("end", "\n").join(lines).encode(kinds.get("encoding", "utf-8")))
    return path


@st.composite
def dialects(draw):
    separator = draw(st.sampled_from([",", ";", "\t", " ", "   ", " \t ", ", ", " ; "]))
    decimal = draw(st.sampled_from([".", ","])) if "," not in separator else "."
    names = draw(
        st.sampled_from([None, ("BE/eV", "counts"), ("Binding Energy (eV)", "Intensity (cps)"), ("B.E.", "C1s")])
    )
    joiner = separator if separator.strip() or "\t" in separator else "   "
    return {
        "separator": separator,
        "decimal": decimal,
        "header": joiner.join(names) if names else None,
        "comments": draw(st.sampled_from([[], ["# measured on Monday"], ["# a", "", "% b, c"]])),
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])),
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    dialect=dialects(),
    order=st.permutations(range(ENERGY.size)),
    counts=st.lists(
        st.one_of(st.floats(-10, 1e7, allow_nan=False), st.floats(1e-9, 1e12)),
        min_size=ENERGY.size,
        max_size=ENERGY.size,
    ).filter(lambda values: len(set(values)) > 1),
)
def test_every_dialect_gives_the_same_numbers(tmp_path, dialect, order, counts):
    counts = np.array(counts)
    order = np.array(order)
    tree = read(written(tmp_path / "a.txt", ENERGY[order], counts[order], **dialect))
    region = tree["C1s"]
    assert list(tree.children) == ["C1s"]
    assert np.array_equal(region["binding_energy"], ENERGY)
    assert np.array_equal(region["counts"], counts)
    assert region.attrs["axis_from"] == ("header" if dialect["header"] else "energy range")


@given(whole=st.lists(st.integers(0, 10**9), min_size=ENERGY.size, max_size=ENERGY.size, unique=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whole_counts_survive(tmp_path, whole):
    path = tmp_path / "a.csv"
    path.write_text("\n".join(f"{e:g}\t{c}" for e, c in zip(ENERGY, whole, strict=True)))
    assert read(path)["C1s"]["counts"].values.tolist() == whole


def test_kinetic_energies_become_binding_energies(tmp_path):
    path = written(tmp_path / "a.txt", 1486.6 - ENERGY, COUNTS, header="Kinetic Energy (eV),counts")
    region = read(path, photon_energy=1486.6)["C1s"]
    assert np.allclose(region["binding_energy"], ENERGY, atol=1e-9)
    assert np.array_equal(region["counts"], COUNTS)
    assert region.attrs["photon_energy"] == 1486.6
    assert region.attrs["intensity"] == "counts"


def test_photon_energy_in_the_header_counts_and_the_user_overrides_it(tmp_path):
    path = written(
        tmp_path / "a.txt",
        1253.6 - ENERGY,
        COUNTS,
        header="KE,cps",
        comments=["# Excitation energy: 1253.6 eV", "# hv"],
    )
    region = read(path)["C1s"]
    assert np.allclose(region["binding_energy"], ENERGY)
    assert region.attrs["intensity"] == "counts per second"
    assert read(path, photon_energy=1255.6)["C1s"]["binding_energy"].values[0] == pytest.approx(282.0)


def test_kinetic_without_photon_energy(tmp_path):
    path = written(tmp_path / "a.txt", 1486.6 - ENERGY, COUNTS, header="Kinetic Energy (eV),counts")
    with pytest.raises(PrefitError, match="kinetic and the file does not give the photon energy; give it"):
        read(path)


@pytest.mark.parametrize(
    ("photon_energy", "sentence"), [(1000.0, "more than the photon energy 1000 eV allows"), (-3.0, "makes no sense")]
)
def test_photon_energy_that_does_not_fit(tmp_path, photon_energy, sentence):
    path = written(tmp_path / "a.txt", 1486.6 - ENERGY, COUNTS, header="Kinetic Energy (eV),counts")
    with pytest.raises(PrefitError, match=sentence):
        read(path, photon_energy=photon_energy)


def test_region_from_header_before_energy_range(tmp_path):
    path = written(tmp_path / "a.txt", ENERGY, COUNTS, header="BE,counts", comments=["# Region: Ru 3d"])
    assert read(path)["Ru3d"].attrs["region_from"] == "label"
    # a comment that tells of a core level in passing is not a label
    path = written(
        tmp_path / "b.txt", ENERGY + 245, COUNTS, header="BE,counts", comments=["# calibrated to C 1s 284.8"]
    )
    assert list(read(path).children) == ["O1s"]


def test_comment_about_other_energies_changes_nothing(tmp_path):
    path = written(tmp_path / "a.txt", ENERGY, COUNTS, header=None, comments=["# to be cleaned with 2 keV Ar+"])
    assert np.array_equal(read(path)["C1s"]["binding_energy"], ENERGY)


def test_kiloelectronvolts(tmp_path):
    path = written(tmp_path / "a.txt", ENERGY / 1000, COUNTS, header="Binding energy (keV),counts")
    assert np.allclose(read(path)["C1s"]["binding_energy"], ENERGY)


def test_survey_without_header_from_the_fermi_edge(tmp_path):
    path = written(tmp_path / "a.txt", np.arange(0.0, 1200.0), np.arange(1200.0) % 97, header=None)
    assert read(path)["Survey"].attrs["axis_from"] == "energy range"


def test_columns_named_by_the_header(tmp_path):
    rows = "\n".join(f"{1486.6 - e:.2f}\t{e:g}\t{c:g}\t0.5" for e, c in zip(ENERGY, COUNTS, strict=True))
    path = tmp_path / "a.txt"
    path.write_text("K.E.\tB.E.\tCounts\tBackground\n" + rows)
    region = read(path)["C1s"]
    assert np.array_equal(region["binding_energy"], ENERGY)
    assert np.array_equal(region["counts"], COUNTS)
    path.write_text("Counts,Energy/eV\n" + "\n".join(f"{c:g},{e:g}" for e, c in zip(ENERGY, COUNTS, strict=True)))
    assert np.array_equal(read(path)["C1s"]["counts"], COUNTS)


ROWS = "\n".join(f"{e:g},{c:g}" for e, c in zip(ENERGY, COUNTS, strict=True))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Once upon a time\nthere was a spectrum.\n", "text without a single row of two numbers"),
        ("284,100\n285,200\n", "has 2 points; at least 8"),
        (
            "binding energy,counts\n" + ROWS + "\nend,of scan\n292,5\n293,7",
            "row 26 holds 'end' where a number should be",
        ),
        ("binding energy,counts\n" + ROWS + "\n292,of scan", "row 26 holds 'of scan' where a number should be"),
        ("binding energy,counts\n284.2,abc\n" + ROWS, "row 2 holds 'abc'"),
        (ROWS.replace("280,1000", "280,"), "row 1 has 1 number"),
        (ROWS + "\n292,NaN\n", "row 25 holds 'NaN'"),
        (ROWS + "\n300,1,2\n", "row 25 has 3 numbers, but others have 2"),
        (ROWS + "\n300\n", "row 25 has 1 number"),
        (ROWS + "\n300,inf\n", "row 25 holds 'inf'"),
        ("\n".join(f"{line},5" for line in ROWS.splitlines()), "the rows have 3 columns; name one"),
        ("a,b,c\n" + "\n".join(f"{line},5" for line in ROWS.splitlines()), "are named a, b, c, which is ambiguous"),
        ("\n".join(f"{e + 420:g},{e % 7:g}" for e in ENERGY), "nothing says whether the energies 700 to 711.5 eV"),
        ("\n".join(f"{e:g},{e % 7:g}" for e in range(200, 1400)), "nothing says whether the energies 200 to 1399 eV"),
        ("\n".join(f"{e:.1f};1,5" for e in ENERGY), "row 1 has a decimal comma while others have a decimal point"),
        ("\n".join(f"{e:.0f}\t1,{200 + e:.0f}" for e in range(280, 292)), "comma that may mean thousands or decimals"),
        (
            "BE,counts\n" + ROWS + "\n" + "\n".join(f"{e + 250:g},{e % 7:g}" for e in (*ENERGY[:3], *ENERGY[5:2:-1])),
            "jump from 291.5 to 530 eV, so this seems to be more than one region",
        ),
        (ROWS + "\n280,77\n", "has the energy 280 eV twice"),
        ("Binding\tcounts\n" + "\n".join(f"{e}\t5" for e in ENERGY), "has the same intensity 5 everywhere"),
    ],
)
def test_wrong_text_gets_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "wrong.txt"
    path.write_text(text)
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "row", ["{e} ,{c}", "{e} , {c}", "{e}, {c}", "{e};{c};", "{e},{c},", '"{e}","{c}"', " {e}\t{c} ", "{e}\t{c}E+00"]
)
@pytest.mark.parametrize("top", ["", "2023-11-02\n", "x;y\n", "scan of Monday, 12:00\n\n"])
def test_odd_writing(tmp_path, row, top):
    path = tmp_path / "a.txt"
    path.write_text(
        top + "\n".join(row.format(e=f"{e:.1f}", c=f"{c:.0f}") for e, c in zip(ENERGY, COUNTS, strict=True))
    )
    region = read(path)["C1s"]
    assert np.array_equal(region["binding_energy"], ENERGY)
    assert np.array_equal(region["counts"], COUNTS)


def test_decimal_comma_below_a_date(tmp_path):
    rows = "\n".join(f"{e:.1f}\t{c:.1f}".replace(".", ",") for e, c in zip(ENERGY, COUNTS, strict=True))
    path = tmp_path / "a.txt"
    path.write_text("2023-11-02\nEnergie / eV\tZählrate\n" + rows)
    assert np.array_equal(read(path)["C1s"]["counts"], COUNTS)
