"""Text from files, file names and users, as it may be shown."""

from __future__ import annotations

import unicodedata
from typing import Final

#: What stands for each character that is not shown.
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

#: Longest message; it names a label, and does not repeat a file.
LONGEST: Final = 1000

#: Control characters (among them those of terminals), characters that turn the direction of writing or are invisible,
#: halves of surrogate pairs (bytes of a file name that are not UTF-8), private and unassigned ones, and separators of
#: lines and paragraphs: categories of the Unicode standard, table 12 of its annex 44.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: object, longest: int | None = None) -> str:
    r"""Make text fit for a terminal, a table, a page or a plot: one line of visible characters.

    Line breaks and tabs become blanks; every other control character, each that changes the direction of writing or is
    invisible, and each byte that is not UTF-8 becomes U+FFFD. Text of visible characters stays as it is, and
    ``shown`` of what is shown already changes nothing.

    Parameters
    ----------
    text : object
        Anything with a ``str``.
    longest : int, optional
        Of a longer text the middle is left out: a sentence ends in what to do.

    Examples
    --------
    >>> shown("C 1s\x1b[31m\nO 1s")
    'C 1s\ufffd[31m O 1s'
    """
    text = str(text)
    if longest is not None and len(text) > longest:
        end = (longest - 1) // 3
        text = f"{text[: longest - 1 - end]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - end :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\t\n\r\v\f\x85\u2028\u2029":
        return " "
    return REPLACEMENT if unicodedata.category(character) in _HIDDEN else character
