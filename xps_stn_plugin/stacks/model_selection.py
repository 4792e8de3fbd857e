"""Which model structure each spectrum of a stack gets, and the fits of a stack.

Decided for a region of the stack as a whole, from a first pass over it (`Gathering`): the sets of groups that occur,
the model of each set, and which sets are too rare for one. Decided for each spectrum: its set, from its groups, and,
once all are fitted, whether it is seeded singly. All depends on the spectra alone, not on how they are cut into chunks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Prediction, Seed, Settings
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.fitting.component_rows import ComponentRows
from xps_stn_plugin.fitting.fit_rows import FitRows
from xps_stn_plugin.seeding.trial import EVIDENCE
from xps_stn_plugin.stn.verdict import STATUSES

from .clusters import COMMON, Found, Gathering, Key, Mean, keys_of
from .fit import fit_rows, noise_rows
from .fitted import SeedFits, StackFits
from .labels import FitLabels

FloatArray = NDArray[np.float64]

#: Number in place of a structure's for a spectrum that was seeded singly.
SINGLE: Final = -2

#: Columns for components of spectra that are seeded singly and have no name that the structures have.
OTHERS: Final = 6

#: A fit is poor where its reduced chi-square lies this many robust standard deviations above the median of its
#: structure, and by this factor.
_POOR_DEVIATIONS, _POOR_FACTOR = 8.0, 1.5

#: How many spectra may be seeded singly: a share of the stack, and so many in any case.
SINGLE_SHARE, SINGLE_LEAST = 0.01, 8

#: Reduced chi-square, in standard deviations of its distribution above 1, up to which no other model is looked for.
_FINE: Final = 3.0


@dataclass(frozen=True, eq=False)
class Structures:
    """Model structures of one region of a stack.

    Parameters
    ----------
    region, level : str
        Name of the region, and its core level.
    energy : ndarray, shape (m,)
        Measured axis in eV.
    attrs : mapping
        Of the region; they say what the noise is.
    seeds : tuple of Seed
        One for each structure, the commonest first, for the calibrated axis.
    sizes : tuple of int
        Spectra of each.
    number : mapping of Key to int
        Structure of each set; -1 where no plugin seeds it.
    settings : Settings
    others : mapping of str to xarray.Dataset
        Mean spectra of the stack's other regions on the calibrated axis, which say what elements there are.
    """

    region: str
    level: str
    energy: FloatArray
    attrs: Mapping[str, Any]
    seeds: tuple[Seed, ...]
    sizes: tuple[int, ...]
    number: Mapping[Key, int]
    settings: Settings
    others: Mapping[str, xr.Dataset] = field(default_factory=dict)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components of all structures, ascending in binding energy, then columns for those of others."""
        place: dict[str, float] = {}
        for seed in self.seeds:
            for component in reversed(seed.components):
                place.setdefault(component.name, float(seed.params[f"{component.prefix}center"].value))
        others = [f"{self.level} other {i}" for i in range(1, OTHERS + 1)] if self.seeds else []
        return (*sorted(place, key=lambda name: (place[name], name)), *others)

    @property
    def all_seeds(self) -> tuple[Seed, ...]:
        """Seeds of all structures."""
        return self.seeds

    @property
    def labels(self) -> FitLabels:
        """Labels of what the fits find."""
        return FitLabels.of(self.seeds, self.components)

    def of(self, found: Found) -> NDArray[np.int16]:
        """Structure of each spectrum, shape (k,); -1 where there is none.

        A set that the first pass did not see goes to the nearest.
        """
        keys, places = keys_of(found, self.level)
        numbers = [self.number.get(key, _nearest(key, self.number)) for key in keys]
        return np.array(numbers, dtype=np.int16)[places]

    def fit(self, counts: ArrayLike, found: Found, *, curves: bool = False, max_nfev: int | None = None) -> StackFits:
        """Fit spectra, each with its structure.

        Parameters
        ----------
        counts : array_like, shape (k, m)
        found : Found
            Of these spectra.
        curves : bool
            Whether fits are drawn.
        max_nfev : int, optional
            Most evaluations for one spectrum.
        """
        rows = np.asarray(counts, dtype=float)
        fits = StackFits.empty(self.labels, self.of(found), self.energy.size if curves else None)
        self._fit_in(fits, rows, found, max_nfev)
        return fits

    def _fit_in(self, fits: StackFits, rows: FloatArray, found: Found, max_nfev: int | None = None) -> None:
        """Fit those spectra that have a structure, in place."""
        shifts = np.where(np.isfinite(found.shift), found.shift, 0.0)
        for number, seed in enumerate(self.seeds):
            members = np.flatnonzero(fits.structure == number)
            if members.size:
                noise = noise_rows(rows[members], self.attrs)
                fitted = fit_rows(
                    seed, self.energy, rows[members], shifts[members], noise=noise, rescale=True, max_nfev=max_nfev
                )
                drawn = fits.curves is not None
                fits.put(
                    members, SeedFits.of(seed, fitted, self.energy, rows[members], shifts[members], noise, curves=drawn)
                )

    def poor(self, structure: ArrayLike, redchi: ArrayLike) -> NDArray[np.intp]:
        """Spectra of the whole stack that are to be seeded singly, the worst first.

        Parameters
        ----------
        structure, redchi : array_like, shape (n,)
            Of all spectra of the stack.

        Returns
        -------
        ndarray of int
            Those whose reduced chi-square is far above the others of their structure (by 8 robust standard deviations
            and a factor of 1.5): at most 1 % of the stack, or 8.
        """
        numbers, values = np.asarray(structure).ravel(), np.asarray(redchi, dtype=float).ravel()
        excess = np.zeros(values.size)
        for number in range(len(self.seeds)):
            members = np.flatnonzero((numbers == number) & np.isfinite(values))
            if members.size:
                middle = float(np.median(values[members]))
                spread = 1.4826 * float(np.median(np.abs(values[members] - middle)))
                limit = max(middle + _POOR_DEVIATIONS * spread, _POOR_FACTOR * middle, _POOR_FACTOR)
                excess[members] = values[members] / limit
        budget = max(SINGLE_LEAST, math.floor(SINGLE_SHARE * values.size))
        # Of equally bad ones the first: the sort is stable.
        return np.argsort(-excess, kind="stable")[: min(budget, int((excess > 1.0).sum()))]

    def refit(self, counts: ArrayLike, found: Found, *, curves: bool = False) -> StackFits:
        """Seed and fit spectra singly, where that is better by strong evidence (BIC); others keep their structure.

        Parameters
        ----------
        counts : array_like, shape (k, m)
        found : Found
        curves : bool
            Whether fits are drawn.

        Returns
        -------
        StackFits
            Behind the labels of `labels` are those of the parameters that other seeds have.
        """
        rows = np.asarray(counts, dtype=float)
        structure = self.of(found)
        single: dict[int, tuple[SeedFits, list[int]]] = {}
        for i in range(len(rows)):
            single_fits = self._single(rows[i : i + 1], found.rows(slice(i, i + 1)), int(structure[i]), curves)
            columns = [] if single_fits is None else self._columns(single_fits.components)
            if single_fits is not None and len(columns) == len(single_fits.components.names):
                structure[i], single[i] = SINGLE, (single_fits, columns)
        labels = self.labels.with_seeds(single_fits.seed for single_fits, _ in single.values())
        fits = StackFits.empty(labels, structure, self.energy.size if curves else None)
        self._fit_in(fits, rows, found)
        for i, (single_fits, columns) in single.items():
            fits.put(np.array([i]), single_fits, columns)
        return fits

    def _single(self, counts: FloatArray, prediction_row: Found, old: int, curves: bool) -> SeedFits | None:
        """Fit of one spectrum, shape (1, m), with a seed of its own; None where that is not better."""
        shift = float(prediction_row.shift[0]) if math.isfinite(prediction_row.shift[0]) else 0.0
        seed = self.single_seed(counts[0], prediction_row)
        if seed is None:
            return None
        noise = noise_rows(counts, self.attrs)
        fits = fit_rows(seed, self.energy, counts, shift, noise=noise)
        if not fits.success[0]:
            return None
        if old >= 0:
            before = fit_rows(self.seeds[old], self.energy, counts, shift, noise=noise, rescale=True)
            if before.success[0] and not _better(fits, before, self.energy.size):
                return None
        return SeedFits.of(seed, fits, self.energy, counts, np.array([shift]), noise, curves=curves)

    def single_seed(self, counts: FloatArray, known: Found, row: int = 0) -> Seed | None:
        """Seed of one spectrum, shape (m,), by itself; `row` is its place in `known`."""
        shift = float(known.shift[row]) if math.isfinite(known.shift[row]) else 0.0
        probabilities = dict(zip(known.groups, map(float, known.probabilities[row]), strict=True))
        status = STATUSES[int(known.status[row])]
        prediction = Prediction(shift, float(known.shift_stderr[row]), probabilities, status, (), {}, known.model)
        return seeded_by_plugin(
            self.region, self.level, self.energy - shift, counts, self.attrs, prediction, self.settings, self.others
        )

    def _columns(self, table: ComponentRows) -> list[int]:
        """Columns for the components of a spectrum that was seeded singly; too few where there is no room."""
        names = self.components
        free = iter(range(len(names) - OTHERS, len(names)))
        found = [names.index(name) if name in names else next(free, -1) for name in table.names]
        return [column for column in found if column >= 0]


def decide(gathering: Gathering, settings: Settings, others: Mapping[str, xr.Dataset] | None = None) -> Structures:
    """Seed the sets of a region; `others` are mean spectra of the stack's other regions.

    Sets of at least `COMMON` spectra get a seed, made from their mean spectrum by the first seeder among the plugins
    that answers. A rarer set takes the structure of the nearest common one, unless that describes its mean badly and
    a seed of its own does better by strong evidence (BIC).

    Raises
    ------
    PrefitError
        If a seeder fails.
    """
    others = others or {}
    means = gathering.means()
    common = [key for key, mean in means.items() if mean.members >= COMMON] or list(means)[:1]
    seeds: list[Seed] = []
    sizes: list[int] = []
    number: dict[Key, int] = {}
    for key, mean in means.items():
        shared = -1 if key in common else _nearest(key, {known: number[known] for known in common})
        if shared >= 0 and _describes(seeds[shared], mean):
            number[key] = shared
            sizes[shared] += mean.members
            continue
        seed = seeded_by_plugin(
            gathering.region, gathering.level, mean.energy, mean.counts, mean.attrs, mean.prediction, settings, others
        )
        if shared >= 0 and (seed is None or not _better_on(seed, seeds[shared], mean)):
            number[key] = shared
            sizes[shared] += mean.members
        elif seed is None:
            number[key] = -1
        else:
            number[key] = len(seeds)
            seeds.append(seed)
            sizes.append(mean.members)
    return Structures(
        gathering.region,
        gathering.level,
        gathering.energy,
        dict(gathering.attrs),
        tuple(seeds),
        tuple(sizes),
        number,
        settings,
        others,
    )


def seeded_by_plugin(
    region: str,
    level: str,
    energy: FloatArray,
    counts: FloatArray,
    attrs: Mapping[str, Any],
    prediction: Prediction,
    settings: Settings,
    others: Mapping[str, xr.Dataset],
) -> Seed | None:
    """Seed a spectrum on its calibrated axis by the first plugin that answers; None for what none seeds."""
    further = {name: value for name, value in attrs.items() if name not in ("region", "label")}
    label = str(attrs.get("label") or region)
    dataset = region_dataset(f"stack, region {region}", energy, counts, region=level, label=label, **further)
    tree = spectrum_tree(f"stack, region {region}", {**others, region: dataset})
    return plugin_manager().seed(tree, region, prediction, settings)


def _nearest(key: Key, number: Mapping[Key, int]) -> int:
    """Structure of the set with most groups in common, the commonest of several; -1 where there is none."""
    near = min((known for known in number if number[known] >= 0), key=key.apart, default=None)
    return -1 if near is None or near.shifted != key.shifted else number[near]


def _fit_mean(seed: Seed, mean: Mean) -> FitRows:
    noise = noise_rows(mean.counts[None], mean.attrs)
    return fit_rows(seed, mean.energy, mean.counts[None], noise=noise, rescale=True)


def _describes(seed: Seed, mean: Mean) -> bool:
    """Whether a model leaves no more than noise."""
    fit = _fit_mean(seed, mean)
    degrees = max(mean.energy.size - len(fit.free), 1)
    return bool(fit.success[0]) and float(fit.redchi[0]) <= 1.0 + _FINE * math.sqrt(2.0 / degrees)


def _better_on(seed: Seed, other: Seed, mean: Mean) -> bool:
    return _better(_fit_mean(seed, mean), _fit_mean(other, mean), mean.energy.size)


def _better(fit: FitRows, other: FitRows, points: int) -> bool:
    """Whether one fit is better than another by strong evidence (BIC), as far as the better one knows the shapes."""
    if not (fit.success[0] and other.success[0]):
        return bool(fit.success[0])
    scale = max(1.0, min(float(fit.redchi[0]), float(other.redchi[0])))
    gain = (float(other.chisqr[0]) - float(fit.chisqr[0])) / scale
    return gain - (len(fit.free) - len(other.free)) * math.log(points) > EVIDENCE
