from __future__ import annotations

import base64
import copy
import json
import math
import operator
import pickle
import re
from pathlib import Path

import fakes
import lmfit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lmfit.models import (
    ConstantModel,
    ExpressionModel,
    GaussianModel,
    LinearModel,
    PolynomialModel,
    PseudoVoigtModel,
    StepModel,
    VoigtModel,
)
from test_expectation_pattern import ESTER, drawn

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError, Seed, SeedComponent
from xps_stn_plugin import models
from xps_stn_plugin.export.seed_document import model_classes
from xps_stn_plugin.export.seeds import load_seeds, save_seeds, write

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
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert document["schema"] == "xps-stn/seeds/2"
    assert (document["source"], document["shift"]) == ("made.csv", fakes.SHIFT)
    for region, seed in load_seeds(tmp_path / "a.json").items():
        same(seed, result.seeds[region])
        assert seed.shift == fakes.SHIFT


numbers = st.floats(-1e6, 1e6, allow_nan=False)
bounds = st.one_of(st.none(), numbers)


@st.composite
def sums(draw):
    chosen = draw(st.lists(st.sampled_from(list(model_classes().values())), min_size=1, max_size=4))
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
    words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
    prefixes = st.sampled_from([part.prefix for part in parts])
    components = draw(st.lists(st.builds(SeedComponent, prefixes, words, st.tuples(words)), max_size=3))
    return Seed(
        "C1s", model, params, tuple(components), "linear", "bg_", tuple(draw(st.lists(words))), draw(st.floats(-9, 9))
    )


@given(seed=sums())
def test_any_sum_of_known_models_makes_the_round_trip(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("seeds") / "a.json"
    save_seeds(path, seed)
    json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
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
        ("nonsense", "is not JSON"),
        ("[1]", "is not a file of seeds: its schema is None"),
        ('{"schema": "xps-stn/prefit/1"}', "its schema is 'xps-stn/prefit/1' and should be 'xps-stn/seeds/2'"),
        ('{"schema": "xps-stn/seeds/2", "regions": {"C1s": {}}}', "region C1s: C1s: 'models' is missing"),
        (
            '{"schema": "xps-stn/seeds/2", "regions": '
            '{"C1s": {"models": [{"class": "os", "prefix": "", "options": {}}]}}}',
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
    with pytest.raises(PrefitError, match="region C1s: params: 'bg_slope' is missing"):
        load_seeds(tmp_path / "a.json")


def test_parameter_with_the_name_of_the_energies_is_refused(tmp_path):
    save_seeds(tmp_path / "a.json", seed_of(LinearModel(prefix="bg_"), bg_slope=0, bg_intercept=1))
    document = json.loads((tmp_path / "a.json").read_text())
    params = document["regions"]["C1s"]["params"]
    params.append({**params[0], "name": "x"})
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(PrefitError, match="'x' is what the models depend on"):
        load_seeds(tmp_path / "a.json")


def line_seed():
    """Seed of a pseudo-Voigt line ``g_`` on a straight line ``bg_``, with lmfit's derived parameters."""
    model = models.RegionModel([PseudoVoigtModel(prefix="g_"), LinearModel(prefix="bg_")])
    params = model.make_params(
        g_amplitude=10.0, g_center=285.0, g_sigma=0.6, g_fraction=0.3, bg_slope=0.0, bg_intercept=1.0
    )
    return Seed("C1s", model, params, (SeedComponent("g_", "C1s C-C"),), "linear")


@pytest.fixture
def changed(tmp_path):
    """Save `line_seed`, change the JSON of its region, and give the path: ``changed(alter, schema)``."""

    def change(alter, schema=2):
        path = tmp_path / "a.json"
        seed = line_seed()
        save_seeds(path, seed)
        document = json.loads(path.read_text())
        region = document["regions"]["C1s"]
        alter(region)
        if schema == 1:
            keys = ("name", "value", "vary", "expr", "min", "max", "brute_step")
            rows = [[row[key] for key in keys] + [None, None, row["value"], None] for row in region["params"]]
            region.update(model=seed.model.name, params={"unique_symbols": {}, "params": rows})
            document["schema"] = "xps-stn/seeds/1"
        path.write_text(json.dumps(document))
        return path

    return change


def parameter(region, name):
    return next(row for row in region["params"] if row["name"] == name)


def refusal(path):
    with pytest.raises(PrefitError) as raised:
        load_seeds(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ") and "\n" not in text and text.isprintable()
    return text.removeprefix(f"{path}: ")


REACHING = (
    "float(open('MARK', 'w').write('x'))",
    "[matrix.tofile(array(bytearray(b'x')), 'MARK'), 1.0][1]",
    "savetxt('MARK', g_sigma)",
    "float(loadtxt('MARK')[0])",
    "().__class__.__bases__[0].__subclasses__()",
    "'{0.__class__}'.format(1)",
    "float(ones(10**10)[0])",
    "float(sum([1 for i in range(10**9)]))",
    "(lambda: 1)()",
    "g_sigma.real",
    "g_sigma if g_sigma else 1",
    "g_sigma > 1",
    "g_sigma // 2",
    "g_sigma % 2",
    "1j",
    "True",
    "'a'",
    "__builtins__",
    "max(1, 2, 3)",
    "exp(g_sigma, 1)",
    "exp(x=1)",
    "exp",
    "import os",
    "x = 1",
    "g_sigma\ng_sigma",
    "",
    " ",
    "\u212f",
    "9**9**9**9",
    "max(9, g_sigma)**max(9**9, g_sigma)",
    "abs(9)**abs(9**9)",
    "(2**1000)**(2**10)",
    "1/0",
    "0**-1",
    "(-1)**0.5",
    "1e999",
    "9" * 5000,
    "(" * 300 + "1" + ")" * 300,
    "-" * 500 + "1",
    "+".join(["g_sigma"] * 200),
    "g_sigma*0 # " + "x" * 5000,
)


@pytest.mark.parametrize("schema", [1, 2])
@pytest.mark.parametrize("expression", REACHING)
def test_load_seeds_of_a_tie_that_is_not_arithmetic_refuses_it(changed, tmp_path, monkeypatch, expression, schema):
    monkeypatch.chdir(tmp_path)
    path = changed(lambda region: parameter(region, "g_center").update(expr=expression), schema)
    assert "parameter g_center: " in refusal(path)
    assert not (tmp_path / "MARK").exists()


@pytest.mark.parametrize("schema", [1, 2])
def test_load_seeds_of_arithmetic_ties_computes_them(changed, schema):
    tie = "max(0.5, 2*g_sigma) + exp(-g_fraction)**2 - abs(min(bg_slope, 1)) + sqrt(log(e))*pi - pi"
    path = changed(lambda region: parameter(region, "g_center").update(expr=tie, value=1.0), schema)
    value = load_seeds(path)["C1s"].params["g_center"].value
    assert value == pytest.approx(1.2 + math.exp(-0.6), rel=1e-12)


def test_load_seeds_of_pickled_callables_never_unpickles(changed, tmp_path):
    class Payload:
        def __reduce__(self):
            return (Path.write_text, (tmp_path / "MARK", "x"))

    value = base64.b64encode(pickle.dumps(Payload())).decode()
    code = {"__class__": "Callable", "__name__": "f", "pyversion": "3.11", "value": value, "importer": None}
    path = changed(lambda region: None, schema=1)
    document = json.loads(path.read_text())
    params = document["regions"]["C1s"]["params"]
    params["unique_symbols"] = {"f": code}
    params["params"][0][10] = code
    path.write_text(json.dumps(document))
    assert load_seeds(path)["C1s"].params == line_seed().params
    params["params"][0][1] = code
    path.write_text(json.dumps(document))
    assert "'value' is an object of 5 items" in refusal(path)
    assert not (tmp_path / "MARK").exists()


def ties(**expressions):
    def alter(region):
        for name, expression in expressions.items():
            parameter(region, name).update(expr=expression)

    return alter


def extra(*rows):
    whole = {"value": 1.0, "min": None, "max": None, "vary": True, "expr": None, "brute_step": None}
    return lambda region: region["params"].extend({**whole, **row} for row in rows)


CHAIN = [{"name": f"q{n}", "expr": f"q{n + 1}"} for n in range(60)] + [{"name": "q60"}]


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (ties(g_center="g_center"), "params: the ties of g_center depend on each other in a circle"),
        (ties(g_center="g_sigma", g_sigma="g_center"), "the ties of g_center, .*g_sigma depend on each other"),
        (ties(g_center="elsewhere + 1"), "parameter g_center: its tie names 'elsewhere', which is not one of the"),
        (ties(g_center="exp(8000*g_sigma)"), "parameter g_center: its tie cannot be computed: it gives inf"),
        (ties(g_center="log(-g_sigma)"), "parameter g_center: its tie cannot be computed: it gives nan"),
        (ties(g_center="1/bg_slope"), "parameter g_center: its tie cannot be computed: "),
        (ties(g_center="(-g_sigma)**0.5"), "parameter g_center: its tie cannot be computed: "),
        (ties(g_center=7), "parameter g_center: 'expr' is 7; needed is a text of at most 2000 characters"),
        (extra(*CHAIN), "params: more than 50 ties follow from each other in a chain"),
        (extra({"name": "g_center"}), "params: 'g_center' is there twice"),
        (extra({"name": "exp"}), "'name' is 'exp'; needed is a name that is not that of a constant or a function"),
        (extra({"name": "__import__"}), "'name' is '__import__'; needed is a name that"),
        (extra({"name": "a b"}), "'name' is 'a b'; needed is a name of ASCII letters"),
        (extra({"name": "lambda"}), "'name' is 'lambda'; needed is a name of ASCII letters"),
        (extra({"name": "a\0"}), r"'name' is 'a\\x00'; needed is a name of ASCII letters"),
        (extra({"name": "x" * 101}), "'name' is 'xxxxx.*xx...; needed is a name of ASCII letters"),
        (extra({"name": None}), "'name' is None; needed is a name of ASCII letters"),
        (extra({"name": "q", "value": "1"}), "parameter q: 'value' is '1'; needed is null or a number"),
        (extra({"name": "q", "value": True}), "parameter q: 'value' is True; needed is null or a number"),
        (extra({"name": "q", "value": math.nan}), "parameter q: 'value' is nan; needed is null or a number"),
        (extra({"name": "q", "value": math.inf}), "parameter q: 'value' is inf; needed is null or a number"),
        (extra({"name": "q", "min": math.inf}), "parameter q: 'min' is inf; needed is null or a number"),
        (extra({"name": "q", "value": 1e200}), r"parameter q: 'value' is 1e\+200; needed is null or a number"),
        (extra({"name": "q", "value": 10**400}), "parameter q: 'value' is a very large number; needed is"),
        (extra({"name": "q", "brute_step": math.nan}), "parameter q: 'brute_step' is nan; needed is a number"),
        (extra({"name": "q", "vary": 1}), "parameter q: 'vary' is 1; needed is true or false"),
        (extra({"name": "q", "min": 3, "max": 2}), "parameter q: its min 3 is not below its max 2"),
        (extra({"name": "q", "min": 1, "max": 1}), "parameter q: its min 1 is not below its max 1"),
        (extra({"name": "q", "min": 2}), "parameter q: its value 1 is not between its bounds 2 and inf"),
        (extra(*({"name": f"q{n}"} for n in range(10_001))), "'params' has 10009 items; 10000 are the most"),
        (lambda region: region["params"].append(7), "params 9: 7 is not a JSON object"),
        (lambda region: region["params"][0].pop("expr"), "parameter g_amplitude: 'expr' is missing"),
        (lambda region: region.update(models=[]), "models: there are none"),
        (lambda region: region.update(models=[region["models"][0]] * 2), "two of them have the parameter 'g_ampl"),
        (lambda region: region.update(models=region["models"] * 51), "'models' has 102 items; 100 are the most"),
        (lambda region: region["models"][0].update({"class": "ExpressionModel"}), "'ExpressionModel' is neither of"),
        (lambda region: region["models"][0].update({"class": "CompositeModel"}), "'CompositeModel' is neither of"),
        (lambda region: region["models"][0].update(prefix="f()+"), r"'prefix' is 'f\(\)\+'; needed is a prefix"),
        (
            lambda region: region["models"][0].update(options={"func": "x"}),
            "PseudoVoigtModel has no option 'func' of value 'x'",
        ),
        (lambda region: region["models"][0].update(options={"form": []}), "no option 'form' of value a list of 0"),
        (lambda region: region["models"][0].update(options={"degree": True}), "no option 'degree' of value True"),
        (
            lambda region: region["models"][0].update(options={"form": "erf"}),
            "PseudoVoigtModel has no option 'form' of value 'erf'",
        ),
        (lambda region: region["components"][0].update(prefix="h_"), "components 1: no model has its prefix 'h_'"),
        (lambda region: region["components"][0].update(name="\ud800"), r"'name' is '\\ud800'; needed is a text"),
        (lambda region: region.update(notes="x"), "'notes' is 'x'; needed is a list"),
        (lambda region: region.update(notes=["x" * 2001]), "'notes' is a list of 1 items; needed is a list of texts"),
        (lambda region: region.update(background=None), "'background' is None; needed is a text"),
        (lambda region: region.update(shift=math.nan), "'shift' is nan; needed is a number between"),
    ],
)
def test_load_seeds_of_unusable_values_is_one_sentence(changed, alter, message):
    text = refusal(changed(alter))
    assert text.startswith("region C1s: ") and len(text) < 300
    assert re.search(message, text), text


def test_load_seeds_of_a_file_without_limits_is_one_sentence(changed, tmp_path):
    path = tmp_path / "b.json"
    for text, message in {
        "[" * 100_000: "its JSON is nested too deeply",
        '{"a": 1, "a": 2}': "is not JSON: the name 'a' is there twice in one object",
        '{"shift": ' + "9" * 5000 + "}": "is not JSON: Exceeds the limit",
        " " * 4_000_001: "is larger than 4 MB",
        '{"schema": "xps-stn/seeds/2", "regions": {"a\\u001b[2J": {}}}': "'a\\x1b[2J' is not a name of a region",
        '{"schema": ["xps-stn/seeds/2"]}': "its schema is a list of 1 items",
    }.items():
        path.write_text(text)
        assert message in refusal(path)
    path.write_bytes(b'{"schema": "\xff"}')
    assert "is not JSON" in refusal(path)
    document = json.loads(changed(extra({"name": "q", "expr": "+".join(["g_sigma"] * 100)})).read_text())
    document["regions"] = {f"C1s_{n}": document["regions"]["C1s"] for n in range(300)}
    path.write_text(json.dumps(document))
    assert "the file holds more than 200000 characters of ties" in refusal(path)


def test_save_seeds_of_a_tie_that_cannot_be_loaded_refuses_and_writes_nothing(tmp_path):
    seed = line_seed()
    seed.params["g_center"].set(expr="285.0 + arctan(g_sigma)")
    with pytest.raises(PrefitError, match=r"these seeds could not be loaded again: region C1s: .*'285.0 \+ arctan"):
        save_seeds(tmp_path / "a.json", seed)
    assert not list(tmp_path.iterdir())


def test_load_seeds_of_derived_parameters_takes_the_expressions_of_the_model_alone(tmp_path):
    model = VoigtModel(prefix="v_")
    seed = Seed("C1s", model, model.make_params(v_amplitude=1, v_center=285, v_sigma=1), (), "linear")
    path = tmp_path / "a.json"
    save_seeds(path, seed)
    loaded = load_seeds(path)["C1s"]
    assert loaded.params["v_height"].value == pytest.approx(seed.params["v_height"].value, rel=1e-12)
    path.write_text(path.read_text().replace("real(wofz(", "abs(wofz("))
    assert "parameter v_height: its tie " in refusal(path)


def test_parameters_of_a_loaded_seed_know_arithmetic_only_and_stay_so_when_copied(tmp_path):
    save_seeds(tmp_path / "a.json", line_seed())
    params = load_seeds(tmp_path / "a.json")["C1s"].params
    for again in (params, params.copy(), copy.deepcopy(params), pickle.loads(pickle.dumps(params))):
        again["g_center"].set(expr="284 + 2*g_sigma")
        assert again["g_center"].value == pytest.approx(285.2)
        for expression in ("open('a.json')", "[1.0 for i in (1, 2)][0]", "g_sigma.real", "loadtxt('a.json')"):
            with pytest.raises((NameError, NotImplementedError)):
                again["g_center"].set(expr=expression)
                again["g_center"].value  # noqa: B018  # lmfit computes when it is asked
            again["g_center"].set(expr="284 + 2*g_sigma")
    plain = lmfit.Parameters()
    plain.update(load_seeds(tmp_path / "a.json")["C1s"].params)
    plain["g_center"].set(expr="arctan(g_sigma)")
    assert plain["g_center"].value == pytest.approx(math.atan(0.6))
