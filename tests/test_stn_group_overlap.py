from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.stn.group_overlap import (
    NEEDED,
    OVERLAP_MOST,
    overlap_sentence,
    ring_sentence,
    without_overlap,
    without_ring,
)
from xps_stn_plugin.stn.stack import predict_stack
from xps_stn_plugin.stn.verdict import Reason
from xps_stn_plugin.stn.weights import shipped_weights

GROUPS = ("benzene ring", "alkane", "carboxylic acid", "ester (aliphatic)", "ester (aromatic)", "amide")
RING, ALKANE, ACID, ESTER, AROMATIC, AMIDE = range(len(GROUPS))


def _probabilities(**values):
    row = np.zeros(len(GROUPS))
    row[[globals()[name.upper()] for name in values]] = list(values.values())
    return row[None]


def test_without_overlap_acid_beside_surer_ester_is_taken_back():
    kept, overlapped = without_overlap(GROUPS, _probabilities(ester=0.97, acid=0.6, alkane=0.99))
    assert overlapped[0].tolist() == [False, False, True, False, False, False]
    assert kept[0].tolist() == [0.0, 0.99, OVERLAP_MOST, 0.97, 0.0, 0.0]
    assert "carboxylic acid" in overlap_sentence(GROUPS, overlapped[0])


def test_without_overlap_ring_beside_surer_alkane_and_alkane_beside_surer_ring_are_taken_back():
    rows = np.concatenate([_probabilities(alkane=0.95, ring=0.7), _probabilities(alkane=0.6, ring=0.97)])
    assert without_overlap(GROUPS, rows)[1].nonzero()[1].tolist() == [RING, ALKANE]


@pytest.mark.parametrize(
    "row",
    [
        _probabilities(ester=0.97, acid=NEEDED),
        _probabilities(acid=0.6, alkane=0.99),
        _probabilities(ester=0.6, acid=0.7),
        _probabilities(amide=0.6, ester=0.99, alkane=0.99),
        _probabilities(ester=0.97, acid=0.4),
    ],
    ids=["sure enough", "no ester", "acid is surer", "nitrogen", "not found anyway"],
)
def test_without_overlap_group_that_others_do_not_explain_or_that_is_sure_stays(row):
    kept, overlapped = without_overlap(GROUPS, row)
    assert not overlapped.any()
    np.testing.assert_array_equal(kept, row)


def test_without_overlap_rows_do_not_touch_each_other():
    rows = np.concatenate([_probabilities(ester=0.97, acid=0.6), _probabilities(acid=0.6)])
    assert without_overlap(GROUPS, rows)[1][:, ACID].tolist() == [True, False]


def test_without_ring_aromatic_ester_without_ring_is_taken_back():
    rows = np.concatenate([_probabilities(aromatic=0.8, ring=0.45), _probabilities(aromatic=0.8, ring=0.9)])
    kept, ringless = without_ring(GROUPS, rows)
    assert ringless[:, AROMATIC].tolist() == [True, False]
    assert kept[:, AROMATIC].tolist() == [0.45, 0.8]
    assert "ester (aromatic)" in ring_sentence(GROUPS, ringless[0])


def test_predict_stack_says_which_groups_were_taken_back():
    trained = shipped_weights()
    energy = np.arange(280.0, 298.0, 0.1)
    lines = ((285.0, 3000.0), (285.7, 1000.0), (286.8, 1000.0), (289.0, 1000.0))
    counts = sum(height * np.exp(-2.3 * (energy - place) ** 2) for place, height in lines) + 100.0
    # A network that gives every group a probability of about 0.62.
    calibration = replace(trained.calibration, group_scale=1e-3, group_offset=float(np.log(0.62 / 0.38)))
    stack = predict_stack(replace(trained, calibration=calibration), {"C1s": (energy, np.stack([counts, counts]))})
    assert (stack.verdict.reasons & np.uint32(Reason.GROUP_OVERLAP) > 0).all()
    assert any("coincide with those of a surer group" in sentence for sentence in stack.sentences(1))
    assert stack.probabilities[0, stack.groups.index("carboxylic acid")] <= OVERLAP_MOST
