"""Tells plugins that listen for finished fits of those of a stack, one spectrum after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from xps_prefit_hooks import Prediction, Seed, Settings

from ..core.energy_scale import scale_offset
from ..core.plugins import plugin_manager
from ..core.result import PrefitData, calibrated_spectrum, shift_is_applied
from ..fitting.fit_rows import FITTED, NOT_FITTED
from ..fitting.lmfit_result import result_at
from ..stn.verdict import STATUSES
from .clusters import Found
from .fields import REASON_TEXTS, Field
from .labels import FitLabels
from .model_selection import SINGLE, Structures
from .series_model import SeriesModel
from .stack import Block, Stack


def tell_listeners(
    stack: Stack,
    settings: Settings,
    models: Mapping[str, Structures | SeriesModel],
    fields: Mapping[str, Sequence[Field]],
    arrays: Mapping[str, Any],
    known: Callable[[Block], Found],
    make_result: Callable[..., PrefitData],
) -> None:
    """Tell plugins of every fit of a stack; nothing is done where none listens.

    Parameters
    ----------
    stack : Stack
    settings : Settings
    models, fields : mapping of str
        Models and fields of each region that was fitted.
    arrays : mapping of str to array
        Results by path.
    known : callable
        ``known(block)`` is what is known of the spectra of a block before they are seeded.
    make_result : callable
    """
    manager = plugin_manager()
    if not manager.asked_before("xps_prefit_fitted"):
        return
    for block in stack.blocks():
        rows, offsets = known(block), [part.start for part in block]
        # Seeds need applied shifts alone; listeners see the others, too.
        shifts, errors, reasons = (
            np.asarray(arrays[name][block]).ravel() for name in ("shift", "shift_stderr", "reasons")
        )
        fits = {name: _RegionFits(name, models[name], fields[name], arrays, block) for name in models}
        for row in range(len(rows)):
            if all(region.status[row] == NOT_FITTED for region in fits.values()):
                continue
            place = np.unravel_index(row, tuple(part.stop - part.start for part in block))
            at = {dim: start + int(i) for dim, start, i in zip(stack.dims, offsets, place, strict=True)}
            spectrum = stack.spectrum(at)
            prediction = Prediction(
                shift=float(shifts[row]) - scale_offset(settings),
                shift_stderr=float(errors[row]),
                groups=dict(zip(rows.groups, map(float, rows.probabilities[row]), strict=True)),
                status=STATUSES[int(rows.status[row])],
                reasons=tuple(text for bit, text in REASON_TEXTS.items() if int(reasons[row]) & bit),
                region_shifts={},
                model=rows.model,
            )
            applied = shift_is_applied(prediction, settings)
            moved = calibrated_spectrum(spectrum, prediction, settings) if applied else None
            for name, region in fits.items():
                if region.status[row] == NOT_FITTED:
                    continue
                data = (spectrum if moved is None else moved)[name].to_dataset()
                shift = float(np.nan_to_num(rows.shift[row]))
                seed = region.seed(row, data["counts"].values, rows).changed(shift=shift)
                fit = result_at(
                    seed,
                    data,
                    region.values(row, seed),
                    held=region.held,
                    success=region.status[row] == FITTED,
                    nfev=int(region.nfev[row]),
                )
                source = str(spectrum.attrs["source"])
                result = make_result(source, spectrum, moved, prediction, settings, {name: seed}, {name: fit})
                manager.fitted(result, name, fit)


class _RegionFits:
    """Fits of one region in a block."""

    def __init__(
        self,
        name: str,
        model: Structures | SeriesModel,
        fields: Sequence[Field],
        arrays: Mapping[str, Any],
        block: Block,
    ) -> None:
        self.model = model
        self.held = model.shared.names if isinstance(model, SeriesModel) else ()
        # Fits of single spectra may have brought labels.
        (field,) = (field for field in fields if field.name == "parameter_value")
        parameters = dict(zip(field.labels["parameter"], field.texts["parameter_meaning"], strict=True))
        self.labels = FitLabels((), (), {str(label): meaning for label, meaning in parameters.items()})
        self.status, self.nfev, self.structure = (
            np.asarray(arrays[f"{name}/{variable}"][block]).ravel() for variable in ("fit_status", "nfev", "structure")
        )
        self.parameters = np.asarray(arrays[f"{name}/parameter_value"][block]).reshape(self.status.size, -1)

    def seed(self, row: int, counts: Any, rows: Found) -> Seed:
        """Seed that the spectrum of a row was fitted with."""
        if isinstance(self.model, SeriesModel):
            return self.model.shared.seed
        number = int(self.structure[row])
        seed = self.model.single_seed(counts, rows, row) if number == SINGLE else self.model.seeds[number]
        # Who seeded it before does so again.
        assert seed is not None
        return seed

    def values(self, row: int, seed: Seed) -> dict[str, float]:
        """Fitted values of lmfit's parameters."""
        return dict(zip(seed.params, self.parameters[row, self.labels.columns(seed)].tolist(), strict=True))
