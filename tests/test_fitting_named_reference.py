"""Calibration on lines that the user names, through the whole pipeline."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from scipy.special import ndtr

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.cli import main
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.fitting.fermi_edge import broadened_fermi
from xps_stn_plugin.models.lineshapes import pseudo_voigt

#: Window, step and lines (position, area, FWHM) of each region; positions on the scale of the Fermi level.
_LINES = {
    "Au4f": (78.0, 95.0, [(83.96, 3.0, 0.9), (87.63, 2.25, 0.9)]),
    "Si2p": (95.0, 110.0, [(99.40, 1.0, 0.6), (100.0, 0.5, 0.6), (103.5, 1.0, 1.3), (104.1, 0.5, 1.3)]),
    "C1s": (278.0, 296.0, [(284.85, 0.8, 1.2), (286.4, 0.16, 1.3), (288.7, 0.1, 1.3)]),
}


def sample(charge, *names, counts=3000.0, seed=0):
    rng = np.random.default_rng(seed)
    regions = {}
    for name in names:
        if name == "VB":
            x = np.arange(-5.0, 12.0, 0.05)
            y = broadened_fermi(x, 0.17) + 8.0 * ndtr((x - 2.2) / 0.3) + 0.05
            y *= 0.2
        else:
            low, high, lines = _LINES[name]
            x = np.arange(low, high, 0.1)
            y = 0.1 + sum(area * pseudo_voigt(x, center, fwhm, 0.3) for center, area, fwhm in lines)
        regions[name] = region_dataset("sample", x + charge, rng.poisson(counts * y), region=name, intensity="counts")
    return spectrum_tree("sample", regions)


@pytest.mark.parametrize("charge", [0.4, -2.5])
@pytest.mark.parametrize(
    ("line", "regions"),
    [("Au 4f7/2", ("Au4f", "C1s")), ("Si 2p3/2=99.4", ("Si2p", "C1s")), ("Fermi edge", ("VB", "C1s"))],
)
def test_calibration_on_a_named_line_reads_the_charge_and_compares_carbon(line, regions, charge):
    result = xps.prefit(sample(charge, *regions), calibrate_on=line)
    check = result.prediction.reference_check
    assert result.shift == pytest.approx(charge, abs=0.04)
    assert (result.status, result.applied_shift) == ("ok", result.shift)
    assert check.measured == pytest.approx(check.energy + charge, abs=0.04)
    # Carbon was put 0.05 eV above the energy that is expected of it.
    assert check.against == "C 1s"
    assert check.disagreement == pytest.approx(0.05, abs=0.06)
    assert "C-C lies at 284.8" in result.reasons[0]


def test_named_reference_is_the_scale_that_every_output_states(tmp_path):
    result = xps.prefit(sample(0.4, "Au4f", "C1s"), calibrate_on="au 4f").fitted()
    assert result.convention == "measured minus true; Au 4f7/2 = 83.96 eV"
    assert result.calibrated.attrs["energy_referencing_reference_peak"] == "Au 4f7/2"
    assert result.calibrated.attrs["energy_referencing_binding_energy"] == 83.96
    gold = result.report().regions["Au4f"].components[0]
    assert gold.maximum == pytest.approx(83.96, abs=0.02)
    result.save(tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())["shift"]
    assert document["calibrated_on"] == "Au 4f7/2"
    assert document["check"]["against"] == "C 1s"
    for name in ("a.html", "a.casaxps.txt", "a.nxs", "a.csv"):
        result.save(tmp_path / name)
    assert "Au 4f7/2 = 83.96 eV" in (tmp_path / "a.html").read_text()
    assert "A = 83.9600" in (tmp_path / "a.casaxps.txt").read_text()
    with xr.open_datatree(tmp_path / "a.nxs", engine="h5netcdf", phony_dims="sort") as written:
        assert any("Au 4f7/2" in str(node.attrs) + str(node.variables) for node in written.subtree)


def test_carbon_far_from_its_place_makes_a_named_reference_uncertain():
    spectrum = sample(0.0, "Au4f", "C1s")
    carbon = spectrum["C1s"].to_dataset()
    moved = carbon.assign_coords(binding_energy=carbon["binding_energy"] + 1.6)
    tree = spectrum_tree("sample", {"Au4f": spectrum["Au4f"].to_dataset(), "C1s": moved})
    result = xps.prefit(tree, calibrate_on="Au 4f7/2")
    assert (result.status, result.shift) == ("uncertain", pytest.approx(0.0, abs=0.03))
    assert result.prediction.reference_check.disagreement == pytest.approx(1.65, abs=0.06)


def test_named_reference_that_nothing_checks_is_uncertain():
    result = xps.prefit(sample(0.4, "Au4f"), calibrate_on="Au 4f7/2")
    assert (result.status, result.shift) == ("uncertain", pytest.approx(0.4, abs=0.03))
    assert "nothing checks it" in result.reasons[0]
    assert result.prediction.reference_check.against == ""


@pytest.mark.parametrize(
    ("regions", "line", "fault"),
    [
        (("Si2p", "C1s"), "Au 4f7/2", "there is no Au 4f region; there are Si2p, C1s"),
        (("Si2p", "C1s"), "Fermi edge", "no region but a survey reaches 0 eV; there are Si2p, C1s"),
        (("Si2p", "C1s"), "Si 2p3/2=101.6", "Si2p has no line within 1.5 eV of it at the shift"),
    ],
)
def test_reference_that_is_not_in_the_data_is_refused_in_a_sentence(regions, line, fault):
    with pytest.raises(PrefitError) as caught:
        xps.prefit(sample(0.2, *regions), calibrate_on=line)
    name = line.partition("=")[0]
    assert str(caught.value).startswith(f"sample: the shift cannot be taken from {name}: {fault}")
    assert str(caught.value).endswith("; name another line.")


def test_carbon_with_an_energy_is_calibration_on_carbon_at_that_reference():
    result = xps.prefit(sample(1.0, "C1s"), calibrate_on="C 1s=284.8")
    assert (result.settings.calibrate_on, result.settings.reference) == ("C-C", 284.8)
    assert result.convention.endswith("aliphatic C 1s = 284.80 eV (maximum of the line)")
    with pytest.raises(PrefitError, match=r"reference: 285 eV and C 1s=284.8 give carbon two energies; drop one"):
        xps.prefit(sample(1.0, "C1s"), calibrate_on="C 1s=284.8", reference=285.0)


def test_a_stack_is_calibrated_on_a_named_line_spectrum_by_spectrum():
    parts = [sample(charge, "Au4f", "C1s", seed=n) for n, charge in enumerate((0.0, 0.5))]
    regions = {}
    for name in ("Au4f", "C1s"):
        counts = np.stack(
            [part[name]["counts"].values for part in parts] + [np.full(parts[0][name].sizes["binding_energy"], 7.0)]
        )
        if name == "C1s":
            counts[2] = counts[1]
        attrs = parts[0][name].attrs
        regions[name] = xr.Dataset(
            {"counts": (("x", "binding_energy"), counts)},
            {"binding_energy": parts[0][name]["binding_energy"].values},
            attrs,
        )
    # The same axis for both: the second spectrum lies 0.5 eV higher on it.
    for data in regions.values():
        axis = data["binding_energy"].values
        for row, charge in enumerate((0.0, 0.5)):
            data["counts"][row] = np.interp(axis - charge, axis, data["counts"].values[row])
    tree = spectrum_tree("map", regions)
    found = xps.prefit_many(tree, calibrate_on="Au 4f7/2")
    assert found["shift"].values[:2] == pytest.approx([0.0, 0.5], abs=0.03)
    assert found.attrs["convention"] == "shift is measured minus true; Au 4f7/2 = 83.96 eV"
    # Nothing was measured of gold in the third spectrum.
    assert np.isnan(found["shift"].values[2])
    assert found["reasons"].values[2] & 65536
    with pytest.raises(PrefitError, match="there is no Ag 3d region"):
        xps.prefit_many(tree, calibrate_on="Ag 3d5/2")


def test_command_line_and_batch_calibrate_on_a_named_line(tmp_path):
    gold = sample(0.4, "Au4f", "C1s")
    lines = ["region,binding_energy_eV,intensity"]
    for name in ("Au4f", "C1s"):
        pairs = zip(gold[name]["binding_energy"].values, gold[name]["counts"].values, strict=True)
        lines += [f"{name},{energy:.3f},{counts:.0f}" for energy, counts in pairs]
    (tmp_path / "gold.csv").write_text("\n".join(lines) + "\n")
    shown = CliRunner().invoke(main, ["prefit", str(tmp_path / "gold.csv"), "--calibrate-on", "Au 4f7/2"])
    assert shown.exit_code == 0
    assert "measured minus true; Au 4f7/2 = 83.96 eV" in shown.output
    refused = CliRunner().invoke(main, ["prefit", str(tmp_path / "gold.csv"), "--calibrate-on", "Ag 3d5/2"])
    assert refused.exit_code == 1
    assert "the shift cannot be taken from Ag 3d5/2: there is no Ag 3d region" in refused.output
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["batch", str(tmp_path / "gold.csv"), "--out", str(out), "--calibrate-on", "Au4f"])
    assert done.exit_code == 0
    with (out / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["calibrated_on"] for row in rows} == {"Au 4f7/2"}
    assert float(rows[0]["applied_shift_eV"]) == pytest.approx(0.4, abs=0.03)
    assert "Energies: Au 4f7/2 = 83.96 eV." in (out / "contact_sheet.html").read_text()
