import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.group_sets import group_sets, parent_groups, parents

ALCOHOL, ACID = parents()


def test_parents_hold_groups_of_the_vocabulary_and_none_twice():
    members = [name for parent in parents().values() for name in parent]
    assert set(members) <= set(group_names())
    assert len(set(members)) == len(members)


def test_a_parent_is_present_where_its_members_cannot_be_told_apart():
    found = parent_groups({"alcohol (aliphatic)": 0.45, "ether (aliphatic)": 0.45, "alkane": 0.9})
    assert found == {ALCOHOL: pytest.approx(1 - 0.55**2)}
    assert parent_groups({"alcohol (aliphatic)": 0.01, "epoxide": 0.0})[ALCOHOL] == pytest.approx(0.01)


def test_parents_of_unknown_probabilities_are_unknown():
    found = parent_groups({"epoxide": math.nan, "anhydride": 0.5, "carboxylic acid": math.nan})
    assert math.isnan(found[ALCOHOL])
    assert found[ACID] == pytest.approx(0.5)
    assert parent_groups({"alkane": 1.0}) == {}


def test_the_most_probable_sets_come_first():
    sets = group_sets({"alkane": 0.95, "amine": 0.1, "nitrile": 0.4, "amide": math.nan})
    assert [one.groups for one in sets] == [("alkane",), ("alkane", "nitrile"), ("alkane", "amine")]
    assert [one.probability for one in sets] == pytest.approx([0.95 * 0.9 * 0.6, 0.95 * 0.9 * 0.4, 0.95 * 0.1 * 0.6])
    assert group_sets({}) == group_sets({"amide": math.nan}) == ()
    assert [one.groups for one in group_sets({"amide": 0.2})] == [(), ("amide",)]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_sets_are_the_best_of_all(values):
    probabilities = {f"group {number}": value for number, value in enumerate(values)}
    every = []
    for bits in range(2 ** len(values)):
        factors = [value if bits >> number & 1 else 1 - value for number, value in enumerate(values)]
        every.append(math.prod(factors))
    sets = group_sets(probabilities)
    assert [one.probability for one in sets] == pytest.approx(sorted(every, reverse=True)[: len(sets)])
    assert len({one.groups for one in sets}) == len(sets) == min(3, len(values) + 1)
