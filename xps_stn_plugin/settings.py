"""What the user asks for, checked where it comes in."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from numbers import Real
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack, get_args

import numpy as np

from xps_prefit_hooks import ALIPHATIC_C1S, Background, PrefitError, ReferenceAt, Settings, Ties, UserState, shown

from .chemistry.groups import group_names
from .chemistry.states import read_states
from .chemistry.substances import find_substance
from .core.charge_references import CARBON, EXPECTED_CARBON, charge_reference

#: Largest exponent of the kinetic energy that is taken for a transmission function: analysers have about -1 (fixed
#: pass energy) to 1 (fixed retarding ratio).
_STEEPEST: Final = 3.0


class SettingsOptions(TypedDict, total=False):
    """Keywords of `settings_of` and `xps_stn_plugin.prefit`; their defaults are those of `Settings`.

    Parameters
    ----------
    reference : float, optional
        Binding energy in eV of aliphatic C 1s; by default its first vibrational member is at 285.00 eV.
    reference_at : {"maximum", "first-member"}, optional
        What `reference` is the energy of; by default the maximum of the line, where a reference is given.
    photon_energy, background, ties, sensitivity, transmission, sample, shift, calibrate_on, apply_anyway
        As in `Settings`; the regions of `background` may be written ``C 1s``.
    states : path or iterable of path
        TOML files with chemical states of the user's own (docs/chemical_states.md).
    expect : str or iterable of str
        Expected substances: abbreviations, names or SMILES.
    present, absent : str or iterable of str
        Functional groups that are known to be there, or not to be.
    """

    reference: float | None
    photon_energy: float | None
    background: Background | Mapping[str, Background]
    ties: Ties
    expect: str | Iterable[str]
    present: str | Iterable[str]
    absent: str | Iterable[str]
    sensitivity: str
    transmission: float
    reference_at: ReferenceAt | None
    sample: str | None
    shift: float | None
    calibrate_on: str | None
    apply_anyway: bool
    states: str | os.PathLike[str] | UserState | Iterable[str | os.PathLike[str] | UserState]


def settings_of(**options: Unpack[SettingsOptions]) -> Settings:
    """Make settings from what people write: one name for several, any case, blanks around; see `SettingsOptions`.

    Raises
    ------
    PrefitError
        If a value makes no sense, a group or substance is unknown, or two of them contradict each other.
    TypeError
        If there is no such keyword.
    """
    given: dict[str, Any] = {
        name: value for name, value in options.items() if value is not None or name not in ("reference", "reference_at")
    }
    if given.get("calibrate_on") is not None:
        given |= _calibration(given)
    # What of the line a reference is the energy of: its maximum, where one is given.
    asked = Settings(**{"reference_at": "maximum" if "reference" in given else "first-member", **given})
    _one_of("reference_at", asked.reference_at, get_args(ReferenceAt))
    reference, transmission = _number("reference", asked.reference), _number("transmission", asked.transmission)
    photon_energy = None if asked.photon_energy is None else _number("photon energy", asked.photon_energy)
    if not (math.isfinite(reference) and abs(reference - ALIPHATIC_C1S) <= 5.0):
        msg = f"{reference:g} eV is not an energy of aliphatic C 1s; give one within 5 eV of {ALIPHATIC_C1S:.2f} eV."
        raise PrefitError("reference", msg)
    if photon_energy is not None and not (math.isfinite(photon_energy) and photon_energy > 0):
        raise PrefitError("photon energy", f"{photon_energy:g} eV is not a photon energy; give a positive number.")
    if not (math.isfinite(transmission) and abs(transmission) <= _STEEPEST):
        msg = f"{transmission:g} is not an exponent of a transmission function; give one within {_STEEPEST:g} of 0."
        raise PrefitError("transmission", msg)
    background = asked.background
    if not isinstance(background, str):
        if not isinstance(background, Mapping):
            raise PrefitError("background", f"{background!r} is unknown; give one name, or one for each region.")
        background = {region.replace(" ", ""): kind for region, kind in background.items()}
    for kind in [background] if isinstance(background, str) else background.values():
        _one_of("background", kind, get_args(Background))
    _one_of("ties", asked.ties, get_args(Ties))
    if asked.sensitivity != "scofield":
        from .quantification import sensitivity_set

        sensitivity_set(asked.sensitivity)
    present, absent = _groups("present", asked.present), _groups("absent", asked.absent)
    if both := [group for group in present if group in absent]:
        raise PrefitError("groups", f"{', '.join(both)} cannot be both present and absent; drop one of the two.")
    expected = _texts("expect", asked.expect)
    for substance in map(find_substance, expected):
        if against := [group for group in absent if group in substance.groups]:
            msg = f"{substance.label} is expected and has {', '.join(against)}, given as absent; drop one of the two."
            raise PrefitError("groups", msg)
    if asked.sample is not None and not (isinstance(asked.sample, str) and asked.sample.strip()):
        raise PrefitError("sample", f"{shown(repr(asked.sample), 60)} is not a name of a sample; give text.")
    shift = None if asked.shift is None else _number("shift", asked.shift)
    if shift is not None and not math.isfinite(shift):
        raise PrefitError("shift", f"{shift:g} eV is not a shift; give a number of eV.")
    if shift is not None and asked.calibrate_on is not None:
        msg = f"{shift:+g} eV is given and would be decided by {asked.calibrate_on}; drop one of the two."
        raise PrefitError("shift", msg)
    return replace(
        asked,
        shift=shift,
        reference=reference,
        photon_energy=photon_energy,
        background=background,
        expect=expected,
        present=present,
        absent=absent,
        transmission=transmission,
        apply_anyway=_flag("apply_anyway", asked.apply_anyway),
        states=_states(asked.states),
    )


def _states(given: Any) -> tuple[UserState, ...]:
    """Chemical states of the user's own; files are read, so that settings hold what was in them."""
    parts = [given] if isinstance(given, str | os.PathLike | UserState) else given
    if not isinstance(parts, Iterable):
        raise PrefitError("states", f"{shown(repr(given), 60)} is not a path; give that of a TOML file.")
    states: list[UserState] = []
    for part in parts:
        if isinstance(part, UserState):
            states.append(part)
        elif isinstance(part, str | os.PathLike):
            states += read_states(Path(part))
        else:
            raise PrefitError("states", f"{shown(repr(part), 60)} is not a path; give that of a TOML file.")
    return tuple(states)


def _calibration(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line that gives the shift as it is written in settings, and the energy of carbon that goes with it.

    Where another line than carbon is the reference, aliphatic carbon is expected where adventitious carbon lies on
    conductors, unless the user says where.
    """
    text = given["calibrate_on"]
    if not isinstance(text, str):
        raise PrefitError("calibrate_on", f"{shown(repr(text), 60)} is not a name of a line; give text.")
    line = charge_reference(text)
    if line.name != CARBON:
        return {"calibrate_on": line.text, "reference": given.get("reference", EXPECTED_CARBON)}
    if line.energy is None:
        return {"calibrate_on": CARBON}
    if given.get("reference", line.energy) != line.energy:
        msg = f"{given['reference']:g} eV and {text} give carbon two energies; drop one of the two."
        raise PrefitError("reference", msg)
    return {"calibrate_on": CARBON, "reference": line.energy}


def _number(what: str, given: Any) -> float:
    """Return a real number as a float; text is refused even where it looks like one."""
    if isinstance(given, Real) or (isinstance(given, np.ndarray) and given.ndim == 0 and given.dtype.kind in "iuf"):
        try:
            return float(given)
        except OverflowError:
            pass
    raise PrefitError(
        what, f"{shown(repr(given), 60)} ({type(given).__name__}) is not a number of usual size; give one."
    )


def _flag(what: str, given: Any) -> bool:
    if not isinstance(given, bool | np.bool_):
        raise PrefitError(what, f"{shown(repr(given), 60)} is neither True nor False; give one of them.")
    return bool(given)


def _one_of(what: str, given: Any, known: tuple[str, ...]) -> None:
    if given not in known:
        raise PrefitError(what, f"{given!r} is unknown; take one of {', '.join(known)}.")


def _texts(what: str, given: str | Iterable[str]) -> tuple[str, ...]:
    """Texts without blanks around, each once."""
    if not isinstance(given, Iterable):
        raise PrefitError(what, f"{given!r} is not a name; give texts.")
    texts = [given] if isinstance(given, str) else list(given)
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise PrefitError(what, f"{text!r} is not a name; give texts.")
    return tuple(dict.fromkeys(text.strip() for text in texts))


def _groups(what: str, given: str | Iterable[str]) -> tuple[str, ...]:
    known = {name.casefold(): name for name in group_names()}
    found = []
    for text in _texts(what, given):
        key = " ".join(text.casefold().split())
        if key not in known:
            # "esters" is nearer to "ester (aliphatic)" than its letters tell.
            stems = {name.split(" (")[0] for name in known}
            stem = get_close_matches(key.split(" (")[0], stems, n=2, cutoff=0.5)
            near = [name for name in known if name.split(" (")[0] in stem]
            hint = f"similar: {', '.join(known[name] for name in near)}" if near else "docs/guide.md lists them"
            raise PrefitError(what, f"there is no functional group {text!r}; {hint}.")
        found.append(known[key])
    return tuple(dict.fromkeys(found))
