"""The one error class of the contract."""

from __future__ import annotations


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
        return f"{self.culprit}: {self.message}"
