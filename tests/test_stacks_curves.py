"""Curves and parameters of the fits of stacks: those that lmfit's own model gives for each spectrum by itself."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import stacked
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from seeded import counted, pmma, seeded
from test_stacks_model_selection import ALKANE, ENERGY, ESTER, MIXED, contaminated, decided, methacrylate
from test_stacks_model_selection import stack as drawn

import xps_stn_plugin as xps
from xps_prefit_hooks import Settings
from xps_stn_plugin.fitting import curves, fit_quality
from xps_stn_plugin.fitting.component_rows import table_order
from xps_stn_plugin.fitting.quality import durbin_watson, runs_test
from xps_stn_plugin.models.counts import poisson_sigma
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.models.shapes import stepped_pseudo_voigt
from xps_stn_plugin.settings import settings_of
from xps_stn_plugin.stacks import pipeline as work
from xps_stn_plugin.stacks.curves import CurveRows, curve_rows, residual_tests
from xps_stn_plugin.stacks.fit import NoiseRows, fit_rows, noise_rows
from xps_stn_plugin.stacks.fitted import BACKGROUNDS
from xps_stn_plugin.stacks.labels import FitLabels, parameter_meanings
from xps_stn_plugin.stacks.prefit import prefit_stack, write_stack
from xps_stn_plugin.stacks.stack import stack_of

SHIFTS = np.array([-1.2, 0.0, 0.7])


def thiol(x):
    """S 2p: a doublet."""
    low, high = (pseudo_voigt(x, place, 1.0, 0.2) for place in (164.8, 163.6))
    return 400 * (high + 0.51 * low) + 60


def of_lmfit(seed, fits, row, x):
    """Curves of one fit by lmfit's models."""
    params = seed.params.copy()
    for name, value in zip(fits.names, fits.values[row].tolist(), strict=True):
        params[name].set(value=value, expr="", min=-np.inf, max=np.inf)
    return curves(seed, params, x), seed.model.eval(params, x=x)


@pytest.mark.parametrize("background", ["offset", "linear", "shirley", "tougaard-u2", "tougaard-u3"])
def test_curves_are_those_of_lmfit(background):
    settings = Settings(background=background)
    x = np.arange(278.0, 298.0, 0.2)
    y = pmma(x, scale=500, step=0.01) + 60
    seed = seeded(counted(y, 1), ALKANE, ESTER, x=x, settings=settings)
    energy = x + 0.3
    counts = np.array([counted(np.interp(energy - shift, x, y), n) for n, shift in enumerate(SHIFTS)])
    check(seed, energy, counts)


def test_curves_of_doublets_and_of_shake_up_are_those_of_lmfit():
    x = np.arange(158.0, 172.0, 0.1)
    doublet = seeded(counted(thiol(x), 3), "thioether", x=x, region="S2p")
    assert any(len(lines) == 2 for lines in table_order(doublet))
    check(doublet, x, np.array([counted(thiol(x - shift), n) for n, shift in enumerate(SHIFTS)]))
    y = 30 * pseudo_voigt(ENERGY, 284.7, 1.1, 0.2) + pseudo_voigt(ENERGY, 291.5, 2.2, 0.2)
    ring = seeded(counted(30 * y + 40, 4), "benzene ring", x=ENERGY)
    check(ring, ENERGY, np.array([counted(30 * y + 40, n) for n in range(3)]), np.zeros(3))


def check(seed, energy, counts, shifts=SHIFTS):
    fits = fit_rows(seed, energy, counts, shifts, rescale=True)
    assert fits.success.all()
    noise = noise_rows(counts)
    rows = curve_rows(seed, energy, counts, shifts, noise, fits)
    for i, shift in enumerate(shifts):
        wanted, whole = of_lmfit(seed, fits, i, energy - shift)
        size = 1e-4 * np.ptp(whole)
        np.testing.assert_allclose(rows.envelope[i], whole, rtol=1e-6, atol=1e-3 * size)
        np.testing.assert_allclose(rows.background[i], wanted["background"], rtol=1e-6, atol=1e-3 * size)
        np.testing.assert_allclose(rows.residual[i], counts[i] - whole, rtol=1e-5, atol=1e-2 * size)
        assert rows.durbin_watson[i] == pytest.approx(
            durbin_watson((counts[i] - whole) / poisson_sigma(whole, 1.0)), rel=1e-6
        )
        assert rows.runs_p[i] == pytest.approx(runs_test(counts[i] - whole)[1], rel=1e-6)
        for lines, curve in zip(table_order(seed), rows.lines[i], strict=True):
            np.testing.assert_allclose(curve, wanted[lines[0].name], rtol=1e-5, atol=1e-3 * size)
    np.testing.assert_allclose(rows.background + rows.lines.sum(axis=1), rows.envelope, rtol=1e-5)


def test_what_was_not_fitted_has_no_curves():
    x = np.arange(278.0, 298.0, 0.2)
    y = pmma(x, scale=500, step=0.01) + 60
    seed = seeded(counted(y, 1), ALKANE, ESTER, x=x)
    counts = np.array([counted(y, 2), np.full(x.size, np.nan)])
    fits = fit_rows(seed, x, counts)
    rows = curve_rows(
        seed, x, counts, np.zeros(2), NoiseRows(np.ones(counts.shape), np.full(counts.shape, np.nan)), fits
    )
    for curve in (rows.background, rows.envelope, rows.residual, rows.lines, rows.durbin_watson, rows.runs_p):
        assert np.isfinite(curve[0]).all() and np.isnan(curve[1]).all()
    empty = CurveRows.empty(0, 3, 7)
    assert empty.lines.shape == (0, 3, 7)


@given(
    residual=arrays(
        np.float64, st.tuples(st.integers(1, 4), st.integers(2, 30)), elements=st.sampled_from([-2.0, -0.5, 0.0, 1.0])
    )
)
def test_tests_of_residuals_are_those_of_a_single_one(residual):
    statistic, p = residual_tests(residual)
    np.testing.assert_allclose(statistic, [durbin_watson(row) for row in residual])
    np.testing.assert_allclose(p, [runs_test(row)[1] for row in residual])


@pytest.fixture(scope="module")
def spectra():
    kinds = ["ester"] * 12 + ["ether"] * 8
    values = stacked.counts(kinds, np.linspace(-1.5, 1.5, 20), [2000] * 20)
    values["C1s"][7], values["O1s"][7] = np.nan, np.nan
    return stacked.tree(values, (4, 5), intensity="counts")


@pytest.fixture(scope="module")
def written(spectra, tmp_path_factory):
    path = tmp_path_factory.mktemp("curves") / "found.nc"
    write_stack(stack_of(spectra), path, settings_of(), fit=True, counts=True, curves=True)
    return path


def test_a_file_has_curves_and_axes_of_every_spectrum(spectra, written):
    pytest.importorskip("h5netcdf")
    with xr.open_datatree(written, engine="h5netcdf") as store:
        carbon = store["C1s"].to_dataset().load()
        shift = store["shift"].load()
    assert carbon["envelope"].dims == ("y", "x", "binding_energy") and carbon["envelope"].dtype == np.float32
    assert carbon["component_curve"].dims == ("y", "x", "component", "binding_energy")
    assert {"binding_energy_calibrated", "component_groups", "parameter_meaning"} <= set(carbon.coords)
    axis = carbon["binding_energy_calibrated"]
    np.testing.assert_array_equal(axis, (carbon["binding_energy"] - shift).transpose(*axis.dims))
    there = np.ones((4, 5), dtype=bool)
    there[1, 2] = False
    for name in ("background", "envelope", "residual"):
        np.testing.assert_array_equal(np.isfinite(carbon[name]).all("binding_energy"), there)
    both = carbon["envelope"] + carbon["residual"]
    np.testing.assert_allclose(both.values[there], spectra["C1s/counts"].values[there], atol=1e-3)
    parts = carbon["background"] + carbon["component_curve"].sum("component")
    np.testing.assert_allclose(parts.values[there], carbon["envelope"].values[there], rtol=1e-5)
    known = carbon["assigned"].values >= 0
    np.testing.assert_array_equal(np.isfinite(carbon["component_curve"]).all("binding_energy"), known)
    np.testing.assert_array_equal(np.isfinite(carbon["center"]), known)
    step = float(carbon["binding_energy"][1] - carbon["binding_energy"][0])
    area = carbon["component_curve"].sum("binding_energy") * step
    np.testing.assert_allclose(area.values[known], carbon["area"].values[known], rtol=0.12, atol=30)


def test_parameters_and_curves_are_those_of_lmfit_for_the_same_spectrum(spectra, written):
    """At the stack's values the model of a spectrum by itself draws the same curves, where both have the same model.

    The minima differ: vibrations are held at what the spectrum itself shows, and in a stack at what its cluster shows.
    """
    with h5py.File(written) as file:
        carbon = file["C1s"]
        labels = list(carbon["parameter"].asstr())
        names = list(carbon["component"].asstr())
        alike = 0
        for y, x in np.ndindex(4, 5):
            if (y, x) == (1, 2):
                continue
            alone = xps.prefit(stack_of(spectra).spectrum({"y": y, "x": x}))
            fit, seed = alone.fit("C1s"), alone.seeds["C1s"]
            values = dict(zip(labels, carbon["parameter_value"][y, x], strict=True))
            own = {name for name, value in values.items() if np.isfinite(value)}
            energy = carbon["binding_energy"][...]
            if own != set(fit.params):
                continue
            alike += 1
            assert carbon["redchi"][y, x] == pytest.approx(fit.redchi, rel=0.05)
            quality = fit_quality(seed, fit)
            assert carbon["durbin_watson"][y, x] == pytest.approx(quality.durbin_watson, rel=0.05, abs=0.02)
            wanted = curves(seed, fit.params, energy - alone.shift)
            off = carbon["envelope"][y, x] - wanted["envelope"]
            assert np.abs(off).max() < 2e-2 * np.ptp(wanted["envelope"])
            for name in own:
                fit.params[name].set(value=values[name], expr="", min=-np.inf, max=np.inf)
            same = curves(seed, fit.params, energy - file["shift"][y, x])
            for name, curve in same.items():
                place = (y, x) if name in ("background", "envelope") else (y, x, names.index(name))
                dataset = carbon[name if len(place) == 2 else "component_curve"]
                np.testing.assert_allclose(dataset[place], curve, rtol=1e-4, atol=1e-4 * np.ptp(same["envelope"]))
        assert alike >= 5


def test_curves_are_asked_for(spectra, tmp_path):
    write_stack(stack_of(spectra), tmp_path / "a.nc", settings_of(), fit=True)
    with h5py.File(tmp_path / "a.nc") as file:
        assert {"parameter_value", "parameter_stderr", "background_kind", "assigned"} <= set(file["C1s"])
        assert not {"envelope", "component_curve", "binding_energy_calibrated"} & set(file["C1s"])
    write_stack(stack_of(spectra), tmp_path / "b.nc", settings_of(), curves=True)
    with h5py.File(tmp_path / "b.nc") as file:
        assert "binding_energy_calibrated" in file["C1s"] and "envelope" not in file["C1s"]


def test_curves_that_take_too_much_room_are_left_out_with_a_note(spectra, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "LARGEST_CURVE", 2**13)
    write_stack(stack_of(spectra), tmp_path / "a.nc", settings_of(), fit=True, curves=True)
    with h5py.File(tmp_path / "a.nc") as file:
        assert {"background", "envelope", "residual"} <= set(file["C1s"])
        assert not {"component_curve", "binding_energy_calibrated"} & set(file["C1s"])
        assert "component_curve of C1s is left out: it takes" in file.attrs["notes"]


def test_shared_components_have_parameters_and_curves(spectra, tmp_path):
    write_stack(stack_of(spectra), tmp_path / "a.nc", settings_of(), fit=True, share="components", curves=True)
    with h5py.File(tmp_path / "a.nc") as file:
        carbon = file["C1s"]
        labels = list(carbon["parameter"].asstr())
        meanings = dict(zip(labels, carbon["parameter_meaning"].asstr(), strict=True))
        assert "displacement" in labels
        shared = next(label for label in labels if label.startswith("shared_"))
        assert meanings[shared].startswith("position of C1s") and meanings[shared].endswith("in the whole series")
        values = carbon["parameter_value"][...].reshape(20, -1)
        there = np.arange(20) != 7
        assert np.ptp(values[there, labels.index(shared)]) < 1e-9
        assert np.ptp(values[there, labels.index("displacement")]) > 0
        parts = carbon["background"][...] + np.nansum(carbon["component_curve"][...], axis=2)
        envelope = carbon["envelope"][...].reshape(20, -1)
        np.testing.assert_allclose(parts.reshape(20, -1)[there], envelope[there], rtol=1e-5)
        counts = spectra["C1s/counts"].values.reshape(20, -1)[there]
        pull = (counts - envelope[there]) / np.sqrt(np.maximum(counts, 1))
        chi = carbon["redchi"][...].ravel()[there]
        np.testing.assert_allclose((pull**2).mean(axis=1), chi, rtol=0.35)


def test_a_spectrum_that_is_seeded_singly_brings_its_own_parameters():
    parts = [*MIXED, (contaminated, [ALKANE], 1)]
    counts, known = drawn(parts)
    structures = decided(counts, known)
    again = structures.refit(counts[-1:], known.rows(slice(-1, None)), curves=True)
    assert again.structure.tolist() == [-2]
    new = [label for label in again.labels.parameters if label not in structures.labels.parameters]
    assert new == sorted(new)
    column = list(again.labels.parameters).index(next(label for label in new if "unassigned_1_center" in label))
    np.testing.assert_allclose(again.values[:, column], 292.5, atol=0.1)
    assert (again.stderr[:, column] > 0).all()
    other = again.labels.components.index("C1s other 1")
    np.testing.assert_array_equal(again.components.center[:, other], again.values[:, column])
    assert (again.assigned[:, other] == 0).all()
    peak = ENERGY[np.nanargmax(again.curves.lines[:, other], axis=1)] - known.shift[-1:]
    np.testing.assert_allclose(peak, 292.5, atol=0.15)
    both = structures.labels.joined([again.labels, structures.labels])
    assert list(both.parameters) == list(again.labels.parameters)
    assert both.parameters == again.labels.parameters


def test_single_seeds_grow_the_stack_in_memory_and_in_files(tmp_path):
    """Some contaminated spectra among many alike: they have parameters that the others do not have."""
    odd = methacrylate() + stepped_pseudo_voigt(ENERGY, 120, 281.5, 0.5, 0.2)
    rows = [odd if 8 <= level < 10 else methacrylate() for level in range(30)]
    array = xr.DataArray(
        np.random.default_rng(0).poisson(rows).astype(float),
        dims=("level", "binding_energy"),
        coords={"binding_energy": ENERGY},
        name="C1s",
        attrs={"intensity": "counts"},
    )
    stack = stack_of(array)
    inside = prefit_stack(stack, settings_of(), fit=True)
    single = (inside["C1s/structure"] == -2).values
    assert single.any(), "no spectrum was seeded singly, so that this test tests nothing"
    write_stack(stack, tmp_path / "a.nc", settings_of(), fit=True, curves=True)
    pytest.importorskip("h5netcdf")
    with xr.open_datatree(tmp_path / "a.nc", engine="h5netcdf") as store:
        carbon = store["C1s"].to_dataset().load()
    assert list(carbon["parameter"].values) == list(inside["C1s/parameter"].values)
    for name in ("parameter_value", "parameter_stderr", "center", "assigned", "background_kind"):
        np.testing.assert_allclose(carbon[name], inside[f"C1s/{name}"], rtol=1e-9)
    new = [str(label) for label in carbon["parameter"].values if " (" in label]
    assert new
    alone = np.isfinite(carbon["parameter_value"].sel(parameter=new)).any("parameter")
    assert (alone.values <= single).all() and alone.any()
    assert np.isfinite(carbon["envelope"]).all()


def test_labels_mean_the_same_in_all_structures():
    x = np.arange(278.0, 298.0, 0.1)
    first = seeded(counted(pmma(x, scale=500) + 20, 1), ALKANE, ESTER, x=x)
    # The same lines, of which two are told from another neighbour or are merged: the names are the same.
    second = seeded(counted(pmma(x, scale=3) + 20, 1), ALKANE, ESTER, "ether (aliphatic)", x=x)
    labels = FitLabels.of([first, second], [])
    meanings = [parameter_meanings(seed) for seed in (first, second)]
    for seed, own in zip((first, second), meanings, strict=True):
        columns = labels.columns(seed)
        assert len(set(columns)) == len(columns) == len(seed.params)
        for column, (name, meaning) in zip(columns, own.items(), strict=True):
            label = list(labels.parameters)[column]
            assert labels.parameters[label] == meaning
            assert label in (name, f"{name} ({meaning})")
    clashes = [name for name in meanings[0].keys() & meanings[1].keys() if meanings[0][name] != meanings[1][name]]
    assert clashes, "these seeds have no name in common that stands for two things"
    for name in clashes:
        assert labels.parameters[name] == meanings[0][name]
        assert labels.parameters[f"{name} ({meanings[1][name]})"] == meanings[1][name]


def test_structures_say_their_background_and_what_no_group_explains():
    counts, known = drawn([*MIXED, (contaminated, [ALKANE, "ether (aliphatic)"], 9)])
    structures = decided(counts, known)
    fits = structures.fit(counts, known)
    assert {BACKGROUNDS[number] for number in fits.background} == {seed.background for seed in structures.seeds}
    free = fits.assigned == 0
    assert not free[:200].any() and free[200:].any(axis=1).all()
    names = np.array(fits.labels.components)
    assert {name.split()[1] for name in names[free.any(axis=0)]} == {"unassigned"}
    groups = dict(zip(fits.labels.components, fits.labels.groups, strict=True))
    assert ESTER in groups["C1s O-C=O"] and groups["C1s other 1"] == ""
