"""Spectrum -> prediction: shift with error bar, functional groups, per-region shifts, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
import torch
import xarray as xr

from xps_prefit_hooks import Prediction, RegionShift, Settings

from ..grid import to_grid
from .calibration import spread_of
from .inputs import network_input
from .network import NetworkOutput
from .signal import is_one_line, saturated_channels, signal_to_noise
from .verdict import NO_LINE, Evidence, judge
from .view import as_rates, seen_regions
from .weights import TrainedNetwork, shipped_weights

#: Core level that carries the scale.
CARBON = "C1s"


def predict(spectrum: xr.DataTree, settings: Settings, shift: float | None = None) -> Prediction:
    """Ask the shipped network.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the measured axis; of repeated core levels the first is used.
    settings : Settings
        Unused by the network.
    shift : float, optional
        Shift in eV at which the groups are read, where it is known.

    Returns
    -------
    Prediction
        Shift NaN and status "out_of_domain" where no region is one that the network knows, or none shows a line.
    """
    return predict_with(shipped(), spectrum, shift)


@cache
def shipped() -> TrainedNetwork:
    """Load the shipped weights, once."""
    return shipped_weights()


def predict_with(trained: TrainedNetwork, spectrum: xr.DataTree, shift: float | None = None) -> Prediction:
    """Ask a given network; see `predict`.

    Raises
    ------
    PrefitError
        If a region is a stack of spectra.
    """
    regions, repeated = seen_regions(spectrum, trained.grid)
    if not regions:
        names, known = ", ".join(spectrum.children), ", ".join(trained.grid.regions)
        return _no_shift(trained, f"None of the regions ({names}) is one that the network knows ({known}).", *repeated)
    ratios = {name: signal_to_noise(data) for name, data in regions.items()}
    lined = tuple(name for name, ratio in ratios.items() if ratio >= NO_LINE)
    if not lined:
        return _no_shift(trained, f"No line stands above the noise in {', '.join(regions)}.")
    counts, measured = to_grid(as_rates(regions), trained.grid)
    channels = network_input(torch.from_numpy(counts[None].astype(np.float32)), torch.from_numpy(measured[None]))
    with torch.inference_mode():
        output = trained.network(channels, None if shift is None else torch.tensor([shift], dtype=torch.float32))
        posterior = output.shift_logits.double().softmax(-1).numpy()
    bins = trained.network.shift_bins.double().numpy()
    calibration = trained.calibration
    found = float(output.shift[0])
    spread = spread_of(posterior, bins, np.array([found]), calibration.blur)
    stderr = float(calibration.standard_error(spread)[0])
    probabilities = calibration.probability(output.group_logits[0].double().numpy())
    region_shifts = _region_shifts(trained, output, lined, stderr)
    evidence = Evidence(
        posterior=posterior[0],
        bins=bins,
        shift=found,
        stderr=stderr,
        signal_to_noise=ratios,
        region_shifts=region_shifts,
        foreign=calibration.foreign(float(output.outside_logit[0])),
        saturated={name: saturated_channels(regions[name]) for name in lined},
        one_line=len(lined) == 1 and is_one_line(regions[lined[0]]),
    )
    status, reasons = judge(evidence)
    return Prediction(
        shift=found,
        shift_stderr=stderr,
        groups=MappingProxyType(dict(zip(trained.groups, map(float, probabilities), strict=True))),
        status=status,
        reasons=(*reasons, *repeated),
        region_shifts=MappingProxyType(region_shifts),
        model=trained.info,
    )


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


def _region_shifts(
    trained: TrainedNetwork, output: NetworkOutput, lined: tuple[str, ...], stderr: float
) -> Mapping[str, RegionShift]:
    """Shift of every region with a line. C 1s carries the scale; without it, none can be told from the common shift."""
    common = float(output.shift[0])
    if CARBON not in lined:
        return {}
    shifts = {CARBON: RegionShift(common, stderr, 0.0)}
    for name in lined:
        if name != CARBON:
            row = trained.grid.regions.index(name)
            apart, sigma = float(output.region_shift[0, row]), float(output.region_sigma[0, row])
            shifts[name] = RegionShift(common + apart, float(np.hypot(stderr, sigma)), apart)
    return {name: shifts[name] for name in lined}
