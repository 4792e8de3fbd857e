from __future__ import annotations

import numpy as np
import pytest

import xps_stn_plugin as xps
from xps_stn_plugin.fitting import component_table

#: Poly(methyl methacrylate): carbons by line.
STOICHIOMETRY = {"C1s C-C": 2.0, "C1s C-C(=O)O": 1.0, "C1s C-O-C=O": 1.0, "C1s O-C=O": 1.0}


def areas(result):
    table = component_table(result.seeds["C1s"], result.fit("C1s"))
    unit = sum(row.area for row in table) / 5.0
    return {row.name: (row.area / unit, row.stderr["area"] / unit) for row in table}


@pytest.fixture
def example():
    from conftest import ROOT

    return ROOT / "examples" / "pmma_charged.csv"


def test_areas_of_the_example_are_right_within_their_errors(example):
    found = areas(xps.prefit(example))
    pulls = [(found[name][0] - true) / found[name][1] for name, true in STOICHIOMETRY.items()]
    assert np.abs(pulls).max() < 3.0
    # Held at 0.4, 0.2 and 0.4 quanta they were 7 and 11 standard errors off.
    assert np.sqrt(np.mean(np.square(pulls))) < 1.6


def test_areas_of_the_example_are_right_where_the_substance_is_known(example):
    for name, (area, _) in areas(xps.prefit(example, expect="PMMA")).items():
        assert area == pytest.approx(STOICHIOMETRY[name], rel=0.05), name


def test_vibrations_follow_the_data_within_what_is_expected(example):
    params = xps.prefit(example).seeds["C1s"].params
    # True are 0.5 (CH2 and CH3), 0 and 0.6 (CH3).
    assert params["alkyl_vibration"].value == pytest.approx(0.5, abs=0.1)
    assert params["ester_beta_vibration"].value < 0.2
    assert 0.4 < params["ester_alkoxy_vibration"].value < 0.7
    assert not params["ester_alkoxy_vibration"].vary
