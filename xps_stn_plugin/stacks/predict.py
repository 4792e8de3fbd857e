"""What the network is asked about a stack, and its answers as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Settings

from ..core.plugins import plugin_manager
from ..core.result import scale_offset
from ..stn.stack import StackPrediction, predict_stack
from ..stn.verdict import STATUSES, UNCERTAIN_STDERR, Reason
from ..stn.view import durations, nothing_known, outside_window
from ..stn.weights import TrainedNetwork
from .fields import CARRIED, NO_DATA, Field, network_fields
from .stack import Stack, measured
from .steer import Said, steer

#: Name of the package among its plugins.
OWN: Final = "xps_stn_plugin"


@dataclass(frozen=True, eq=False)
class Question:
    """What the network is asked about every spectrum of a stack.

    Parameters
    ----------
    trained : TrainedNetwork
    source : str
    energies : mapping of str to ndarray, shape (m,)
        Measured axis of every region in eV, by name.
    seen : mapping of str to str
        The regions that the network looks at, by core level: the first of each level, as for a single spectrum.
    times : mapping of str to float
        By core level: time by which counts are divided so that regions compare.
    attrs : mapping of str to mapping
        What the reader said of every region.
    settings : Settings
    offset : float
        What a shift on the 285.00 eV scale gains in eV on the scale that was asked for.
    notes : tuple of str
        What the network does not look at, in sentences.
    """

    trained: TrainedNetwork
    source: str
    energies: Mapping[str, NDArray[np.float64]]
    seen: Mapping[str, str]
    times: Mapping[str, float]
    attrs: Mapping[str, Mapping[str, Any]]
    settings: Settings
    offset: float
    notes: tuple[str, ...]

    @classmethod
    def about(cls, stack: Stack, settings: Settings, trained: TrainedNetwork) -> Question:
        """Choose what the network looks at."""
        windows = dict(zip(trained.grid.regions, trained.grid.energies, strict=True))
        first: dict[str, str] = {}
        notes = []
        for name, region in stack.regions.items():
            if region.level not in windows:
                continue
            if region.level in first:
                notes.append(f"{name} repeats {region.level}; the network read the first.")
            elif note := outside_window(name, region.energy, windows[region.level]):
                notes.append(note)
            else:
                first[region.level] = name
        seen = {level: first[level] for level in trained.grid.regions if level in first}
        if not seen:
            notes.insert(0, nothing_known(stack.regions, trained.grid))
        manager = plugin_manager()
        active = [report.name for report in manager.reports if report.state == "active" and report.name != OWN]
        if others := [name for name in active if "xps_prefit_predict" in manager.hooks_of(name)]:
            told = ", ".join(others)
            notes.append(f"Predictors of plugins ({told}) are for single spectra; the package's network read these.")
        return cls(
            trained=trained,
            source=stack.source,
            energies={name: region.energy for name, region in stack.regions.items()},
            seen=seen,
            times=durations({level: xr.Dataset(attrs=stack.regions[name].attrs) for level, name in seen.items()}),
            attrs={name: region.attrs for name, region in stack.regions.items()},
            settings=settings,
            offset=scale_offset(settings),
            notes=(*stack.notes, *notes),
        )

    def fields(self) -> tuple[Field, ...]:
        """Name what `answer` gives."""
        return network_fields(self.trained.groups, tuple(self.seen.values()))

    def predict(
        self, counts: Mapping[str, NDArray[Any]], shift: ArrayLike | None = None, *, keep_posterior: bool = False
    ) -> StackPrediction:
        """Ask the network about k spectra.

        Parameters
        ----------
        counts : mapping of str to ndarray, shape (k, m)
            By name of the region.
        shift : array_like, shape (k,), optional
            Shift in eV at which groups are read, where it is known.
        keep_posterior : bool
            Whether the distributions over shifts are wanted.
        """
        regions = {level: (self.energies[name], counts[name]) for level, name in self.seen.items()}
        return predict_stack(
            self.trained,
            # Without a region that the network knows, any will do to have it say so.
            regions or {name: (self.energies[name], values) for name, values in counts.items()},
            durations=self.times,
            shift=shift,
            keep_posterior=keep_posterior,
            source=self.source,
        )

    def answer(self, counts: Mapping[str, NDArray[Any]], series: SeriesRows | None = None) -> tuple[NDArray[Any], ...]:
        """Answers about k spectra, one array of shape (k, ...) for each of `fields`; `series`: their shared shift."""
        there = np.stack([measured(values) for values in counts.values()], axis=1)
        if self.settings.expect or self.settings.present or self.settings.absent:
            said = steer(self, counts, there)
        else:
            found = self.predict(counts, None if series is None else series.shift)
            said = Said(
                found.shift,
                found.shift_stderr,
                found.verdict.status,
                found.verdict.reasons,
                found.probabilities,
                found.region_shift,
                found.region_stderr,
                found.evidence.disagreement,
            )
        shift, stderr, reasons, status = said.shift, said.shift_stderr, said.reasons, said.status
        if series is not None:
            shift, stderr = series.shift, series.stderr
            reasons, status = series.judged(reasons)
        some = there.any(axis=1)
        values = (
            np.where(some, shift + self.offset, np.nan),
            np.where(some, stderr, np.nan),
            np.where(some, status, NO_DATA),
            reasons,
            said.probabilities,
            *(said.region_shift + self.offset).T,
            *said.region_stderr.T,
            *said.disagreement.T,
        )
        return tuple(value.astype(field.dtype) for value, field in zip(values, self.fields(), strict=True))


@dataclass(frozen=True, eq=False)
class SeriesRows:
    """Shared shift of k spectra, in eV on the 285.00 eV scale, its error, and whether it rests on other spectra."""

    shift: NDArray[np.float64]
    stderr: NDArray[np.float64]
    carried: NDArray[np.bool_]

    def judged(self, reasons: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int8]]:
        """Reasons and status in view of the series, which knows better than one spectrum what its shift is."""
        bits = reasons & ~np.uint32(Reason.SEVERAL_SHIFTS | Reason.STANDARD_ERROR | Reason.UNEVEN | Reason.AT_EDGE)
        bits[self.stderr > UNCERTAIN_STDERR] |= np.uint32(Reason.STANDARD_ERROR)
        bits[self.carried] |= np.uint32(CARRIED)
        outside, doubtful = ((bits & np.uint32(rules)) != 0 for rules in (Reason.outside(), Reason.doubts() | CARRIED))
        codes = [STATUSES.index("out_of_domain"), STATUSES.index("uncertain")]
        return bits, np.select([outside, doubtful], codes, STATUSES.index("ok")).astype(np.int8)
