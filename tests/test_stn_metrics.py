import numpy as np
import pytest

from xps_stn_plugin.stn.metrics import group_metrics, shift_metrics


def test_shift_figures():
    figures = shift_metrics(np.array([0.1, -0.1, 0.3, 0.3]))
    assert figures.median == pytest.approx(0.2)
    assert figures.mean == pytest.approx(0.2)
    assert figures.bias == pytest.approx(0.15)
    assert figures.p95 == pytest.approx(0.3)


def test_group_figures():
    true = np.array([[1, 0, 1], [1, 1, 0]], dtype=bool)
    predicted = np.array([[1, 0, 1], [1, 0, 0]], dtype=bool)
    figures = group_metrics(predicted, true)
    assert figures.exact == 0.5
    assert figures.micro_f1 == pytest.approx(2 * 3 / (2 * 3 + 1))
    assert figures.macro_f1 == pytest.approx((1 + 0 + 1) / 3)
