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
