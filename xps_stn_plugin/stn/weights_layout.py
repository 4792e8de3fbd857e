"""Layouts of weights: those of networks with one stem for all core levels, and of networks that grow by core levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .network_config import CHANNELS_PER_REGION

#: Stems by the names of their tensors.
_STEMS = ("localiser.stem", "classifier.stem")


def with_level_stems(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Turn one convolution over the channels of all core levels into a stem for each; the network gives the same."""
    converted = dict(tensors)
    for stem in _STEMS:
        convolution = converted.pop(f"{stem}.0.weight", None)
        if convolution is None or convolution.ndim != 3 or convolution.shape[1] % CHANNELS_PER_REGION:
            continue
        width, channels, kernel = convolution.shape
        by_level = convolution.reshape(width, CHANNELS_PER_REGION, channels // CHANNELS_PER_REGION, kernel)
        converted[f"{stem}.weight"] = np.ascontiguousarray(
            by_level.transpose(2, 1, 3, 0).reshape(-1, CHANNELS_PER_REGION * kernel, width)
        )
        for name in [name for name in converted if name.startswith(f"{stem}.1.")]:
            converted[f"{stem}.norm.{name.removeprefix(f'{stem}.1.')}"] = converted.pop(name)
    return converted


def grown(
    tensors: Mapping[str, NDArray[Any]], fresh: Mapping[str, NDArray[Any]], levels: int, wanted: int
) -> dict[str, NDArray[Any]]:
    """Weights of a network with more core levels that gives what the smaller one gives.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Of a network that knows the first `levels` core levels.
    fresh : mapping of str to ndarray
        Start values of the larger network, which the new core levels and the new outputs keep.
    levels, wanted : int
        Core levels of both.

    Returns
    -------
    dict of str to ndarray
        Under the names of `fresh`.
    """
    result = {name: np.array(value) for name, value in fresh.items()}
    for name, value in tensors.items():
        if name.startswith(tuple(f"{stem}.weight" for stem in _STEMS)):
            result[name][:levels] = value
        elif name.startswith("classifier.regions."):
            # Shifts of all core levels first, then the logarithms of their errors.
            result[name][:levels] = value[:levels]
            result[name][wanted : wanted + levels] = value[levels:]
            result[name][levels:wanted] = 0.0
            result[name][wanted + levels :] = 0.0
        else:
            result[name] = np.array(value)
    return result
