from __future__ import annotations

import numpy as np
import pytest
from lmfit.models import LinearModel

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import component_table, fit_seed
from xps_stn_plugin.fitting.component_rows import component_rows
from xps_stn_plugin.fitting.held_errors import influence_of
from xps_stn_plugin.models.shapes import HydrocarbonModel, RegionModel, SteppedPseudoVoigtModel
from xps_stn_plugin.quantification.areas import component_areas
from xps_stn_plugin.seeding.prior import expect, held_deviations, hold
from xps_stn_plugin.stacks.fit import fit_rows

X = np.arange(280.0, 295.0, 0.1)
DEVIATION = 0.16


def ester():
    """A hydrocarbon line whose vibrations are held, and a neighbour at a held ratio to a third line."""
    lines = [HydrocarbonModel(prefix="a_"), SteppedPseudoVoigtModel(prefix="b_"), SteppedPseudoVoigtModel(prefix="c_")]
    model = RegionModel([*lines, LinearModel(prefix="bg_")])
    params = model.make_params(bg_slope=0.0, bg_intercept=50.0)
    for letter, center, area in (("a", 285.0, 2000.0), ("b", 285.9, 900.0), ("c", 288.9, 900.0)):
        params[f"{letter}_center"].set(center, min=center - 0.4, max=center + 0.4)
        params[f"{letter}_amplitude"].set(area)
        params[f"{letter}_sigma"].set(0.5, min=0.3, max=1.0)
        params[f"{letter}_fraction"].set(0.2, vary=False)
        if letter != "a":
            params[f"{letter}_sigma"].set(expr="a_sigma")
    params["a_vibration"].set(0.4)
    expect(params["a_vibration"], 0.4, DEVIATION)
    hold(params["a_vibration"])
    names = [SeedComponent(f"{letter}_", f"C1s {letter}", ("ester",)) for letter in "abc"]
    return Seed("C1s", model, params, tuple(names), "linear")


def counted(seed):
    truth = seed.model.eval(seed.params, x=X)
    return np.random.default_rng(4).poisson(truth).astype(float)


def fitted(seed, counts):
    return fit_seed(seed, region_dataset("made", X, counts, region="C1s", intensity="counts"))


def test_held_influence_is_what_another_value_changes():
    seed, counts = ester(), counted(ester())
    (influence,) = influence_of(seed, fit := fitted(seed, counts))
    ends = []
    for sign in (-1, 1):
        moved = ester()
        moved.params["a_vibration"].value = 0.4 + 0.02 * sign
        ends.append(fitted(moved, counts))
    for row, name in zip(influence[:, 0], fit.params, strict=True):
        slope = (ends[1].params[name].value - ends[0].params[name].value) / 0.04
        assert row == pytest.approx(DEVIATION * slope, rel=0.1, abs=0.02 * (fit.params[name].stderr or 0.0)), name


def test_areas_of_a_held_shape_have_the_errors_of_the_shape():
    seed = ester()
    fit = fitted(seed, counted(seed))
    table = {row.name: row for row in component_table(seed, fit)}
    names = list(fit.params)
    for letter in "ab":
        area = f"{letter}_amplitude"
        model = abs(influence_of(seed, fit)[0, names.index(area), 0])
        assert model > 2.0 * fit.params[area].stderr
        assert table[f"C1s {letter}"].stderr["area"] == pytest.approx(np.hypot(fit.params[area].stderr, model))
    assert table["C1s c"].stderr["area"] == pytest.approx(fit.params["c_amplitude"].stderr, rel=0.1)
    areas = component_areas(seed, fit)
    errors = [table[component.name].stderr["area"] for component in areas.components]
    assert np.sqrt(np.diag(areas.covariance)) == pytest.approx(errors, rel=1e-6)
    # What one of the two neighbours gains, the other loses.
    assert areas.covariance[0, 1] < -0.9 * errors[0] * errors[1]


def test_rows_have_the_errors_of_a_single_fit():
    seed, counts = ester(), counted(ester())
    table = component_rows(seed, fit_rows(seed, X, np.array([counts, counts])))
    for column, row in enumerate(component_table(seed, fitted(seed, counts))):
        assert table.names[column] == row.name
        assert table.area_stderr[:, column] == pytest.approx([row.stderr["area"]] * 2, rel=0.01)


def test_what_the_user_fixes_has_no_error():
    seed = ester()
    counts = counted(seed)
    seed.params["a_vibration"].value = 0.5
    assert held_deviations(seed.params) == {}
    expect(seed.params["b_center"], 285.9, 0.2)
    seed.params["b_center"].set(vary=False)
    assert held_deviations(seed.params) == {}
    table = {row.name: row for row in component_table(seed, fitted(seed, counts))}
    assert "center" not in table["C1s b"].stderr
    assert "center" in table["C1s a"].stderr


def test_a_free_parameter_lends_no_error():
    seed = ester()
    seed.params["a_vibration"].vary = True
    assert held_deviations(seed.params) == {}
    seed.params["a_vibration"].user_data = "the user's own"
    assert held_deviations(seed.params) == {}
