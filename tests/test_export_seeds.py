from __future__ import annotations

import json
import math
import operator

import fakes
import lmfit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lmfit.models import ConstantModel, ExpressionModel, GaussianModel, LinearModel, PolynomialModel, StepModel
from test_expectation_pattern import ESTER, drawn

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError, Seed, SeedComponent
from xps_stn_plugin import models
from xps_stn_plugin.export.seeds import _classes, load_seeds, save_seeds, write

X = np.linspace(280, 292, 50)


def same(one, other):
    assert (one.region, one.components, one.background, one.background_prefix, one.notes, one.shift) == (
        other.region,
        other.components,
        other.background,
        other.background_prefix,
        other.notes,
        other.shift,
    )
    assert list(one.params) == list(other.params)
    assert one.params == other.params
    for name, parameter in one.params.items():
        again = other.params[name]
        assert (parameter.vary, parameter.expr, parameter.brute_step) == (again.vary, again.expr, again.brute_step)
    assert [type(part) for part in one.model.components] == [type(part) for part in other.model.components]
    np.testing.assert_array_equal(one.model.eval(one.params, x=X), other.model.eval(other.params, x=X))


@pytest.mark.parametrize("background", ["linear", "shirley", "tougaard-u2", "offset"])
def test_real_seeds_come_back_as_they_were(tmp_path, background):
    seeds = xps.seeds(drawn(ESTER, 1.0), expect="PMMA", shift=1.0, background=background)
    save_seeds(tmp_path / "a.json", seeds)
    loaded = load_seeds(tmp_path / "a.json")
    assert list(loaded) == ["C1s", "O1s"]
    for region, seed in seeds.items():
        same(seed, loaded[region])
        one, other = xps.fit(seed, drawn(ESTER, 1.0)), xps.fit(loaded[region], drawn(ESTER, 1.0))
        assert one.chisqr == pytest.approx(other.chisqr, rel=1e-9)


def test_the_exporter_writes_the_same_and_open_bounds_are_valid_json(fake, tmp_path):
    result = xps.prefit(fakes.spectrum())
    write(result, tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert document["schema"] == "xps-stn/seeds/2"
    assert (document["source"], document["shift"]) == ("made.csv", fakes.SHIFT)
    for region, seed in load_seeds(tmp_path / "a.json").items():
        same(seed, result.seeds[region])
        assert seed.shift == fakes.SHIFT


numbers = st.floats(-1e6, 1e6, allow_nan=False)
bounds = st.one_of(st.none(), numbers)


@st.composite
def sums(draw):
    made = [
        one
        for one in _classes().values()
        if one.__name__ not in ("SplineModel", "Gaussian2dModel", "ComplexConstantModel")
    ]
    chosen = draw(st.lists(st.sampled_from(made), min_size=1, max_size=4))
    parts = [one(prefix=f"p{number}_") for number, one in enumerate(chosen)]
    model = models.RegionModel(parts) if len(parts) > 1 else parts[0]
    params = lmfit.Parameters()
    for name in model.param_names:
        low, high = draw(bounds), draw(bounds)
        # lmfit refuses bounds that are the same to its eye.
        if low is not None and high is not None and high < low + 1.0 + 1e-6 * abs(low):
            low = None
        params.add(name, draw(numbers), vary=draw(st.booleans()), min=low, max=high)
    names = list(params)
    # A tie to a parameter that comes later, and a parameter of no model.
    params.add("ratio", draw(st.floats(0.1, 10)), min=0.01, max=100)
    if len(names) > 1:
        params[names[0]].set(expr=f"ratio*{names[-1]}", min=-np.inf, max=np.inf)
    words = st.text(max_size=5)
    components = draw(st.lists(st.builds(SeedComponent, words, words, st.tuples(words)), max_size=3))
    return Seed(
        "C1s", model, params, tuple(components), "linear", "bg_", tuple(draw(st.lists(words))), draw(st.floats(-9, 9))
    )


@given(seed=sums())
def test_any_sum_of_known_models_makes_the_round_trip(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("seeds") / "a.json"
    save_seeds(path, seed)
    json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    again = load_seeds(path)["C1s"]
    assert again.params == seed.params
    assert list(again.params) == list(seed.params)
    assert [(type(one), one.prefix) for one in again.model.components] == [
        (type(one), one.prefix) for one in seed.model.components
    ]
    assert (again.components, again.notes, again.shift) == (seed.components, seed.notes, seed.shift)


def seed_of(model, **values):
    params = model.make_params(**values)
    return Seed("C1s", model, params, (), "linear")


def test_options_of_models_are_kept(tmp_path):
    model = PolynomialModel(3, prefix="a_") + StepModel(prefix="b_", form="erf") + GaussianModel(prefix="c_")
    seed = seed_of(model, a_c0=1, a_c1=0, a_c2=0, a_c3=0, b_amplitude=1, b_center=285, b_sigma=1)
    save_seeds(tmp_path / "a.json", seed)
    same(seed, load_seeds(tmp_path / "a.json")["C1s"])


class Homemade(lmfit.Model):
    def __init__(self, prefix="", **kws):
        super().__init__(lambda x, height=1.0: height + 0 * x, prefix=prefix, **kws)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Homemade(prefix="h_"), r"seed of C1s: model Homemade \(prefix 'h_'\) cannot be saved"),
        (lmfit.Model(lambda x, a=1.0: a * x), "model Model .* cannot be saved"),
        (ExpressionModel("a*x"), "model ExpressionModel .* cannot be saved"),
        (GaussianModel(independent_vars=["x", "sigma"]), "model GaussianModel .* cannot be saved"),
        (lmfit.model.CompositeModel(LinearModel(), ConstantModel(), operator.mul), "joins models by mul; only sums"),
    ],
)
def test_foreign_models_are_one_sentence_and_write_nothing(tmp_path, model, message):
    seed = Seed("C1s", model, lmfit.Parameters(), (), "linear")
    with pytest.raises(PrefitError, match=message):
        save_seeds(tmp_path / "a.json", seed)
    assert not list(tmp_path.iterdir())


def test_values_that_are_no_numbers_are_one_sentence(tmp_path):
    seed = seed_of(LinearModel(prefix="bg_"))
    seed.params["bg_slope"].value = math.nan
    with pytest.raises(PrefitError, match="seed of C1s: parameter bg_slope is nan; give it a finite value"):
        save_seeds(tmp_path / "a.json", seed)


def first_schema(seed, **changes):
    region = {
        "model": seed.model.name,
        "background": seed.background,
        "components": [{"prefix": c.prefix, "name": c.name, "groups": list(c.groups)} for c in seed.components],
        "notes": list(seed.notes),
        "params": json.loads(seed.params.dumps()),
    }
    return json.dumps({"schema": "xps-stn/seeds/1", "regions": {"C1s": {**region, **changes}}})


def test_files_of_the_first_schema_load(fake, tmp_path):
    seed = xps.prefit(fakes.spectrum()).seeds["C1s"]
    (tmp_path / "a.json").write_text(first_schema(seed))
    loaded = load_seeds(tmp_path / "a.json")["C1s"]
    assert loaded.params == seed.params
    np.testing.assert_allclose(loaded.model.eval(loaded.params, x=X), seed.model.eval(seed.params, x=X))
    (tmp_path / "b.json").write_text(first_schema(seed, model="Model(gone, prefix='a_')"))
    with pytest.raises(PrefitError, match="is not known here any more; seed the spectrum again"):
        load_seeds(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "is no JSON"),
        ("[1]", "is no file of seeds: its schema is None"),
        ('{"schema": "xps-stn/prefit/1"}', "its schema is 'xps-stn/prefit/1' and should be 'xps-stn/seeds/2'"),
        ('{"schema": "xps-stn/seeds/2", "regions": {"C1s": {}}}', "region C1s is damaged: KeyError 'models'"),
        (
            '{"schema": "xps-stn/seeds/2", "regions": {"C1s": {"models": [{"class": "os", "prefix": ""}]}}}',
            "region C1s: model: 'os' is neither of this package nor of lmfit.models",
        ),
    ],
)
def test_damaged_files_are_one_sentence(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(PrefitError, match=message) as raised:
        load_seeds(tmp_path / "a.json")
    assert "\n" not in str(raised.value)
    with pytest.raises(PrefitError, match="cannot be read: No such file"):
        load_seeds(tmp_path / "none.json")


def test_missing_parameters_are_one_sentence(tmp_path):
    save_seeds(tmp_path / "a.json", seed_of(LinearModel(prefix="bg_"), bg_slope=0, bg_intercept=1))
    document = json.loads((tmp_path / "a.json").read_text())
    del document["regions"]["C1s"]["params"][0]
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(PrefitError, match="region C1s: params: bg_slope is missing"):
        load_seeds(tmp_path / "a.json")
