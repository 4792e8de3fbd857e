from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_seeding_seed import X, pmma, prediction, tree

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.fitting import fit_quality, fit_seed
from xps_stn_plugin.seeding import seed_region

ESTER = prediction("alkane", "ester (aliphatic)")


def counted(scale=2e4, seed=1, step=0.02):
    return tree(
        np.random.default_rng(seed).poisson(pmma(scale=scale, step=step) + 150).astype(float), intensity="counts"
    )


def test_known_areas_come_back_within_their_errors():
    pulls = []
    for number in range(8):
        spectrum = counted(seed=number)
        seed = seed_region(spectrum, "C1s", ESTER, Settings())
        fit = fit_seed(seed, spectrum["C1s"].to_dataset())
        assert fit.success
        ester = fit.params["ester_amplitude"]
        pulls.append((ester.value - 2e4) / ester.stderr)
        assert fit.redchi == pytest.approx(1, abs=0.4)
    assert np.sqrt(np.mean(np.square(pulls))) < 2
    assert abs(np.mean(pulls)) < 1.5


def test_counts_are_weighted_by_poisson_and_it_is_said():
    spectrum = counted()
    fit = fit_seed(seed_region(spectrum, "C1s", ESTER, Settings()), spectrum["C1s"].to_dataset())
    np.testing.assert_allclose(fit.weights, 1 / np.sqrt(fit.best_fit), rtol=2e-3)
    assert fit.weighting == "Poisson, from counts"


def test_normalised_data_are_weighted_by_their_scatter():
    spectrum = tree(pmma() + np.random.default_rng(1).normal(0, 0.01, X.size))
    fit = fit_seed(seed_region(spectrum, "C1s", ESTER, Settings()), spectrum["C1s"].to_dataset())
    assert fit.weighting == "estimated from the scatter"
    assert 1 / fit.weights[0] == pytest.approx(0.01, rel=0.5)


def test_agrees_with_plain_lmfit():
    spectrum = counted()
    data = spectrum["C1s"].to_dataset()
    seed = seed_region(spectrum, "C1s", ESTER, Settings())
    counts = data["counts"].values
    weights = 1 / np.sqrt(counts)
    plain = seed.model.fit(counts, seed.params, x=data["binding_energy"].values, weights=weights)
    ours = fit_seed(seed, data, weights=weights)
    assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-4)
    for name in ("alkyl_center", "ester_amplitude"):
        assert ours.params[name].value == pytest.approx(plain.params[name].value, abs=0.2 * plain.params[name].stderr)
        assert ours.params[name].stderr == pytest.approx(plain.params[name].stderr, rel=0.1)


def test_direction_does_not_matter():
    spectrum = counted()
    up = spectrum["C1s"].to_dataset()
    seed = seed_region(spectrum, "C1s", ESTER, Settings())
    down = up.isel(binding_energy=slice(None, None, -1))
    assert fit_seed(seed, down).chisqr == pytest.approx(fit_seed(seed, up).chisqr, rel=1e-6)


def test_evaluations_are_capped_without_an_exception():
    spectrum = counted()
    seed = seed_region(spectrum, "C1s", ESTER, Settings())
    for parameter in seed.params.values():
        if parameter.vary and parameter.min == 0:  # amplitudes, far from where the seed has put them
            parameter.value *= 0.3
    fit = fit_seed(seed, spectrum["C1s"].to_dataset(), max_nfev=3)
    assert not fit.success
    assert "max_nfev=3" in fit.message
    assert fit.nfev <= 4
    assert fit.message in fit_quality(seed, fit).notes


def test_a_failure_is_a_result():
    spectrum = counted()
    seed = seed_region(spectrum, "C1s", ESTER, Settings())
    data = spectrum["C1s"].to_dataset()
    data["counts"] = data["counts"].where(data["binding_energy"] > 285)  # NaN below
    fit = fit_seed(seed, data)
    assert not fit.success
    assert fit.message.startswith("The fit failed")
    assert fit.params == seed.params
    assert np.isfinite(fit.best_fit).all()
    assert fit_quality(seed, fit).notes


def test_more_parameters_than_points_is_a_result():
    seed = seed_region(counted(), "C1s", ESTER, Settings())
    x = np.linspace(284, 290, 9)
    fit = fit_seed(seed, tree(pmma(x) + 0.001, x)["C1s"].to_dataset())
    assert fit.nvarys > 9
    assert fit_quality(seed, fit).notes


def test_stacks_are_refused():
    spectrum = counted()
    seed = seed_region(spectrum, "C1s", ESTER, Settings())
    stack = spectrum["C1s"].to_dataset().expand_dims(pixel=2)
    with pytest.raises(PrefitError, match="stack"):
        fit_seed(replace(seed, region="C1s"), stack)


def test_fault_of_the_program_does_not_pass_for_a_failed_fit(monkeypatch):
    # As lmfit 1.3.2 answers an analytic Jacobian: every fit would keep its start values.
    def older(*args, **kws):
        raise TypeError("jacobian() got an unexpected keyword argument 'apply_bounds_transformation'")

    monkeypatch.setattr("xps_stn_plugin.fitting.fit.solve_compiled", older)
    spectrum = counted()
    seed = seed_region(spectrum, "C1s", ESTER, Settings())
    with pytest.raises(TypeError, match="apply_bounds_transformation"):
        fit_seed(seed, spectrum["C1s"].to_dataset())
