from __future__ import annotations

import lmfit
import numpy as np
import pytest
from lmfit.models import ConstantModel, GaussianModel, LorentzianModel
from test_seeding_seed import X, pmma, prediction, tree

from xps_prefit_hooks import Seed, SeedComponent, Settings
from xps_stn_plugin.fitting import background_table, component_table, curves, fit_quality, fit_seed
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.seeding import seed_region

ESTER = prediction("alkane", "ester (aliphatic)")


def seeded(counts, x=X, region="C1s", groups=ESTER, **settings):
    spectrum = tree(counts, x, region)
    return seed_region(spectrum, region, groups, Settings(**settings)), spectrum[region].to_dataset()


def _sech(x, amplitude=1.0, center=0.0, sigma=1.0):
    return amplitude / np.cosh((x - center) / sigma) ** 2


def _sech_model(prefix):
    return lmfit.Model(_sech, prefix=prefix)


def test_table_of_pmma():
    seed, data = seeded(pmma(scale=1e4, step=0.02) + 300)
    rows = component_table(seed, fit_seed(seed, data))
    np.testing.assert_allclose([row.center for row in rows], [285.0, 285.72, 286.79, 289.03], atol=0.01)
    np.testing.assert_allclose([row.fraction_of_region for row in rows], [0.4, 0.2, 0.2, 0.2], atol=0.005)
    assert {"center", "fwhm", "area"} == set(rows[0].stderr)
    assert rows[3].name == "C1s O-C=O"
    assert rows[3].fwhm == pytest.approx(1.0, abs=0.01)


def test_table_of_a_seed_has_no_errors():
    seed, _ = seeded(pmma())
    rows = component_table(seed)
    assert all(row.stderr == {} for row in rows)
    assert sum(row.fraction_of_region for row in rows) == pytest.approx(1)


def test_a_doublet_is_one_row_and_one_curve():
    x = np.linspace(196, 208, 121)
    y = stepped_pseudo_voigt(x, 900.0, 200.6, 0.5, 0.2) + stepped_pseudo_voigt(x, 450.0, 202.2, 0.5, 0.2)
    seed, data = seeded(y, x, "Cl2p", prediction("alkyl halide (Cl)"))
    fit = fit_seed(seed, data)
    [row] = component_table(seed, fit)
    assert row.area == pytest.approx(1350, rel=1e-3)
    assert row.center == pytest.approx(200.6, abs=1e-3)
    drawn = curves(seed, fit.params, x)
    assert set(drawn) == {"background", "envelope", "Cl2p C-Cl"}
    np.testing.assert_allclose(drawn["Cl2p C-Cl"], y, atol=1)


def test_curves_separate_peaks_and_background():
    seed, data = seeded(pmma(scale=1e4, step=0.02) + 300)
    fit = fit_seed(seed, data)
    fine = np.linspace(295, 280, 1001)  # denser, and the other way round
    drawn = curves(seed, fit.params, fine)
    peaks = [curve for name, curve in drawn.items() if name not in ("background", "envelope")]
    np.testing.assert_allclose(drawn["background"] + sum(peaks), drawn["envelope"])
    np.testing.assert_allclose(drawn["envelope"], fit.eval(x=fine))
    np.testing.assert_allclose(sum(peaks), pmma(fine, 1e4), atol=20)
    np.testing.assert_allclose(drawn["background"], pmma(fine, 1e4, step=0.02) - pmma(fine, 1e4) + 300, atol=20)


def test_quality_of_a_right_model():
    random = np.random.default_rng(4)
    seed, data = seeded(random.poisson(pmma(scale=2e4, step=0.02) + 150).astype(float))
    quality = fit_quality(seed, fit_seed(seed, data))
    assert quality.redchi == pytest.approx(1, abs=0.4)
    assert quality.durbin_watson == pytest.approx(2, abs=0.5)
    assert quality.relative_rms < 0.02
    assert quality.at_bounds == ()
    assert quality.notes == ()
    assert quality.weighting == "Poisson, from counts"
    assert quality.chi_square_probability > 0.01
    assert quality.runs_p > 0.01


def test_quality_shows_a_missing_component():
    y = pmma(scale=2e4) + 150
    seed, data = seeded(np.random.default_rng(4).poisson(y).astype(float))
    spoiled = data.copy()
    spoiled["counts"] = data["counts"] + np.round(stepped_pseudo_voigt(X, 1.5e4, 292.5, 0.5, 0.3))
    quality = fit_quality(seed, fit_seed(seed, spoiled))
    assert quality.durbin_watson < 1
    assert quality.redchi > 5
    assert quality.rms_residual > 300
    assert quality.runs_p < 1e-3
    assert quality.chi_square_probability < 1e-6
    (note,) = [note for note in quality.notes if note.startswith("The residual has structure")]
    place = float(note.split("near ")[1].split(" eV")[0])
    assert place == pytest.approx(292.5, abs=0.7)
    assert "p < 0.001" in quality.line


def test_a_component_without_signal_is_flagged_at_its_bound():
    y = hydrocarbon(X, 2e4, 285.0, 0.5, 0.2) + 100
    seed, data = seeded(
        np.random.default_rng(1).poisson(y).astype(float), groups=prediction("alkane", "nitro (aromatic)")
    )
    data["counts"] = data["counts"] - 0.06 * stepped_pseudo_voigt(X, 2e4, 285.76, 0.5, 0.3)  # less than nothing there
    fit = fit_seed(seed, data)
    quality = fit_quality(seed, fit)
    assert any(name.startswith("nitro_") for name in quality.at_bounds)
    [name] = [row.name for row in component_table(seed, fit) if row.at_bound == ("area",)]
    assert f"{name} has no signal: its area ended at zero." in quality.notes


def test_quality_against_an_estimated_noise_has_no_probability():
    seed, data = seeded(pmma() + np.random.default_rng(1).normal(0, 0.01, X.size))
    quality = fit_quality(seed, fit_seed(seed, data))
    assert quality.chi_square_probability is None
    assert "against the estimated noise" in quality.line
    assert not any("structure" in note for note in quality.notes)


def test_weights_of_the_caller_are_said():
    seed, data = seeded(pmma(scale=1e4) + 100)
    quality = fit_quality(seed, fit_seed(seed, data, weights=np.full(X.size, 0.1)))
    assert "(weights given by the caller)" in quality.line


def test_a_position_at_the_end_of_its_window():
    y = np.random.default_rng(3).poisson(pmma(scale=2e4) + 150).astype(float)
    seed, data = seeded(y)
    params = seed.params.copy()
    params["ester_center"].set(value=288.4, min=288.2, max=288.6, expr="")
    fit = fit_seed(seed, data, params=params)
    row = next(row for row in component_table(seed, fit) if row.name == "C1s O-C=O")
    assert row.at_bound == ("position",)
    assert "ester_center" in fit_quality(seed, fit).at_bounds
    assert "C1s O-C=O: position at the upper end of its range (288.60 eV)." in fit_quality(seed, fit).notes


def test_a_common_width_at_its_bound_flags_every_line():
    seed, data = seeded(np.random.default_rng(3).poisson(pmma(scale=2e4) + 150).astype(float))
    params = seed.params.copy()
    [width] = [name for name, p in params.items() if name.endswith("sigma") and p.vary and not p.expr]
    params[width].set(value=0.41, min=0.3, max=0.42)
    fit = fit_seed(seed, data, params=params)
    assert all("width" in row.at_bound for row in component_table(seed, fit))
    assert any(
        "width (shared with other components) at the upper end of its range (0.84 eV)" in n
        for n in fit_quality(seed, fit).notes
    )


@pytest.mark.parametrize(
    ("model", "sigma", "fwhm"),
    [
        (GaussianModel, 0.5, 2.3548 * 0.5),
        (LorentzianModel, 0.5, 1.0),
        # No parameter fwhm: sech(u)^2 is a half at u = arccosh(sqrt(2)), u being (x - center) / sigma.
        (_sech_model, 0.5, 2 * 0.5 * np.arccosh(np.sqrt(2))),
    ],
)
def test_width_of_foreign_models(model, sigma, fwhm):
    composite = model(prefix="a_") + ConstantModel(prefix="bg_")
    params = composite.make_params(a_amplitude=1000, a_center=285.0, a_sigma=sigma, bg_c=50)
    seed = Seed("C1s", composite, params, (SeedComponent("a_", "C1s A", ()),), "offset")
    data = tree(composite.eval(params, x=X))["C1s"].to_dataset()
    [row] = component_table(seed, fit_seed(seed, data))
    assert row.fwhm == pytest.approx(fwhm, rel=2e-3)
    drawn = curves(seed, params, X)
    np.testing.assert_allclose(drawn["background"], 50)
    np.testing.assert_allclose(drawn["C1s A"] + 50, composite.eval(params, x=X))


def test_the_error_of_a_drawn_width_is_that_of_sigma():
    composite = _sech_model("a_") + ConstantModel(prefix="bg_")
    params = composite.make_params(a_amplitude=1000, a_center=285.0, a_sigma=0.5, bg_c=50)
    seed = Seed("C1s", composite, params, (SeedComponent("a_", "C1s A", ()),), "offset")
    counts = np.random.default_rng(2).poisson(composite.eval(params, x=X)).astype(float)
    fit = fit_seed(seed, tree(counts, intensity="counts")["C1s"].to_dataset())
    [row] = component_table(seed, fit)
    assert row.stderr["fwhm"] == pytest.approx(fit.params["a_sigma"].stderr * row.fwhm / fit.params["a_sigma"].value)


def test_background_is_reported_with_its_errors():
    counts = np.random.default_rng(4).poisson(pmma(scale=2e4, step=0.02) + 150).astype(float)
    seed, data = seeded(counts, background="shirley")
    fit = fit_seed(seed, data)
    rows = {row.name: row for row in background_table(seed, fit)}
    assert abs(rows["step"].value - 0.02) < 4 * rows["step"].stderr
    assert rows["intercept"].stderr > 0
    assert list(rows) == ["slope", "intercept", "step"]
    assert all(np.isnan(row.stderr) for row in background_table(seed))
