from __future__ import annotations

import lmfit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.models.expressions import parse
from xps_stn_plugin.models.ties import Ties

NAMES = ("a", "b_2", "ratio")
values_of_all = st.fixed_dictionaries({name: st.floats(0.5, 3.0) for name in NAMES})


def expressions():
    """Expressions that stay finite and positive for positive values."""
    leaves = st.one_of(st.sampled_from(NAMES), st.floats(0.1, 3.0).map(lambda v: f"{v:.3f}"), st.just("pi"))

    def grown(children):
        pair = st.tuples(children, children)
        return st.one_of(
            pair.map(lambda p: f"({p[0]}+{p[1]})"),
            pair.map(lambda p: f"{p[0]}*{p[1]}"),
            pair.map(lambda p: f"{p[0]}/({p[1]})"),
            pair.map(lambda p: f"max({p[0]}, {p[1]})"),
            pair.map(lambda p: f"min({p[0]}, 0.5*{p[1]})"),
            children.map(lambda c: f"sqrt({c})"),
            children.map(lambda c: f"log(1+{c})"),
            children.map(lambda c: f"exp(-({c}))"),
            children.map(lambda c: f"abs(-({c}) - 1)"),
            children.map(lambda c: f"({c})**1.5"),
            children.map(lambda c: f"({c})**(+a/4)"),
        )

    return st.recursive(leaves, grown, max_leaves=6)


def parameters(values, **ties):
    params = lmfit.Parameters()
    for name, value in values.items():
        params.add(name, value=value)
    for name, tie in ties.items():
        params.add(name, **(tie if isinstance(tie, dict) else {"expr": tie}))
    return params


def moved(params, name, step):
    other = params.copy()
    other[name].value += step
    other.update_constraints()
    return {key: p.value for key, p in other.items()}


@given(expressions(), values_of_all)
def test_values_are_those_of_lmfit(expression, values):
    params = parameters(values, tied=expression)
    ties = Ties.compile(params)
    assert parse(expression) is not None
    assert ties.values([values[n] for n in ties.free])["tied"] == pytest.approx(params["tied"].value, rel=1e-12)


@given(expressions(), values_of_all)
def test_derivatives_are_those_of_the_expression(expression, values):
    ties = Ties.compile(parameters(values, tied=expression))
    v = np.array([values[n] for n in ties.free])
    found = ties.derivatives(ties.values(v))[list(ties.start).index("tied")]
    for i in range(v.size):
        step = 1e-6 * np.eye(v.size)[i]
        up, here, down = (ties.values(at)["tied"] for at in (v + step, v, v - step))
        above, below = (up - here) / 1e-6, (here - down) / 1e-6
        scale = 1e-4 * max(1.0, abs(above), abs(below), abs(here))
        # At the corner of a maximum either side will do.
        assert min(above, below) - scale <= found[i] <= max(above, below) + scale


def test_chains_are_resolved_in_whatever_order_they_stand():
    params = lmfit.Parameters()
    for name in ("c", "b", "a"):
        params.add(name, value=2.0)
    params["c"].expr, params["b"].expr = "2*b + a", "a*a"
    ties = Ties.compile(params)
    assert [tie.name for tie in ties.ties] == ["b", "c"]
    assert ties.values([3.0]) == {"c": 21.0, "b": 9.0, "a": 3.0}
    np.testing.assert_allclose(ties.derivatives(ties.values([3.0])), [[13.0], [6.0], [1.0]])


def test_linear_ties_have_constant_derivatives():
    ties = Ties.compile(parameters({"a": 2.0, "s": 1.0}, low="a + 1.18", half="s/2", same="-(-low)"))
    np.testing.assert_allclose(ties.base, [[1, 0], [0, 1], [1, 0], [0, 0.5], [1, 0]])


def test_a_tie_stays_within_its_bounds():
    params = parameters({"a": 2.0}, tied={"expr": "2*a", "max": 5.0}, further="tied + 1")
    ties = Ties.compile(params)
    for a, clipped in ((2.0, False), (2.5, False), (3.0, True)):
        params["a"].value = a
        params.update_constraints()
        values = ties.values([a])
        assert values == {name: p.value for name, p in params.items()}
        np.testing.assert_allclose(ties.derivatives(values)[1:, 0], 0.0 if clipped else 2.0)


@pytest.mark.parametrize(
    "expression", ["arctan(a)*b_2", "a if a > 1 else b_2", "a//1 + b_2**2", "share(a, b_2)", "a*shift"]
)
def test_what_is_not_known_is_left_to_lmfit(expression):
    assert parse("a if a > 1 else b_2") is None
    params = lmfit.Parameters(usersyms={"share": lambda a, b: a / (a + b), "shift": 1.25})
    for name, value in {"a": 1.4, "b_2": 2.0}.items():
        params.add(name, value=value)
    params.add("tied", expr=expression)
    ties = Ties.compile(params)
    at = np.array([1.7, 0.8])
    params["a"].value, params["b_2"].value = at
    params.update_constraints()
    values = ties.values(at)
    assert values["tied"] == pytest.approx(params["tied"].value, rel=1e-12)
    for i, name in enumerate(("a", "b_2")):
        slope = (moved(params, name, 1e-5)["tied"] - moved(params, name, -1e-5)["tied"]) / 2e-5
        assert ties.derivatives(values)[2, i] == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_the_derivative_of_a_foreign_tie_sees_beyond_the_bounds_of_what_it_depends_on():
    params = lmfit.Parameters()
    params.add("a", value=1.0, max=1.0)
    params.add("tied", expr="tanh(a)")
    ties = Ties.compile(params)
    assert ties.derivatives(ties.values([1.0]))[1, 0] == pytest.approx(1 - np.tanh(1.0) ** 2, rel=1e-6)


def test_a_parameter_may_be_named_like_a_constant():
    ties = Ties.compile(parameters({"e": 3.0}, tied="2*e"))
    assert ties.values([4.0])["tied"] == 8.0
    assert ties.derivatives(ties.values([4.0]))[1, 0] == pytest.approx(2.0)


def test_a_circle_is_refused():
    params = parameters({"a": 1.0, "b_2": 1.0})
    params["a"]._expr, params["b_2"]._expr = "b_2", "a"  # lmfit's own setter recurses
    for name in ("a", "b_2"):
        params[name]._vary, params[name]._delay_asteval = False, True
    with pytest.raises(ValueError, match="circle"):
        Ties.compile(params)


def test_only_what_is_asked_for_is_evaluated():
    ties = Ties.compile(parameters({"a": 2.0, "b_2": 1.0}, one="2*a", two="one + b_2", three="b_2"))
    assert [tie.name for tie in ties.of({"two"}).ties] == ["one", "two"]
    assert ties.dependencies()["two"] == {"a", "b_2"}
    fixed = ties.fixed({"one": 0.0, "a": 5.0})
    assert fixed.free == ("b_2",)
    assert fixed.values([3.0])["two"] == 3.0
