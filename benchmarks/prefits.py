"""Measured polymers on moved axes, prefit by the network, and the same prefits with shift or groups told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.polymers import Polymer
from xps_prefit_hooks import Seed
from xps_stn_plugin.api import PrefitResult, prefit
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.result import LazySeeds, calibrated_spectrum
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.seeding import seed_region

#: Probability of a group that is told to be there; the others get the rest.
ASSIGNED_PROBABILITY = 0.98

#: scipy's Jacobians by differences.
NUMERIC = ("2-point", "3-point", "cs")


@dataclass(frozen=True)
class Draw:
    """A polymer moved by `shift` eV, and its prefit."""

    polymer: Polymer
    number: int
    shift: float
    result: PrefitResult

    @property
    def shift_error(self) -> float:
        """Shift that the network found minus the one applied, in eV."""
        return self.result.shift - self.shift


def drawn(polymers: Sequence[Polymer], span: float, draws: int, seed: int) -> Iterator[Draw]:
    """Move each polymer `draws` times by a shift within `span` eV, and prefit it."""
    random = np.random.default_rng(seed)
    for polymer in polymers:
        for number in range(draws):
            shift = float(random.uniform(-span, span))
            yield Draw(polymer, number, shift, prefit(polymer.spectrum(shift)))


def with_prediction(
    result: PrefitResult,
    *,
    shift: float | None = None,
    stderr: float | None = None,
    groups: Collection[str] | None = None,
) -> PrefitResult:
    """Return the prefit as it would be had the network said another shift, standard error (both in eV) or groups."""
    original = result.prediction
    prediction = replace(
        original,
        shift=original.shift if shift is None else shift,
        shift_stderr=original.shift_stderr if stderr is None else stderr,
        groups=original.groups
        if groups is None
        else {name: ASSIGNED_PROBABILITY if name in groups else 1 - ASSIGNED_PROBABILITY for name in group_names()},
    )
    calibrated = calibrated_spectrum(result.spectrum, prediction, result.settings)

    def seeded(region: str) -> Seed | None:
        return seed_region(calibrated, region, prediction, result.settings)

    return replace(result, prediction=prediction, moved=calibrated, seeds=LazySeeds(tuple(calibrated.children), seeded))


def evaluations(fit: Any) -> int:
    """Count the evaluations of the model that a fit took, an analytic Jacobian counted as one.

    lmfit counts the evaluations for a numeric Jacobian in ``nfev``; an analytic one's are in ``njev`` alone.
    """
    jacobian = getattr(fit, "call_kws", {}).get("jac", "2-point")
    numeric = isinstance(jacobian, str) and jacobian in NUMERIC
    return int(fit.nfev) + (0 if numeric else int(getattr(fit, "njev", 0) or 0))


class Counter:
    """Number of evaluations of a model; a residual and its analytic Jacobian are two."""

    evaluations = 0


@contextmanager
def counted() -> Iterator[Counter]:
    """Count what fits of the seeding itself take; each point costs it residual and Jacobian, two evaluations."""
    counter, evaluate = Counter(), CompiledModel.evaluate

    def counting(model: CompiledModel, x: NDArray[np.float64], *arguments: Any) -> Any:
        counter.evaluations += 2 * len(x)
        return evaluate(model, x, *arguments)

    with patch.object(CompiledModel, "evaluate", counting):
        yield counter
