"""Fits through a plan beside the same fits through lmfit alone."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import lmfit
import numpy as np
import pytest
from lmfit.model import load_modelresult, save_modelresult
from lmfit.models import ConstantModel, GaussianModel, LinearModel, PseudoVoigtModel
from seeded import X, counted, pmma, seeded

from benchmarks.polymers import load
from benchmarks.seeded_fits import prediction
from xps_prefit_hooks import Seed, Settings
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import fit_seed, lmfit_result
from xps_stn_plugin.fitting.fit import SOLVER
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.shapes import HydrocarbonModel, RegionModel, SteppedPseudoVoigtModel, hydrocarbon
from xps_stn_plugin.models.shapes import stepped_pseudo_voigt as line
from xps_stn_plugin.seeding import seed_region

STRD = Path(__file__).parent / "data" / "strd"


def simulated(model, truth, *, x, seed=1, ties=None, free=(), extra=None, offset=None):
    """Seed that starts beside the truth, and Poisson counts of the truth."""
    params = model.make_params()
    for name, value in (extra or {}).items():
        params.add(name, **value)
    for name, value in truth.items():
        params[name].set(value=value)
    for name, tie in (ties or {}).items():
        params[name].set(expr=tie)
    for name in free:
        params[name].set(vary=True)
    params.update_constraints()
    counts = np.random.default_rng(seed).poisson(model.eval(params, x=x)).astype(float)
    random = np.random.default_rng(99)
    for name, p in params.items():
        if p.vary and not p.expr:
            moved = p.value + random.normal(0, 0.1) if name.endswith("center") else p.value * random.uniform(0.8, 1.2)
            p.set(value=float(np.clip(moved, p.min, p.max)))
    return seed_of(model, params), region_dataset("test", x, counts, region="C1s", intensity="counts")


def seed_of(model, params):
    return Seed("C1s", model, params, (), "linear")


def doublet():
    model = RegionModel([SteppedPseudoVoigtModel(prefix=p) for p in ("a_", "a_low_", "b_", "b_low_")])
    model = RegionModel([*model.components, LinearModel(prefix="bg_")])
    truth = {"a_amplitude": 8e3, "a_center": 163.7, "a_sigma": 0.45, "a_fraction": 0.2, "a_step": 0.03}
    truth |= {"b_amplitude": 3e3, "b_center": 165.4, "bg_slope": 5.0, "bg_intercept": -400.0}
    ties = {"b_sigma": "a_sigma", "b_fraction": "a_fraction", "b_step": "a_step"}
    for p in ("a_", "b_"):
        ties |= {f"{p}low_amplitude": f"0.511*{p}amplitude", f"{p}low_center": f"{p}center+1.18"}
        ties |= {f"{p}low_{n}": f"{p}{n}" for n in ("sigma", "fraction", "step")}
    return simulated(model, truth, x=np.linspace(158, 172, 141), ties=ties, free=["a_step"])


def vibrational():
    model = RegionModel([HydrocarbonModel(prefix="a_"), HydrocarbonModel(prefix="b_"), ConstantModel(prefix="bg_")])
    truth = {"a_amplitude": 2e4, "a_center": 285.0, "a_sigma": 0.4, "a_fraction": 0.2, "a_vibration": 0.4}
    truth |= {"b_amplitude": 9e3, "b_center": 286.5, "b_vibration": 0.3, "bg_c": 200.0}
    ties = {"b_sigma": "a_sigma", "b_fraction": "a_fraction"}
    return simulated(model, truth, x=np.linspace(280, 292, 160), ties=ties, free=["a_vibration"])


def shirley():
    model = RegionModel(
        [HydrocarbonModel(prefix="a_"), SteppedPseudoVoigtModel(prefix="b_"), LinearModel(prefix="bg_")]
    )
    truth = {"a_amplitude": 2e4, "a_center": 285.0, "a_sigma": 0.5, "a_fraction": 0.2, "a_vibration": 0.4}
    truth |= {"a_step": 0.04, "b_amplitude": 7e3, "b_center": 289.0, "bg_slope": 0.0, "bg_intercept": 250.0}
    ties = {"b_sigma": "a_sigma", "b_fraction": "a_fraction", "b_step": "a_step"}
    seed, data = simulated(model, truth, x=np.linspace(280, 294, 141), ties=ties, free=["a_step"])
    seed.params["bg_slope"].set(vary=False)
    return seed, data


def satellites():
    """Shake-up by its share of the main line, and a second satellite by its distance and the product of two ratios."""
    model = RegionModel([SteppedPseudoVoigtModel(prefix=p) for p in ("a_", "s_", "t_")])
    model = RegionModel([*model.components, LinearModel(prefix="bg_")])
    truth = {"a_amplitude": 5e4, "a_center": 284.7, "a_sigma": 0.5, "a_fraction": 0.2, "a_step": 0.01}
    truth |= {"s_center": 291.2, "s_sigma": 1.0, "s_fraction": 0.3, "t_fraction": 0.3}
    truth |= {"bg_slope": 2.0, "bg_intercept": 100.0, "s_ratio": 0.08, "t_ratio": 0.5, "t_gap": 2.6}
    extra = {"s_ratio": {"min": 0.02, "max": 0.2}, "t_ratio": {"min": 0.1, "max": 1}, "t_gap": {"min": 2, "max": 3.5}}
    ties = {"s_amplitude": "s_ratio*a_amplitude", "t_amplitude": "t_ratio*s_amplitude", "t_center": "s_center + t_gap"}
    ties |= {"t_sigma": "s_sigma*sqrt(1.2)", "s_step": "a_step", "t_step": "a_step"}
    seed, data = simulated(model, truth, x=np.linspace(280, 300, 200), ties=ties, extra=extra, free=["a_step"])
    for name in ("s_fraction", "t_fraction"):
        seed.params[name].set(vary=False)
    return seed, data


def unusual_tie():
    """A tie that only lmfit's interpreter knows, with a function that the user gave it."""
    model = RegionModel([PseudoVoigtModel(prefix="a_"), PseudoVoigtModel(prefix="b_"), LinearModel(prefix="bg_")])
    params = lmfit.Parameters(usersyms={"bent": lambda v: v / (1 + v)})
    params.update(model.make_params())
    values = {"a_amplitude": 2e4, "a_center": 285.0, "a_sigma": 0.6, "a_fraction": 0.2, "b_center": 287.2}
    for name, value in {**values, "b_sigma": 0.6, "b_fraction": 0.3, "bg_slope": 0.0, "bg_intercept": 200.0}.items():
        params[name].set(value=value)
    params["b_sigma"].set(expr="a_sigma if a_sigma > 0.3 else 0.3")
    params.add("share", value=0.9, min=0, max=5)
    params["b_amplitude"].set(expr="a_amplitude*bent(share)")
    params["b_fraction"].set(vary=False)
    x = np.linspace(280, 292, 121)
    y = np.random.default_rng(4).poisson(model.eval(params, x=x)).astype(float)
    params["a_center"].set(value=285.1)
    params["share"].set(value=0.5)
    return seed_of(model, params), region_dataset("test", x, y, region="C1s", intensity="counts")


def joined():
    """A user's Gaussian added to a seeded model; lmfit's own composite, and parameters that its make_params brings."""
    seed, data = shirley()
    mine = GaussianModel(prefix="mine_")
    params = seed.params.copy()
    params.update(mine.make_params(amplitude=2e3, center=287.3, sigma=0.5))
    params["mine_sigma"].set(max=1.0)
    x, y = data["binding_energy"].values, data["counts"].values
    y = y + np.random.default_rng(5).poisson(line(x, 3e3, 287.2, 0.6, 0.0))
    return seed_of(seed.model + mine, params), region_dataset("test", x, y, region="C1s", intensity="counts")


CASES = {f.__name__: f for f in (doublet, vibrational, shirley, satellites, unusual_tie, joined)}


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_plain_lmfit(name):
    seed, data = CASES[name]()
    ours = fit_seed(seed, data)
    plain = fit_seed(
        seed, data, jacobian="numeric", weights=ours.weights, fit_kws={**SOLVER, "ftol": 1e-9, "xtol": 1e-9}
    )
    assert ours.success
    assert plain.success
    assert ours.nfev < plain.nfev / 3
    assert ours.redchi == pytest.approx(1, abs=0.35)
    assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-6)
    assert list(ours.params) == list(plain.params)
    for key, expected in plain.params.items():
        found = ours.params[key]
        for attribute in ("vary", "expr", "min", "max", "init_value"):
            assert getattr(found, attribute) == getattr(expected, attribute), (key, attribute)
        if expected.stderr:
            assert found.value == pytest.approx(expected.value, abs=0.02 * expected.stderr), key
            assert found.stderr == pytest.approx(expected.stderr, rel=0.01), key
            assert ours.uvars[key].s == pytest.approx(found.stderr, rel=1e-6), key
            assert ours.uvars[key].n == pytest.approx(found.value), key
        else:
            assert (found.value, found.stderr) == (pytest.approx(expected.value), expected.stderr), key
        assert (found.correl or {}) == pytest.approx(expected.correl or {}, abs=0.01), key


@pytest.mark.parametrize("name", ["doublet", "unusual_tie"])
def test_the_result_is_an_ordinary_one(name):
    seed, data = CASES[name]()
    ours = fit_seed(seed, data)
    plain = fit_seed(seed, data, jacobian="numeric", weights=ours.weights)
    assert type(ours) is type(plain) is lmfit.model.ModelResult
    assert set(vars(ours)) == set(vars(plain))
    for key in ("init_values", "var_names", "init_vals", "ndata", "nvarys", "nfree", "method", "errorbars", "aborted"):
        assert getattr(ours, key) == getattr(plain, key), key
    np.testing.assert_allclose(ours.init_fit, plain.init_fit)
    np.testing.assert_allclose(ours.best_fit, ours.eval())
    np.testing.assert_allclose(ours.residual, (ours.data - ours.best_fit) * ours.weights, rtol=1e-6, atol=1e-6)
    assert ours.best_values == pytest.approx(plain.best_values, rel=1e-2)
    assert list(ours.eval_components()) == list(plain.eval_components())
    for key in ("chisqr", "redchi", "aic", "bic", "rsquared"):
        assert getattr(ours, key) == pytest.approx(getattr(plain, key), rel=1e-5), key
    np.testing.assert_allclose(ours.covar, plain.covar, rtol=0.02, atol=0.01 * np.abs(plain.covar).max())
    assert ours.fit_report().splitlines()[:6] == [
        line if "evals" not in line else f"    # function evals   = {ours.nfev}"
        for line in plain.fit_report().splitlines()[:6]
    ]
    assert ours.jac.shape == (ours.ndata, ours.nvarys)
    again = ours.fit()
    assert again is None
    assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-5)


def drafted():
    """Seed of which nobody has asked for lmfit's parameters, and its data."""
    counts = counted(3000 * pmma() + 200, 1)
    dataset = region_dataset("test", X, counts, region="C1s", intensity="counts")
    return seeded(counts, "alkane", "ester (aliphatic)"), dataset


def test_a_result_is_made_when_it_is_asked_for():
    seed, data = drafted()
    fit = fit_seed(seed, data)
    assert fit.success
    assert fit.nfev > 1
    assert seed.untouched
    assert isinstance(fit, lmfit.model.ModelResult)
    assert type(fit) is not lmfit.model.ModelResult
    other = fit_seed(seed, data, params=seed.params)
    assert type(other) is lmfit.model.ModelResult
    # The fit is that of the draft, whatever becomes of the seed's parameters.
    master = next(name for name in seed.params if name.endswith("_sigma") and not seed.params[name].expr)
    seed.params[master].set(value=0.9 * seed.params[master].value)
    assert fit.params == other.params
    assert fit.init_params == other.init_params
    assert type(fit) is lmfit.model.ModelResult
    assert set(vars(fit)) == set(vars(other))
    assert fit.chisqr == other.chisqr
    assert fit_seed(seed, data).init_params[master].value == seed.params[master].value


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda fit: pickle.loads(pickle.dumps(fit))])
def test_a_result_that_is_not_made_yet_travels(travel):
    seed, data = drafted()
    fit = travel(fit_seed(seed, data))
    assert type(fit) is lmfit.model.ModelResult
    np.testing.assert_allclose(fit.best_fit, fit.eval())


def test_what_is_noted_on_a_result_before_it_is_made_stays():
    seed, data = drafted()
    fit = fit_seed(seed, data)
    fit.confidence = "noted"
    assert fit.redchi > 0
    assert fit.confidence == "noted"
    assert not hasattr(fit, "missing")


def test_the_result_is_saved_loaded_and_pickled(tmp_path):
    seed, data = doublet()
    fit = fit_seed(seed, data)
    copy = pickle.loads(pickle.dumps(fit))
    assert copy.params == fit.params
    np.testing.assert_allclose(copy.eval(), fit.best_fit)
    save_modelresult(fit, tmp_path / "fit.sav")
    functions = {"stepped_pseudo_voigt": line, "hydrocarbon": hydrocarbon}
    loaded = load_modelresult(tmp_path / "fit.sav", funcdefs=functions)
    np.testing.assert_allclose(loaded.best_fit, fit.best_fit)
    assert loaded.params["a_low_amplitude"].stderr == pytest.approx(fit.params["a_low_amplitude"].stderr)


def test_confidence_intervals_can_be_had():
    seed, data = shirley()
    fit = fit_seed(seed, data)
    found = fit.conf_interval(p_names=["b_center"], sigmas=[1])["b_center"]
    low, best, high = (value for _, value in found)
    stderr = fit.params["b_center"].stderr
    assert best == pytest.approx(fit.params["b_center"].value, abs=0.01 * stderr)
    assert (high - low) / 2 == pytest.approx(stderr, rel=0.1)


def test_evaluations_are_counted_as_they_are(monkeypatch):
    calls = []
    evaluate = CompiledModel.evaluate

    def counted(self, *arguments):
        calls.append(arguments)
        return evaluate(self, *arguments)

    monkeypatch.setattr(CompiledModel, "evaluate", counted)
    seed, data = doublet()
    compiled = CompiledModel.compile(seed.model, seed.params)
    x, y = data["binding_energy"].values, data["counts"].values
    fit = lmfit_result.solve_compiled(compiled, x, y, 1.0 / np.sqrt(y), 1000, {}, np.ones(y.size))
    assert fit.known["nfev"] == len(calls)


@pytest.mark.parametrize(
    "options", [{"method": "leastsq"}, {"weights": None}, {"calc_covar": False}, {"nan_policy": "omit"}]
)
def test_other_options_go_to_lmfit(options, monkeypatch):
    from xps_stn_plugin.fitting import fit as module

    monkeypatch.setattr(module, "solve_compiled", lambda *args, **kws: pytest.fail("compiled"))
    seed, data = vibrational()
    assert fit_seed(seed, data, **options).success
    product = seed_of(seed.model * ConstantModel(prefix="k_"), seed.params.copy())
    product.params.add("k_c", value=1.0, vary=False)
    assert fit_seed(product, data).success


def test_the_callers_weights_and_options_count():
    seed, data = vibrational()
    weights = np.full(data["counts"].size, 0.01)
    fit = fit_seed(seed, data, weights=weights, scale_covar=False, fit_kws={**SOLVER, "ftol": 1e-12, "xtol": 1e-12})
    plain = seed.model.fit(
        data["counts"].values, seed.params, x=data["binding_energy"].values, weights=weights, scale_covar=False
    )
    assert fit.weighting == "given by the caller"
    assert plain.chisqr * (1 - 1e-5) < fit.chisqr < plain.chisqr * (1 + 1e-9)
    assert fit.params["b_sigma"].stderr == pytest.approx(plain.params["b_sigma"].stderr, rel=0.01)


def test_a_robust_loss_is_that_of_lmfit():
    seed, data = vibrational()
    data["counts"][100] += 5e3
    options = {**SOLVER, "loss": "soft_l1", "ftol": 1e-10, "xtol": 1e-10}
    ours = fit_seed(seed, data, fit_kws=options)
    plain = fit_seed(seed, data, jacobian="numeric", weights=ours.weights, fit_kws=options)
    assert ours.cost == pytest.approx(plain.cost, rel=1e-8)
    assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-5)
    np.testing.assert_allclose(ours.residual, (ours.data - ours.best_fit) * ours.weights, atol=1e-9)


def test_a_component_at_its_bound():
    seed, data = shirley()
    seed.params["b_center"].set(value=289.4, min=289.3, max=290)  # the line lies at 289.0
    ours = fit_seed(seed, data)
    plain = fit_seed(seed, data, jacobian="numeric", weights=ours.weights)
    assert ours.params["b_center"].value == pytest.approx(289.3, abs=1e-3)
    assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-4)
    assert ours.params["b_center"].stderr == pytest.approx(plain.params["b_center"].stderr, rel=0.02)


def test_a_tie_at_its_bound_has_lmfits_error():
    seed, data = vibrational()
    seed.params["b_sigma"].set(max=0.3)
    ours = fit_seed(seed, data)
    plain = fit_seed(seed, data, jacobian="numeric", weights=ours.weights)
    assert ours.params["b_sigma"].value == plain.params["b_sigma"].value == 0.3
    assert ours.params["b_sigma"].stderr == pytest.approx(plain.params["b_sigma"].stderr, rel=0.02)
    assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-5)


def test_a_parameter_that_moves_nothing_does_not_disturb_the_others():
    seed, data = vibrational()
    weights = 1.0 / np.sqrt(data["counts"].values)
    plain = fit_seed(seed, data, jacobian="numeric", weights=weights)
    seed.params.add("idle", value=1.0)
    ours = fit_seed(seed, data, weights=weights)
    assert ours.success
    assert ours.params["idle"].value == 1.0
    assert ours.params["idle"].stderr is None
    for name in plain.var_names:
        assert ours.params[name].value == pytest.approx(plain.params[name].value, abs=0.02 * plain.params[name].stderr)
        assert ours.params[name].stderr == pytest.approx(plain.params[name].stderr, rel=0.02)


def test_a_circle_of_ties_is_a_failed_fit():
    seed, data = vibrational()
    for name, other in (("a_sigma", "b_fraction"), ("b_fraction", "a_sigma")):
        seed.params[name]._expr, seed.params[name]._vary, seed.params[name]._delay_asteval = other, False, True
    fit = fit_seed(seed, data, params=seed.params)
    assert not fit.success
    assert "circle" in fit.message


@pytest.mark.data
@pytest.mark.slow
def test_measured_polymers_agree_with_plain_lmfit(shared):
    for polymer in load(shared / "measured")[::5]:
        spectrum = polymer.spectrum(0.0)
        for region in spectrum.children:
            seed = seed_region(spectrum, region, prediction(polymer.groups), Settings())
            if seed is None:
                continue
            data = spectrum[region].to_dataset()
            ours = fit_seed(seed, data)
            plain = fit_seed(seed, data, jacobian="numeric", weights=ours.weights)
            assert ours.success == plain.success
            assert ours.chisqr == pytest.approx(plain.chisqr, rel=1e-5), (polymer.name, region)
            for key in plain.var_names:
                expected = plain.params[key]
                if expected.stderr is None:
                    assert ours.params[key].stderr is None, key
                else:
                    assert ours.params[key].value == pytest.approx(expected.value, abs=0.1 * expected.stderr), key
                    assert ours.params[key].stderr == pytest.approx(expected.stderr, rel=0.02), key


def certified(name):
    """Data, two starts, and certified values and standard deviations of a data set of NIST's StRD."""
    rows = (STRD / f"{name}.dat").read_text().splitlines()
    table = [row.split()[2:] for row in rows[40:60] if row.strip().startswith("b")]
    first = next(i for i, row in enumerate(rows) if row.startswith("Data:") and i > 50) + 1
    y, x = np.array([row.split() for row in rows[first:] if row.strip()], dtype=float).T
    return x, y, np.array(table, dtype=float).T


def lines_by_ties(peaks):
    """Exponential and Gaussians whose own parameters are tied to NIST's b1, b2, ..."""
    half_width = "sqrt(log(2))"
    for i, component in enumerate(peaks):
        height, center, width = (f"b{3 * i + n}" for n in (3, 4, 5))
        p = component.prefix
        ties = {f"{p}center": center, f"{p}amplitude": f"{height}*{width}*sqrt(pi)"}
        if isinstance(component, GaussianModel):
            yield {**ties, f"{p}sigma": f"{width}/sqrt(2)"}
        else:
            yield {**ties, f"{p}sigma": f"{width}*{half_width}"}


@pytest.mark.parametrize("shape", [PseudoVoigtModel, SteppedPseudoVoigtModel, GaussianModel])
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", ["Gauss1", "Gauss2", "Gauss3"])
def test_certified_values_of_nist(name, start, shape):
    x, y, table = certified(name)
    peaks = [shape(prefix="one_"), shape(prefix="two_")]
    model = RegionModel([lmfit.models.ExponentialModel(prefix="e_"), *peaks])
    params = model.make_params()
    for number, value in enumerate(table[start], 1):
        params.add(f"b{number}", value=value)
    params["e_amplitude"].set(expr="b1")
    params["e_decay"].set(expr="1/b2")
    for p in ("one_", "two_"):
        if f"{p}fraction" in params:
            params[f"{p}fraction"].set(value=0.0, vary=False)
    for ties in lines_by_ties(peaks):
        for key, tie in ties.items():
            params[key].set(expr=tie)
    fit = fit_seed(
        seed_of(model, params),
        region_dataset("strd", x, y, region="C1s"),
        weights=np.ones(x.size),
        fit_kws={"x_scale": "jac", "ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15},
    )
    assert fit.njev  # by the plan
    values, errors = table[2:]
    found = [fit.params[f"b{n + 1}"] for n in range(values.size)]
    np.testing.assert_allclose([p.value for p in found], values, rtol=1e-8)
    np.testing.assert_allclose([p.stderr for p in found], errors, rtol=1e-6)
    # Carried over the ties: a height is not a parameter of the line.
    area = fit.params["one_amplitude"]
    assert area.value == pytest.approx(values[2] * values[4] * np.sqrt(np.pi), rel=1e-7)


@pytest.mark.parametrize("start", [0, 1])
def test_certified_values_of_a_harder_set(start):
    x, y, table = certified("Eckerle4")
    model = PseudoVoigtModel()
    params = model.make_params(fraction={"value": 0.0, "vary": False})
    for number, value in enumerate(table[start], 1):
        params.add(f"b{number}", value=value)
    params["amplitude"].set(expr="b1*sqrt(2*pi)")
    params["sigma"].set(expr="b2*sqrt(2*log(2))")
    params["center"].set(expr="b3")
    fit = fit_seed(
        seed_of(model, params),
        region_dataset("strd", x, y, region="C1s"),
        weights=np.ones(x.size),
        fit_kws={"x_scale": "jac", "ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15},
    )
    values, errors = table[2:]
    found = [fit.params[f"b{n}"] for n in (1, 2, 3)]
    np.testing.assert_allclose([p.value for p in found], values, rtol=1e-8)
    np.testing.assert_allclose([p.stderr for p in found], errors, rtol=1e-6)
