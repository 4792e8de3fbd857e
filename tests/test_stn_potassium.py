from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.stn.potassium import GROUP, shows_potassium
from xps_stn_plugin.stn.stack import predict_stack
from xps_stn_plugin.stn.verdict import Reason
from xps_stn_plugin.stn.weights import shipped_weights

ENERGY = np.arange(280.0, 302.0, 0.1)


def _counts(lines, seed=0, shift=1.0, fwhm=1.3, background=300.0):
    """Counts of lines (binding energy in eV, height), charged."""
    width = 4 * np.log(2) / fwhm**2
    y = background + sum(height * np.exp(-width * (ENERGY - place - shift) ** 2) for place, height in lines)
    return np.random.default_rng(seed).poisson(y).astype(float)


CARBON = ((285.0, 5000.0), (286.5, 800.0), (288.9, 500.0))


@pytest.mark.parametrize("share", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("fwhm", [1.0, 1.6])
def test_shows_potassium_from_a_twentieth_of_carbon_on(share, fwhm):
    height = share * 6300 / 1.5
    lines = (*CARBON, (292.9, height), (295.67, height / 2))
    assert shows_potassium(ENERGY, _counts(lines, fwhm=fwhm), 1.0)


@pytest.mark.parametrize(
    "lines",
    [
        ((290.9, 4000.0), (286.4, 4000.0)),
        ((292.5, 4000.0),),
        ((292.5, 4000.0), (293.6, 2000.0)),
        ((291.2, 4000.0), (293.7, 2000.0)),
        ((291.6, 400.0),),
        (),
    ],
    ids=["PVDF", "PTFE", "CF2 and CF3", "CF2, CF3 far", "shake-up", "no line"],
)
def test_shows_potassium_fluoride_and_shake_up_are_not_potassium(lines):
    for seed in range(5):
        assert not shows_potassium(ENERGY, _counts((*CARBON, *lines), seed), 1.0)


def test_shows_potassium_window_that_ends_before_the_second_line_says_nothing():
    lines = (*CARBON, (292.9, 2000.0), (295.67, 1000.0))
    short = ENERGY < 296.5
    assert not shows_potassium(ENERGY[short], _counts(lines)[short], 1.0)


def test_predict_stack_fluoride_that_potassium_explains_is_not_found():
    trained = shipped_weights()
    # A network that sees every group everywhere.
    credulous = replace(trained, calibration=replace(trained.calibration, group_offset=50.0))
    rows = np.stack([_counts((*CARBON, (292.9, 2000.0), (295.67, 1000.0))), _counts((*CARBON, (292.5, 3000.0)))])
    stack = predict_stack(credulous, {"C1s": (ENERGY, rows)})
    column = stack.groups.index(GROUP)
    assert stack.probabilities[0, column] < 0.5 < stack.probabilities[1, column]
    assert (stack.verdict.reasons & np.uint32(Reason.POTASSIUM) > 0).tolist() == [True, False]
    assert any("K 2p" in sentence for sentence in stack.sentences(0))
