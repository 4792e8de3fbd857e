"""Blocks of one region that differ in an experimental variable alone: one region with a further dimension.

A depth profile, a line scan, a map or a series in time is written block by block. What tells the blocks apart becomes a
dimension with its labels and unit. Places (x, y, z) belong together: three spots without a grid stay three regions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from ..core.spectrum import MIN_POINTS
from .assembly import Axis, RawRegion

# What a program counts or notes of every block, whatever is measured.
_COUNTERS: Final = re.compile(r"index|time\s*stamp|date|block|file|number", re.IGNORECASE)
_OPENING: Final = re.compile(r"[\[(]")
_CLOSING: Final = re.compile(r"[\])]")
_PLACES: Final = re.compile(
    r"^(stage|sample|position|pos|coord|coordinate)?[\s_-]*[xyz][\s_-]*(position|pos|coord|coordinate|axis)?$",
    re.IGNORECASE,
)
#: Attributes that all spectra of a series have in common: else their counts do not compare, or they are not a series.
_COMMON: Final = {
    "region": "core levels",
    "sample": "samples",
    "technique": "techniques",
    "radiation": "sources",
    "dwell_time": "dwell times",
    "scans": "numbers of scans",
    "pass_energy": "pass energies",
    "energy_scan_mode": "analyser modes",
    "work_function": "work functions",
    "intensity": "kinds of intensity",
}
#: Attributes that each spectrum has its own of: they go along the dimension.
OWN: Final = ("block", "start_time")
_MOST_AXES: Final = 3
#: Most variables whose combinations are tried.
_MOST_VARIABLES: Final = 12
#: Most by which energies in eV of one axis differ: what rounding leaves, and far less than any step of an analyser.
_ROUNDING: Final = 1e-6

# Labels of blocks, and the values of the variables that tell them apart.
_Values = dict[str, tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class Manner:
    """How a spectrum was measured: what all spectra of a series have in common.

    Parameters
    ----------
    energy : ndarray, shape (n,)
        In eV, in the order of the file or ascending; the same for all that are compared.
    photon_energy : float or None
        In eV.
    quantities : frozenset of str
        What there is along the energies beside the intensities.
    common : tuple of str
        Attributes that decide whether intensities compare.
    """

    energy: NDArray[np.float64]
    photon_energy: float | None
    quantities: frozenset[str]
    common: tuple[str, ...]

    @classmethod
    def of(
        cls,
        energy: NDArray[np.float64],
        photon_energy: float | None,
        quantities: Iterable[str],
        attrs: Mapping[Any, Any],
    ) -> Manner:
        """Take from a region's attributes what counts."""
        return cls(energy, photon_energy, frozenset(quantities), tuple(str(attrs.get(name)) for name in _COMMON))

    def apart(self, other: Manner) -> str:
        """Why another spectrum cannot be of the same series ("their axes differ"); empty where it can.

        Axes are the same where no energy differs by more than a micro-electronvolt: files give three to six decimals,
        and what is computed from them is rounded. An axis that was moved on purpose, by charge correction, is another.
        """
        one, two = self.energy, other.energy
        # Most that differ do so from the first energy on, and a folder may hold thousands.
        if one is not two and (
            one.shape != two.shape
            or abs(one[0] - two[0]) > _ROUNDING
            or not np.allclose(one, two, rtol=0, atol=_ROUNDING)
        ):
            return "their axes differ"
        if self.photon_energy != other.photon_energy:
            return "their photon energies differ"
        if self.quantities != other.quantities:
            return "they hold different quantities"
        pairs = zip(self.common, other.common, _COMMON.values(), strict=True)
        return next((f"their {plural} differ" for mine, others, plural in pairs if mine != others), "")


def in_series(raws: Iterable[RawRegion | PrefitError], *, levels: bool = False) -> Iterator[RawRegion | PrefitError]:
    """Put blocks together that are one region.

    Parameters
    ----------
    raws : iterable of RawRegion or PrefitError
        In the order of the file.
    levels : bool
        Whether blocks of one region are the levels of a depth profile even where no variable says so.

    Yields
    ------
    RawRegion or PrefitError
        One region in the place of its first block; where blocks that a variable tells apart cannot be put together,
        they come as they are, and the reason as an error.
    """
    groups: dict[tuple[Any, ...], list[RawRegion]] = {}
    places: list[RawRegion | PrefitError | tuple[Any, ...]] = []
    for item in raws:
        if isinstance(item, PrefitError) or not _usable(item):
            # The latter is refused for itself: an aborted level leaves a gap.
            places.append(item)
        else:
            identity = _identity(item)
            if identity not in groups:
                places.append(identity)
            groups.setdefault(identity, []).append(item)
    for place in places:
        if isinstance(place, tuple):
            yield from _together(groups.pop(place), levels)
        else:
            yield place


def _usable(raw: RawRegion) -> bool:
    return np.size(raw.energy) >= MIN_POINTS and bool(np.isfinite(np.asarray(raw.counts, dtype=float)).all())


def _identity(raw: RawRegion) -> tuple[Any, ...]:
    """Name and sample that the file gives; blocks without a label go by their identifier."""
    label = next((label for label in raw.labels if label.strip()), "")
    return label.casefold(), raw.attrs.get("sample"), raw.kinetic


def _together(group: list[RawRegion], levels: bool) -> Iterator[RawRegion | PrefitError]:
    """Put the blocks of a region together if they are a grid; the list is emptied, to free their memory."""
    if len(group) == 1:
        yield group.pop()
        return
    varying = varying_variables(group)
    if not varying and levels:
        varying = {"level": tuple(range(1, len(group) + 1))}
    if not varying:
        yield from group
        return
    names = _axes(varying, len(group), {label for label in varying if _units(group[0], label)})
    reason = _apart(group) if names else "they are not a complete grid"
    if reason:
        yield from group
        what = f"{len(group)} blocks of {group[0].labels[0]} differ in {', '.join(varying)}"
        msg = f"{what}, but {reason}: they stay separate regions."
        yield PrefitError(group[0].where, msg)
    else:
        stacked = _stacked(group, names, varying)
        group.clear()
        yield stacked


def varying_variables(group: Sequence[RawRegion]) -> _Values:
    """Variables that all blocks have and that are not the same for all."""
    known = [label for label in group[0].conditions if all(label in raw.conditions for raw in group)]
    values = {label: tuple(raw.conditions[label].value for raw in group) for label in known}
    return {label: own for label, own in values.items() if len(set(own)) > 1 and not _COUNTERS.search(_bare(label))}


def _axes(varying: _Values, size: int, with_units: Collection[str]) -> tuple[str, ...]:
    """Variables whose values are a grid on which every point was measured once; none if there are no such."""
    # A map is y by x, as pictures are.
    places = tuple(sorted((label for label in varying if _PLACES.match(_bare(label))), reverse=True))
    # Of a time and a number that run together, the one with a unit counts.
    others = sorted((label for label in varying if label not in places), key=lambda label: label not in with_units)
    others = others[:_MOST_VARIABLES]
    for count in range(0 if places else 1, _MOST_AXES - len(places) + 1):
        for more in combinations(others, count):
            names = (*more, *places)
            points = set(zip(*(varying[label] for label in names), strict=True))
            if len(points) == size == math.prod(len(set(varying[label])) for label in names):
                return names
    return ()


def _apart(group: Sequence[RawRegion]) -> str:
    """Why blocks cannot be one region; empty where they can."""
    if any(np.ndim(raw.counts) != 1 for raw in group):
        return "they hold different quantities"
    first, *others = (
        Manner.of(np.asarray(raw.energy, dtype=float), raw.photon_energy, raw.variables, raw.attrs) for raw in group
    )
    return next(filter(None, (first.apart(other) for other in others)), "")


def _stacked(group: Sequence[RawRegion], names: Sequence[str], varying: _Values) -> RawRegion:
    """One region of blocks that are points of a grid."""
    first = group[0]
    # The order of the file, for one axis: levels come as they were measured. Maps have theirs by value.
    labels = [list(dict.fromkeys(varying[name])) if len(names) == 1 else sorted(set(varying[name])) for name in names]
    shape = tuple(map(len, labels))
    order = np.empty(shape, dtype=int)
    places = {name: {value: i for i, value in enumerate(known)} for name, known in zip(names, labels, strict=True)}
    for number in range(len(group)):
        order[tuple(places[name][varying[name][number]] for name in names)] = number
    flat = order.ravel()
    dims = tuple(_variable_name(name) for name in names)

    def laid_out(values: Sequence[Any]) -> Any:
        return np.array([values[number] for number in flat]).reshape(*shape, *np.shape(values[0]))

    variables = {}
    for name, values in first.variables.items():
        own = [np.asarray(raw.variables[name], dtype=float) for raw in group]
        variables[name] = values if all(np.array_equal(one, own[0]) for one in own) else laid_out(own)
    along: dict[str, Any] = {
        _variable_name(name): (dims, laid_out(values), _units(first, name))
        for name, values in varying.items()
        if name not in names
    }
    for name in OWN:
        own_values = [raw.attrs.get(name) for raw in group]
        if all(value is not None for value in own_values):
            along[name] = (dims, laid_out(own_values), "")
    return replace(
        first,
        where=f"{first.where} and {len(group) - 1} more",
        counts=laid_out([np.asarray(raw.counts, dtype=float) for raw in group]),
        variables=variables,
        attrs={
            name: value
            for name, value in first.attrs.items()
            if name not in along and all(raw.attrs.get(name) == value for raw in group)
        },
        axes=tuple(
            Axis(dim, np.array(known), _units(first, name))
            for dim, known, name in zip(dims, labels, names, strict=True)
        ),
        along=along,
        # What all have in common still tells where, and how, they were measured.
        conditions={
            label: condition
            for label, condition in first.conditions.items()
            if all(raw.conditions.get(label) == condition for raw in group)
        },
    )


def _bare(label: str) -> str:
    """Label without a unit in brackets."""
    outside, _ = _brackets(label)
    return " ".join(part.strip() for part in outside).strip()


def _brackets(label: str) -> tuple[list[str], list[str]]:
    """Parts of a label outside and inside of brackets, each of which ends at the first closing one."""
    outside, inside, place = [], [], 0
    while opening := _OPENING.search(label, place):
        # One search of the rest for each pair: an expression for both would search it from every opening bracket on.
        closing = _CLOSING.search(label, opening.end())
        if closing is None:
            break
        outside.append(label[place : opening.start()])
        inside.append(label[opening.end() : closing.start()])
        place = closing.end()
    return [*outside, label[place:]], inside


def _variable_name(label: str) -> str:
    """Name of a variable: "Etch Time [s]" is ``etch_time``."""
    name = re.sub(r"\W+", "_", _bare(label).lower()).strip("_") or "variable"
    return f"{name}_2" if name in {"counts", "binding_energy", *OWN} else name


def _units(raw: RawRegion, label: str) -> str:
    """Units of a variable: the file's, else those that stand in brackets behind the label."""
    told = raw.conditions[label].units if label in raw.conditions else ""
    return told or next((part.strip() for part in _brackets(label)[1] if part.strip()), "")
