"""The spectrum of a result in files of other programs, on the corrected axis where a shift is applied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..writers import FORMATS, write_spectrum

if TYPE_CHECKING:
    from ..core.result import PrefitData


def write(result: PrefitData, path: Path) -> None:
    """Write the format of the suffix (``.vms``, ``.itx``): counts as measured, metadata, and what was done to the axis.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    kind = path.suffix[1:].lower()
    assert kind in FORMATS, kind
    write_spectrum(result.axis, result.target(path), kind, inputs=[result.file])
