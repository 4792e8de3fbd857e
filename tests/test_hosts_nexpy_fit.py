"""Seeds as NeXpy's Fit panel loads them; NeXpy itself is not needed."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from operator import mul

import lmfit
import numpy as np
import pytest
from lmfit.models import GaussianModel, LinearModel, PolynomialModel, lmfit_models
from nexpy_session import SHIFT, answering, ester_of_benzene

from xps_prefit_hooks import PrefitError, Seed, SeedComponent, Settings
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.hosts import nexpy_models
from xps_stn_plugin.hosts.nexpy_fit import fit_parts
from xps_stn_plugin.seeding import seed_region


def nexpy_menu_of_models():
    """Key to class, as `nexpy.gui.fitdialogs.get_models` makes it (``strip`` takes letters, not the word)."""
    own = inspect.getmembers(nexpy_models, inspect.isclass)
    return {**lmfit_models, **{n.strip("Model"): m for n, m in own if issubclass(m, lmfit.Model) and n != "Model"}}


MENU = nexpy_menu_of_models()
KEYS = {model: key for key, model in MENU.items()}


@pytest.fixture(scope="module")
def seed():
    """Seed with Shirley steps, a vibrational line, ties, and a free ratio that belongs to no component."""
    energy, counts = ester_of_benzene()["C1s"]
    tree = spectrum_tree("made", {"C1s": region_dataset("made", energy - SHIFT, counts, region="C1s")})
    return seed_region(tree, "C1s", answering().xps_prefit_predict(tree, Settings()), Settings())


def loaded(parts):
    """Model and parameters that NeXpy makes of the parts."""
    params, models = lmfit.Parameters(), []
    for part in parts:
        model = MENU[part.key](prefix=f"{part.name}_")
        made = model.make_params()
        assert {name.removeprefix(model.prefix) for name in made} == set(part.values) == set(part.attrs)
        for name, parameter in made.items():
            attrs = part.attrs[name.removeprefix(model.prefix)]
            parameter.set(value=part.values[name.removeprefix(model.prefix)], expr="")
            parameter.set(min=float(attrs["min"]), max=float(attrs["max"]), vary=attrs["vary"])
            params.add(parameter)
        models.append(model)
    for part in parts:
        for name, attrs in part.attrs.items():
            if "expr" in attrs:
                params[f"{part.name}_{name}"].set(expr=attrs["expr"])
    return models, params


def test_own_models_have_the_keys_that_nexpy_makes():
    own = {key for key in MENU if MENU[key].__module__.startswith("xps_stn_plugin.")}
    assert own == {
        "FreeParameter",
        "Graphitic",
        "Hydrocarbon",
        "SteppedPseudoVoigt",
        "TougaardGraphitic",
        "TougaardHydrocarbon",
        "TougaardPseudoVoigt",
    }


def test_the_panel_gets_the_same_model_bounds_and_ties(seed):
    x = np.linspace(280, 296, 301)
    parts = fit_parts(seed, x, KEYS)
    assert [(part.name, part.key) for part in parts[:6]] == [
        ("ring_1", "SteppedPseudoVoigt"),
        ("ester_beta_2", "Hydrocarbon"),
        ("ester_3", "SteppedPseudoVoigt"),
        ("shake_up_4", "SteppedPseudoVoigt"),
        ("background_5", "Linear"),
        ("shake_up_ratio_6", "FreeParameter"),
    ]
    assert all(part.key == "FreeParameter" and "_ratio_" in part.name for part in parts[6:])
    models, params = loaded(parts)
    before = [seed.model.eval(seed.params, x=x), sum(model.eval(params, x=x) for model in models)]
    np.testing.assert_allclose(*before, rtol=1e-12)
    # The ties hold when what they hang on moves.
    moved = seed.params.copy()
    for name, other in (("ring_sigma", "ring_1_sigma"), ("shake_up_ratio", "shake_up_ratio_6_value")):
        moved[name].set(value=moved[name].value * 1.1)
        params[other].set(value=params[other].value * 1.1)
    after = [seed.model.eval(moved, x=x), sum(model.eval(params, x=x) for model in models)]
    np.testing.assert_allclose(*after, rtol=1e-12)
    assert np.max(np.abs(after[0] - before[0])) > 1
    free = [sorted((p.value, p.min, p.max) for p in these.values() if p.vary) for these in (moved, params)]
    assert free[0] == free[1]


def test_every_line_of_ours_comes_back_with_its_background():
    x = np.linspace(278, 296, 91)
    kinds = [getattr(nexpy_models, name) for name in nexpy_models.__all__ if name != "FreeParameterModel"]
    model = LinearModel(prefix="bg_")
    for number, kind in enumerate(kinds):
        model += kind(prefix=f"line{number}_")
    params = model.make_params(bg_slope=2.0, bg_intercept=3.0)
    for number, kind in enumerate(kinds):
        params[f"line{number}_amplitude"].set(100.0 + number)
        params[f"line{number}_center"].set(284.0 + number)
        strength = f"line{number}_" + ("loss" if kind.__name__.startswith("Tougaard") else "step")
        params[strength].set(300.0 if strength.endswith("loss") else 0.05)
    lines = tuple(SeedComponent(f"line{number}_", "C1s C") for number in range(len(kinds)))
    parts = fit_parts(Seed("C1s", model, params, lines, "linear"), x, KEYS)
    assert {MENU[part.key] for part in parts} == {LinearModel, *kinds}
    models, again = loaded(parts)
    for part, one in zip(parts, models, strict=True):
        np.testing.assert_allclose(np.zeros_like(x) + one.eval(again, x=x), part.curve, rtol=1e-12)


def test_bounds_are_text(seed):
    part = fit_parts(seed, np.linspace(280, 296, 9), KEYS)[0]
    assert part.attrs["amplitude"] == {"min": "0.0", "max": "inf", "vary": True}
    assert part.attrs["fwhm"] == {"min": "-inf", "max": "inf", "vary": False, "expr": "2*ring_1_sigma"}


def test_no_name_hides_in_another():
    # NeXpy finds the models of a sum by replacing text.
    model = LinearModel(prefix="bg_")
    for number in range(1, 13):
        model += GaussianModel(prefix=f"C_{number}_")
    seed = Seed("C1s", model, model.make_params(), (SeedComponent("C_1_", "C1s C"),), "linear")
    names = [part.name for part in fit_parts(seed, np.linspace(0, 1, 5), KEYS)]
    assert names[:3] == ["background_01", "C1_02", "C2_03"]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]*_(\d*)", name) for name in names)
    assert not [(one, other) for one in names for other in names if one != other and one in other]


class HouseModel(lmfit.Model):
    def __init__(self, prefix=""):
        super().__init__(lambda x, height=1.0: height * x, prefix=prefix)


@pytest.mark.parametrize("foreign", [HouseModel(prefix="h_"), PolynomialModel(degree=2, prefix="h_")])
def test_a_model_that_nexpy_cannot_make_is_one_sentence(seed, foreign):
    model = GaussianModel(prefix="g_") + foreign
    seed = replace(seed, model=model, params=model.make_params())
    with pytest.raises(PrefitError, match=f"region C1s: NeXpy's Fit panel has no model {type(foreign).__name__}"):
        fit_parts(seed, np.linspace(0, 1, 5), KEYS)


def test_a_product_is_refused(seed):
    model = lmfit.model.CompositeModel(GaussianModel(prefix="g_"), LinearModel(prefix="bg_"), mul)
    seed = replace(seed, model=model, params=model.make_params(bg_slope=2.0, bg_intercept=3.0))
    with pytest.raises(PrefitError, match="not a sum"):
        fit_parts(seed, np.linspace(0, 1, 5), KEYS)
