"""Files of real instruments; what is expected was taken from the raw files with awk and h5py, not from the readers."""

from __future__ import annotations

import numpy as np
import pytest

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, read_file

pytestmark = pytest.mark.data

# file: [(name, points, lowest eV, highest eV, count at the lowest, count at the highest, (eV, count) in between)]
EXPECTED = {
    "C1s_sample.csv": [("C1s", 351, 266.5, 301.5, 393, 1709, (294.9, 1557))],
    "0-150W_NiWC1s_C1s.txt": [("C1s", 301, 270.0, 300.0, 1820, 1906, (282.5, 2782))],
    "0-150W.vms": [
        ("Survey", 1206, -5.0, 1200.0, 9, 2106, (1100.0, 2164)),
        ("Ni2p", 601, 840.0, 900.0, 102, 114, (890.0, 107)),
        ("O1s", 251, 520.0, 545.0, 1315, 1620, (535.0, 1550)),
        ("C1s", 301, 270.0, 300.0, 1820, 1906, (290.0, 1823)),
        ("W4f", 251, 25.0, 50.0, 107, 897, (40.0, 655)),
    ],
    "Multipak_vms.npl": [
        ("C1s", 601, 275.0, 305.0, 1372.5, 2047.5, (300.0, 1872.5)),
        ("O1s", 601, 525.0, 555.0, 2552.5, 2952.5, (550.0, 2800)),
        ("S2p", 501, 155.0, 180.0, 237.5, 528.75, (175.0, 403.75)),
        ("N1s", 401, 390.0, 410.0, 2062.5, 2805, (405.0, 2420)),
        ("Mo3d", 401, 220.0, 240.0, 537.5, 1252.5, (235.0, 1438.75)),
    ],
    "regular.vms": [("Survey", 1351, 0.0, 1350.0, 18.1529, 1559.87, (1349.0, 1586.79))],
    "irregular.vms": [("Survey", 1351, 0.0, 1350.0, 181.529, 15598.7, (1349.0, 15867.9))],
    "FeO_analyzed.vms": [("Fe2p", 1121, 694.0, 750.0, 2884.3, 12516.9, (749.95, 12304.9))],
    "Pt4f.vms": [("Pt4f", 281, 62.0, 90.0, 136.04, 544.369, (89.9, 590.509))],
    "PdAlOx_18blocks.vms": [
        ("Pd3d", 241, 332.0, 356.0, 2403, 2504, (346.0, 2581)),
        ("Pd3d_2", 241, 332.0, 356.0, 2325, 2580, (346.0, 2524)),
        ("Pd3d_3", 241, 332.0, 356.0, 2269, 2517, (346.0, 2461)),
        ("Pd3d_4", 241, 332.0, 356.0, 2265, 2448, (346.0, 2586)),
        ("Pd3d_5", 241, 332.0, 356.0, 2281, 2524, (346.0, 2564)),
        ("Pd3d_6", 241, 332.0, 356.0, 2329, 2496, (346.0, 2364)),
        ("Al2p", 251, 65.0, 90.0, 1042, 1146, (80.0, 3116)),
        ("C1s", 341, 277.0, 311.0, 1913, 2196, (301.0, 2235)),
        ("Survey", 5526, -5.0, 1100.0, 3052, 54338, (1080.0, 48454)),
        ("Pd3d_7", 251, 331.0, 356.0, 28083, 29209, (346.0, 30684)),
        ("Al2p_2", 251, 65.0, 90.0, 4126, 4731, (80.0, 11048)),
        ("Al2s", 231, 111.0, 134.0, 5467, 5888, (124.0, 14132)),
        ("O1s", 351, 515.0, 550.0, 10060, 16359, (540.0, 13516)),
        ("C1s_2", 341, 277.0, 311.0, 7703, 8857, (301.0, 9184)),
        ("Pd3d_8", 241, 332.0, 356.0, 16049, 17173, (346.0, 17731)),
        ("Al2p_3", 251, 65.0, 90.0, 3061, 3587, (80.0, 8084)),
        ("Al2s_2", 241, 110.0, 134.0, 4110, 4456, (124.0, 10547)),
        ("C1s_3", 341, 277.0, 311.0, 5748, 6476, (301.0, 7113)),
    ],
    "MgFe2O4_small.xy": [
        ("Survey", 1351, 0.0, 1350.0, 181.52882, 15598.679, (306.0, 108366.48)),
        ("Fe2p", 56, 695.0, 750.0, 4013.8297, 5913.3234, (711.0, 7508.6234)),
    ],
    "Ag_0001.txt": [("Ag3d", 361, 364.0, 382.0, 13.1949939727783, 15.7494897842407, (381.95, 16.441309928894))],
    "Ag_0001Ag__001.ibw": [("Ag3d", 361, 364.0, 382.0, 13.1949939727783, 15.7494897842407, (381.95, 16.441309928894))],
    "vms_regular_ref.nxs": [("Survey", 1351, 0.0, 1350.0, 181.53, 15598.7, (1349.0, 15867.9))],
    "phi_spe_ref.nxs": [("Survey", 1751, 0.0, 1400.0, 191.66667175, 54866.66796875, (1399.2, 53283.3359375))],
    "SnO2_10nm.spe": [("Survey", 1751, 0.0, 1400.0, 191.66667175, 54866.66796875, (1399.2, 53283.3359375))],
    "scienta_txt_ref.nxs": [
        ("Ag3d", 361, 364.0, 382.0, 13.19499397, 15.74948978, (381.95, 16.44130993)),
        ("VB", 801, -10.0, 30.0, 0.57149662, 3.6626655, (29.95, 3.31459235)),
    ],
}
NOT_READ = {
    "phi.vms": "only the PHI header .* all blocks are missing .* export SnO2_10nm_1.pro again",
}


def read(path):
    return read_file(path, builtin_readers(), Settings())


@pytest.mark.parametrize("name", EXPECTED)
def test_regions_axes_and_counts(shared, name):
    tree = read(shared / "real" / name)
    assert list(tree.children) == [row[0] for row in EXPECTED[name]]
    assert "skipped" not in tree.attrs
    for region, points, low, high, at_low, at_high, (between, count) in EXPECTED[name]:
        data = tree[region]
        energy = data["binding_energy"].values
        assert energy.size == points
        assert energy[[0, -1]] == pytest.approx([low, high], abs=1e-9)
        assert data["counts"].values[[0, -1]] == pytest.approx([at_low, at_high], rel=1e-6)
        assert data["counts"].sel(binding_energy=between, method="nearest", tolerance=1e-6) == pytest.approx(
            count, rel=1e-6
        )
        assert data.attrs["region"] == region.partition("_")[0]


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_read_is_named(shared, name):
    with pytest.raises(PrefitError, match=NOT_READ[name]):
        read(shared / "real" / name)


def test_every_file_is_in_a_list(shared):
    names = {path.name for path in (shared / "real").iterdir()} - {"README.md"}
    assert names == {*EXPECTED, *NOT_READ}


def test_one_measurement_in_four_formats(shared):
    """The same survey: kinetic energies in VAMAS and NeXus, binding energies in the xy export of the instrument."""
    exported = read(shared / "real" / "MgFe2O4_small.xy")["Survey"]
    for name in ("regular.vms", "irregular.vms", "vms_regular_ref.nxs"):
        region = read(shared / "real" / name)["Survey"]
        assert np.array_equal(region["binding_energy"], exported["binding_energy"])
        rate = region["counts"] / (region.attrs["dwell_time"] if region.attrs["intensity"] == "counts" else 1)
        assert np.allclose(rate, exported["counts"], rtol=1e-4)


def test_text_and_vamas_of_one_measurement_agree(shared):
    text = read(shared / "real" / "0-150W_NiWC1s_C1s.txt")["C1s"]
    vamas = read(shared / "real" / "0-150W.vms")["C1s"]
    assert np.allclose(text["binding_energy"], vamas["binding_energy"], atol=1e-9)
    assert np.array_equal(text["counts"], vamas["counts"])


def test_attributes_of_the_instrument(shared):
    tree = read(shared / "real" / "0-150W.vms")
    attrs = tree["C1s"].attrs
    assert (attrs["sample"], attrs["scans"], attrs["dwell_time"]) == ("Ni-W", 10, 0.199336)
    assert (attrs["photon_energy"], attrs["work_function"], attrs["intensity"]) == (1486.69, -4.5, "counts")
    assert tree["C1s"]["transmission"].values[-1] == 2.10390798702838
    assert read(shared / "real" / "Multipak_vms.npl")["S2p"].attrs["intensity"] == "counts per second"
    assert read(shared / "real" / "Pt4f.vms")["Pt4f"].attrs.get("work_function") is None
    referenced = read(shared / "real" / "phi_spe_ref.nxs")["Survey"].attrs
    assert referenced["energy_referencing_reference_peak"] == "none"
    assert referenced["energy_referencing_binding_energy"] == 0.0


def test_measured_library(shared):
    paths = sorted(path for path in (shared / "measured").glob("*.csv") if path.name != "groups.csv")
    assert len(paths) == 37
    for path in paths:
        tree = read(path)
        lines = path.read_text().split()[1:]
        assert sum(child["counts"].size for child in tree.children.values()) == len(lines)
        assert {child.attrs["region_from"] for child in tree.children.values()} == {"label"}
        for line in lines[:: max(1, len(lines) // 5)]:
            region, energy, intensity = line.split(",")
            found = tree[region]["counts"].sel(binding_energy=float(energy), method="nearest", tolerance=1e-6)
            assert float(found) == float(intensity)
