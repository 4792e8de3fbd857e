import numpy as np
import pytest

from xps_prefit_hooks import Settings
from xps_stn_plugin.core.energy_scale import is_applied, region_status, shift_text


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
