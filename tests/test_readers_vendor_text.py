"""Text exports of SPECS Prodigy and Scienta SES."""

from __future__ import annotations

import numpy as np
import pytest

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, read_file

ENERGY = np.round(np.arange(290.0, 280.0, -0.5), 3)
COUNTS = np.array([100.0 + 7 * i % 13 for i in range(ENERGY.size)])


def read(path, **asked):
    return read_file(path, builtin_readers(), Settings(**asked))


def rows(energy, counts):
    return "\n".join(f"{e:g}  {c:g}" for e, c in zip(energy, counts, strict=True))


def specs(
    energy=ENERGY, scans=(COUNTS,), *, axis="Binding Energy", rate="Counts per Second", channels="no", region="C1s"
):
    tables = "\n\n".join(f"# Cycle: 0, Curve: 0, Scan: {i}\n#\n{rows(energy, c)}" for i, c in enumerate(scans))
    return (
        "# Created by:        SpecsLab Prodigy\n#\n# XY-Serializer Export Settings:\n"
        f"#   Energy Axis:              {axis}\n#   Count Rate:               {rate}\n"
        f"#   Separate Channel Data:    {channels}\n#\n# Group:      PET\n#\n# Region:     {region}\n"
        "# Dwell Time:     0.1\n# Excitation Energy:     1486.6\n# Pass Energy:     20\n\n# Cycle: 0\n#\n"
        f"# Number of Scans: {len(scans)}\n\n{tables}\n"
    )


def scienta(energy=ENERGY, columns=(COUNTS,), *, axis="Binding Energy [eV]", size=None):
    table = "\n".join(" ".join(f" {v:.14E}" for v in row) for row in np.column_stack([energy, *columns]))
    return (
        f"[Info]\nNumber of Regions=0001\nVersion=1.3.1\n\n[Region 1]\nRegion Name=C1s\nDimension 1 name={axis}\n"
        f"Dimension 1 size={size or len(energy)}\n\n[Info 1]\nRegion Name=C1s\nPass Energy=50\nNumber of Sweeps=2\n"
        f"Excitation Energy=1486.6\nSample=PET\n[Run Mode Information 1]\n\n\n[Data 1]\n{table}\n"
    )


@pytest.mark.parametrize("make", [specs, scienta])
@pytest.mark.parametrize("axis", ["Binding Energy", "Kinetic Energy"])
def test_regions(tmp_path, make, axis):
    path = tmp_path / "a.txt"
    path.write_bytes(
        make(ENERGY if axis == "Binding Energy" else 1486.6 - ENERGY, axis=axis).replace("\n", "\r\n").encode()
    )
    region = read(path)["C1s"]
    assert np.allclose(region["binding_energy"], ENERGY[::-1])
    assert np.allclose(region["counts"], COUNTS[::-1], rtol=1e-12)
    assert region.attrs["photon_energy"] == 1486.6
    assert region.attrs["sample"] == "PET"


@pytest.mark.parametrize(("rate", "factor"), [("Counts per Second", 2.0), ("Counts", 4.0)])
def test_scans_are_averaged_or_added(tmp_path, rate, factor):
    path = tmp_path / "a.xy"
    path.write_text(specs(scans=(COUNTS, 3 * COUNTS), rate=rate))
    region = read(path)["C1s"]
    assert np.allclose(region["counts"], factor * COUNTS[::-1])
    assert region.attrs["scans"] == 2
    assert region.attrs["intensity"] == rate.lower()


def test_two_regions(tmp_path):
    path = tmp_path / "a.xy"
    path.write_text(specs() + "# Region:   O1s\n# Cycle: 0, Curve: 0, Scan: 0\n" + rows(ENERGY + 250, COUNTS))
    assert list(read(path).children) == ["C1s", "O1s"]


def test_slices_make_a_stack(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(scienta(columns=(COUNTS, 2 * COUNTS)))
    assert np.allclose(read(path)["C1s"]["counts"], np.stack([COUNTS, 2 * COUNTS])[:, ::-1])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (specs(channels="yes"), "separates detector channels"),
        (specs(axis="Analyzer"), "do not say whether the energy axis is kinetic or binding"),
        (specs() + "280 x\n", f"row {specs().count(chr(10)) + 1} holds '280 x'"),
        (specs(scans=()), "the region has no rows"),
        (
            specs(scans=(COUNTS,)) + "# Cycle: 0, Curve: 0, Scan: 1\n" + rows(ENERGY + 1, COUNTS),
            "have different energies",
        ),
        (specs(ENERGY[:2], (COUNTS[:2],)), "has 2 points"),
        (scienta(axis="Angle"), "the first dimension is 'angle', neither"),
        (scienta(size=30), "announces 30 points but has 20; the file is damaged"),
        (scienta().partition("[Data 1]")[0], "the region has no data"),
        (scienta() + " 1.0 x\n", "row 40 in region 1 does not fit its data"),
        (scienta().replace("E+02\n", "E+02 1\n", 1), "in region 1 does not fit its data"),
    ],
)
def test_wrong_files_get_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "wrong.txt"
    path.write_text(text)
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_specs_axis_and_rate_of_specslab2_are_understood(tmp_path):
    head = "#   Counts Per Second:        yes\n#   Kinetic Energy Axis:      no\n# values in binding energy\n"
    text = specs().replace(
        "#   Energy Axis:              Binding Energy\n#   Count Rate:               Counts per Second\n", head
    )
    path = tmp_path / "a.xy"
    path.write_text(text)
    region = read(path)["C1s"]
    assert np.array_equal(region["binding_energy"], ENERGY[::-1])
    assert region.attrs["intensity"] == "counts per second"
    assert region.attrs["energy_axis"] == "binding"
    path.write_text(text.replace("Axis:      no", "Axis:      yes").replace("Second:        yes", "Second:        no"))
    region = read(path, photon_energy=574.0)["C1s"]
    assert region.attrs["energy_axis"] == "kinetic"
    assert region.attrs["intensity"] == "counts"


@pytest.mark.parametrize(
    "other",
    [
        "# External Channel Data Cycle: 0, T1 [K] (EBH 150)\n#\n# ColumnLabels: energy T1 [K] (EBH 150)\n#\n",
        "# Operation:       background\n# Result:\n# Result Name:     Background\n# ColumnLabels: energy counts/s\n#\n",
    ],
)
def test_specs_tables_of_other_quantities_are_left_out(tmp_path, other):
    path = tmp_path / "a.xy"
    path.write_text(specs() + "\n" + other + rows(ENERGY + 0.05, COUNTS + 300) + "\n")
    tree = read(path)
    assert list(tree.children) == ["C1s"]
    assert np.array_equal(tree["C1s"]["counts"], COUNTS[::-1])
    assert "skipped" not in tree.attrs


def test_specs_cycles_make_a_stack(tmp_path):
    cycles = [
        f"# Cycle: {i}, Curve: 0\n#\n# ColumnLabels: energy counts/s\n{rows(ENERGY, (i + 1) * COUNTS)}\n"
        for i in (0, 1, 3)
    ]
    path = tmp_path / "a.xy"
    path.write_text(specs(scans=()) + "\n".join(cycles))
    region = read(path)["C1s"]
    assert region["counts"].dims == ("cycle", "binding_energy")
    assert region["cycle"].values.tolist() == [0, 1, 3]
    assert np.array_equal(region["counts"], np.array([[1], [2], [4]]) * COUNTS[::-1])


def test_specs_cycle_that_was_aborted_is_a_region_of_its_own(tmp_path):
    last = f"# Cycle: 2, Curve: 0\n{rows(ENERGY[:12], 3 * COUNTS[:12])}\n"
    path = tmp_path / "a.xy"
    path.write_text(specs() + f"\n# Cycle: 1, Curve: 0\n{rows(ENERGY, 2 * COUNTS)}\n" + last)
    tree = read(path)
    assert {name: child["counts"].shape for name, child in tree.children.items()} == {"C1s": (2, 20), "C1s_2": (12,)}
    assert tree["C1s_2"].attrs["cycle"] == 2


def test_specs_transmission_is_kept_beside_the_counts(tmp_path):
    table = "\n".join(f"{e:g}  {c:g}  {2 + e / 1000:g}" for e, c in zip(ENERGY, COUNTS, strict=True))
    path = tmp_path / "a.xy"
    path.write_text(specs(scans=()) + f"# Cycle: 0, Curve: 0\n# ColumnLabels: energy counts/s transmission\n{table}\n")
    assert np.allclose(read(path)["C1s"]["transmission"], 2 + ENERGY[::-1] / 1000)


def test_specs_metadata(tmp_path):
    more = (
        "# Analysis Method: XPS\n# Acquisition Date: 06/01/22 13:22:05 UTC\n# Source: XR50\n"
        "# Scan Mode: FixedAnalyzerTransmission\n# Dwell Time"
    )
    path = tmp_path / "a.xy"
    path.write_text(specs().replace("# Dwell Time", more, 1))
    attrs = read(path)["C1s"].attrs
    expected = {
        "technique": "XPS", "start_time": "2022-06-01T13:22:05+00:00", "radiation": "XR50", "dwell_time": 0.1,
        "pass_energy": 20.0, "energy_scan_mode": "fixed_analyzer_transmission", "sample": "PET", "cycle": 0,
    }  # fmt: skip
    assert {name: attrs[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            specs().replace(
                "# Cycle: 0, Curve: 0, Scan: 0",
                "# Scan Mode: FixedEnergies\n# Cycle: 0, Curve: 0\n# ColumnLabels: index counts/s",
            ),
            r"numbered by index and not by energy \(scan mode FixedEnergies\)",
        ),
        (
            specs().replace("# Dwell", "# Analysis Method: ISS\n# Dwell"),
            "the analysis method is ISS, so this is not a photoelectron",
        ),
    ],
)
def test_specs_regions_that_are_not_spectra_are_refused(tmp_path, text, sentence):
    path = tmp_path / "a.xy"
    path.write_text(text)
    with pytest.raises(PrefitError, match=sentence):
        read(path)
