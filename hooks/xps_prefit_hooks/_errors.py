"""The one error class of the contract."""

from __future__ import annotations

from ._texts import LONGEST, shown


class PrefitError(Exception):
    """Something could not be read, predicted, seeded, fitted or written.

    Parameters
    ----------
    culprit : str
        What the message is about: a file, a region, a plugin, an option.
    message : str
        One sentence: what was found, where, and what to do about it.
    """

    def __init__(self, culprit: str, message: str) -> None:
        super().__init__(culprit, message)
        self.culprit = culprit
        self.message = message

    def __str__(self) -> str:
        # File names and labels of files may hold what moves a terminal's cursor.
        return f"{shown(self.culprit, LONGEST)}: {shown(self.message, LONGEST)}"
