"""Choice of the shift that is subtracted from the energies of a spectrum; all outputs read it here.

A shift is measured minus true binding energy in eV. Reported energies are always measured energies less the applied
shift.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import ALIPHATIC_C1S, ReferenceAt, Settings, Status

from .charge_references import named_reference

#: What is said of a shift that is not applied, and how to apply it.
NOT_APPLIED = (
    "The shift is out of domain and was not applied: energies are as measured; --apply-anyway (apply_anyway=True) "
    "applies it."
)

#: What is said of a region that is moved by the shift of others.
NOT_READ = "This region does not affect the shift and is moved with the others."

_REFERENCE_WORDS: Final[dict[ReferenceAt, str]] = {
    "maximum": "maximum of the line",
    "first-member": "first vibrational member",
}


def scale_offset(settings: Settings) -> float:
    """Return what a shift on the 285.00 eV scale of first members gains in eV on the scale of the settings."""
    return ALIPHATIC_C1S - settings.first_member


def reference_text(reference: float, reference_at: ReferenceAt, calibrated_on: str | None = None) -> str:
    """Say what the zero of the scale is, in eV: the line that the user named, or aliphatic carbon."""
    if (named := named_reference(calibrated_on)) is not None:
        return named.label
    return f"aliphatic C 1s = {reference:.2f} eV ({_REFERENCE_WORDS[reference_at]})"


def is_applied(shift: ArrayLike, out_of_domain: ArrayLike, settings: Settings) -> NDArray[np.bool_]:
    """Whether energies are moved by a shift: not where there is none, nor, unless asked for, out of domain.

    Parameters
    ----------
    shift : array_like
        In eV; NaN where no shift was found.
    out_of_domain : array_like of bool
        Whether the status of the shift is "out_of_domain".
    settings : Settings
        ``apply_anyway`` applies shifts that are out of domain, too.

    Returns
    -------
    ndarray of bool
        Of the shape of `shift` and `out_of_domain` together.
    """
    trusted = ~np.asarray(out_of_domain, dtype=bool) | settings.apply_anyway
    return np.asarray(np.isfinite(shift) & trusted)


def region_status(status: Status, read: bool) -> Status:
    """Trust in the energies of a region: that in the shift, but never "ok" where the predictor did not read it."""
    return status if read or status != "ok" else "uncertain"


def is_told(settings: Settings) -> bool:
    """Whether the user knows something of the sample, or of its shift, that each spectrum is to be read with."""
    expectations = settings.expect or settings.present or settings.absent
    return bool(expectations) or settings.shift is not None or settings.calibrate_on is not None


def shift_text(shift: float, stderr: float, applied: bool) -> str:
    """Write a shift for people: its value and standard error in eV, and whether it is not applied."""
    if not np.isfinite(shift):
        return "no shift"
    return f"shift {shift:+.2f} ± {stderr:.2f} eV{'' if applied else ', not applied'}"
