"""Fits of many spectra, each with one of several models, as arrays over the labels of all models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Background, Seed
from xps_stn_plugin.fitting.component_rows import ComponentRows, component_rows, table_order
from xps_stn_plugin.fitting.fit_rows import NOT_FITTED, FitRows

from .curves import CurveRows, curve_rows
from .fit import NoiseRows
from .labels import FitLabels

FloatArray = NDArray[np.float64]

#: Kinds of background, by the number that stands for them; "other" is a kind that only a plugin knows.
BACKGROUNDS: Final = (*(kind for kind in get_args(Background) if kind != "auto"), "other")
#: Number for a spectrum without a fit, and for a component that a spectrum does not have.
NONE: Final = -1


@dataclass(frozen=True, eq=False)
class SeedFits:
    """Fits of k spectra with one seed, and what is made of them.

    Parameters
    ----------
    seed : Seed
    fits : FitRows
    components : ComponentRows
    curves : CurveRows or None
        None where nobody asked for them.
    """

    seed: Seed
    fits: FitRows
    components: ComponentRows
    curves: CurveRows | None

    @classmethod
    def of(
        cls,
        seed: Seed,
        fits: FitRows,
        energy: FloatArray,
        counts: FloatArray,
        shifts: FloatArray,
        noise: NoiseRows,
        *,
        curves: bool,
    ) -> SeedFits:
        """Make it of fits over ``energy - shifts``; shapes (m,), (k, m) and (k,)."""
        drawn = curve_rows(seed, energy, counts, shifts, noise, fits) if curves else None
        return cls(seed, fits, component_rows(seed, fits), drawn)

    @property
    def background(self) -> int:
        """Place of its background in `BACKGROUNDS`."""
        kind = self.seed.background
        return BACKGROUNDS.index(kind if kind in BACKGROUNDS else "other")

    @property
    def assigned(self) -> list[bool]:
        """Whether a group, a chemical state or another element brings each component, in the order of `components`."""
        return [lines[0].assigned for lines in table_order(self.seed)]

    @property
    def counted(self) -> list[bool]:
        """Whether each component counts for the region's element: no satellite, no line of another element."""
        return [lines[0].counts for lines in table_order(self.seed)]


@dataclass(frozen=True, eq=False)
class StackFits:
    """Fits of k spectra with the models of their region.

    Parameters
    ----------
    labels : FitLabels
    structure : ndarray of int, shape (k,)
        Place in `Structures.seeds`; -1 where there is no model, -2 where the spectrum was seeded singly.
    status : ndarray of int, shape (k,)
        Place in `FIT_STATUSES`.
    nfev : ndarray of int, shape (k,)
    redchi : ndarray, shape (k,)
    noise : ndarray of int, shape (k,)
        Place in `NOISE_KINDS`.
    background : ndarray of int, shape (k,)
        Place in `BACKGROUNDS`; -1 without a fit.
    assigned : ndarray of int, shape (k, components)
        Whether something brings the component, 1 or 0; -1 where a spectrum has no such component.
    counted : ndarray of int, shape (k, components)
        Whether the component counts for the region's element, 1 or 0; -1 where a spectrum has no such component.
    components : ComponentRows
        Over ``labels.components``.
    values, stderr : ndarray, shape (k, parameters)
        lmfit's parameters over ``labels.parameters`` and their standard errors; NaN where a spectrum's model has none.
    curves : CurveRows or None
        None where nobody asked for them.
    """

    labels: FitLabels
    structure: NDArray[np.int16]
    status: NDArray[np.int8]
    nfev: NDArray[np.int64]
    redchi: FloatArray
    noise: NDArray[np.int8]
    background: NDArray[np.int8]
    assigned: NDArray[np.int8]
    counted: NDArray[np.int8]
    components: ComponentRows
    values: FloatArray
    stderr: FloatArray
    curves: CurveRows | None

    @classmethod
    def empty(cls, labels: FitLabels, structure: NDArray[np.int16], points: int | None = None) -> StackFits:
        """Fits that are still to be made, with curves of so many points."""
        count, components = structure.size, len(labels.components)
        values, stderr = np.full((2, count, len(labels.parameters)), np.nan)
        return cls(
            labels,
            structure,
            status=np.full(count, NOT_FITTED, dtype=np.int8),
            nfev=np.zeros(count, dtype=np.int64),
            redchi=np.full(count, np.nan),
            noise=np.zeros(count, dtype=np.int8),
            background=np.full(count, NONE, dtype=np.int8),
            assigned=np.full((count, components), NONE, dtype=np.int8),
            counted=np.full((count, components), NONE, dtype=np.int8),
            components=ComponentRows.empty(count, labels.components),
            values=values,
            stderr=stderr,
            curves=None if points is None else CurveRows.empty(count, components, points),
        )

    def put(self, rows: NDArray[np.intp], own: SeedFits, columns: Sequence[int] | None = None) -> None:
        """Take fits with one seed in place.

        Parameters
        ----------
        rows : ndarray of int
            Where they belong.
        own : SeedFits
        columns : sequence of int, optional
            Where its components belong; where their names stand, by default.
        """
        fits = own.fits
        names = self.labels.components
        columns = [names.index(name) for name in own.components.names] if columns is None else columns
        self.status[rows], self.nfev[rows], self.redchi[rows] = fits.status, fits.nfev, fits.redchi
        self.noise[rows] = fits.noise
        done = rows[fits.status != NOT_FITTED]
        self.background[done] = own.background
        place = np.ix_(done, np.asarray(columns, dtype=np.intp))
        self.assigned[place], self.counted[place] = own.assigned, own.counted
        self.components.put(rows, columns, own.components)
        at = np.ix_(rows, np.asarray(self.labels.columns(own.seed), dtype=np.intp))
        self.values[at], self.stderr[at] = fits.values, fits.stderr
        if self.curves is not None and own.curves is not None:
            self.curves.put(rows, columns, own.curves)

    def over(self, labels: FitLabels) -> StackFits:
        """Lay the parameters out over labels that have more of them."""
        place = {label: number for number, label in enumerate(labels.parameters)}
        columns = [place[label] for label in self.labels.parameters]
        values, stderr = np.full((2, self.structure.size, len(place)), np.nan)
        values[:, columns], stderr[:, columns] = self.values, self.stderr
        return replace(self, labels=labels, values=values, stderr=stderr)
