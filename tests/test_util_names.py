from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin._util.names import distinct_name, name_key, output_name


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("PMMA level 2", "PMMA level 2"),
        (".", "_"),
        ("..", "_"),
        ("", "_"),
        (".hidden", "_hidden"),
        ("end. . ", "end"),
        ("line\nfeed\t", "line_feed_"),
        ("not-\udcff-utf8", "not-_-utf8"),
        ("a/b\\c:d", "a_b_c_d"),
        ("CON", "_CON"),
        ("nul.first", "_nul.first"),
        ("console", "console"),
        ("com1", "_com1"),
    ],
)
def test_output_name_is_valid_everywhere(stem, name):
    assert output_name(stem) == name


def test_output_name_of_long_stems_stays_different_and_short():
    one, two = output_name("a" * 240), output_name("a" * 239 + "b")
    assert one != two
    assert one.startswith("a" * 50)
    assert max(len(one), len(two)) <= 110
    assert len(output_name("\U0001f600" * 60).encode()) <= 110


@given(st.text(st.characters(codec=None), max_size=200))
def test_output_name_of_any_text_is_a_name(stem):
    name = output_name(stem)
    assert 0 < len(name.encode("utf-8")) <= 110
    assert not re.search(r'[\x00-\x1f\x7f<>:"/\\|?*]', name)
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert output_name(name) == name or len(stem) > 60


@given(st.lists(st.sampled_from(["a", "A", "a_2", "\u00e9", "e\u0301", "\u00c9"]), max_size=8))
def test_distinct_name_never_gives_two_that_some_file_system_takes_for_one(names):
    keys = set()
    for name in names:
        key = name_key(distinct_name(name, keys))
        assert key not in keys
        keys.add(key)
