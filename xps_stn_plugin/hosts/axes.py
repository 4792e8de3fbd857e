"""Kind of an energy axis from the descriptions that hosts give."""

from __future__ import annotations

from collections.abc import Iterable

from xps_prefit_hooks import PrefitError


def is_kinetic(axis: str, descriptions: Iterable[object]) -> bool:
    """Whether an energy axis is kinetic.

    Parameters
    ----------
    axis : str
        Which axis, for the message.
    descriptions : iterable of object
        What the host knows about the axis, best first: its type, title, name. None and empty texts are passed over.

    Raises
    ------
    PrefitError
        If no text says "kinetic" or "binding"; nothing is guessed.
    """
    texts = [str(text) for text in descriptions if text]
    for text in texts:
        for kind in ("kinetic", "binding"):
            if kind in text.lower():
                return kind == "kinetic"
    texts_shown = ", ".join(f"'{text}'" for text in texts) or "nothing"
    message = (
        f"the energy axis says neither 'kinetic' nor 'binding' (it says {texts_shown}); write it in its type or title."
    )
    raise PrefitError(axis, message)
