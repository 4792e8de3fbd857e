from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import LONGEST, PrefitError, shown

# Any text that Python can hold: lone surrogates, too, which stand for bytes of file names that are not UTF-8.
ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)


@given(text=ANY)
def test_shown_is_one_line_of_visible_characters(text):
    visible = shown(text)
    assert len(visible) == len(text)
    assert not {unicodedata.category(character) for character in visible} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(visible.splitlines()) <= 1
    visible.encode("utf-8")


@given(text=ANY)
def test_shown_again_is_the_same(text):
    assert shown(shown(text)) == shown(text)


@given(text=st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "M"])))
def test_shown_leaves_visible_text_alone(text):
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;PWNED\x07\x1b[31m", "\ufffd]0;PWNED\ufffd\ufffd[31m"),
        ("a\r\nb\tc\u2028d", "a  b c d"),
        ("C1s\u202etxt.exe", "C1s\ufffdtxt.exe"),
        ("\u200b\ufeff", "\ufffd\ufffd"),
        ("caf\udce9", "caf\ufffd"),
        ("C 1s — α β", "C 1s — α β"),
        (285.0, "285.0"),
    ],
)
def test_shown_replaces_what_moves_a_terminal(text, expected):
    assert shown(text) == expected


def test_shown_with_a_limit_cuts():
    assert shown("abcdefghij", 4) == "ab\N{HORIZONTAL ELLIPSIS}j"
    assert shown("aaaa", 4) == "aaaa"


def test_error_shows_neither_escapes_nor_files_of_text():
    error = PrefitError("a\x1b[2J.vms", "x" * 10**6)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 2 * LONGEST + 10
    assert error.culprit == "a\x1b[2J.vms"
