"""Thermo Avantage files (.vgd): OLE containers with one stream of axes, one of numbers and sets of properties.

The stream VGSpaceAxes holds, in little-endian, a version and the number of axes (4 bytes each), and for each axis 18
bytes, the number of points (4 bytes), first value and step (8 bytes each); the first axis is the kinetic energy. VGData
holds 8-byte numbers. Files were compared with Avantage's own .xls of the same spectra: the numbers are its counts per
second times dwell time and scans. Properties: 6 instrument, 105 photon energy, 305 dwell time, 306 scans, 404 pass
energy, 406 work function, 411 lens mode, in eV and s.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from .assembly import Axis, RawRegion, spectrum_of
from .ole_properties import OLE_ERRORS, properties
from .text import refuse_large

if TYPE_CHECKING:
    import olefile
    import xarray as xr

_INSTRUMENT, _LENS_MODE = 6, 411
_PHOTON_ENERGY, _DWELL_TIME, _SCANS, _PASS_ENERGY, _WORK_FUNCTION = 105, 305, 306, 404, 406
_TITLE, _SUBJECT = 2, 3
# Names of property sets (their format identifiers in OLE's notation).
_ACQUISITION: Final = "\x05Q5nw4m3lIjudbfwyAayojlptCa"
_SUMMARY: Final = "\x05SummaryInformation"
_LARGEST_STREAM: Final = 400_000_000


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read the spectrum of a file, or the stack of a depth profile.

    Raises
    ------
    PrefitError
        If the file is another OLE file, cut off or damaged.
    """
    import olefile

    refuse_large(path)
    try:
        with olefile.OleFileIO(str(path)) as container:
            streams = {name: _stream(container, name) for name in ("VGSpaceAxes", "VGData", _ACQUISITION, _SUMMARY)}
    except OLE_ERRORS as error:
        raise PrefitError(
            str(path), f"the OLE container is damaged ({str(error)[:80] or type(error).__name__})."
        ) from None
    axes, data = streams["VGSpaceAxes"], streams["VGData"]
    if not axes or not data:
        message = "the OLE container holds no spectrum of Avantage (streams VGSpaceAxes and VGData); export it as text."
        raise PrefitError(str(path), message)
    try:
        points, first, step = struct.unpack_from("<Idd", axes, 26)
    except struct.error:
        raise PrefitError(str(path), "its axis is cut off.") from None
    if not 1 <= points <= len(data) // 8 or len(data) % (8 * points):
        message = f"the axis has {points} points but there are {len(data) // 8} numbers; the file is damaged."
        raise PrefitError(str(path), message)
    with np.errstate(all="ignore"):
        energy = np.round(first + step * np.arange(points), 6)
    counts = np.frombuffer(data, dtype="<f8").reshape(-1, points)
    told, summary = properties(streams[_ACQUISITION]), properties(streams[_SUMMARY])
    dwell_time, scans = _positive(told.get(_DWELL_TIME)), _positive(told.get(_SCANS))
    # The numbers are counts; Avantage shows and exports rates.
    rates = counts / (dwell_time * scans) if dwell_time and scans else counts
    return spectrum_of(
        path,
        [
            RawRegion(
                where=str(path),
                energy=energy,
                counts=rates[0] if len(rates) == 1 else rates,
                kinetic=True,
                labels=(str(summary.get(_TITLE, "")), path.stem),
                photon_energy=_positive(told.get(_PHOTON_ENERGY)),
                attrs={
                    "intensity": "counts per second" if dwell_time and scans else "counts",
                    "sample": summary.get(_SUBJECT) or None,
                    "instrument": told.get(_INSTRUMENT) or None,
                    "lens_mode": told.get(_LENS_MODE) or None,
                    "dwell_time": dwell_time,
                    "scans": int(scans) if scans else None,
                    "pass_energy": _positive(told.get(_PASS_ENERGY)),
                    "work_function": _positive(told.get(_WORK_FUNCTION)),
                },
                axes=(Axis("etch_level", np.arange(1, len(counts) + 1)),) if len(counts) > 1 else (),
            )
        ],
        settings,
    )


def _stream(container: olefile.OleFileIO, name: str) -> bytes:
    if not container.exists(name) or container.get_size(name) > _LARGEST_STREAM:
        return b""
    with container.openstream(name) as stream:
        content: bytes = stream.read()
    return content


def _positive(value: float | str | None) -> float | None:
    return round(value, 3) if isinstance(value, int | float) and 0 < value < 1e6 else None
