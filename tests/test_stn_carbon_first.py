from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import stacked

from xps_stn_plugin.stn.carbon_first import CARBON_DECIDES, carbon_first
from xps_stn_plugin.stn.predict import shipped
from xps_stn_plugin.stn.stack import predict_stack
from xps_stn_plugin.stn.verdict import STATUSES, Reason, Verdict

COUNTS = stacked.counts(["ester", "ester", "ester"], [1.0, -2.0, 0.5], [3000] * 3)
LEVELS = {name: (stacked.AXES[name], values) for name, values in COUNTS.items()}


def ask(rows, carbon_alone, shift):
    some = {name: (axis, values[rows]) for name, (axis, values) in LEVELS.items() if name == "C1s" or not carbon_alone}
    return predict_stack(shipped(), some, shift=shift)


@pytest.fixture(scope="module")
def whole():
    return predict_stack(shipped(), LEVELS)


def doubted(whole, *bits):
    """Let the rules say of each spectrum what is given, and doubt all."""
    status = np.full(len(whole), STATUSES.index("uncertain"), dtype=np.int8)
    return replace(whole, verdict=Verdict(status, np.array(bits, dtype=np.uint32)))


def test_carbon_decides_where_the_standard_error_is_the_only_doubt(whole):
    error = int(Reason.STANDARD_ERROR)
    found = carbon_first(doubted(whole, error | int(Reason.NOT_MEASURED), 0, error | int(Reason.UNEVEN)), ask)
    alone = ask(np.array([0]), True, None)
    assert found.shift[0] == alone.shift[0]
    assert found.shift_stderr[0] == alone.shift_stderr[0]
    np.testing.assert_array_equal(found.shift[1:], whole.shift[1:])
    assert [STATUSES[number] for number in found.verdict.status] == ["ok", "uncertain", "uncertain"]
    assert Reason(int(found.verdict.reasons[0])) == Reason.CARBON_FIRST | Reason.NOT_MEASURED
    assert found.prediction(0).reasons[0] == CARBON_DECIDES
    assert found.prediction(0).groups["ester (aliphatic)"] > 0.5


def test_carbon_does_not_decide_where_it_is_not_sure_itself(whole):
    def unsure(rows, carbon_alone, shift):
        assert carbon_alone
        return doubted(ask(rows, True, None), *[int(Reason.UNEVEN)] * len(rows))

    before = doubted(whole, *[int(Reason.STANDARD_ERROR)] * 3)
    assert carbon_first(before, unsure) is before


def test_carbon_alone_is_not_asked_again():
    only = predict_stack(shipped(), {"C1s": LEVELS["C1s"]})
    before = doubted(only, *[int(Reason.STANDARD_ERROR)] * 3)
    assert carbon_first(before, ask) is before


def test_carbon_does_not_decide_with_a_large_standard_error(whole):
    def wide(rows, carbon_alone, shift):
        assert carbon_alone
        alone = ask(rows, True, None)
        return replace(alone, shift_stderr=np.full(len(rows), 0.44))

    before = doubted(whole, *[int(Reason.STANDARD_ERROR)] * 3)
    assert carbon_first(before, wide) is before
