"""JSON without repeated names, and its content in messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its names and values, as ``object_pairs_hook`` of `json.loads`.

    Raises
    ------
    ValueError
        If a name is there twice.
    """
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(f"the name {shown(repeated([key for key, _ in pairs]))} is there twice in one object")
    return content


def repeated(names: Iterable[str]) -> str | None:
    """Find the first name that is there twice."""
    earlier = set[str]()
    for name in names:
        if name in earlier:
            return name
        earlier.add(name)
    return None


def shown(value: object) -> str:
    """Return content of a file for a message: escaped and cut."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)} items"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a very large number"
    text = ascii(value[:61]) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
