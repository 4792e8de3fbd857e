"""From tensors as they are read from a file to the network in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .network import ShiftTransformer
from .network_config import NetworkConfig


def network_of(config: NetworkConfig, tensors: Mapping[str, NDArray[Any]]) -> ShiftTransformer:
    """Make a network of checked tensors, in evaluation mode on the CPU."""
    # The network outlives the caller's inference mode, whose tensors no gradient can pass.
    with torch.inference_mode(False):
        network = ShiftTransformer(config)
        # Copies, as arrays of a file are not to be written.
        copies = {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
        network.load_state_dict(copies, strict=True)
        network.eval()
        network.requires_grad_(False)
    return network
