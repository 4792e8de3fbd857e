"""Calibrated copy of a spectrum as HDF5, laid out as NeXus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._util.files import Overwrite
from .nexus import write_entries

if TYPE_CHECKING:
    from ..core.result import PrefitData


def write_calibrated_copy(result: PrefitData, path: Path, *, overwrite: Overwrite = False) -> None:
    """Write every region on the corrected axis, with the axis as measured and the correction beside it.

    One ``NXentry`` per region, as `export.nexus` writes it without what was found: ``data`` (``NXdata``: ``counts``
    over ``binding_energy`` and, for comparison, ``binding_energy_measured``, both in eV) and ``energy_referencing``
    (``NXcalibration``: ``reference_peak``, ``binding_energy``, ``offset`` = what was added to the measured axis,
    ``offset_errors``, ``description``).

    Parameters
    ----------
    result : PrefitData
        Its `calibrated` spectrum is written.
    path : Path
        File to make; never the file that the spectrum came from.
    overwrite : bool or collection of Path
        Whether a file is replaced that this package did not write, or that was changed since.

    Raises
    ------
    PrefitError
        If no shift is applied, `path` is the file of the spectrum, or the file cannot be written.
    """
    _ = result.calibrated  # raises where no shift is applied
    write_entries(result, path, with_findings=False, overwrite=overwrite)
