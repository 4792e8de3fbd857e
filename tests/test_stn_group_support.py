import numpy as np
import pytest

from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.stn.group_support import (
    UNSEEN_MOST,
    UNTESTED_MOST,
    detection_limits,
    refuted_sentences,
    supported,
    untested_sentences,
)
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.weights import shipped_weights

GROUPS = ("alkyl halide (F)", "ester (aliphatic)", "alkane")
AXES = {
    "C1s": np.arange(280.0, 300.0, 0.1),
    "O1s": np.arange(526.0, 542.0, 0.1),
    "F1s": np.arange(680.0, 696.0, 0.1),
}


def _supported(levels, lined, limits, probabilities=(0.97, 0.98, 0.99)):
    """One spectrum, not charged."""
    return supported(
        GROUPS,
        np.array([probabilities]),
        levels,
        [AXES[level] for level in levels],
        np.zeros(1),
        np.array([lined]),
        np.ones((1, len(levels)), dtype=bool),
        np.array([limits]),
    )


def test_supported_fluoride_with_an_empty_f1s_is_not_present():
    kept, support = _supported(("C1s", "O1s", "F1s"), [True, True, False], [1.0, 1.0, 0.3])
    assert kept[0].tolist() == [0.0, 0.98, 0.99]
    assert refuted_sentences(support, ("C1s", "O1s", "F1s"), 0) == (
        "F1s shows no line, although 0.3 at% would be visible: alkyl halide (F) cannot be present.",
    )
    assert untested_sentences(support, 0) == ()


def test_supported_empty_region_with_a_high_detection_limit_refutes_nothing():
    kept, support = _supported(("C1s", "O1s", "F1s"), [True, True, False], [1.0, 1.0, 6.0])
    assert kept[0, 0] == 0.97
    assert refuted_sentences(support, ("C1s", "O1s", "F1s"), 0) == ()


def test_supported_fluoride_without_f1s_is_less_certain_and_said():
    kept, support = _supported(("C1s", "O1s"), [True, True], [1.0, 1.0])
    assert kept[0].tolist() == [UNTESTED_MOST, 0.98, 0.99]
    assert untested_sentences(support, 0) == (
        "F1s was not measured where it could confirm alkyl halide (F), predicted from other regions.",
    )


def test_supported_group_without_a_measured_region_is_not_found():
    kept, support = _supported(("O1s",), [True], [1.0])
    assert kept[0].tolist() == [UNSEEN_MOST, UNTESTED_MOST, UNSEEN_MOST]
    assert untested_sentences(support, 0) == (
        "C1s was not measured where it could confirm ester (aliphatic), predicted from other regions.",
        "No region was measured where alkyl halide (F), alkane would have lines: no evidence for them.",
    )


def test_supported_line_near_the_end_of_its_window_is_evidence(monkeypatch):
    # Half a line shows the group, although its absence would not refute it.
    monkeypatch.setitem(AXES, "C1s", np.arange(284.2, 300.0, 0.1))
    kept, support = _supported(("C1s", "O1s", "F1s"), [True, True, True], [1.0, 1.0, 0.3])
    assert kept[0].tolist() == [0.97, 0.98, 0.99]
    assert untested_sentences(support, 0) == ()


def test_supported_groups_that_the_network_did_not_find_are_not_mentioned():
    kept, support = _supported(("O1s",), [False], [1.0], probabilities=(0.3, 0.2, 0.1))
    assert kept[0].tolist() == [0.3, 0.0, 0.1]
    assert refuted_sentences(support, ("O1s",), 0) == untested_sentences(support, 0) == ()


def test_detection_limit_is_the_percentage_of_a_line_that_just_shows():
    energy = AXES["C1s"]
    rng = np.random.default_rng(1)
    # A Gaussian of height 5000 and FWHM 1.2 eV on noise of 10: at% of a line of five times the noise, F 1s 1.7 eV wide.
    carbon = 5000 * np.exp(-4 * np.log(2) * ((energy - 290) / 1.2) ** 2) + rng.normal(1000, 10, energy.size)
    fluorine = rng.normal(1000, 10, AXES["F1s"].size)
    limit = detection_limits(("C1s", "F1s"), [AXES["C1s"], AXES["F1s"]], [carbon[None], fluorine[None]], [1.0, 1.0])
    least = 5 * 10 * 1.7 * 1.2164 / 4.43
    assert limit[0, 1] == pytest.approx(100 * least / (least + 5000 * 1.2 * 1.0645), rel=0.15)


def test_prediction_from_o1s_alone_has_no_group_of_carbon():
    energy = AXES["O1s"] + 1.0
    lines = sum(np.exp(-4 * np.log(2) * ((energy - place) / 1.4) ** 2) for place in (533.2, 534.6))
    counts = np.random.default_rng(2).poisson(500 + 4000 * lines)
    spectrum = spectrum_tree("test", {"O1s": region_dataset("test", energy, counts, region="O1s")})
    prediction = predict_with(shipped_weights(), spectrum)
    assert prediction.groups["alkane"] <= UNSEEN_MOST
    assert prediction.groups["benzene ring"] <= UNSEEN_MOST
    assert max(prediction.groups.values()) <= UNTESTED_MOST
    assert prediction.status == "uncertain"
