from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.stn.foreign_pair import foreign_pair, foreign_pair_sentence, without_foreign_pairs
from xps_stn_plugin.stn.stack import predict_stack
from xps_stn_plugin.stn.verdict import Reason
from xps_stn_plugin.stn.weights import shipped_weights

ENERGY = np.arange(152.0, 182.0, 0.1)


def _counts(lines, seed=0, shift=1.0, height=3000.0):
    """Counts of lines (binding energy in eV, relative height, FWHM) with an inelastic step, charged by `shift` eV."""
    y = sum(h * np.exp(-4 * np.log(2) * ((ENERGY - place - shift) / fwhm) ** 2) for place, h, fwhm in lines)
    y = height * (0.1 + y + 0.05 * np.cumsum(y) * 0.1) if lines else np.full(ENERGY.size, 300.0)
    return np.random.default_rng(seed).poisson(y).astype(float)


def _sulfur(place, height=1.0):
    return (place, height, 1.2), (place + 1.18, height / 2, 1.2)


@pytest.mark.parametrize("fwhm", [1.6, 2.4])
@pytest.mark.parametrize("place", [161.0, 164.5])
def test_foreign_pair_selenium_is_named(place, fwhm):
    counts = _counts([(place, 1.0, fwhm), (place + 5.75, 0.5, fwhm)])
    assert foreign_pair("S2p", ENERGY, counts, 1.0) == "Se3p"


def test_foreign_pair_bismuth_is_named():
    assert foreign_pair("S2p", ENERGY, _counts([(158.9, 1.0, 1.2), (164.2, 0.75, 1.2)]), 1.0) == "Bi4f"


@pytest.mark.parametrize(
    "lines",
    [
        _sulfur(163.6),
        _sulfur(168.2),
        (*_sulfur(163.6), *_sulfur(168.2, 0.5)),
        (*_sulfur(163.6), *_sulfur(167.6, 0.5)),
        (*_sulfur(162.0), *_sulfur(168.5, 0.9)),
        (),
    ],
    ids=["sulfide", "sulfonate", "sulfide and sulfonate", "sulfide and sulfone", "sulfide and sulfate", "no line"],
)
def test_foreign_pair_sulfur_has_none(lines):
    for seed in range(4):
        assert foreign_pair("S2p", ENERGY, _counts(lines, seed), 1.0) == ""


def test_foreign_pair_window_that_ends_before_the_second_line_says_nothing():
    counts = _counts([(161.0, 1.0, 1.8), (166.75, 0.5, 1.8)])
    short = ENERGY < 166.0
    assert foreign_pair("S2p", ENERGY[short], counts[short], 1.0) == ""


def test_without_foreign_pairs_takes_back_groups_of_that_region_and_row_alone():
    rows = np.stack([_counts([(161.0, 1.0, 1.8), (166.75, 0.5, 1.8)]), _counts(_sulfur(163.6))])
    groups = ("sulfide", "alkane")
    probabilities = np.full((2, 2), 0.9)
    kept, named = without_foreign_pairs(groups, probabilities, ("S2p",), (ENERGY,), (rows,), np.ones(2))
    assert named[:, 0].tolist() == ["Se3p", ""]
    np.testing.assert_array_equal(kept > 0.5, [[False, True], [True, True]])
    assert "Se 3p (5.8 eV apart)" in foreign_pair_sentence("S2p", "Se3p")


def test_predict_stack_says_that_selenium_takes_the_place_of_sulfur():
    trained = shipped_weights()
    credulous = replace(trained, calibration=replace(trained.calibration, group_offset=50.0))
    rows = np.stack([_counts([(161.0, 1.0, 1.8), (166.75, 0.5, 1.8)], shift=0.0), _counts(_sulfur(163.6), shift=0.0)])
    carbon = np.arange(278.0, 298.0, 0.1)
    counts = np.random.default_rng(0).poisson(100 + 3000 * np.exp(-2 * (carbon - 285.1) ** 2), (2, carbon.size))
    stack = predict_stack(credulous, {"C1s": (carbon, counts), "S2p": (ENERGY, rows)}, shift=0.0)
    assert ((stack.verdict.reasons & np.uint32(Reason.FOREIGN_PAIR)) > 0).tolist() == [True, False]
    assert any("Se 3p" in sentence for sentence in stack.sentences(0))
    column = stack.groups.index("sulfide")
    assert stack.probabilities[0, column] < 0.5 < stack.probabilities[1, column]
