"""Spectrum -> prediction: shift with error bar, functional groups, per-region shifts, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import Prediction, PrefitError, RegionShift, Settings

from ..grid import to_grid
from .inputs import network_input
from .verdict import NO_LINE, Evidence, judge
from .weights import TrainedNetwork, shipped_weights


def predict(spectrum: xr.DataTree, settings: Settings) -> Prediction:
    """Ask the shipped network.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the measured axis; of repeated core levels the first is used.
    settings : Settings
        Unused by the network.

    Returns
    -------
    Prediction
        Shift NaN and status "out_of_domain" where no region is one that the network knows, or none shows a line.
    """
    return predict_with(_shipped(), spectrum)


@cache
def _shipped() -> TrainedNetwork:
    return shipped_weights()


def predict_with(trained: TrainedNetwork, spectrum: xr.DataTree) -> Prediction:
    """Ask a given network; see `predict`.

    Raises
    ------
    PrefitError
        If a region is a stack of spectra.
    """
    regions, repeated = _first_of_each(spectrum, trained)
    if not regions:
        names, known = ", ".join(spectrum.children), ", ".join(trained.grid.regions)
        return _no_shift(trained, f"None of the regions ({names}) is one that the network knows ({known}).", *repeated)
    signal_to_noise = {name: _signal_to_noise(data) for name, data in regions.items()}
    if max(signal_to_noise.values()) < NO_LINE:
        return _no_shift(trained, f"No line stands above the noise in {', '.join(regions)}.")
    counts, measured = to_grid(_as_rates(regions), trained.grid)
    # One row with everything, then one row per region alone.
    rows = [trained.grid.regions.index(name) for name in regions]
    single = np.zeros((len(rows) + 1, len(trained.grid.regions), 1), dtype=bool)
    single[0] = True
    for number, row in enumerate(rows, start=1):
        single[number, row] = True
    channels = network_input(
        torch.from_numpy(np.where(single, counts, 0.0).astype(np.float32)), torch.from_numpy(measured & single)
    )
    with torch.inference_mode():
        output = trained.network(channels)
        posterior = output.shift_logits.double().softmax(-1).numpy()
        probabilities = output.group_logits[0].double().sigmoid().numpy()
    bins = trained.network.shift_bins.double().numpy()
    shift = output.shift.double().numpy()
    stderr = _spread(posterior, bins, shift)
    region_shifts = {
        name: RegionShift(float(shift[number]), float(stderr[number]), float(shift[number] - shift[0]))
        for number, name in enumerate(regions, start=1)
    }
    evidence = Evidence(
        posterior=posterior[0],
        bins=bins,
        shift=float(shift[0]),
        stderr=float(stderr[0]),
        signal_to_noise=signal_to_noise,
        region_shifts=region_shifts,
    )
    status, reasons = judge(evidence)
    return Prediction(
        shift=float(shift[0]),
        shift_stderr=float(stderr[0]),
        groups=MappingProxyType(dict(zip(trained.groups, map(float, probabilities), strict=True))),
        status=status,
        reasons=(*reasons, *repeated),
        region_shifts=MappingProxyType(region_shifts),
        model=trained.info,
    )


def _first_of_each(spectrum: xr.DataTree, trained: TrainedNetwork) -> tuple[Mapping[str, xr.Dataset], tuple[str, ...]]:
    """Choose the first region of each core level that overlaps the grid; say which were passed over."""
    windows = dict(zip(trained.grid.regions, trained.grid.energies, strict=True))
    chosen: dict[str, xr.Dataset] = {}
    notes = []
    for name, child in spectrum.children.items():
        level = child.attrs.get("region", name)
        if level not in windows:
            continue
        data = child.to_dataset()
        if data["counts"].ndim != 1:
            source = str(spectrum.attrs.get("source", "spectrum"))
            msg = f"region {name} is a stack with dimensions {tuple(data['counts'].dims)}; give one spectrum of it."
            raise PrefitError(source, msg)
        if level in chosen:
            notes.append(f"{name} repeats {level}; the network read the first.")
            continue
        axis = data["binding_energy"].values
        window = windows[level]
        if axis[-1] < window[0] or axis[0] > window[-1]:
            notes.append(
                f"{name} was measured from {axis[0]:.1f} to {axis[-1]:.1f} eV, outside what the network looks at "
                f"({window[0]:.1f} to {window[-1]:.1f} eV)."
            )
            continue
        chosen[level] = data
    return {name: chosen[name] for name in trained.grid.regions if name in chosen}, tuple(notes)


def _as_rates(regions: Mapping[str, xr.Dataset]) -> Mapping[str, xr.Dataset]:
    """Divide counts by the time they took, so that regions compare; as they are where a time is not known."""
    rates = {}
    for name, data in regions.items():
        intensity = data.attrs.get("intensity")
        time = data.attrs.get("dwell_time", 0.0) * data.attrs.get("scans", 0.0) if intensity == "counts" else 1.0
        if intensity not in ("counts", "counts per second") or not time > 0:
            return regions
        rates[name] = data.assign(counts=data["counts"] / time)
    return rates


def _no_shift(trained: TrainedNetwork, *reasons: str) -> Prediction:
    """Prediction that there is nothing to predict from: a number would be taken for a result."""
    nan = float("nan")
    return Prediction(
        shift=nan,
        shift_stderr=nan,
        groups=MappingProxyType(dict.fromkeys(trained.groups, nan)),
        status="out_of_domain",
        reasons=reasons,
        region_shifts=MappingProxyType({}),
        model=trained.info,
    )


def _spread(
    posterior: NDArray[np.float64], bins: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Root mean square distance of the whole distribution from the shift; a second mode widens it."""
    spread: NDArray[np.float64] = np.sqrt((posterior * (bins - shift[:, None]) ** 2).sum(-1))
    return spread


def _signal_to_noise(data: xr.Dataset) -> float:
    """Height of the line above a straight line between the ends, over the noise of one channel."""
    counts = data["counts"].values
    ends = max(1, min(4, counts.size // 4))
    line = np.linspace(counts[:ends].mean(), counts[-ends:].mean(), counts.size)
    smooth = np.convolve(counts - line, np.ones(3) / 3, mode="same")
    # Second differences take out everything smooth; variance 6 for white noise, median against outliers.
    noise = np.median(np.abs(np.diff(counts, 2))) / 0.6745 / np.sqrt(6)
    return float(smooth.max() / noise) if noise > 0 else float("inf")
