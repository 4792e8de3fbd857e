"""Instruments' own formats: PHI, Thermo, Excel, Igor, SpecsLab2 XML; files of our own, and real ones against other exports."""

# ruff: noqa: E501 (parts of files stay whole)

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from instrument_files import COUNTS, ENERGY, avantage_rows, ibw, ole, phi, pxt, specs_xml, vgd, xlsx
from test_readers_vamas import block as vamas_block
from test_readers_vamas import header as vamas_header

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import archive, builtin_readers, read_file

LEVELS = np.arange(1, 4)[:, None]


def read(path, content=None):
    if content is not None:
        path.write_bytes(content)
    return read_file(path, builtin_readers(), Settings())


FILES = {
    "phi": ("a.spe", phi, "counts per second"),
    "phi_doubles": ("a.spe", lambda levels=1: phi(levels, kind="f8"), "counts per second"),
    "vgd": ("C1s Scan.vgd", vgd, "counts per second"),
    "ibw": ("a.ibw", ibw, "arbitrary"),
    "pxt": ("a.pxt", lambda levels=1: pxt(ibw(levels)), "arbitrary"),
}


@pytest.mark.parametrize(("name", "make", "intensity"), FILES.values(), ids=FILES)
def test_numbers_and_metadata(tmp_path, name, make, intensity):
    region = read(tmp_path / name, make())["C1s"]
    assert np.allclose(region["binding_energy"], ENERGY[::-1], atol=1e-9)
    assert np.allclose(region["counts"], COUNTS[::-1], rtol=1e-6)
    assert region.attrs["intensity"] == intensity
    assert region.attrs["sample"] == "PET"
    assert region.attrs["photon_energy"] == pytest.approx(1486.6, abs=0.1)
    assert region.attrs["pass_energy"] in (23.5, 50.0)


@pytest.mark.parametrize(("name", "make", "intensity"), FILES.values(), ids=FILES)
def test_levels_make_a_stack(tmp_path, name, make, intensity):
    region = read(tmp_path / name, make(3))["C1s"]
    assert region["counts"].shape == (3, 20)
    assert np.allclose(region["counts"], LEVELS * COUNTS[::-1], rtol=1e-6)


def test_specs_xml_scans_are_added_up(tmp_path):
    region = read(tmp_path / "a.xml", specs_xml())["C1s"]
    assert np.allclose(region["binding_energy"], ENERGY[::-1], atol=1e-9)
    assert np.array_equal(region["counts"], 3 * COUNTS[::-1])
    expected = {"scans": 2, "dwell_time": 0.1, "pass_energy": 20.0, "sample": "PET", "intensity": "counts"}
    assert {name: region.attrs[name] for name in expected} == expected


def test_phi_metadata(tmp_path):
    tree = read(tmp_path / "a.spe", phi())
    assert list(tree.children) == ["C1s", "O1s"]
    assert np.array_equal(tree["O1s"]["counts"], 3 * COUNTS[::-1])
    attrs = tree["O1s"].attrs
    assert (attrs["dwell_time"], attrs["work_function"], attrs["start_time"]) == (0.9, 4.25, "2021-11-24")


def test_vgd_rates_are_counts_by_time(tmp_path):
    attrs = read(tmp_path / "C1s Scan.vgd", vgd())["C1s"].attrs
    assert (attrs["dwell_time"], attrs["scans"], attrs["work_function"]) == (0.05, 2, 4.2)


KHERVE = [
    [
        "Binding Energy",
        "Raw Data",
        "",
        "",
        "",
        "BE",
        "Residuals",
        "Background",
        "Calculated Fit",
        "p1",
        "",
        "Sample",
        "x",
    ],
    *(
        [
            float(e),
            float(c),
            "",
            "",
            "",
            float(e) + 1,
            -3.0,
            150.0,
            160.0,
            155.0,
            "",
            *(["GL (Area)", 284.6] if i < 3 else []),
        ]
        for i, (e, c) in enumerate(zip(ENERGY, COUNTS, strict=True))
    ),
]


@pytest.mark.parametrize(
    ("sheets", "region"),
    [
        ({"C1s Scan": avantage_rows(), "Peak Table": [["Name", "BE"], ["C1s A", 284.8]]}, "C1s"),
        ({"C1s": KHERVE, "Results Table": []}, "C1s"),
        (
            {"Sheet1": [["energy", "counts"], *([float(e), float(c)] for e, c in zip(ENERGY, COUNTS, strict=True))]},
            "C1s",
        ),
    ],
    ids=["avantage", "kherve", "general"],
)
def test_excel_sheet_gives_its_region(tmp_path, sheets, region):
    tree = read(tmp_path / "a.xlsx", xlsx(sheets))
    assert list(tree.children) == [region]
    assert "skipped" not in tree.attrs
    assert np.array_equal(tree[region]["binding_energy"], ENERGY[::-1])
    assert np.array_equal(tree[region]["counts"], COUNTS[::-1])


def test_excel_depth_profile_is_a_stack_over_its_times(tmp_path):
    rows = [["C1s.VGD"], ["", "", 0.0, 30.0, 90.0], ["Binding Energy (E)"], ["eV", "", *["Counts / s"] * 3]]
    rows[1:3] = [["Binding Energy (E)", "", 0.0, 30.0, 90.0]]
    rows += [[float(e), "", float(c), float(2 * c), float(3 * c)] for e, c in zip(ENERGY, COUNTS, strict=True)]
    region = read(tmp_path / "a.xlsx", xlsx({"C1s Scan": rows}))["C1s"]
    assert region["level"].values.tolist() == [0, 30, 90]
    assert np.array_equal(region["counts"], LEVELS * COUNTS[::-1])


def test_excel_sheet_name_tells_the_level(tmp_path):
    rows = [["BE", "counts"], *([float(e) - 175, float(c)] for e, c in zip(ENERGY, COUNTS, strict=True))]
    assert list(read(tmp_path / "a.xlsx", xlsx({"Rb3d": rows, "Notes": [["x", "y"]]})).children) == ["Rb3d"]


def test_excel_sheets_are_regions(tmp_path):
    sheets = {"C1s Scan": avantage_rows(), "O1s Scan": avantage_rows(ENERGY + 247, 2 * COUNTS, "O1s Scan")}
    tree = read(tmp_path / "a.xlsx", xlsx(sheets))
    assert list(tree.children) == ["C1s", "O1s"]
    assert np.array_equal(tree["O1s"]["counts"], 2 * COUNTS[::-1])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.spe", phi()[:-300], "the table of contents behind the header is cut off|the file is cut off"),
        ("a.spe", phi()[:-10], "are announced but not there; the file is cut off"),
        ("a.spe", phi(technique="AES"), "the technique is AES, so this is not a photoelectron spectrum"),
        ("a.spe", phi().replace(b" 20 -0.5", b" 21 -0.5"), "the header says 21 points but the data have 20"),
        ("a.vgd", ole({"VGData": bytes(800)}), "holds no spectrum of Avantage"),
        ("a.vgd", ole({"VGData": bytes(801), "VGSpaceAxes": bytes(51)}), "the axis has 0 points"),
        ("a.vgd", vgd()[:700], "the OLE container is damaged|holds no spectrum"),
        ("a.ibw", ibw()[:500], "20 numbers are announced but not there"),
        ("a.ibw", ibw(scale="Time [s]"), "'Time .s.', neither binding nor kinetic energy"),
        ("a.pxt", pxt(ibw(version=2)), "it is of version 2, and version 5 is read"),
        ("a.pxt", pxt(), "the packed experiment holds no wave"),
        ("a.pxt", pxt(ibw())[:-10], "is cut off; the file is damaged"),
        ("a.xml", specs_xml(method="ISS"), "the analysis method is ISS"),
        ("a.xml", specs_xml()[:-30], "the XML is damaged"),
        ("a.xml", specs_xml(inside='<!DOCTYPE any [<!ENTITY a "b">]>'), "the file defines entities"),
        ("a.xlsx", xlsx({"a": KHERVE}, far="XFD1048576"), "reach to row 1048576 and column 16384"),
        ("a.xlsx", xlsx({"a": KHERVE})[:-40], "damaged|cannot be opened"),
        ("a.xlsx", xlsx({"a": [["Name", "Area"], ["x", 1.0]]}), "no sheet holds rows|without a single row"),
        ("a.xls", ole({"Other": bytes(100)}), "the OLE container is not a workbook"),
    ],
)  # fmt: skip
def test_damaged_files_get_one_sentence(tmp_path, name, content, sentence):
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(tmp_path / name, content)
    assert "\n" not in str(caught.value)
    assert "failed on this file" not in str(caught.value)


def test_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is_read(tmp_path):
    import io

    buffer = io.BytesIO(xlsx({"a": KHERVE}))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/big.xml", "w") as part:
        for _ in range(210):
            part.write(bytes(1_000_000))
    with pytest.raises(PrefitError, match="more than 200 MB when unpacked"):
        read(tmp_path / "a.xlsx", buffer.getvalue())


@pytest.mark.data
@pytest.mark.parametrize(
    ("one", "other", "factors"),
    [
        ("phi/*109.1.control.spe", "vamas/*109.1.control.vms", {"In3d": 0.3, "Sn3d": 3.0, "O1s": 0.9, "C1s": 0.6}),
        ("phi/*ITOSA3ci+1_1.pro", "vamas/*itosa3ci+1_1.vms", {"In3d": 0.2, "Sn3d": 1.5, "O1s": 0.9, "C1s": 0.1}),
        ("phi/*narrow.spe", "phi-text/*narrow.txt", {"Cu2p": 1, "CuLMM": 1, "O1s": 1, "C1s": 1}),
        ("phi/*narrow.spe", "phi-text/*narrow.csv", {"Cu2p": 1, "CuLMM": 1, "O1s": 1, "C1s": 1}),
        ("phi/*depth_1.pro", "phi-text/*depth_1.txt", {"O1s": 1, "Si2p": 1}),
        ("phi/*depth_1.pro", "phi-text/*depth_1.csv", {"O1s": 1, "Si2p": 1}),
        ("thermo-vgd/angzeli*C1s*", "thermo-xls/*.xls", {"C1s": 1}),
        ("thermo-vgd/angzeli*O1s*", "thermo-xls/*.xls", {"O1s": 1}),
        ("igor-ibw/*Ag__001.ibw", "scienta-txt/*Ag_0001.txt", {"Ag3d": 1}),
        ("igor-ibw/*Ag__002.ibw", "scienta-txt/*Ag_0002.txt", {"VB": 1}),
        ("specs-xml/*xps_sample.xml", "specs-xy/*xps_sample.xy", {"Survey": 0.4}),
        ("casaxps-text/*lineshapes_cols.txt", "vamas/*FeO_analyzed.vms", {"Fe2p": 1}),
    ],
)
def test_real_file_agrees_with_another_export_of_the_same_measurement(shared, one, other, factors):
    folder = shared / "corpus"
    if not folder.is_dir():
        pytest.skip(f"the corpus of real files is not at {folder}")
    first, second = (read(next(folder.glob(pattern))) for pattern in (one, other))
    for name, factor in factors.items():
        # Rounded to six digits in Avantage's sheets and CasaXPS' tables; photon energies to 1 meV.
        assert np.allclose(first[name]["binding_energy"], second[name]["binding_energy"], atol=1e-3)
        assert np.allclose(factor * first[name]["counts"], second[name]["counts"], rtol=1e-5)


def zipped(files):
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_archive_gives_the_regions_of_all_files(tmp_path):
    files = {
        "x/C1s Scan.VGD": vgd(),
        "x/PET.spe": phi(),
        "notes.txt": b"nothing",
        "../../up.ibw": ibw(),
        "x.zip": zipped({}),
    }
    tree = read(tmp_path / "a.zip", zipped(files))
    assert list(tree.children) == ["C1s", "C1s_2", "O1s", "C1s_3"]
    assert [tree[name].attrs["file"] for name in tree.children] == [
        "x/C1s Scan.VGD",
        "x/PET.spe",
        "x/PET.spe",
        "../../up.ibw",
    ]
    assert len(tree.attrs["skipped"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def vamas(*samples):
    blocks = [line for name in samples for line in vamas_block(sample=name)]
    return "\n".join([*vamas_header(len(samples)), *blocks]).encode()


def test_archive_of_files_with_several_samples_has_those_samples(tmp_path):
    files = {
        "day 1/a.vms": vamas("PET", "PMMA"),
        "day 2/b.vms": vamas("PMMA", "nylon"),
        "c.vms": vamas("PET"),
        "gold.csv": "binding_energy_eV,counts\n" + "\n".join(f"{280 + i / 2},{i}" for i in range(20)),
        "broken.vms": vamas("PET", "PMMA")[:-300],
    }
    tree = read(tmp_path / "a.zip", zipped(files))
    assert tree.attrs["samples"] == ["PET", "PMMA", "nylon", "gold"]
    assert {name: list(node.children) for name, node in tree.children.items()} == {
        "PET": ["C1s", "C1s_2"],
        "PMMA": ["C1s", "C1s_2"],
        "nylon": ["C1s"],
        "gold": ["C1s"],
    }
    assert [child.attrs["file"] for child in tree["PMMA"].children.values()] == ["day 1/a.vms", "day 2/b.vms"]
    assert len(tree["PET"].attrs["skipped"]) == 1


@pytest.mark.parametrize("way", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archive_with_damaged_data_is_refused(tmp_path, way):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", way) as file:
        file.writestr("a.vms", vamas("PET"))
        place = file.infolist()[0].header_offset + 30 + len("a.vms") + 12
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[place : place + 40] = b"\xff" * 40
    with pytest.raises(PrefitError, match="the archive is damaged or protected"):
        read(tmp_path / "a.zip", bytes(content))


def test_archive_says_which_regions_of_its_files_were_left_out(tmp_path):
    lines = [*vamas_header(2), *vamas_block(), *vamas_block("O", counts=[0] * 20, start=950.0)]
    tree = read(tmp_path / "a.zip", zipped({"x/a.vms": "\n".join(lines)}))
    (sentence,) = tree.attrs["skipped"]
    assert sentence == "x/a.vms: region O 1s has the same intensity 0 everywhere; there is no signal."


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.txt": bytes(210_000_000)}, "more than 1000 files or 200 MB when unpacked"),
        ({f"{i}.txt": b"" for i in range(1001)}, "more than 1000 files"),
        ({"a.txt": b"nothing"}, "no file in the archive can be read"),
        (
            {"viewer.ini": b"[viewer]", "Spectrum_1.bin": bytes(80)},
            "deflector map of a Scienta DA30 .*export it as Igor",
        ),
        ({"folder/": b""}, "no file in the archive can be read .it is empty"),
    ],
)
def test_archive_that_cannot_be_read_gets_one_sentence(tmp_path, files, sentence):
    with pytest.raises(PrefitError, match=sentence):
        read(tmp_path / "a.zip", zipped(files))


@pytest.mark.parametrize(
    ("name", "expected"), [("", False), ("a/", False), ("__MACOSX/a.csv", False), ("a/b.csv", True)]
)
def test_part_of_an_archive_is_a_file_by_its_name(name, expected):
    # The name is set afterwards: `zipfile` reads an empty one, but writes none.
    part = zipfile.ZipInfo("x")
    part.filename = name
    assert archive._is_file(part) is expected
