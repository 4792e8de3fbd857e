"""What Scienta SES notes of a region: the same keys in its text and in its Igor waves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .text import number, whole


def ses_attributes(note: Mapping[str, str]) -> dict[str, Any]:
    """Attributes of a region; None where SES does not tell.

    "Time per Spectrum Channel" is the time in s at each energy, of all sweeps together: it is the step time (in ms)
    times sweeps times the steps that the detector's window takes to pass an energy.
    """
    sweeps = whole(note.get("Number of Sweeps", ""), 1)
    time = number(note.get("Time per Spectrum Channel", ""))
    return {
        "scans": sweeps,
        "dwell_time": round(time / sweeps, 9) if time is not None and time > 0 else None,
        "pass_energy": number(note.get("Pass Energy", "")),
        "lens_mode": note.get("Lens Mode") or None,
        "sample": note.get("Sample") or None,
        "start_time": f"{note['Date']}T{note['Time']}" if {"Date", "Time"} <= note.keys() else None,
        "instrument": note.get("Instrument") or None,
    }
