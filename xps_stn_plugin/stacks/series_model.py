"""One model of a series: positions and widths in common, areas of each spectrum's own, as fits of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.fitting.component_rows import table_order

from .clusters import Found
from .fit import noise_rows
from .fitted import SeedFits, StackFits
from .global_fit import Shared, share
from .labels import FitLabels

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SeriesModel:
    """The model of one region of a series.

    Parameters
    ----------
    region : str
    energy : ndarray, shape (m,)
        Measured axis in eV.
    attrs : mapping
        Of the region; they say what the noise is.
    shared : Shared
    shifted : bool
        Whether shifts are known: the model is for the calibrated axis.
    """

    region: str
    energy: FloatArray
    attrs: Mapping[str, Any]
    shared: Shared
    shifted: bool

    @classmethod
    def of(
        cls, region: str, energy: FloatArray, attrs: Mapping[str, Any], seed: Any, counts: ArrayLike, found: Found
    ) -> SeriesModel:
        """Find what spectra have in common, from counts of shape (k, m) and what is known of them."""
        shifted = bool(np.isfinite(found.shift).any())
        values = np.asarray(counts, dtype=float)
        shared = share(seed, energy, values, noise=noise_rows(values, attrs), **_axes(found, shifted))
        return cls(region, energy, attrs, shared, shifted)

    @property
    def all_seeds(self) -> tuple[Seed, ...]:
        """The seed of the series."""
        return (self.shared.seed,)

    @property
    def labels(self) -> FitLabels:
        """Labels of what the fits find; components ascending in binding energy."""
        seed = self.shared.seed
        return FitLabels.of([seed], [lines[0].name for lines in table_order(seed)])

    def fit(self, counts: ArrayLike, found: Found, *, curves: bool = False) -> StackFits:
        """Fit areas and backgrounds; spectra without a shift are left out where others have one."""
        values = np.asarray(counts, dtype=float)
        noise = noise_rows(values, self.attrs)
        rows = self.shared.fit(self.energy, values, noise=noise, **_axes(found, self.shifted))
        shifts = found.shift if self.shifted else np.zeros(len(values))
        structure = np.zeros(len(values), dtype=np.int16)
        fits = StackFits.empty(self.labels, structure, self.energy.size if curves else None)
        own = SeedFits.of(self.shared.seed, rows, self.energy, values, shifts, noise, curves=curves)
        fits.put(np.arange(len(values)), own)
        return fits


def _axes(found: Found, shifted: bool) -> dict[str, Any]:
    """Where each spectrum's axis lies, and how well that is known."""
    return {"shifts": found.shift, "shift_stderr": found.shift_stderr} if shifted else {"shifts": 0.0}
