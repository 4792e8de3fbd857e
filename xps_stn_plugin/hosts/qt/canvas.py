"""Canvas of the form's picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Canvas:
    """Size of the picture in the form, and the energies that it shows.

    Parameters
    ----------
    width, height : int
        In pixels of the window.
    ratio : float
        Pixels of the screen for one pixel of the window.
    span : (float, float) or None
        Lowest and highest binding energy in eV that are shown; None for all.
    """

    width: int
    height: int
    ratio: float
    span: tuple[float, float] | None = None
