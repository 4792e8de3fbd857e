from __future__ import annotations

import msgspec
import pytest

from xps_stn_plugin.export.make_report import groups_verdict
from xps_stn_plugin.export.report import Component, Region, Verdicts


def region(*components):
    return Region(None, None, components, (), None)


def component(*groups, share=1.0, at_bound=()):
    numbers = ("center", "center_measured", "fwhm", "area", "atomic_percent", "maximum", "maximum_measured")
    return Component(
        name="C1s a",
        groups=groups,
        stderr={},
        at_bound=at_bound,
        prefix="a_",
        fraction_of_region=share,
        **dict.fromkeys(numbers),
    )


@pytest.mark.parametrize(
    ("status", "probability", "components", "verdict"),
    [
        ("ok", 0.98, [component("ester")], "ok"),
        ("out_of_domain", 0.98, [component("ester")], "out_of_domain"),
        ("uncertain", 0.98, [component("ester")], "uncertain"),
        ("ok", 0.5, [component("ester")], "uncertain"),
        ("ok", 0.98, [component("ester", share=0.8), component(share=0.2)], "uncertain"),
        ("ok", 0.98, [component("ester", share=0.95), component(share=0.05)], "ok"),
        ("ok", 0.98, [component("ester", at_bound=("area",))], "uncertain"),
        ("ok", 0.98, [component("ester", at_bound=("area",)), component("ester")], "ok"),
    ],
)
def test_groups_verdict_is_that_of_network_and_components(status, probability, components, verdict):
    assert groups_verdict(status, {"ester": probability}, [region(*components)]) == verdict


def test_worst_verdict_leaves_out_regions_that_were_not_fitted():
    verdicts = Verdicts("ok", "uncertain", {"C1s": "poor", "O1s": "not fitted"})
    assert verdicts.worst == "poor"
    assert msgspec.structs.replace(verdicts, fits={"O1s": "not fitted"}).worst == "uncertain"
    assert [subject for subject, _ in verdicts.named] == ["shift", "groups", "fit of C1s", "fit of O1s"]
