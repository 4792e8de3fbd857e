import numpy as np
import pytest

from benchmarks import line_lists
from xps_prefit_hooks import ALIPHATIC_C1S, MAXIMUM_ABOVE_FIRST_MEMBER, Settings
from xps_stn_plugin.core.energy_scale import is_applied, reference_text, region_status, scale_offset, shift_text
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.settings import settings_of


@pytest.mark.parametrize(
    ("options", "first_member", "text"),
    [
        ({}, 285.0, "aliphatic C 1s = 285.00 eV (first vibrational member)"),
        ({"reference": 284.8}, 284.685, "aliphatic C 1s = 284.80 eV (maximum of the line)"),
        ({"reference": 285.0}, 284.885, "aliphatic C 1s = 285.00 eV (maximum of the line)"),
        (
            {"reference": 284.8, "reference_at": "first-member"},
            284.8,
            "aliphatic C 1s = 284.80 eV (first vibrational member)",
        ),
        ({"reference_at": "maximum"}, 284.885, "aliphatic C 1s = 285.00 eV (maximum of the line)"),
    ],
)
def test_reference_is_the_maximum_unless_the_first_member_is_asked_for(options, first_member, text):
    settings = settings_of(**options)
    assert settings.first_member == pytest.approx(first_member)
    assert scale_offset(settings) == pytest.approx(ALIPHATIC_C1S - first_member)
    assert reference_text(settings.reference, settings.reference_at) == text


@pytest.mark.parametrize("fwhm", [1.0, 1.15, 1.3])
def test_maximum_above_first_member_is_that_of_a_line_with_vibrations(fwhm):
    x = np.arange(-1.0, 2.0, 0.001)
    weights = [np.exp(-0.4), 0.4 * np.exp(-0.4), 0.08 * np.exp(-0.4), 0.0107 * np.exp(-0.4)]
    line = sum(weight * pseudo_voigt(x, 0.4 * number, fwhm, 0.2) for number, weight in enumerate(weights))
    assert x[np.argmax(line)] == pytest.approx(MAXIMUM_ABOVE_FIRST_MEMBER, abs=0.02)


def test_benchmarks_draw_the_same_distance_independently():
    assert line_lists.MAXIMUM_ABOVE_FIRST_MEMBER == MAXIMUM_ABOVE_FIRST_MEMBER


def test_is_applied_out_of_domain_only_when_asked_for():
    shifts, outside = np.array([1.0, 1.0, np.nan, np.nan]), np.array([False, True, True, False])
    assert is_applied(shifts, outside, Settings()).tolist() == [True, False, False, False]
    assert is_applied(shifts, outside, Settings(apply_anyway=True)).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("status", "read", "expected"),
    [("ok", True, "ok"), ("ok", False, "uncertain"), ("uncertain", False, "uncertain"),
     ("out_of_domain", False, "out_of_domain")],
)  # fmt: skip
def test_region_status_is_never_ok_where_the_region_was_not_read(status, read, expected):
    assert region_status(status, read) == expected


def test_shift_text_says_that_a_shift_is_not_applied():
    assert shift_text(1.25, 0.06, True) == "shift +1.25 ± 0.06 eV"
    assert shift_text(1.25, 0.06, False) == "shift +1.25 ± 0.06 eV, not applied"
    assert shift_text(np.nan, np.nan, False) == "no shift"
