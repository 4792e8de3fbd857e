"""Atomic percentages and states over the dimensions of a stack."""

from __future__ import annotations

import csv

import h5py
import numpy as np
import pytest
import xarray as xr
from test_readers_vamas import block, header, written

import xps_stn_plugin as xps
from benchmarks.depth_profile import depth_profile
from xps_prefit_hooks import SeedComponent
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.core.spectrum import spectrum_tree
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.quantification import sensitivity_set
from xps_stn_plugin.settings import settings_of
from xps_stn_plugin.stacks.stack import stack_of

LEVELS = 8


@pytest.fixture(scope="module")
def profile():
    return depth_profile(LEVELS, 20_000.0, 0)


@pytest.fixture(scope="module")
def found(profile):
    return xps.prefit_many(profile.tree, fit=True, reference=284.8)


def test_atomic_percent_over_etch_time_is_that_of_the_sample(profile, found):
    assert found["atomic_percent"].dims == ("etch_time", "element")
    assert set(found["element"].values) == {"Si", "O", "C"}
    for name in ("Si", "O", "C"):
        values = found["atomic_percent"].sel(element=name)
        np.testing.assert_allclose(values, profile.percent[name], atol=1.5)
        errors = np.abs(values - profile.percent[name]) / found["atomic_percent_stderr"].sel(element=name)
        assert float(errors.median()) < 2.0
    np.testing.assert_allclose(found["atomic_percent"].sum("element"), 100.0)


def test_states_over_etch_time_are_those_of_the_sample(profile, found):
    silicon = found["Si2p"]
    for name in ("Si2p element", "Si2p SiO2"):
        values = silicon["atomic_percent"].sel(component=name).fillna(0.0)
        np.testing.assert_allclose(values, profile.percent[name], atol=1.5)
    total = silicon["atomic_percent"].sum("component")
    np.testing.assert_allclose(total, found["atomic_percent"].sel(element="Si"))


def test_atomic_percent_of_a_stack_is_that_of_its_spectra(profile, found):
    stack = stack_of(profile.tree)
    for place in (0, LEVELS // 2):
        alone = xps.prefit(stack.spectrum({"etch_time": place}), reference=284.8).fitted().quantification()
        for element in alone.elements:
            together = float(found["atomic_percent"].sel(element=element.symbol)[place])
            assert together == pytest.approx(element.atomic_percent, abs=1.0)


def _potassium_map():
    """Adventitious carbon with K 2p, twice as much on the right as on the left, on an oxide."""
    factors = sensitivity_set("scofield").factors
    percent = np.array([[2.0, 4.0], [2.0, 4.0]])
    random = np.random.default_rng(1)
    carbon, oxygen = np.arange(279.0, 302.0, 0.1), np.arange(524.0, 540.0, 0.1)
    pair = (2 * pseudo_voigt(carbon, 292.9, 1.2, 0.3) + pseudo_voigt(carbon, 295.7, 1.2, 0.3)) / 3
    aliphatic = 0.85 * pseudo_voigt(carbon, 284.8, 1.3, 0.3) + 0.15 * pseudo_voigt(carbon, 286.3, 1.3, 0.3)
    lines = percent[..., None] * factors["K2p"].whole * pair + 50.0 * aliphatic
    oxide = np.broadcast_to((50.0 - percent)[..., None] * 2.93 * pseudo_voigt(oxygen, 531.0, 1.5, 0.3), (2, 2, 160))
    regions = {
        name: xr.Dataset(
            {"counts": (("y", "x", "binding_energy"), random.poisson(200.0 * (values + 1.0)).astype(float))},
            {"binding_energy": axis},
            {"region": name, "intensity": "counts", "dwell_time": 1.0, "scans": 1},
        )
        for name, axis, values in (("C1s", carbon, lines), ("O1s", oxygen, oxide))
    }
    return spectrum_tree("map", regions), percent


def test_lines_of_another_element_count_for_it_and_not_for_the_region():
    tree, percent = _potassium_map()
    found = xps.prefit_many(tree, fit=True, reference=284.8)
    levels = found["C1s"]["component_level"].values.tolist()
    assert "K2p" in levels
    np.testing.assert_allclose(found["atomic_percent"].sel(element="K"), percent, atol=0.6)
    np.testing.assert_allclose(found["atomic_percent"].sel(element="C"), 50.0, atol=1.5)
    assert (found["C1s"]["counted"].isel(component=levels.index("K2p")) == 0).all()


def test_batch_has_atomic_percent_in_summary_store_and_contact_sheet(profile, tmp_path):
    species = {"Si2p": ("Si", "2p"), "O1s": ("O", "1s"), "C1s": ("C", "1s")}
    blocks = []
    for level in range(LEVELS):
        for name, (element, line) in species.items():
            region = profile.tree[name]
            start = round(1486.6 - float(region["binding_energy"][-1]), 3)
            counts = region["counts"].values[level, ::-1].astype(int).tolist()
            blocks.append(block(element, line, start=start, step=0.1, counts=counts, at=(30 * level,)))
    path = written(tmp_path / "profile.vms", header(len(blocks), conditions=(("Etch Time", "s"),)), *blocks)
    out = tmp_path / "out"
    report = run_batch([path], out, settings_of(reference=284.8))
    assert not report.failed
    with (out / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    first = dict(part.split() for part in rows[0]["atomic_percent"].split("; "))
    assert float(first["Si"]) == pytest.approx(profile.percent["Si"][0], abs=1.5)
    assert "atomic percent over etch_time" in (out / "contact_sheet.html").read_text()
    with h5py.File(out / "spectra.h5") as store:
        names = []
        store.visit(names.append)
        assert any(name.endswith("Si2p/atomic_percent") for name in names)


@pytest.mark.parametrize(
    ("name", "level", "counts"),
    [
        ("C1s C-C", "", True),
        ("C1s K 2p3/2", "K2p", False),
        ("C1s pi-pi* shake-up", "", False),
        ("Cu2p CuO satellite", "", False),
        ("Ni2p NiO satellite 2", "", False),
        ("Al2p metal energy loss", "", False),
    ],
)
def test_component_counts_unless_it_is_a_satellite_or_of_another_element(name, level, counts):
    assert SeedComponent("a_", name, (), level).counts is counts
