from __future__ import annotations

import lmfit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lmfit.models import ConstantModel, LinearModel, PseudoVoigtModel

from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.drafts import ModelDraft, Parameter
from xps_stn_plugin.models.shapes import (
    GraphiticModel,
    HydrocarbonModel,
    RegionModel,
    SteppedPseudoVoigtModel,
    TougaardGraphiticModel,
    TougaardHydrocarbonModel,
    TougaardPseudoVoigtModel,
)

X = np.linspace(282, 294, 61)
LINES = (
    PseudoVoigtModel,
    SteppedPseudoVoigtModel,
    HydrocarbonModel,
    GraphiticModel,
    TougaardPseudoVoigtModel,
    TougaardHydrocarbonModel,
    TougaardGraphiticModel,
)
ATTRIBUTES = ("value", "vary", "min", "max", "expr")


@pytest.mark.parametrize("background", [ConstantModel, LinearModel])
@pytest.mark.parametrize("kind", LINES)
def test_a_draft_has_the_parameters_that_lmfit_would_make(kind, background):
    draft = ModelDraft.of([("a_", kind), ("b_low_", kind), ("bg_", background)])
    params = RegionModel([kind(prefix="a_"), kind(prefix="b_low_"), background(prefix="bg_")]).make_params()
    made = draft.lmfit_params()
    assert list(draft.params) == list(made) == list(params)
    for name, expected in params.items():
        for attribute in ATTRIBUTES:
            assert getattr(made[name], attribute) == getattr(expected, attribute), (name, attribute)
    assert draft.lmfit_model().param_names == RegionModel(draft.lmfit_model().components).param_names


@pytest.mark.parametrize("kind", LINES)
def test_a_compiled_draft_is_the_compiled_lmfit_model(kind):
    draft = ModelDraft.of([("a_", kind), ("b_", SteppedPseudoVoigtModel), ("bg_", LinearModel)], {"b_": {"step": 0.02}})
    for name, value in {"a_center": 286.0, "b_center": 288.0, "a_amplitude": 3.0, "bg_slope": 0.1}.items():
        draft.params[name].set(value=value)
    draft.params["bg_intercept"].set(value=1.0, vary=False)
    draft.params.add("ratio", value=0.5, min=0.1, max=2.0)
    draft.params["b_amplitude"].set(expr="ratio*a_amplitude")
    ours = draft.compiled()
    other = CompiledModel.compile(draft.lmfit_model(), draft.lmfit_params())
    assert (ours.free, ours.names) == (other.free, other.names)
    for attribute in ("start", "low", "high", "linear"):
        np.testing.assert_array_equal(getattr(ours, attribute), getattr(other, attribute))
    for one, two in zip(*(model.evaluate(X[None], ours.start[None]) for model in (ours, other)), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)
    np.testing.assert_allclose(ours.curve(X, ours.start), draft.lmfit_model().eval(draft.lmfit_params(), x=X))


numbers = st.floats(-5, 5).map(lambda value: round(value, 2))
changes = st.lists(
    st.one_of(
        st.fixed_dictionaries({"value": numbers}),
        st.fixed_dictionaries({"vary": st.booleans()}),
        st.fixed_dictionaries({"min": st.floats(-9, -6), "max": st.floats(6, 9)}),
        st.fixed_dictionaries({"expr": st.sampled_from(["", "other"])}),
        st.fixed_dictionaries({"expr": st.just(""), "value": numbers, "vary": st.just(True)}),
        st.fixed_dictionaries({"value": numbers, "min": st.just(-1.0), "max": st.just(1.0)}),
    ),
    max_size=6,
)


@given(changes)
def test_a_parameter_is_changed_as_lmfits_is(steps):
    params = lmfit.Parameters()
    params.add("other", value=0.5)
    params.add("p", value=1.0)
    ours = Parameter("p", 1.0)
    for step in steps:
        params["p"].set(**step)
        ours.set(**step)
    for attribute in ("vary", "min", "max", "expr"):
        assert getattr(ours, attribute) == getattr(params["p"], attribute)
    if not ours.expr and not any("expr" in step for step in steps):
        assert ours.value == params["p"].value


def test_a_draft_without_freedom_is_not_compiled():
    draft = ModelDraft.of([("a_", PseudoVoigtModel), ("bg_", LinearModel)])
    for parameter in draft.params.values():
        parameter.set(vary=False)
    assert draft.compiled() is None
