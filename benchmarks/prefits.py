"""Measured polymers on moved axes, prefit by the network, and the same prefits with shift or groups told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.polymers import Polymer
from xps_prefit_hooks import Seed
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.result import LazySeeds, PrefitResult, calibrated_spectrum
from xps_stn_plugin.seeding import seed_region
from xps_stn_plugin.workflow import prefit

#: Probability of a group that is told to be there; the others get the rest.
TOLD = 0.98


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


def told(
    result: PrefitResult,
    *,
    shift: float | None = None,
    stderr: float | None = None,
    groups: Collection[str] | None = None,
) -> PrefitResult:
    """Return the prefit as it would be had the network said another shift, standard error (both in eV) or groups."""
    said = result.prediction
    prediction = replace(
        said,
        shift=said.shift if shift is None else shift,
        shift_stderr=said.shift_stderr if stderr is None else stderr,
        groups=said.groups
        if groups is None
        else {name: TOLD if name in groups else 1 - TOLD for name in group_names()},
    )
    moved = calibrated_spectrum(result.spectrum, prediction, result.settings)

    def seeded(region: str) -> Seed | None:
        return seed_region(moved, region, prediction, result.settings)

    return replace(result, prediction=prediction, moved=moved, seeds=LazySeeds(tuple(moved.children), seeded))


def evaluations(fit: Any) -> int:
    """Count the evaluations of the model that a fit took, an analytic Jacobian counted as one.

    lmfit counts the evaluations for a numeric Jacobian in ``nfev``; an analytic one's are in ``njev`` alone.
    """
    jacobian = getattr(fit, "call_kws", {}).get("jac", "2-point")
    return int(fit.nfev) + (0 if isinstance(jacobian, str) else int(getattr(fit, "njev", 0) or 0))
