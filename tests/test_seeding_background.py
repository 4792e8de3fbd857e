from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from seeded import X, counted, pmma, tree

from xps_prefit_hooks import Background
from xps_stn_plugin.seeding.background import CARRIED, Kind, kinds, reason, shows_step
from xps_stn_plugin.seeding.region import region_data


def data(y, x=X):
    return region_data("C1s", tree(y, x)["C1s"].to_dataset())


PMMA = data(counted(3000 * pmma(step=0.03) + 200, 1))


@pytest.mark.parametrize("wanted", get_args(Background))
def test_kinds_are_of_what_was_asked_for(wanted):
    found = kinds(wanted, PMMA)
    assert len(set(found)) == len(found)
    assert {kind.background for kind in found} == ({"shirley", "linear"} if wanted == "auto" else {wanted})
    assert [kind.sloping for kind in found if CARRIED[kind.background]] in ([], [True, False])
    assert all(kind.sloping == (kind.background == "linear") for kind in found if not CARRIED[kind.background])


def test_without_points_before_the_line_a_step_stands_on_a_constant():
    x = np.arange(283.5, 295, 0.1)
    cut = data(counted(3000 * pmma(x, step=0.03) + 200, 1), x)
    assert kinds("auto", cut) == (Kind("shirley", False), Kind("linear", True))
    assert kinds("tougaard-u3", cut) == (Kind("tougaard-u3", False),)


@pytest.mark.parametrize(("step", "shown"), [(0.0, False), (0.03, True)])
@pytest.mark.parametrize("slope", [0.0, -300.0])
def test_a_step_is_seen_above_the_slope_before_the_line(step, shown, slope):
    assert shows_step(data(counted(3e4 * pmma(step=step) + 8000 + slope * (X - 280), 2))) == shown


def test_noise_is_no_step():
    noisy = [data(np.random.default_rng(seed).poisson(100, X.size).astype(float)) for seed in range(40)]
    assert sum(map(shows_step, noisy)) <= 1


@pytest.mark.parametrize("wanted", get_args(Background))
def test_the_reason_names_the_background_and_says_who_chose_it(wanted):
    for kind in kinds(wanted, PMMA):
        said = reason(wanted, kind)
        assert said.startswith(kind.background.capitalize())
        assert said.endswith(".")
        assert ("as requested" in said) == (wanted != "auto")
        assert ("on a slope" in said) == (kind.sloping and CARRIED[kind.background] is not None)


def test_carried_names_the_strength_of_every_background_that_can_be_asked_for():
    assert set(CARRIED) == set(get_args(Background)) - {"auto"}
