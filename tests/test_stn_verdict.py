from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.stacks.fields import CARRIED, NO_REFERENCE, PLUGIN, REASON_TEXTS, TOLD
from xps_stn_plugin.stn.group_support import Support
from xps_stn_plugin.stn.posterior import Posterior
from xps_stn_plugin.stn.verdict import STATUSES, Evidence, Reason, judge, sentences

BINS = (np.arange(160) - 79.5) * 0.1


def _posterior(*modes):
    weight = sum(share * np.exp(-0.5 * ((BINS - centre) / width) ** 2) / width for centre, width, share in modes)
    return weight / weight.sum()


def _evidence(*modes, snr=None):
    """One spectrum."""
    snr = snr or {"C1s": 100.0, "O1s": 80.0}
    posterior = _posterior(*modes)
    mean = float(posterior @ BINS)
    shape = (1, len(snr))
    return Evidence(
        regions=tuple(snr),
        signal_to_noise=np.array([list(snr.values())]),
        saturated=np.ones(shape, dtype=np.int64),
        one_line=np.array([False]),
        posterior=Posterior.of(posterior[None], BINS),
        stderr=np.array([np.sqrt(posterior @ BINS**2 - mean**2)]),
        foreign=np.array([False]),
        disagreement=np.full(shape, np.nan),
        shift=np.array([mean]),
        maximum=np.array([[{"C1s": 285.1, "O1s": 530.2}.get(name, np.nan) + mean for name in snr]]),
        no_group=np.array([False]),
        support=Support(
            ("ester (aliphatic)",),
            np.full((1, 1), -1, dtype=np.int8),
            np.zeros((1, 1), dtype=np.int32),
            np.zeros((1, 1), dtype=bool),
            np.full(shape, 0.5),
        ),
        cut=np.zeros((*shape, 2), dtype=bool),
        left_out=np.zeros(shape, dtype=bool),
        replaced=np.full((*shape, 2), np.nan),
        alike=np.array([np.nan]),
        potassium=np.array([False]),
        overlapped=np.zeros((1, 1), dtype=bool),
        ringless=np.zeros((1, 1), dtype=bool),
        foreign_pair=np.full(shape, ""),
    )


def _said(evidence):
    verdict = judge(evidence)
    return STATUSES[verdict.status[0]], sentences(evidence, verdict.reasons[0], 0)


def test_a_sharp_distribution_is_ok():
    assert _said(_evidence((1.0, 0.08, 1))) == ("ok", ())


def test_a_wide_one_is_uncertain():
    status, reasons = _said(_evidence((1.0, 0.4, 1)))
    assert status == "uncertain"
    assert "standard error" in reasons[0]


def test_verdict_standard_error_of_a_few_percent_far_away_is_ok():
    tailed = replace(_evidence((1.0, 0.08, 0.97), (2.5, 0.08, 0.03)), stderr=np.array([0.3]))
    assert _said(tailed) == ("ok", ())


@pytest.mark.parametrize(
    ("modes", "stderr", "left_out"),
    [
        (((1.0, 0.08, 0.93), (2.5, 0.08, 0.07)), 0.3, False),
        (((1.0, 0.24, 1.0),), 0.3, False),
        (((1.0, 0.08, 0.97), (5.0, 0.08, 0.03)), 0.6, False),
        (((1.0, 0.08, 0.97), (2.5, 0.08, 0.03)), 0.3, True),
    ],
    ids=["more than a few percent", "wide", "too far away", "a region was left out"],
)
def test_verdict_other_standard_errors_above_the_limit_are_uncertain(modes, stderr, left_out):
    evidence = replace(_evidence(*modes), stderr=np.array([stderr]), left_out=np.array([[False, left_out]]))
    status, reasons = _said(evidence)
    assert status == "uncertain"
    assert any("standard error" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("width", "alike", "status"),
    [(0.10, -0.15, "ok"), (0.20, -0.15, "uncertain"), (0.24, -0.40, "ok"), (0.24, -0.20, "uncertain")],
    ids=["broad lines, sure network", "broad lines, unsure network", "narrow lines", "both"],
)
def test_verdict_data_and_network_decide_together_on_parts(width, alike, status):
    evidence = replace(_evidence((1.0, width, 1)), stderr=np.array([0.2]), alike=np.array([alike]))
    assert _said(evidence)[0] == status


def test_two_shifts_are_named():
    status, reasons = _said(_evidence((1.0, 0.08, 0.7), (2.5, 0.08, 0.3)))
    assert status == "uncertain"
    assert any("+1.0" in reason and "+2.5" in reason and "30%" in reason for reason in reasons)


def test_verdict_shifts_of_two_parts_half_an_ev_apart_each_is_uncertain():
    status, reasons = _said(replace(_evidence((1.0, 0.08, 0.5), (1.5, 0.08, 0.5)), stderr=np.array([0.2])))
    assert status == "uncertain"
    assert reasons == ("All lines look broadened or doubled: the sample may be charged unevenly by about 0.5 eV.",)


@pytest.mark.parametrize("changes", [{"stderr": np.array([0.3])}, {"foreign": np.array([True])}])
def test_verdict_spread_with_another_reason_is_not_called_uneven(changes):
    evidence = replace(_evidence((1.0, 0.08, 0.5), (1.5, 0.08, 0.5)), **{"stderr": np.array([0.2]), **changes})
    assert not any("unevenly" in reason for reason in _said(evidence)[1])


def test_verdict_far_second_shift_of_low_probability_does_not_count_as_uneven():
    _, reasons = _said(_evidence((1.0, 0.08, 0.95), (2.5, 0.08, 0.05)))
    assert not any("unevenly" in reason for reason in reasons)


def test_posterior_spread_is_that_of_the_neighbourhood_of_the_mode():
    narrow, wide = (
        Posterior.of(_posterior(*modes)[None], BINS)
        for modes in ([(0.05, 0.15, 1)], [(0.05, 0.15, 0.6), (0.65, 0.15, 0.4)])
    )
    assert narrow.spread[0] == pytest.approx(0.15, abs=0.01)
    assert wide.spread[0] == pytest.approx(np.sqrt(0.15**2 + 0.6 * 0.4 * 0.6**2), abs=0.03)


def test_a_region_of_noise_beside_others_is_named():
    status, reasons = _said(_evidence((1.0, 0.08, 1), snr={"C1s": 50.0, "N1s": 2.0}))
    assert status == "ok"
    assert reasons[0] == "No line stands above the noise in N1s (detection limit 0.5 at%)."


def test_verdict_region_that_refutes_a_group_is_uncertain():
    evidence = _evidence((1.0, 0.08, 1), snr={"C1s": 50.0, "N1s": 2.0})
    refuted = np.array([[1]], dtype=np.int8)
    status, reasons = _said(replace(evidence, support=replace(evidence.support, refuted=refuted)))
    assert status == "uncertain"
    assert "N1s shows no line, although 0.5 at% would be visible: ester (aliphatic) cannot be present." in reasons


def test_the_end_of_the_trained_range_is_out_of_domain():
    status, reasons = _said(_evidence((7.9, 0.1, 1)))
    assert status == "out_of_domain"
    assert "8 eV" in reasons[0]


def test_verdict_shift_half_an_ev_from_the_end_of_the_range_is_ok():
    assert _said(_evidence((7.5, 0.08, 1))) == ("ok", ())


def test_without_carbon_the_shift_is_uncertain():
    status, reasons = _said(_evidence((0.0, 0.08, 1), snr={"O1s": 50.0}))
    assert status == "uncertain"
    assert "C 1s" in reasons[0]


@pytest.mark.parametrize(("disagreement", "said"), [(0.05, False), (0.2, True)])
def test_a_region_that_disagrees_is_named_but_does_not_condemn(disagreement, said):
    status, reasons = _said(replace(_evidence((0.0, 0.08, 1)), disagreement=np.array([[0.0, disagreement]])))
    assert status == "ok"
    assert any("O1s" in reason for reason in reasons) == said


def test_a_foreign_sample_is_out_of_domain():
    status, reasons = _said(replace(_evidence((0.0, 0.08, 1)), foreign=np.array([True])))
    assert status == "out_of_domain"
    assert "adventitious carbon on an oxide (O 1s maximum at 530.2 eV)" in reasons[0]


def test_a_foreign_sample_without_carbon_is_not_described():
    status, reasons = _said(replace(_evidence((0.0, 0.08, 1), snr={"O1s": 50.0}), foreign=np.array([True])))
    assert status == "out_of_domain"
    assert "cannot place" in reasons[0]
    assert "looks like" not in reasons[0]


def test_a_sample_without_groups_is_described_on_the_corrected_axis_and_stays_ok():
    status, reasons = _said(replace(_evidence((1.5, 0.08, 1)), no_group=np.array([True])))
    assert status == "ok"
    (reason,) = reasons
    assert reason.startswith(
        "With hydrocarbon at 285.00 eV the sample looks like adventitious carbon on an oxide (O 1s maximum at"
    )
    assert reason.endswith("; no functional group was found.")


@pytest.mark.parametrize(
    "changes",
    [
        {"foreign": np.array([True])},
        {"signal_to_noise": np.array([[2.0, 80.0]])},
        {"posterior": Posterior.of(_posterior((7.9, 0.1, 1))[None], BINS)},
    ],
)
def test_a_sample_is_described_once_and_only_with_carbon(changes):
    evidence = replace(_evidence((0.0, 0.08, 1)), no_group=np.array([True]), **changes)
    assert not judge(evidence).reasons[0] & Reason.NO_GROUP
    assert not any("functional group" in reason for reason in _said(evidence)[1])


def test_every_reason_has_a_bit_of_its_own_and_a_sentence_for_stacks():
    bits = [int(reason) for reason in Reason]
    assert len(set(bits) | {CARRIED, TOLD, PLUGIN, NO_REFERENCE}) == len(bits) + 4
    assert set(REASON_TEXTS) == {*bits, CARRIED, TOLD, PLUGIN, NO_REFERENCE}
    assert all(text.endswith(".") and text.count(".") - text.count("0.25") == 1 for text in REASON_TEXTS.values())


def test_one_line_without_feature_is_uncertain():
    status, reasons = _said(replace(_evidence((0.0, 0.08, 1), snr={"C1s": 50.0}), one_line=np.array([True])))
    assert status == "uncertain"
    assert "C1s" in reasons[0]


def test_a_saturated_region_is_uncertain():
    status, reasons = _said(replace(_evidence((0.0, 0.08, 1)), saturated=np.array([[9, 2]])))
    assert status == "uncertain"
    assert "9 channels of C1s" in reasons[0]


def test_without_any_line_nothing_else_is_said():
    noise = replace(_evidence((7.9, 1.0, 1), snr={"C1s": 2.0, "O1s": np.nan}), foreign=np.array([True]))
    assert judge(noise).reasons[0] == Reason.NO_SHIFT | Reason.NO_LINE | Reason.NOT_MEASURED
    status, reasons = _said(noise)
    assert status == "out_of_domain"
    assert len(reasons) == 2
    assert "C1s" in reasons[0]
    assert "O1s" in reasons[1]


def test_a_region_that_was_not_measured_is_named_but_does_not_condemn():
    status, reasons = _said(_evidence((1.0, 0.08, 1), snr={"C1s": 100.0, "O1s": np.nan}))
    assert status == "ok"
    assert [("O1s" in reason and "C1s" not in reason) for reason in reasons] == [True]


def test_verdict_hot_channels_are_named_and_leave_the_status():
    evidence = _evidence((1.0, 0.08, 1))
    evidence.replaced[0, 0, 0] = 292.0
    status, reasons = _said(evidence)
    assert status == "ok"
    assert reasons == ("Hot or dead channels of C1s were left out, at 292.00 eV as measured.",)


@pytest.mark.parametrize(
    ("field", "sentence"),
    [("overlapped", "carboxylic acid: the lines coincide"), ("ringless", "No aromatic ring was found, so")],
)
def test_a_group_that_was_taken_back_is_said_and_leaves_the_shift_ok(field, sentence):
    evidence = _evidence((1.0, 0.08, 1))
    support = replace(evidence.support, groups=("carboxylic acid",))
    taken_back = replace(evidence, support=support, **{field: np.ones((1, 1), dtype=bool)})
    status, told = _said(taken_back)
    assert status == "ok"
    assert len(told) == 1
    assert told[0].startswith(sentence)
