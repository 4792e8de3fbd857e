"""What is predicted for many spectra, as arrays with one row for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import ModelInfo, Prediction, RegionShift

from .answers import combined
from .verdict import STATUSES, Evidence, FloatArray, Verdict, sentences


@dataclass(frozen=True)
class StackPrediction:
    """What the network reads from n spectra.

    Parameters
    ----------
    groups : tuple of str
        Functional groups of the columns of `probabilities`.
    model : ModelInfo
        The network's identity.
    notes : tuple of str
        Sentences that hold for all spectra.
    shift, shift_stderr : ndarray, shape (n,)
        Measured minus true binding energy and its standard error in eV, on the 285.00 eV scale; NaN where no region
        shows a line.
    probabilities : ndarray, shape (n, groups)
        Of each functional group; NaN where there is no shift.
    region_shift, region_stderr : ndarray, shape (n, regions)
        Shift of each region of `evidence` and its standard error in eV; NaN where the region shows no line, and
        without a C 1s line.
    evidence : Evidence
        What the verdict rests on; ``evidence.disagreement`` is by how much a region is charged more than C 1s.
    verdict : Verdict
        Status and reasons.
    materials : ndarray, shape (n, materials)
        Probability of each class of materials; NaN where there is no shift.
    lines : ndarray, shape (n, regions)
        Probability that a region has a line of its core level; NaN where that is not told.
    material_names : tuple of str
        Classes of materials of the columns of `materials`.
    distribution : ndarray of float32, shape (n, bins), or None
        The network's distribution over shifts, bin by bin (`TrainedNetwork.shift_bins`), where it was asked for; NaN
        where there is no shift.
    others : mapping of int to Prediction
        Rows that do not come from the network alone; see `replaced`.
    """

    groups: tuple[str, ...]
    model: ModelInfo
    notes: tuple[str, ...]
    shift: FloatArray
    shift_stderr: FloatArray
    probabilities: FloatArray
    region_shift: FloatArray
    region_stderr: FloatArray
    evidence: Evidence
    verdict: Verdict
    materials: FloatArray
    lines: FloatArray
    material_names: tuple[str, ...] = ()
    distribution: NDArray[np.float32] | None = None
    others: Mapping[int, Prediction] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.shift.size

    @property
    def regions(self) -> tuple[str, ...]:
        """Core levels that were looked at, in the order of all columns of regions."""
        return self.evidence.regions

    def sentences(self, row: int) -> tuple[str, ...]:
        """Reasons for the status of one spectrum in plain sentences."""
        return (*sentences(self.evidence, int(self.verdict.reasons[row]), row), *self.notes)

    def prediction(self, row: int) -> Prediction:
        """One spectrum's row by itself."""
        if row in self.others:
            return self.others[row]
        shifts = {
            name: RegionShift(float(value), float(stderr), float(apart))
            for name, value, stderr, apart in zip(
                self.regions,
                self.region_shift[row],
                self.region_stderr[row],
                self.evidence.disagreement[row],
                strict=True,
            )
            if np.isfinite(value)
        }
        return Prediction(
            shift=float(self.shift[row]),
            shift_stderr=float(self.shift_stderr[row]),
            groups=MappingProxyType(dict(zip(self.groups, map(float, self.probabilities[row]), strict=True))),
            status=STATUSES[self.verdict.status[row]],
            reasons=self.sentences(row),
            region_shifts=MappingProxyType(shifts),
            model=self.model,
            materials=MappingProxyType(dict(zip(self.material_names, map(float, self.materials[row]), strict=True))),
            elements=MappingProxyType(self._elements(row)),
        )

    def _elements(self, row: int) -> dict[str, float]:
        """Probability that the regions of a spectrum show a line of each element, from its core levels."""
        elements: dict[str, float] = {}
        for level, probability in zip(self.regions, self.lines[row], strict=True):
            if np.isfinite(probability):
                element = level[:-2]
                elements[element] = max(elements.get(element, 0.0), float(probability))
        return elements

    @classmethod
    def joined(cls, parts: Sequence[StackPrediction]) -> StackPrediction:
        """One stack after the other, all of the same regions and network."""
        starts = accumulate((len(part) for part in parts), initial=0)
        others = {
            start + row: one for start, part in zip(starts, parts, strict=False) for row, one in part.others.items()
        }
        return replace(combined(parts, np.concatenate), others=others)

    def replaced(self, predictions: Mapping[int, Prediction], reasons: NDArray[np.uint32]) -> StackPrediction:
        """Put predictions from elsewhere in the place of the network's.

        Parameters
        ----------
        predictions : mapping of int to Prediction
            By row. A region's shift is by its core level. Groups that the network does not know are left out of
            `probabilities`; those that a prediction does not know are NaN there.
        reasons : ndarray of uint32, shape (n,)
            New reasons of all spectra.
        """
        rows = list(predictions)
        shift, stderr, status = self.shift.copy(), self.shift_stderr.copy(), self.verdict.status.copy()
        probabilities, disagreement = self.probabilities.copy(), self.evidence.disagreement.copy()
        region_shift, region_stderr = self.region_shift.copy(), self.region_stderr.copy()
        nothing = RegionShift(np.nan, np.nan, np.nan)
        for row in rows:
            one = predictions[row]
            shift[row], stderr[row], status[row] = one.shift, one.shift_stderr, STATUSES.index(one.status)
            probabilities[row] = [one.groups.get(name, np.nan) for name in self.groups]
            regions = [one.region_shifts.get(level, nothing) for level in self.regions]
            region_shift[row] = [region.value for region in regions]
            region_stderr[row] = [region.stderr for region in regions]
            disagreement[row] = [region.disagreement for region in regions]
        return replace(
            self,
            shift=shift,
            shift_stderr=stderr,
            probabilities=probabilities,
            region_shift=region_shift,
            region_stderr=region_stderr,
            evidence=replace(self.evidence, disagreement=disagreement),
            verdict=Verdict(status, reasons),
            others={**self.others, **predictions},
        )
