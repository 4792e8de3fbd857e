import numpy as np
import pytest

from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.stn.cut_lines import cut_edges
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.weights import shipped_weights

#: An ester's lines: centre in eV and height.
ESTER = {"C1s": ((285.1, 3.0), (286.75, 1.0), (289.05, 1.0)), "O1s": ((532.25, 1.5), (533.6, 1.5))}


def _counts(level, energy, *, height=3000.0, fwhm=1.2, seed=0, step=0.05):
    """Counts of an ester, charged by 1 eV, on a background with a step."""
    lines = sum(size * np.exp(-4 * np.log(2) * ((energy - place - 1.0) / fwhm) ** 2) for place, size in ESTER[level])
    rise = np.cumsum(lines) / max(lines.sum(), 1e-9)
    return np.random.default_rng(seed).poisson(height * (0.2 + lines / 3 + step * rise)).astype(float)


def _prediction(windows):
    """Prediction of an ester with these windows in eV."""
    regions = {}
    for level, (low, high) in windows.items():
        whole = np.arange(270.0 if level == "C1s" else 515.0, 310.0 if level == "C1s" else 550.0, 0.1)
        inside = (whole >= low) & (whole <= high)
        regions[level] = region_dataset("test", whole[inside], _counts(level, whole)[inside], region=level)
    return predict_with(shipped_weights(), spectrum_tree("test", regions))


@pytest.mark.parametrize("beyond", [-0.5, -0.1, 0.3])
def test_cut_edges_window_that_ends_on_its_last_line_is_cut_there(beyond):
    energy = np.arange(280.0, 290.05 + beyond, 0.1)
    assert cut_edges(energy, _counts("C1s", energy), 1.2).tolist() == [False, True]


def test_cut_edges_window_that_begins_on_its_first_line_is_cut_there():
    energy = np.arange(286.3, 296.0, 0.1)
    assert cut_edges(energy, _counts("C1s", energy), 1.2).tolist() == [True, False]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("height", [200.0, 3000.0, 1e5])
def test_cut_edges_whole_window_with_a_step_is_not_cut(height, seed):
    energy = np.arange(280.0, 296.0, 0.1)
    assert not cut_edges(energy, _counts("C1s", energy, height=height, seed=seed, step=0.3), 1.2).any()


def test_cut_edges_flank_of_a_line_whose_width_is_inside_is_not_cut():
    # As polymers whose window begins one width below C-C.
    energy = np.arange(284.9, 296.0, 0.1)
    assert not cut_edges(energy, _counts("C1s", energy), 1.2).any()


def test_cut_edges_stack_is_judged_row_by_row():
    energy = np.arange(286.3, 296.0, 0.1)
    rows = np.stack([_counts("C1s", energy), np.random.default_rng(1).poisson(500, energy.size).astype(float)])
    assert cut_edges(energy, rows, 1.2).tolist() == [[True, False], [False, False]]


def test_prediction_with_a_cut_c1s_is_uncertain_and_names_the_edge():
    prediction = _prediction({"C1s": (279.0, 290.2), "O1s": (526.0, 542.0)})
    assert prediction.status == "uncertain"
    assert "The edge of C1s at high binding energy cuts a line; measure a wider window." in prediction.reasons


def test_prediction_with_a_cut_o1s_rests_on_c1s():
    whole = _prediction({"C1s": (279.0, 296.0), "O1s": (526.0, 542.0)})
    assert not any("cuts a line" in reason for reason in whole.reasons)
    cut = _prediction({"C1s": (279.0, 296.0), "O1s": (526.0, 534.4)})
    alone = _prediction({"C1s": (279.0, 296.0)})
    assert cut.shift == pytest.approx(alone.shift, abs=1e-5)
    assert "The edge of O1s at high binding energy cuts a line; the shift rests on the others." in cut.reasons
    assert "O1s" not in cut.region_shifts
