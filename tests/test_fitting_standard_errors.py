from __future__ import annotations

import numpy as np
import pytest
from lmfit.models import ConstantModel, GaussianModel

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import complete_errors, component_table, fit_quality, fit_seed
from xps_stn_plugin.fitting.standard_errors import uncertainty

X = np.linspace(280, 295, 151)


def lines(*centers, area=2000.0, sigma=0.5):
    return sum((area * np.exp(-0.5 * ((X - c) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi)) for c in centers), 100.0)


def seeded(*centers, area=1500.0):
    """Gaussian lines a_, b_, ... of one width on a constant."""
    letters = "abcdef"[: len(centers)]
    model = ConstantModel(prefix="bg_")
    for letter in letters:
        model += GaussianModel(prefix=f"{letter}_")
    params = model.make_params(bg_c=100.0)
    for letter, center in zip(letters, centers, strict=True):
        params[f"{letter}_center"].set(center, min=center - 0.4, max=center + 0.4)
        params[f"{letter}_amplitude"].set(area, min=0)
        params[f"{letter}_sigma"].set(0.5, min=0.2, max=1.0)
        if letter != "a":
            params[f"{letter}_sigma"].set(expr="a_sigma")
    components = tuple(SeedComponent(f"{letter}_", f"C1s {letter.upper()}", ("ester",)) for letter in letters)
    return Seed("C1s", model, params, components, "offset")


def data(counts, seed=0):
    return region_dataset("made", X, np.random.default_rng(seed).poisson(counts), region="C1s", intensity="counts")


def spoiled(fit, *names):
    """Take errors away, as lmfit leaves them where the normal matrix has no inverse."""
    for name in names or fit.params:
        fit.params[name].stderr = fit.params[name].correl = None
    return fit


def test_recomputed_errors_are_those_of_lmfit():
    seed = seeded(285.0, 286.4)
    fit = fit_seed(seed, data(lines(285.0, 286.5)))
    before = {name: p.stderr for name, p in fit.params.items() if p.stderr}
    correlation = fit.params["a_amplitude"].correl["b_amplitude"]
    again = uncertainty(seed, spoiled(fit))
    assert set(before) <= set(again.stderr)
    for name, value in before.items():
        assert again.stderr[name] == pytest.approx(value, rel=1e-3), name
    (found,) = (r for one, other, r in again.correlations if {one, other} == {"a_amplitude", "b_amplitude"})
    assert found == pytest.approx(correlation, abs=1e-3)


def test_numerical_jacobian_gives_the_same():
    seed = seeded(285.0, 286.4)
    fit = fit_seed(seed, data(lines(285.0, 286.5)))
    spoiled(fit)
    own = uncertainty(seed, fit).stderr
    fit.jac = None
    numerical = uncertainty(seed, fit).stderr
    assert set(own) == set(numerical)
    for name, value in own.items():
        assert numerical[name] == pytest.approx(value, rel=1e-3), name


def test_errors_of_the_others_where_one_component_has_no_signal():
    seed = seeded(285.0, 289.0)
    fit = fit_seed(seed, data(lines(285.0)), params=_with(seed, b_amplitude=0.0))
    fit.params["b_amplitude"].set(value=0.0)
    spoiled(fit)
    found = uncertainty(seed, fit)
    assert found.held["b_amplitude"] == "bound"
    assert found.held["b_center"] == "no effect"
    alone = fit_seed(seeded(285.0), data(lines(285.0)))
    assert found.stderr["a_center"] == pytest.approx(alone.params["a_center"].stderr, rel=0.02)
    assert found.stderr["b_sigma"] == pytest.approx(alone.params["a_sigma"].stderr, rel=0.02)
    rows = component_table(seed, fit)
    assert set(rows[0].stderr) == {"center", "fwhm", "area"}
    assert rows[1].stderr == {}
    assert rows[1].at_bound == ("area",)
    notes = fit_quality(seed, fit).notes
    assert "C1s B has no signal: its area ended at zero." in notes
    assert "What ended at a bound has no standard error and is held for those of the others." in notes


def _with(seed, **values):
    params = seed.params.copy()
    for name, value in values.items():
        params[name].set(value=value)
    return params


def test_coincident_components_are_named():
    seed = seeded(285.0, 285.0, 289.0)
    for letter in "ab":
        seed.params[f"{letter}_center"].set(value=285.0, vary=False)
    fit = fit_seed(seed, data(lines(285.0, 289.0)))
    found = uncertainty(seed, spoiled(fit))
    assert found.inseparable == (("a_amplitude", "b_amplitude", -1.0),)
    assert "a_amplitude" not in found.stderr
    assert found.stderr["c_center"] > 0
    assert found.stderr["a_sigma"] > 0
    notes = fit_quality(seed, fit).notes
    said = "No standard error of the area of C1s A and the area of C1s B: they correlate at -1.00, so that the data"
    assert any(note.startswith(said) for note in notes)
    rows = {row.name: row for row in component_table(seed, fit)}
    assert "area" not in rows["C1s A"].stderr
    assert "area" in rows["C1s C"].stderr


def test_overlapping_components_are_said_to_correlate():
    seed = seeded(285.0, 285.1)
    for letter in "ab":
        seed.params[f"{letter}_center"].set(vary=False)
    quality = fit_quality(seed, fit_seed(seed, data(lines(285.0, 285.1))))
    ((one, other, value),) = quality.correlations
    assert {one, other} == {"area of C1s A", "area of C1s B"}
    assert value < -0.95
    assert f"C1s A and C1s B: areas correlate at {value:.2f}: only their sum is well determined." in quality.notes


def test_a_tie_to_what_is_unknown_is_unknown():
    seed = seeded(285.0, 285.0, 289.0)
    for letter in "ab":
        seed.params[f"{letter}_center"].set(value=285.0, vary=False)
    seed.params["b_amplitude"].set(min=-np.inf)
    seed.params["c_amplitude"].set(min=-np.inf, expr="0.5*b_amplitude")
    fit = spoiled(fit_seed(seed, data(lines(285.0))))
    # c lies elsewhere and tells b: everything is determined.
    assert uncertainty(seed, fit).undetermined == ()
    seed.params["c_center"].set(value=285.0, min=284.0, vary=False)
    fit = spoiled(fit_seed(seed, data(lines(285.0))))
    assert not {"a_amplitude", "b_amplitude", "c_amplitude"} & set(uncertainty(seed, fit).stderr)


def test_completing_fills_what_is_missing_and_nothing_else():
    seed = seeded(285.0, 286.4)
    fit = fit_seed(seed, data(lines(285.0, 286.5)))
    covar = fit.covar
    spoiled(fit)
    fit.covar = None
    fit.params["bg_c"].stderr = 123.0
    complete_errors(seed, fit)
    assert fit.params["bg_c"].stderr == 123.0
    place = fit.var_names.index("a_center")
    assert fit.params["a_center"].stderr == pytest.approx(np.sqrt(covar[place, place]), rel=1e-3)
    np.testing.assert_allclose(fit.covar[place, place:], covar[place, place:], rtol=1e-2)
    assert fit.params["a_amplitude"].correl["a_sigma"] == pytest.approx(fit.params["a_sigma"].correl["a_amplitude"])


def test_what_is_held_has_no_variance():
    seed = seeded(285.0, 289.0)
    fit = fit_seed(seed, data(lines(285.0)), params=_with(seed, b_amplitude=0.0))
    fit.params["b_amplitude"].set(value=0.0)
    fit.jac = None
    complete_errors(seed, fit)
    assert fit.errorbars
    assert fit.params["a_center"].stderr > 0
    assert fit.params["b_center"].stderr is None
    place = fit.var_names.index("a_center")
    assert fit.covar[place, place] == pytest.approx(fit.params["a_center"].stderr ** 2)
    assert fit.covar[fit.var_names.index("b_center")].tolist() == [0.0] * len(fit.var_names)


def test_without_success_there_are_no_errors_to_complete():
    seed = seeded(285.0, 286.4)
    fit = spoiled(fit_seed(seed, data(lines(285.0, 286.5)), max_nfev=2))
    assert not fit.success
    assert uncertainty(seed, fit).stderr == {}
    quality = fit_quality(seed, fit)
    assert quality.notes[0] == fit.message
    assert any("found no minimum" in note for note in quality.notes)


def _degenerate():
    """Two lines in nearly one place, their ratio and distance within bounds."""
    seed = seeded(285.0, 285.3)
    seed.params.add("b_ratio", value=1.0, min=0.65, max=1.5)
    seed.params["b_amplitude"].set(expr="b_ratio*a_amplitude")
    seed.params.add("b_gap", value=0.07, min=0.02, max=0.12)
    seed.params["b_center"].set(expr="a_center+b_gap", min=-np.inf, max=np.inf)
    return seed


def test_errors_that_a_bound_has_spoiled_are_had_without_it():
    seed, counts = _degenerate(), data(lines(285.0, area=300.0))["counts"].values
    plain = seed.model.fit(counts, seed.params, x=X, weights=1 / np.sqrt(counts), method="least_squares")
    assert plain.params["a_center"].stderr > 1.0
    found = uncertainty(seed, plain)
    assert found.spoiled
    assert set(found.held) == {"b_ratio", "b_gap"}
    params = plain.params.copy()
    for name in found.held:
        params[name].set(vary=False)
    alone = seed.model.fit(counts, params, x=X, weights=1 / np.sqrt(counts), method="least_squares")
    for name in ("a_center", "a_amplitude", "a_sigma", "b_amplitude", "b_center"):
        assert found.stderr[name] == pytest.approx(alone.params[name].stderr, rel=0.05), name
    notes = fit_quality(seed, plain).notes
    assert "C1s B: area ratio at the lower end of its range (0.65), distance from its neighbour" in " ".join(notes)
    assert "What ended at a bound has no standard error and is held for those of the others." in notes


def test_a_range_that_tells_more_than_the_data_is_the_error():
    seed, counts = _degenerate(), data(lines(285.0, area=300.0))["counts"].values
    seed.params["b_ratio"].set(value=1.0, vary=False)
    fit = seed.model.fit(counts, seed.params, x=X, weights=1 / np.sqrt(counts), method="least_squares", max_nfev=200)
    fit.params["b_gap"].set(value=0.07)
    fit.jac = None
    found = uncertainty(seed, fit)
    assert found.by_range == ("b_gap",)
    assert found.stderr["b_gap"] == pytest.approx(0.1 / np.sqrt(12), rel=0.01)
    # Half of the distance's error goes into the first line's place: the middle of the two is what the data tell.
    assert found.stderr["a_center"] == pytest.approx(0.5 * found.stderr["b_gap"], rel=0.5)
    said = (
        "The data hardly determine the distance from its neighbour of C1s B: the standard error is that of the range."
    )
    assert said in fit_quality(seed, fit).notes
    complete_errors(seed, fit)
    assert fit.params["b_gap"].stderr == found.stderr["b_gap"]
    # Asked again, it says the same.
    assert uncertainty(seed, fit).by_range == ("b_gap",)
