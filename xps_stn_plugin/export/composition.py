"""Atomic percentages as the output formats show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..quantification import ComponentShare, Quantification
    from ..result import PrefitResult


def composition(result: PrefitResult) -> Quantification | None:
    """Return the atomic percentages of a fitted result; None where nothing was fitted."""
    return result.quantification() if result.fits else None


def shares(found: Quantification | None) -> dict[tuple[str, str], ComponentShare]:
    """Return the components' shares by region and name."""
    return {} if found is None else {(share.region, share.name): share for share in found.components}
