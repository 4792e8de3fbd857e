"""Shifts and groups of a stack: predictors of plugins and the network, and what the user knows, as arrays."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Prediction, PrefitError, Settings

from ..core.charge_references import FERMI_EDGE, named_reference
from ..core.energy_scale import is_applied, is_told, scale_offset
from ..core.plugins import BUILTIN, plugin_manager
from ..core.spectrum import spectrum_tree
from ..stn.predict import predict_view
from ..stn.stack_prediction import StackPrediction
from ..stn.uneven import PARTS_STDERR
from ..stn.verdict import STATUSES, UNCERTAIN_STDERR, Reason
from ..stn.view import View, view_of
from ..stn.weights import TrainedNetwork
from .fields import CARRIED, NO_DATA, NO_REFERENCE, PLUGIN, TOLD, Field, network_fields
from .stack import Stack, measured

_log = logging.getLogger(__name__)

Counts = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class StackPredictor:
    """Predicts the spectra of a stack.

    Predictors of plugins are asked first, one spectrum at a time; the network reads all that they leave to it.

    Parameters
    ----------
    trained : TrainedNetwork
    source : str
    view : View
        What the network reads.
    attrs : mapping of str to mapping
        What the reader said of every region, by name.
    settings : Settings
    offset : float
        What a shift on the 285.00 eV scale gains in eV on the scale that was asked for.
    notes : tuple of str
        What was left out and who predicts, in sentences.
    """

    trained: TrainedNetwork
    source: str
    view: View
    attrs: Mapping[str, Mapping[str, Any]]
    settings: Settings
    offset: float
    notes: tuple[str, ...]

    @classmethod
    def of(cls, stack: Stack, settings: Settings, trained: TrainedNetwork) -> StackPredictor:
        """Choose what the network reads.

        Raises
        ------
        PrefitError
            If the line that is to be the charge reference was not measured at all.
        """
        named = named_reference(settings.calibrate_on)
        levels = [region.level for region in stack.regions.values()]
        if named is not None and named.name != FERMI_EDGE and named.level not in levels:
            fault = f"there is no {named.region_label} region; name another line"
            raise PrefitError(stack.source, f"the shift cannot be taken from {named.name}: {fault}.")
        energies = {name: region.energy for name, region in stack.regions.items()}
        attrs = {name: {**region.attrs, "region": region.level} for name, region in stack.regions.items()}
        view = view_of(energies, attrs, trained.grid)
        notes = [*stack.notes, *view.notes]
        if plugins := plugin_manager().asked_before("xps_prefit_predict", BUILTIN):
            notes.append(f"Predictors of plugins ({', '.join(plugins)}) were called before the package's network.")
        return cls(trained, stack.source, view, attrs, settings, scale_offset(settings), tuple(notes))

    def fields(self) -> tuple[Field, ...]:
        """Name what `answer` gives."""
        return network_fields(self.trained.groups, tuple(self.view.names.values()))

    def predict(
        self, counts: Counts, shift: ArrayLike | None = None, *, keep_posterior: bool = False
    ) -> StackPrediction:
        """Predict k spectra.

        Parameters
        ----------
        counts : mapping of str to ndarray, shape (k, m)
            By name of the region.
        shift : array_like, shape (k,), optional
            Shift in eV at which groups are read, where it is known.
        keep_posterior : bool
            Whether the distributions over shifts are wanted.
        """
        prediction = predict_view(
            self.trained, self.view, counts, shift, keep_posterior=keep_posterior, source=self.source
        )
        others = self._by_plugins(counts, shift)
        if not others:
            return prediction
        reasons = prediction.verdict.reasons.copy()
        distribution = None if prediction.distribution is None else prediction.distribution.copy()
        bins = self.trained.shift_bins
        for row, given in others.items():
            reasons[row] = PLUGIN | (0 if math.isfinite(given.shift) else int(Reason.NO_SHIFT))
            if distribution is not None:
                # A plugin gives a shift with its error, which stands for a normal distribution.
                density = np.exp(-0.5 * ((bins - given.shift) / given.shift_stderr) ** 2)
                distribution[row] = density / density.sum()
        return replace(prediction.replaced(others, reasons), distribution=distribution)

    def steered(self, counts: Counts) -> StackPrediction:
        """Predict k spectra, and put together with that what the user knows."""
        from ..fitting.charge_reference import with_knowledge

        prediction = self.predict(counts)
        steered_rows: dict[int, Prediction] = {}
        unreferenced: list[int] = []
        for row, spectrum in self._spectra(counts).items():
            alone = {name: values[row : row + 1] for name, values in counts.items()}

            def read_at(shift: float, alone: Counts = alone) -> Prediction:
                return self.predict(alone, [shift]).prediction(0)

            before = prediction.prediction(row)
            try:
                after = with_knowledge(before, spectrum, self.settings, read_at)
            except PrefitError as error:
                # The line that is to be the reference is not in this spectrum.
                after = self._failed(error)
                unreferenced.append(row)
            if after != before:
                steered_rows[row] = after
        reasons = prediction.verdict.reasons.copy()
        reasons[list(steered_rows)] |= np.uint32(TOLD)
        reasons[unreferenced] |= np.uint32(NO_REFERENCE)
        return prediction.replaced(steered_rows, reasons)

    def answer(self, counts: Counts, series: SeriesRows | None = None) -> tuple[NDArray[Any], ...]:
        """Answers about k spectra, one array of shape (k, ...) for each of `fields`; `series`: their shared shift."""
        if is_told(self.settings):
            prediction = self.steered(counts)
        else:
            prediction = self.predict(counts, None if series is None else series.shift)
        shift, stderr = prediction.shift, prediction.shift_stderr
        reasons, status = prediction.verdict.reasons, prediction.verdict.status
        if series is not None:
            uneven = (reasons & np.uint32(Reason.ALIKE)) != 0
            shift, stderr = series.shift, np.hypot(series.stderr, np.where(uneven, PARTS_STDERR, 0.0))
            reasons, status = series.judged(reasons, status)
        some = _measured(counts).any(axis=1)
        applied = is_applied(shift, status == STATUSES.index("out_of_domain"), self.settings)
        values = (
            np.where(some, shift + self.offset, np.nan),
            np.where(some, stderr, np.nan),
            np.where(some, np.where(applied, shift + self.offset, 0.0), np.nan),
            np.where(some, status, NO_DATA),
            reasons,
            prediction.probabilities,
            *(prediction.region_shift + self.offset).T,
            *prediction.region_stderr.T,
            *prediction.evidence.disagreement.T,
        )
        return tuple(value.astype(field.dtype) for value, field in zip(values, self.fields(), strict=True))

    def _by_plugins(self, counts: Counts, shift: ArrayLike | None) -> dict[int, Prediction]:
        """Predictions of plugins by row; of a spectrum at which one failed, that there is no shift."""
        manager = plugin_manager()
        if not manager.asked_before("xps_prefit_predict", BUILTIN):
            return {}
        spectra = self._spectra(counts)
        size = len(next(iter(counts.values())))
        shifts = (
            None if shift is None else np.broadcast_to(np.asarray(shift, dtype=float), size)[list(spectra)].tolist()
        )
        level_of = {name: level for level, name in self.view.names.items()}
        predictions = {}
        answers = manager.predict_each(spectra.values(), self.settings, shifts, before=BUILTIN)
        for row, answer in zip(spectra, answers, strict=True):
            if isinstance(answer, PrefitError):
                _log.warning("%s", answer)
                predictions[row] = self._failed(answer)
            elif answer is not None:
                regions = {level_of.get(name, name): region for name, region in answer.region_shifts.items()}
                predictions[row] = replace(answer, region_shifts=regions)
        return predictions

    def _failed(self, error: PrefitError) -> Prediction:
        groups = dict.fromkeys(self.trained.groups, math.nan)
        return Prediction(math.nan, math.nan, groups, "out_of_domain", (str(error),), {}, self.trained.info)

    def _spectra(self, counts: Counts) -> dict[int, xr.DataTree]:
        """Spectra in which something was measured, each by itself, by row."""
        spectra = {}
        for row, there in enumerate(_measured(counts)):
            regions = {
                name: xr.Dataset(
                    {"counts": ("binding_energy", np.asarray(values[row], dtype=float))},
                    {"binding_energy": self.view.energies[name]},
                    dict(self.attrs[name]),
                )
                for (name, values), is_there in zip(counts.items(), there, strict=True)
                if is_there
            }
            if regions:
                spectra[row] = spectrum_tree(self.source, regions)
        return spectra


def _measured(counts: Counts) -> NDArray[np.bool_]:
    """Whether each region of each spectrum was measured, shape (k, regions)."""
    return np.stack([measured(values) for values in counts.values()], axis=1)


@dataclass(frozen=True, eq=False)
class SeriesRows:
    """Shared shift of k spectra, in eV on the 285.00 eV scale, its error, and whether it rests on other spectra."""

    shift: NDArray[np.float64]
    stderr: NDArray[np.float64]
    carried: NDArray[np.bool_]

    def judged(
        self, reasons: NDArray[np.uint32], status: NDArray[np.int8]
    ) -> tuple[NDArray[np.uint32], NDArray[np.int8]]:
        """Reasons and status in view of the series, which knows better than one spectrum what its shift is."""
        bits = reasons & ~np.uint32(Reason.SEVERAL_SHIFTS | Reason.STANDARD_ERROR | Reason.UNEVEN | Reason.AT_EDGE)
        bits[self.stderr > UNCERTAIN_STDERR] |= np.uint32(Reason.STANDARD_ERROR)
        bits[self.carried] |= np.uint32(CARRIED)
        outside, doubtful = ((bits & np.uint32(rules)) != 0 for rules in (Reason.outside(), Reason.doubts() | CARRIED))
        codes = [STATUSES.index("out_of_domain"), STATUSES.index("uncertain")]
        # Only the plugin knows why it doubts.
        rest = np.where(bits & np.uint32(PLUGIN), status, STATUSES.index("ok"))
        return bits, np.select([outside, doubtful], codes, rest).astype(np.int8)
