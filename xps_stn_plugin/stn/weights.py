"""Trained weights as safetensors: no pickle, everything needed to rebuild the network in the header."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from xps_prefit_hooks import ModelInfo, PrefitError

from ..files import write_whole
from ..grid import Grid
from .calibration import Calibration
from .folded import folded
from .network import NetworkConfig, ShiftTransformer

#: Weights that are used unless others are asked for.
SHIPPED = "prefit-2.safetensors"
FORMAT = "xps-stn/weights/2"


@dataclass(frozen=True)
class TrainedNetwork:
    """A network ready to predict.

    Parameters
    ----------
    network : ShiftTransformer
        In evaluation mode, on the CPU.
    grid : Grid
        Where it wants its spectra.
    groups : tuple of str
        Names of its outputs.
    calibration : Calibration
        From its outputs to error bars and probabilities.
    info : ModelInfo
        Name, version, SHA-256 of the file.
    """

    network: ShiftTransformer
    grid: Grid
    groups: tuple[str, ...]
    calibration: Calibration
    info: ModelInfo

    @cached_property
    def folded(self) -> ShiftTransformer:
        """The network for prediction alone, faster; made when it is first asked for."""
        return folded(self.network)


def save_weights(
    path: Path,
    network: ShiftTransformer,
    *,
    name: str,
    version: str,
    groups: tuple[str, ...],
    grid: Grid,
    calibration: Calibration,
    overwrite: bool = False,
) -> None:
    """Write weights and what is needed to rebuild the network.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    header = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "groups": json.dumps(groups),
        "regions": json.dumps(grid.regions),
        "grid": json.dumps(asdict(grid)),
        "network": json.dumps(asdict(network.config)),
        "calibration": json.dumps(asdict(calibration)),
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    data = safetensors.torch.save(tensors, metadata=header)
    write_whole(path, lambda temporary: _write(temporary, data), overwrite=overwrite)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def load_weights(path: Path) -> TrainedNetwork:
    """Read weights.

    Raises
    ------
    PrefitError
        If the file is missing, damaged, or of another format.
    """
    source = str(path)
    try:
        data = path.read_bytes()
        with safetensors.safe_open(source, framework="pt") as handle:
            header = handle.metadata() or {}
        tensors = safetensors.torch.load(data)
    except (OSError, safetensors.SafetensorError) as error:
        raise PrefitError(source, f"the weights cannot be read ({error}); install the package again.") from error
    if header.get("format") != FORMAT:
        raise PrefitError(source, f"the weights have format {header.get('format')!r}; {FORMAT!r} is needed.")
    grid = Grid(**json.loads(header["grid"]))
    if tuple(json.loads(header["regions"])) != grid.regions:
        raise PrefitError(source, "the weights were made for other core levels; train them again with this version.")
    network = ShiftTransformer(_network_config(json.loads(header["network"])))
    # strict: a damaged or foreign file must not load by halves
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise PrefitError(source, "the weights do not fit the network that their header describes.") from error
    network.eval()
    network.requires_grad_(False)
    info = ModelInfo(name=header["name"], version=header["version"], sha256=hashlib.sha256(data).hexdigest())
    calibration = _calibration(json.loads(header["calibration"]))
    return TrainedNetwork(network, grid, tuple(json.loads(header["groups"])), calibration, info)


def shipped_weights() -> TrainedNetwork:
    """Weights that come with the package."""
    with as_file(files("xps_stn_weights").joinpath(SHIPPED)) as path:
        return load_weights(path)


def _network_config(table: dict[str, Any]) -> NetworkConfig:
    return NetworkConfig(**{**table, "dilations": tuple(table["dilations"])})


def _calibration(table: dict[str, Any]) -> Calibration:
    return Calibration(**{**table, "spread": tuple(table["spread"]), "stderr": tuple(table["stderr"])})
