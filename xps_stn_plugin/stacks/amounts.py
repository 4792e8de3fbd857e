"""Atomic percentages of a stack: of elements and of components, for every spectrum."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import Seed, Settings

from ..quantification.divisors import Divisor, divisors
from ..quantification.sensitivity import sensitivity_set
from ..quantification.signals import Correction
from .fields import Field
from .labels import FitLabels
from .stack import Stack

FloatArray = NDArray[np.float64]

#: Share of a region's area, and standard errors, that lines of another element have in some spectrum, at least, if it
#: is to count.
_LEAST_SHARE, _ERRORS = 0.01, 3.0

_PERCENT: Final = {"units": "at%", "long_name": "atomic percent of the elements whose regions were fitted"}
_PERCENT_STDERR: Final = {"units": "at%", "long_name": "standard error of the atomic percent, from the fits"}
_COMPONENT: Final = {"units": "at%", "long_name": "atomic percent of the component; NaN where it does not count"}
_COMPONENT_STDERR: Final = {"units": "at%", "long_name": "standard error of the component's atomic percent"}


@dataclass(frozen=True, eq=False)
class Amounts:
    """How atomic percentages of a stack are taken from its fits.

    Parameters
    ----------
    divisors : tuple of Divisor
        One for each element.
    labels : mapping of str to FitLabels
        By region.
    notes : tuple of str
        What was left out and assumed, in sentences.
    """

    divisors: tuple[Divisor, ...]
    labels: Mapping[str, FitLabels]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, stack: Stack, seeds: Mapping[str, Sequence[Seed]], labels: Mapping[str, FitLabels], settings: Settings
    ) -> Amounts:
        """Choose a region for each element; `seeds` and `labels` are those of the fitted regions."""
        datasets = {
            name: xr.Dataset(coords={"binding_energy": region.energy}, attrs={**region.attrs, "region": region.level})
            for name, region in stack.regions.items()
        }
        factors = sensitivity_set(settings.sensitivity)
        correction = Correction(factors, settings.transmission, 0.0, settings.photon_energy)
        found, notes = divisors(datasets, seeds, correction)
        if found:
            notes.insert(0, f"Atomic percentages with the sensitivity factors of {factors.citation}.")
        return cls(tuple(found), labels, tuple(notes))

    def traces(self, of_region: Mapping[str, Mapping[str, NDArray[Any]]]) -> set[str]:
        """Elements whose lines in another element's region hold too little of it in each of k spectra to count.

        The mean of spectra whose shifts are not exact is broader than they are, which passes for small lines.
        """
        faint = set()
        for divisor in self.divisors:
            if not divisor.own:
                values = of_region[divisor.region]
                area, stderr = (np.asarray(values[name], dtype=float) for name in ("area", "area_stderr"))
                columns = np.array(self.labels[divisor.region].levels) == divisor.level
                level, error = np.nansum(area[:, columns], axis=1), np.nansum(stderr[:, columns], axis=1)
                if not (level > np.maximum(_LEAST_SHARE * np.nansum(area, axis=1), _ERRORS * error)).any():
                    faint.add(divisor.symbol)
        return faint

    def without(self, elements: Collection[str]) -> Amounts:
        """Leave out elements."""
        return replace(self, divisors=tuple(each for each in self.divisors if each.symbol not in elements))

    def fields(self) -> tuple[Field, ...]:
        """Name what `values` gives; nothing where no element counts."""
        if not self.divisors:
            return ()
        elements = {"element": tuple(divisor.symbol for divisor in self.divisors)}
        regions = [
            Field(name, region, labels={"component": self.labels[region].components}, attrs=attrs)
            for region in dict.fromkeys(divisor.region for divisor in self.divisors)
            for name, attrs in (("atomic_percent", _COMPONENT), ("atomic_percent_stderr", _COMPONENT_STDERR))
        ]
        return (
            Field("atomic_percent", labels=elements, attrs=_PERCENT),
            Field("atomic_percent_stderr", labels=elements, attrs=_PERCENT_STDERR),
            *regions,
        )

    def values(self, of_region: Mapping[str, Mapping[str, NDArray[Any]]]) -> tuple[FloatArray, ...]:
        """Atomic percentages of k spectra, in the order of `fields`.

        Errors of components are taken to be independent; that percentages sum to 100 is part of theirs.

        Parameters
        ----------
        of_region : mapping of str to mapping of str to ndarray
            By region: ``area``, ``area_stderr`` and ``counted``, shape (k, components).
        """
        columns = {number: self._columns(divisor, of_region) for number, divisor in enumerate(self.divisors)}
        areas, errors = (np.stack([columns[number][part] for number in columns], axis=1) for part in ("area", "error"))
        total = np.nansum(areas, axis=1)[:, None]
        total = np.where(total > 0, total, np.nan)
        percent = 100.0 * areas / total
        variance = np.nansum(errors**2, axis=1)[:, None]
        stderr = _share_error(areas, errors, total, variance)
        parts: list[FloatArray] = [percent, stderr]
        for region in dict.fromkeys(divisor.region for divisor in self.divisors):
            amounts = np.full_like(of_region[region]["area"], np.nan, dtype=float)
            amount_errors = amounts.copy()
            for number, divisor in enumerate(self.divisors):
                if divisor.region == region:
                    mine = columns[number]["mine"]
                    scaled, scaled_error = (of_region[region][name] / divisor.value for name in ("area", "area_stderr"))
                    amounts, amount_errors = (
                        np.where(mine, scaled, amounts),
                        np.where(mine, scaled_error, amount_errors),
                    )
            parts += [100.0 * amounts / total, _share_error(amounts, amount_errors, total, variance)]
        return tuple(parts)

    def _columns(
        self, divisor: Divisor, of_region: Mapping[str, Mapping[str, NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        """Amount of an element in each spectrum, its error, and the components that it is the sum of."""
        values = of_region[divisor.region]
        area = np.asarray(values["area"], dtype=float)
        if divisor.own:
            mine = values["counted"] == 1
        else:
            levels = np.array(self.labels[divisor.region].levels)
            mine = np.isfinite(area) & (levels == divisor.level)
        there = (mine & np.isfinite(area)).any(axis=1)
        fitted = np.isfinite(area).any(axis=1)
        amount = np.where(mine, area, np.nan)
        total = np.where(fitted, np.nansum(amount, axis=1), np.nan)
        error = np.sqrt(np.nansum(np.where(mine, np.asarray(values["area_stderr"], dtype=float), np.nan) ** 2, axis=1))
        return {
            "area": total / divisor.value,
            "error": np.where(there, error, 0.0) / divisor.value,
            "mine": mine,
        }


def _share_error(amounts: FloatArray, errors: FloatArray, total: FloatArray, variance: FloatArray) -> FloatArray:
    """Compute standard errors of percentages of a total whose variance is `variance`, shape (k, n)."""
    share = amounts / total
    own = errors**2
    return np.asarray(100.0 * np.sqrt(own * (1.0 - 2.0 * share) + share**2 * variance) / total)
