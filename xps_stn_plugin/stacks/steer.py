"""What the user knows of the sample, brought to bear on every spectrum of a stack as on a single one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import Prediction, Settings

from ..stn.stack import StackPrediction
from ..stn.verdict import STATUSES
from .fields import TOLD

FloatArray = NDArray[np.float64]


class StackPredictor(Protocol):
    """Predicts the spectra of a stack; `xps_stn_plugin.stacks.predict.Question` is one."""

    @property
    def settings(self) -> Settings:
        """Settings of the prefit."""

    @property
    def energies(self) -> Mapping[str, FloatArray]:
        """Measured axis of every region in eV, by name."""

    @property
    def attrs(self) -> Mapping[str, Mapping[str, Any]]:
        """Attributes of every region, by name."""

    def predict(self, counts: Mapping[str, NDArray[Any]], shift: list[float] | None = None) -> StackPrediction:
        """Predict k spectra, whose counts have the shape (k, m); the groups at `shift` where it is known."""


@dataclass(frozen=True, eq=False)
class Said:
    """What is said of k spectra, in eV on the 285.00 eV scale; see `StackPrediction`.

    Parameters
    ----------
    shift, shift_stderr : ndarray, shape (k,)
    status : ndarray of int8, shape (k,)
    reasons : ndarray of uint32, shape (k,)
    probabilities : ndarray, shape (k, groups)
    region_shift, region_stderr, disagreement : ndarray, shape (k, regions)
    """

    shift: FloatArray
    shift_stderr: FloatArray
    status: NDArray[np.int8]
    reasons: NDArray[np.uint32]
    probabilities: FloatArray
    region_shift: FloatArray
    region_stderr: FloatArray
    disagreement: FloatArray

    def put(self, row: int, prediction: Prediction, levels: tuple[str, ...], groups: tuple[str, ...]) -> None:
        """Take one spectrum's prediction in place."""
        self.shift[row], self.shift_stderr[row] = prediction.shift, prediction.shift_stderr
        self.status[row] = STATUSES.index(prediction.status)
        self.reasons[row] |= np.uint32(TOLD)
        self.probabilities[row] = [prediction.groups[name] for name in groups]
        for column, level in enumerate(levels):
            one = prediction.region_shifts.get(level)
            values = (np.nan,) * 3 if one is None else (one.value, one.stderr, one.disagreement)
            self.region_shift[row, column], self.region_stderr[row, column], self.disagreement[row, column] = values


def steer(question: StackPredictor, counts: Mapping[str, NDArray[Any]], measured: NDArray[np.bool_]) -> Said:
    """Ask the network about k spectra, and put together with it what the user knows.

    Parameters
    ----------
    question : StackPredictor
    counts : mapping of str to ndarray, shape (k, m)
        By name of the region.
    measured : ndarray of bool, shape (k, regions)
        Which of them, in the order of `counts`, were measured.
    """
    from ..expectation import steered

    found = question.predict(counts)
    evidence = found.evidence
    said = Said(
        found.shift.copy(),
        found.shift_stderr.copy(),
        found.verdict.status.copy(),
        found.verdict.reasons.copy(),
        found.probabilities.copy(),
        found.region_shift.copy(),
        found.region_stderr.copy(),
        evidence.disagreement.copy(),
    )
    for row in np.flatnonzero(measured.any(axis=1)).tolist():
        alone = {name: values[row : row + 1] for name, values in counts.items()}
        there = [name for name, own in zip(counts, measured[row], strict=True) if own]
        prediction = found.prediction(row)

        def read_at(shift: float, alone: Mapping[str, NDArray[Any]] = alone) -> Prediction:
            return question.predict(alone, [shift]).prediction(0)

        told = steered(prediction, _tree(question, alone, there), question.settings, read_at)
        if told != prediction:
            said.put(row, told, evidence.regions, found.groups)
    return said


def _tree(question: StackPredictor, counts: Mapping[str, NDArray[Any]], names: list[str]) -> xr.DataTree:
    return xr.DataTree.from_dict(
        {
            f"/{name}": xr.Dataset(
                {"counts": ("binding_energy", np.asarray(counts[name][0], dtype=float))},
                {"binding_energy": question.energies[name]},
                dict(question.attrs[name]),
            )
            for name in names
        }
    )
