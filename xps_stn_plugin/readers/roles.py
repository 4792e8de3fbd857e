"""What the columns of a block of numbers are: energies, intensities, scans of one spectrum, or others beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from ..core.regions import region_name
from .assembly import Axis
from .grid import Block, other_length

# Short forms in capitals anywhere ("BE/eV", "K.E."), in lower case only at the beginning or the end of a name: "be" is
# a word. Names of other languages are those of programs that translate them.
BINDING: Final = re.compile(r"(?i:binding|bindungs|liaison|enlace)|(?<![A-Za-z])B\.?E\.?(?![A-Za-z])|^be(?![a-z])|_be$")
KINETIC: Final = re.compile(
    r"(?i:kinetic|kinetisch|cin[ée]tique|cin[ée]tica)|(?<![A-Za-z])K\.?E\.?(?![A-Za-z])|^ke(?![a-z])|_ke$"
)
ENERGY: Final = re.compile(r"energy|energie|energ[ií]a|(?<![a-z])ev(?![a-z])", re.IGNORECASE)
_PHOTON: Final = re.compile(r"(?i:photon)|(?<![A-Za-z])P\.?E\.?(?=\s*[/(\[]?\s*eV)|^h(?:v|nu|ν)(?![a-z])")
_PER_SECOND = re.compile(
    r"(?<![a-z])k?cps|(?<![a-z])c/s|(?:counts?|coups|impulse)(?:\s*+(?:/|per)\s*+|\s++)s(?:ec(?:ond)?)?(?![a-z])",
    re.IGNORECASE,
)
_INTENSITY = re.compile(r"intensit|counts?|(?<![a-z])k?cps|c/s|signal|coups|z[äa]hlrate|impulse", re.IGNORECASE)
_RAW = re.compile(r"(?<![a-z])(raw|data|measured|experiment(al)?|exp|spectrum)(?![a-z])", re.IGNORECASE)
# Columns that programs write beside the data.
_BESIDE = re.compile(
    r"ba?c?k?gr?o?u?nd|backgr|(?<![a-z])(bg|bkg|shirley|tougaard)(?![a-z])|envelope|(?<![a-z])fit|residual|error|sigma"
    r"|std|deviation|uncertaint|transmission|(?<![a-z])(peak|component|model|rsf|index|point|diff)|(?<![a-z])tf(?![a-z])",
    re.IGNORECASE,
)
_TRANSMISSION = re.compile(r"transmission|(?<![a-z])tf(?![a-z])", re.IGNORECASE)
_SCAN = re.compile(r"(?:scan|sweep|cycle|iteration|level|spectrum)s?[\s_#.]*(\d{1,6})", re.IGNORECASE)
# A number with or without a unit: the time or the depth of a level of a profile.
_LEVEL = re.compile(r"([-+]?\d+(?:\.\d+)?)(?:\s+(?:counts?|cps).{0,10})?", re.IGNORECASE)
_SUM = re.compile(r"(sum|total)", re.IGNORECASE)
# Words that say of an intensity only that it is one.
_GENERIC = re.compile(
    r"(intensit\w*|counts?|coups|raw|data|measured|signal|k?cps|c/s|per|s(ec(ond)?s?)?|a\.?u\.?|arb|units?)", re.I
)
# A line of the header that names the regions of a table: "legend,Cu2p,Cu_LMM,O1s,C1s".
_LEGEND = re.compile(r"[,;\t]")
_DIMENSION = re.compile(r"z,([^,]{1,40}),([^,]{0,20})")


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Energies and intensities of a table.

    Parameters
    ----------
    energy : ndarray, shape (n,)
        In the order of the file.
    counts : ndarray, shape (n,) or (k, n)
        Intensities; k scans or levels.
    energy_name, intensity_name : str
        Names of the columns.
    label : str
        What else names the region.
    variables : mapping of str to ndarray, shape (n,)
        Further columns that are kept.
    axes : tuple of Axis
        Of k scans or levels.
    scans : int or None
        How many scans were added up.
    """

    energy: NDArray[np.float64]
    counts: NDArray[np.float64]
    energy_name: str = ""
    intensity_name: str = ""
    label: str = ""
    variables: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    axes: tuple[Axis, ...] = ()
    scans: int | None = None


def spectra_of(source: str, block: Block) -> list[Spectrum]:
    """Tell what the columns are, and take the spectra from them.

    Raises
    ------
    PrefitError
        If that is not clear, or an energy has no intensity.
    """
    if not block.names:
        levels = _levels(block)
        if levels:
            return levels
    pairs = _unnamed_pairs(block)
    groups = pairs or _groups(source, block)
    labels = _legend(block, len(groups))
    spectra = []
    for (energy, intensities), label in zip(groups, labels, strict=True):
        spectra.append(_spectrum(source, block, energy, intensities, label))
    return spectra


def intensity_kind(name: str) -> str:
    """Tell ``counts per second``, ``counts`` or ``arbitrary``, by a column's name."""
    if _PER_SECOND.search(name):
        return "counts per second"
    return "counts" if re.search(r"counts?(?![a-z])", name, re.IGNORECASE) else "arbitrary"


# An energy column and the columns of intensities that belong to it.
_Group = tuple[int, tuple[int, ...]]


def _levels(block: Block) -> list[Spectrum]:
    """Tables whose first row has no energy: it labels the spectra of a depth profile, as M-DaC exports it."""
    values = block.values
    is_label = ~np.isfinite(values[:, 0]) & np.isfinite(values[:, 1:]).all(axis=1)
    starts = np.flatnonzero(is_label)
    if values.shape[1] < 3 or not starts.size or starts[0] != 0:
        return []
    # Shorter rows at the end are another table: intensities over the depth.
    shorter = np.flatnonzero(~np.isfinite(values).all(axis=1) & ~is_label)
    values = values[: shorter[0]] if shorter.size else values
    match = next((match for line in block.header if (match := _DIMENSION.fullmatch(line))), None)
    name = re.sub(r"\W+", "_", match[1].lower()).strip("_") if match else "level"
    parts = [part for part in np.split(values, starts[starts < len(values)]) if len(part) > 1]
    labels = _legend(block, len(parts))
    intensity = next((line for line in block.header if line.startswith("y,")), "")
    return [
        Spectrum(
            energy=part[1:, 0], counts=part[1:, 1:].T, intensity_name=intensity, label=label,
            axes=(Axis(name, part[0, 1:], match[2].strip() if match else ""),),
        )
        for part, label in zip(parts, labels, strict=True)
    ]  # fmt: skip


def _legend(block: Block, count: int) -> list[str]:
    """Labels of the regions of a block where a line of the header names as many."""
    for line in block.header:
        fields = [text.strip() for text in _LEGEND.split(line)]
        labels = fields[1:] if fields[0].lower() == "legend" else fields if count > 1 else []
        if len(labels) == count and all(map(region_name, labels)):
            return labels
    return [""] * count


def _unnamed_pairs(block: Block) -> list[_Group]:
    """Energies and intensities in turn, where no name tells an energy but the numbers do."""
    count = block.values.shape[1]
    if count < 4 or count % 2 or any(ENERGY.search(name) or BINDING.search(name) for name in block.names):
        return []
    steady = [_is_steady(column[np.isfinite(column)]) for column in block.values.T]
    if all(steady[::2]) and not any(steady[1::2]):
        return [(column, (column + 1,)) for column in range(0, count, 2)]
    return []


def _is_steady(column: NDArray[np.float64]) -> bool:
    """Whether numbers go up or down in steps that are alike."""
    steps = np.diff(column)
    return bool(steps.size) and steps[0] != 0.0 and bool(np.allclose(steps, steps.mean(), rtol=0.05))


def _groups(source: str, block: Block) -> list[_Group]:
    names, count = block.names, block.values.shape[1]
    if not names:
        if count == 2:
            return [(0, (1,))]
        numbers = np.isfinite(block.values).sum(axis=1)
        usual = int(np.bincount(numbers).argmax())
        longer = np.flatnonzero(numbers > usual)
        if longer.size:
            raise other_length(source, block.lines[longer[0]], int(numbers[longer[0]]), usual)
        message = f"the rows have {count} columns; name one energy and one intensity column in the header, or keep two."
        raise PrefitError(source, message)
    energies = _energy_columns(source, names)
    if count == 2:
        # The other one may be called after an energy, too: "BE/eV, PE: 20 eV".
        energies = energies[:1] or [0]
        return [(energies[0], (1 - energies[0],))]
    filled = np.isfinite(block.values).sum(axis=0)
    groups: list[_Group] = []
    for place, energy in enumerate(energies):
        begin = 0 if len(energies) == 1 else energy
        end = energies[place + 1] if place + 1 < len(energies) else count
        others = [
            column for column in range(begin, end)
            if column != energy and not _is_energy(names[column]) and 2 * filled[column] >= filled[energy]
        ]  # fmt: skip
        intensities = _intensity_columns(names, others)
        # Energies that come again beside a background or an envelope are those of a fit.
        again = any(_overlap(block.values[:, energy], block.values[:, other]) for other, _ in groups)
        if intensities and not (again and any(_BESIDE.search(names[column]) for column in others)):
            groups.append((energy, intensities))
        elif not again:
            groups = []
            break
    if not groups:
        message = f"the rows have {count} columns; name one energy and one intensity column in the header, or keep two."
        told = ", ".join(filter(None, names))
        raise PrefitError(source, f"the columns are named {told}, which is ambiguous; {message}")
    return groups


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two columns cover a common range: the energies of a fit repeat those of its data."""
    return bool(np.nanmin(one) <= np.nanmax(other) and np.nanmin(other) <= np.nanmax(one))


def _is_energy(name: str) -> bool:
    return bool(BINDING.search(name) or KINETIC.search(name) or ENERGY.search(name)) and not _INTENSITY.search(name)


def _energy_columns(source: str, names: Sequence[str]) -> list[int]:
    """Columns of energies: binding energies before kinetic ones, both before those that do not tell."""
    for name in names:
        if _PHOTON.search(name) and not BINDING.search(name) and not KINETIC.search(name):
            message = (
                f"the column '{name}' holds photon energies, so this is an absorption spectrum (NEXAFS) and not a "
                "photoelectron spectrum; name the energies binding or kinetic if they are."
            )
            raise PrefitError(source, message)
    for pattern in (BINDING, KINETIC, ENERGY):
        columns = [i for i, name in enumerate(names) if pattern.search(name) and not _INTENSITY.search(name)]
        if columns:
            return columns
    return []


def _intensity_columns(names: Sequence[str], columns: Sequence[int]) -> tuple[int, ...]:
    """Which of some columns hold the spectrum: one, or its scans; none where that is not clear."""
    if len(columns) == 1:
        return () if _BESIDE.search(names[columns[0]]) else tuple(columns)
    levels = [column for column in columns if _LEVEL.fullmatch(names[column].strip())]
    if len(levels) > 1:
        return tuple(levels)
    scans = [column for column in columns if _SCAN.fullmatch(names[column].strip())]
    if len(scans) > 1:
        return tuple(scans)
    data = [column for column in columns if not _BESIDE.search(names[column]) and not _SUM.search(names[column])]
    for chosen in (
        [column for column in data if _INTENSITY.search(names[column])],
        [column for column in data if _RAW.search(names[column])],
        data,
    ):
        if len(chosen) > 1:
            chosen = _plain(names, chosen)
        if len(chosen) == 1:
            return tuple(chosen)
    return ()


def _plain(names: Sequence[str], columns: Sequence[int]) -> list[int]:
    """Of several intensities, take those called nothing else (components have names), and counts before rates."""
    plain = [column for column in columns if not re.sub(r"[\W\d_]+", "", _GENERIC.sub("", names[column]))]
    counts = [column for column in plain if intensity_kind(names[column]) == "counts"]
    return counts if len(plain) > 1 and len(counts) == 1 else plain


def _spectrum(source: str, block: Block, energy: int, intensities: Sequence[int], label: str) -> Spectrum:
    columns = block.values[:, [energy, *intensities]]
    finite = np.isfinite(columns)
    used = finite.any(axis=1)
    incomplete = np.flatnonzero(used & ~finite.all(axis=1))
    if incomplete.size:
        row = int(incomplete[0])
        raise other_length(source, block.lines[row], int(finite[row].sum()), columns.shape[1])
    names = block.names or ("",) * block.values.shape[1]
    rows = block.values[used]
    transmission = [
        column for column, name in enumerate(names)
        if _TRANSMISSION.search(name) and column > energy and np.isfinite(rows[:, column]).all()
    ]  # fmt: skip
    variables = {"transmission": rows[:, transmission[0]]} if len(transmission) == 1 else {}
    energy_name = names[energy]
    counts, axes, scans = _scans(rows, names, intensities)
    return Spectrum(rows[:, energy], counts, energy_name, names[intensities[0]], label, variables, axes, scans)


def _scans(
    rows: NDArray[np.float64], names: Sequence[str], columns: Sequence[int]
) -> tuple[NDArray[np.float64], tuple[Axis, ...], int | None]:
    """Take the sum of scans where the file has it and it is the sum, else a stack."""
    if len(columns) == 1:
        return rows[:, columns[0]], (), None
    scans = rows[:, list(columns)].T
    total = next((column for column, name in enumerate(names) if _SUM.fullmatch(name.strip())), None)
    if total is not None and np.allclose(rows[:, total], scans.sum(axis=0), rtol=1e-3):
        return rows[:, total], (), len(columns)
    values = [float(match[1]) for column in columns if (match := _LEVEL.fullmatch(names[column].strip()))]
    if len(values) == len(columns):
        return scans, (Axis("level", np.array(values)),), None
    numbers = [int(match[1]) for column in columns if (match := _SCAN.fullmatch(names[column].strip()))]
    return scans, (Axis("scan", np.array(numbers)),), None
