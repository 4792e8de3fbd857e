from dataclasses import replace

import numpy as np
import pytest

from xps_prefit_hooks import RegionShift
from xps_stn_plugin.stn.verdict import Evidence, judge

BINS = (np.arange(160) - 79.5) * 0.1


def _posterior(*modes):
    weight = sum(share * np.exp(-0.5 * ((BINS - centre) / width) ** 2) / width for centre, width, share in modes)
    return weight / weight.sum()


def _evidence(*modes, snr=None, regions=None):
    posterior = _posterior(*modes)
    mean = float(posterior @ BINS)
    stderr = float(np.sqrt(posterior @ BINS**2 - mean**2))
    return Evidence(posterior, BINS, mean, stderr, snr or {"C1s": 100.0, "O1s": 80.0}, regions or {})


def test_a_sharp_distribution_is_ok():
    assert judge(_evidence((1.0, 0.08, 1))) == ("ok", ())


def test_a_wide_one_is_uncertain():
    status, reasons = judge(_evidence((1.0, 0.4, 1)))
    assert status == "uncertain"
    assert "standard error" in reasons[0]


def test_two_shifts_are_named():
    status, reasons = judge(_evidence((1.0, 0.08, 0.7), (2.5, 0.08, 0.3)))
    assert status == "uncertain"
    assert any("+1.0" in reason and "+2.5" in reason and "30%" in reason for reason in reasons)


def test_a_region_of_noise_beside_others_is_named():
    status, reasons = judge(_evidence((1.0, 0.08, 1), snr={"C1s": 50.0, "N1s": 2.0}))
    assert status == "ok"
    assert "N1s" in reasons[0]


def test_the_end_of_the_trained_range_is_out_of_domain():
    status, reasons = judge(_evidence((7.9, 0.1, 1)))
    assert status == "out_of_domain"
    assert "8 eV" in reasons[0]


def test_without_carbon_the_shift_is_uncertain():
    status, reasons = judge(_evidence((0.0, 0.08, 1), snr={"O1s": 50.0}))
    assert status == "uncertain"
    assert "C 1s" in reasons[0]


@pytest.mark.parametrize(("disagreement", "said"), [(0.05, False), (0.2, True)])
def test_a_region_that_disagrees_is_named_but_does_not_condemn(disagreement, said):
    regions = {"O1s": RegionShift(disagreement, 0.1, disagreement)}
    status, reasons = judge(replace(_evidence((0.0, 0.08, 1)), region_shifts=regions))
    assert status == "ok"
    assert any("O1s" in reason for reason in reasons) == said


def test_a_foreign_sample_is_out_of_domain():
    status, reasons = judge(replace(_evidence((0.0, 0.08, 1)), foreign=True))
    assert status == "out_of_domain"
    assert "organic" in reasons[0]


def test_one_line_without_feature_is_uncertain():
    status, reasons = judge(replace(_evidence((0.0, 0.08, 1), snr={"C1s": 50.0}), one_line=True))
    assert status == "uncertain"
    assert "C1s" in reasons[0]


def test_a_saturated_region_is_uncertain():
    status, reasons = judge(replace(_evidence((0.0, 0.08, 1)), saturated={"C1s": 9, "O1s": 2}))
    assert status == "uncertain"
    assert "9 channels of C1s" in reasons[0]
