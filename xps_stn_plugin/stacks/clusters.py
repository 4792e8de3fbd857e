"""First pass over a stack: sets of spectra in which the same groups were found, and the mean spectrum of each set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import ModelInfo, Prediction, PrefitError, Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.core.energy_scale import scale_offset
from xps_stn_plugin.core.single_channels import without_single_channels
from xps_stn_plugin.core.spectrum import MIN_POINTS
from xps_stn_plugin.models.count_size import count_size
from xps_stn_plugin.models.noise import COUNT_SIZE
from xps_stn_plugin.seeding.lines import GROUP_THRESHOLD
from xps_stn_plugin.stn.stack_prediction import StackPrediction
from xps_stn_plugin.stn.verdict import STATUSES

FloatArray = NDArray[np.float64]

#: Fewest spectra that make a set of their own.
COMMON: Final = 8

#: A mean spectrum counts as much as this many spectra at most: it is to say what single ones can be fitted with, not
#: what only the sum of a map can tell.
WORTH: Final = 64

#: Share of the members of a set that a channel of their mean needs.
_COVERED: Final = 0.5

#: Significant digits to which means are kept, so that the order in which chunks come does not show.
_DIGITS: Final = 10

_OUT_OF_DOMAIN: Final = STATUSES.index("out_of_domain")


@dataclass(frozen=True, eq=False)
class Found:
    """What is known of k spectra before they are seeded.

    Parameters
    ----------
    groups : tuple of str
        Of the columns of `probabilities`.
    model : ModelInfo
        The network's identity.
    shift, shift_stderr : ndarray, shape (k,)
        By how much the measured axis lies above the calibrated one, and its standard error, in eV; NaN where no shift
        is known.
    probabilities : ndarray, shape (k, groups)
    status : ndarray of int, shape (k,)
        Place in `STATUSES`.
    """

    groups: tuple[str, ...]
    model: ModelInfo
    shift: FloatArray
    shift_stderr: FloatArray
    probabilities: FloatArray
    status: NDArray[np.int8]

    @classmethod
    def of(cls, prediction: StackPrediction, settings: Settings) -> Found:
        """Take it from a prediction."""
        return cls(
            prediction.groups,
            prediction.model,
            prediction.shift + scale_offset(settings),
            prediction.shift_stderr,
            np.asarray(prediction.probabilities, dtype=float),
            np.asarray(prediction.verdict.status, dtype=np.int8),
        )

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """One after the other, all of the same network."""
        return cls(
            parts[0].groups,
            parts[0].model,
            np.concatenate([part.shift for part in parts]),
            np.concatenate([part.shift_stderr for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.status for part in parts]),
        )

    def __len__(self) -> int:
        return self.shift.size

    def rows(self, rows: slice | NDArray[Any]) -> Found:
        """Take some of the spectra."""
        names = ("shift", "shift_stderr", "probabilities", "status")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True, order=True)
class Key:
    """What the spectra of a set have in common.

    Parameters
    ----------
    groups : tuple of str
        Those found (probability of at least 0.5) that have lines in the region, and those that the table of lines does
        not know: another plugin may.
    foreign : bool
        Whether they are out of the network's domain, so that groups name nothing.
    shifted : bool
        Whether their shift is known.
    """

    groups: tuple[str, ...]
    foreign: bool
    shifted: bool

    def apart(self, other: Key) -> int:
        """Count the groups that are in one and not in the other; a difference in the rest weighs more than any."""
        rest = (self.foreign != other.foreign) + (self.shifted != other.shifted)
        return 1000 * rest + len(set(self.groups) ^ set(other.groups))


def keys_of(found: Found, level: str) -> tuple[list[Key], NDArray[np.intp]]:
    """List the sets that spectra belong to, and the place of each spectrum's in the list, shape (k,)."""
    table = group_lines()
    counted = np.array([name not in table or level in table[name] for name in found.groups], dtype=bool)
    with np.errstate(invalid="ignore"):
        bits = (found.probabilities >= GROUP_THRESHOLD) & counted
    foreign, shifted = np.equal(found.status, _OUT_OF_DOMAIN), np.isfinite(found.shift)
    table_of_bits = np.column_stack([bits, foreign, shifted])
    different, places = np.unique(table_of_bits, axis=0, return_inverse=True)
    keys = [
        Key(tuple(name for name, bit in zip(found.groups, row[:-2], strict=True) if bit), bool(row[-2]), bool(row[-1]))
        for row in different
    ]
    return keys, places.reshape(-1)


@dataclass(frozen=True, eq=False)
class Mean:
    """Mean spectrum of a set on the calibrated axis.

    Parameters
    ----------
    energy, counts : ndarray, shape (n,)
        Binding energy in eV, and intensities of as many spectra together as `attrs` say.
    attrs : mapping
        Attributes of the region that say what the noise is.
    prediction : Prediction
        Means of shift, its error and the probabilities.
    members : int
        Spectra in the set.
    """

    energy: FloatArray
    counts: FloatArray
    attrs: Mapping[str, Any]
    prediction: Prediction
    members: int


@dataclass(eq=False)
class _Sum:
    """Sums over spectra of one set whose shifts are the same number of channels."""

    count: int
    counts: Any
    shift: float
    variance: float
    probabilities: Any

    def add(self, other: _Sum) -> None:
        for name in ("count", "counts", "shift", "variance", "probabilities"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(eq=False)
class Gathering:
    """Sums of the spectra of each set, filled chunk by chunk.

    Parameters
    ----------
    region, level : str
        Name of the region, and its core level.
    energy : ndarray, shape (m,)
        Measured axis in eV, ascending.
    attrs : mapping
        Of the region; they say what the noise is.
    """

    region: str
    level: str
    energy: FloatArray
    attrs: Mapping[str, Any]
    _sums: dict[tuple[Key, int], _Sum] = field(default_factory=dict)
    _sizes: set[float | None] = field(default_factory=set)
    _any: Found | None = None

    def add(self, counts: ArrayLike, found: Found) -> None:
        """Take k spectra into account.

        Parameters
        ----------
        counts : array_like, shape (k, m)
            Rows that are not numbers, or all the same, were not measured.
        found : Found
        """
        values = np.asarray(counts, dtype=float)
        fine = np.isfinite(values).all(axis=1) & (np.ptp(values, axis=1) > 0)
        if not fine.any():
            return
        values, found = values[fine], found.rows(fine)
        self._any = self._any or found.rows(slice(0, 0))
        self._sizes.add(_count(values))
        values = without_single_channels(values)
        keys, places = keys_of(found, self.level)
        shifts = np.where(np.isfinite(found.shift), found.shift, 0.0)
        channels = np.rint(shifts / self._spacing).astype(int)
        pairs, inverse = np.unique(np.stack([places, channels], axis=1), axis=0, return_inverse=True)
        for i, (place, channel) in enumerate(pairs.tolist()):
            rows = inverse.reshape(-1) == i
            probabilities = np.nan_to_num(found.probabilities[rows]).sum(axis=0)
            variance = float((found.shift_stderr[rows] ** 2).sum())
            part = _Sum(int(rows.sum()), values[rows].sum(axis=0), float(shifts[rows].sum()), variance, probabilities)
            if (keys[place], channel) in self._sums:
                self._sums[keys[place], channel].add(part)
            else:
                self._sums[keys[place], channel] = part

    def means(self) -> dict[Key, Mean]:
        """Mean of each set, the commonest first."""
        sets: dict[Key, dict[int, _Sum]] = {}
        for (key, channel), part in self._sums.items():
            sets.setdefault(key, {})[channel] = part
        size = {key: sum(part.count for part in sums.values()) for key, sums in sets.items()}
        order = sorted(sets, key=lambda key: (-size[key], key))
        return {key: self._mean(key, [sets[key][channel] for channel in sorted(sets[key])]) for key in order}

    def whole(self) -> Mean:
        """Mean of all spectra whose shift is known, or of all where none is.

        A group is as probable as in that set of at least `COMMON` spectra in which it is the most probable.

        Raises
        ------
        PrefitError
            If there was no spectrum.
        """
        if not self._sums:
            raise PrefitError(f"region {self.region}", "none of its spectra holds anything that could be fitted.")
        shifted = any(key.shifted for key, _ in self._sums)
        chosen = {place: part for place, part in self._sums.items() if place[0].shifted == shifted}
        count: dict[Key, int] = {}
        for (key, _), part in chosen.items():
            count[key] = count.get(key, 0) + part.count
        common = [key for key in count if count[key] >= COMMON] or list(count)
        domestic = [key for key in common if not key.foreign]
        likely = np.array(
            [
                sum(part.probabilities for (other, _), part in chosen.items() if other == key) / count[key]
                for key in domestic or common
            ]
        ).max(axis=0)
        channels: dict[int, _Sum] = {}
        for (_, channel), part in sorted(chosen.items(), key=lambda item: item[0]):
            channels.setdefault(channel, _Sum(0, 0.0, 0.0, 0.0, 0.0)).add(part)
        mean = self._mean(Key((), not domestic, shifted), [channels[channel] for channel in sorted(channels)])
        groups = dict(zip(mean.prediction.groups, _rounded(likely).tolist(), strict=True))
        return replace(mean, prediction=replace(mean.prediction, groups=groups))

    def mean_spectrum(self) -> xr.Dataset | None:
        """Mean spectrum of the region on the calibrated axis, as a region; None where there was no spectrum."""
        if not self._sums:
            return None
        mean = self.whole()
        attrs = {**mean.attrs, "region": self.level, "label": str(mean.attrs.get("label") or self.region)}
        return xr.Dataset({"counts": ("binding_energy", mean.counts)}, {"binding_energy": mean.energy}, attrs)

    @property
    def _spacing(self) -> float:
        return float(np.median(np.diff(self.energy)))

    def _mean(self, key: Key, sums: list[_Sum]) -> Mean:
        """Channels are moved as a whole: interpolation would make their noise look smaller than it is."""
        assert self._any is not None
        members = sum(part.count for part in sums)
        shift = sum(part.shift for part in sums) / members
        grid = self.energy - shift
        total, seen, place = np.zeros(grid.size), np.zeros(grid.size), np.zeros(grid.size)
        for part in sums:
            mean_shift = part.shift / part.count
            at = np.clip(
                np.rint(np.interp(grid + mean_shift, self.energy, np.arange(grid.size))).astype(int), 0, grid.size - 1
            )
            inside = np.abs(self.energy[at] - mean_shift - grid) <= self._spacing
            total += np.where(inside, part.counts[at], 0.0)
            place += np.where(inside, part.count * (self.energy[at] - mean_shift), 0.0)
            seen += np.where(inside, part.count, 0)
        kept = seen >= _COVERED * members
        if kept.sum() < MIN_POINTS:
            kept = seen >= min(_COVERED * members, np.sort(seen)[-MIN_POINTS])
        worth = min(members, WORTH)
        counts = _rounded(worth * total[kept] / seen[kept])
        probabilities = _rounded(sum(part.probabilities for part in sums) / members)
        stderr = float(_rounded(np.sqrt(sum(part.variance for part in sums) / members)))
        prediction = Prediction(
            shift=float(_rounded(np.asarray(shift))) if key.shifted else float("nan"),
            shift_stderr=stderr if key.shifted else float("inf"),
            groups=dict(zip(self._any.groups, np.atleast_1d(probabilities).tolist(), strict=True)),
            status="out_of_domain" if key.foreign else "ok",
            reasons=(),
            region_shifts={},
            model=self._any.model,
        )
        return Mean(_rounded(place[kept] / seen[kept]), counts, self._noise(), prediction, members)

    def _noise(self) -> dict[str, Any]:
        """Attributes of a region that holds the sum of several spectra; counts per second keep the time of one."""
        attrs = dict(self.attrs)
        if attrs.get("intensity") in (None, "arbitrary") and None not in self._sizes:
            attrs[COUNT_SIZE] = min(size for size in self._sizes if size is not None)
        return attrs


def _count(values: FloatArray) -> float | None:
    """Intensity that stands for one count in spectra, shape (k, m); None where they do not hold counts."""
    if values.min() < 0:
        return None
    # A dark map of whole numbers holds counts, too.
    return count_size(values.ravel()) or (1.0 if (values == np.round(values)).all() else None)


def _rounded(values: Any) -> FloatArray:
    exact: FloatArray = np.asarray(values, dtype=float)
    size = float(np.max(np.abs(exact), initial=0.0))
    if not (np.isfinite(size) and size > 0):
        return exact
    step = 10.0 ** (np.floor(np.log10(size)) - _DIGITS)
    return np.asarray(np.round(exact / step) * step)
