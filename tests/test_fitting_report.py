from __future__ import annotations

import numpy as np
import pytest
from test_seeding_seed import X, pmma, prediction, tree

from xps_prefit_hooks import Settings
from xps_stn_plugin.fitting import component_table, curves, fit_quality, fit_seed
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.seeding import seed_region

ESTER = prediction("alkane", "ester (aliphatic)")


def seeded(counts, x=X, region="C1s", groups=ESTER, **settings):
    spectrum = tree(counts, x, region)
    return seed_region(spectrum, region, groups, Settings(**settings)), spectrum[region].to_dataset()


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


def test_quality_shows_a_missing_component():
    y = pmma(scale=2e4) + 150
    seed, data = seeded(np.random.default_rng(4).poisson(y).astype(float))
    spoiled = data.copy()
    spoiled["counts"] = data["counts"] + stepped_pseudo_voigt(X, 1.5e4, 292.5, 0.5, 0.3)
    quality = fit_quality(seed, fit_seed(seed, spoiled))
    assert quality.durbin_watson < 1
    assert quality.redchi > 5
    assert quality.rms_residual > 300


def test_a_component_without_signal_is_flagged_at_its_bound():
    y = hydrocarbon(X, 2e4, 285.0, 0.5, 0.2) + 100
    seed, data = seeded(
        np.random.default_rng(1).poisson(y).astype(float), groups=prediction("alkane", "nitro (aromatic)")
    )
    data["counts"] = data["counts"] - 0.02 * stepped_pseudo_voigt(X, 2e4, 285.76, 0.5, 0.3)  # less than nothing there
    quality = fit_quality(seed, fit_seed(seed, data))
    assert any(name.startswith("nitro_") for name in quality.at_bounds)
    assert any("At a bound" in note for note in quality.notes)
