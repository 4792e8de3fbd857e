"""Many spectra through the network in torch."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray

from .inputs import region_rows
from .network import NetworkOutput
from .numpy_network import Reading
from .weights import TrainedNetwork


def read(
    trained: TrainedNetwork,
    columns: NDArray[np.intp],
    rates: NDArray[np.float32],
    measured: NDArray[np.bool_],
    shift: NDArray[np.float32] | None,
) -> Reading:
    """Read shift and groups; arguments as those of `NumpyNetwork.read`."""
    with torch.inference_mode():
        seen = region_rows(torch.from_numpy(rates), torch.from_numpy(measured), torch.from_numpy(columns))
        known = None if shift is None else torch.from_numpy(shift)
        output: NetworkOutput = trained.folded(seen, known)
        return Reading(**{field.name: getattr(output, field.name).numpy() for field in fields(Reading)})
