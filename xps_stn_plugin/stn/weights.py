"""Trained weights as safetensors: no pickle, everything needed to rebuild the network in the header."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from xps_prefit_hooks import ModelInfo, PrefitError

from .._util.files import write_whole
from ..core.grid import Grid
from .calibration import Calibration
from .folded import folded
from .network import ShiftTransformer
from .network_config import NetworkConfig
from .weights_file import CHECKSUM, damaged, is_sealed, metadata_of, read_file, sealed
from .weights_layout import with_level_stems

#: Weights that are used unless others are asked for.
SHIPPED = "prefit-2.1.safetensors"

#: What is written; the same with one stem for all core levels; and that without a checksum, of versions before 0.5.
FORMAT = "xps-stn/weights/4"
_ONE_STEM = "xps-stn/weights/3"
_UNSEALED = "xps-stn/weights/2"

#: Sizes that a header may ask for: lowest and highest.
_SIZES = {
    "regions": (1, 100),
    "points": (16, 20_000),
    "groups": (1, 10_000),
    "localiser_width": (2, 4096),
    "classifier_width": (1, 4096),
    "hidden": (1, 65_536),
    "materials": (0, 1000),
}

#: No binding energy is this high, in eV.
_MOST_ENERGY = 1e5


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
    data = safetensors.torch.save(tensors)
    _replace(path, sealed(str(path), data, header), overwrite)


def stamp_weights(path: Path) -> str:
    """Give a file of weights that was saved before 0.5 its checksum; tensors and the rest of the header stay.

    Returns
    -------
    str
        The new SHA-256 of the whole file, as `ModelInfo.sha256` gives it.

    Raises
    ------
    PrefitError
        If the weights cannot be loaded, or the file cannot be written.
    """
    source, data = str(path), read_file(path)
    _loaded(source, data)
    metadata = {key: value for key, value in metadata_of(source, data).items() if key != CHECKSUM}
    stamped = sealed(source, data, {**metadata, "format": FORMAT})
    _loaded(source, stamped)
    _replace(path, stamped, overwrite=True)
    return hashlib.sha256(stamped).hexdigest()


def _replace(path: Path, data: bytes, overwrite: bool) -> None:
    write_whole(path, lambda temporary: _write(temporary, data), overwrite=overwrite)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def load_weights(path: Path) -> TrainedNetwork:
    """Read weights and verify their checksum.

    Weights that were saved before 0.5 have none; they are loaded with a warning.

    Raises
    ------
    PrefitError
        If the file is missing, damaged, or of another format.
    """
    return _loaded(str(path), read_file(path), warn=True)


def shipped_weights() -> TrainedNetwork:
    """Weights that come with the package."""
    with as_file(files("xps_stn_weights").joinpath(SHIPPED)) as path:
        return load_weights(path)


def _loaded(source: str, data: bytes, *, warn: bool = False) -> TrainedNetwork:
    header = metadata_of(source, data)
    if header.get("format") not in (FORMAT, _ONE_STEM, _UNSEALED):
        raise PrefitError(source, f"the weights have format {header.get('format')!r:.60}; {FORMAT!r} is needed.")
    if not is_sealed(source, data):
        if header["format"] != _UNSEALED:
            raise damaged(source, "the checksum is missing")
        if warn:
            message = (
                f"{source}: the weights have no checksum, so damage cannot be detected; train them again or stamp them."
            )
            warnings.warn(message, stacklevel=3)
    try:
        tensors = safetensors.torch.load(data)
    # Types that torch lacks are a KeyError.
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise damaged(source, "its tensors cannot be read") from error
    try:
        parts = {key: json.loads(header[key]) for key in ("groups", "regions", "grid", "network", "calibration")}
        grid, groups = _grid(parts["grid"]), tuple(parts["groups"])
        config, calibration = _network_config(parts["network"]), _calibration(parts["calibration"])
        usable = _is_usable(grid, groups, config, calibration) and _are_texts(
            header["name"], header["version"], *groups
        )
        regions = tuple(parts["regions"])
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise damaged(source, f"its header lacks a valid {str(error)!r:.80}") from error
    if not usable:
        raise damaged(source, "its header asks for sizes or numbers that make no sense")
    if header["format"] != FORMAT:
        tensors = with_level_stems(tensors)
    if regions != grid.regions:
        raise PrefitError(source, "the weights were made for other core levels; train them again with this version.")
    network = _network(source, config, tensors)
    info = ModelInfo(name=header["name"], version=header["version"], sha256=hashlib.sha256(data).hexdigest())
    return TrainedNetwork(network, grid, groups, calibration, info)


def _network(source: str, config: NetworkConfig, tensors: dict[str, torch.Tensor]) -> ShiftTransformer:
    # Without memory first: the header alone must not decide how much is taken.
    with torch.device("meta"):
        expected = ShiftTransformer(config).state_dict()
    if {key: (value.shape, value.dtype) for key, value in expected.items()} != {
        key: (value.shape, value.dtype) for key, value in tensors.items()
    }:
        raise PrefitError(source, "the weights do not fit the network that their header describes.")
    if bad := [key for key, value in tensors.items() if not bool(torch.isfinite(value).all())]:
        raise damaged(source, f"{bad[0]} holds values that are not numbers")
    network = ShiftTransformer(config)
    network.load_state_dict(tensors, strict=True)
    network.eval()
    network.requires_grad_(False)
    return network


def _is_usable(grid: Grid, groups: tuple[str, ...], config: NetworkConfig, calibration: Calibration) -> bool:
    """Whether sizes are possible and go together, and all numbers are finite."""
    sizes = {name: getattr(config, name) for name in _SIZES}
    if not all(type(size) is int and _SIZES[name][0] <= size <= _SIZES[name][1] for name, size in sizes.items()):
        return False
    dilations = config.dilations
    if len(dilations) > 64 or not all(type(dilation) is int and 1 <= dilation <= 1024 for dilation in dilations):
        return False
    names, centres = grid.regions, grid.centres
    if not _are_texts(*names) or len(set(names)) != len(names) or not (abs(centres) < _MOST_ENERGY).all():
        return False
    if type(config.lines) is not bool or (config.regions, config.points, config.groups) != (
        len(grid.regions),
        grid.points,
        len(groups),
    ):
        return False
    knots = [*calibration.spread, *calibration.stderr]
    numbers = [grid.step, config.step, config.max_shift, config.dropout, *knots, calibration.blur]
    numbers += [calibration.group_scale, calibration.group_offset, calibration.outside_limit]
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        return False
    return (
        config.step == grid.step
        and 0.001 <= config.step <= 10.0
        and 2 <= round(2 * config.max_shift / config.step) <= config.points
        and 0 <= config.dropout < 1
        and len(calibration.spread) == len(calibration.stderr) >= 1
        and min(knots) > 0
        and list(calibration.spread) == sorted(calibration.spread)
    )


def _are_texts(*texts: object) -> bool:
    return all(isinstance(text, str) and 0 < len(text) <= 200 and text.isprintable() for text in texts)


def _network_config(table: dict[str, Any]) -> NetworkConfig:
    return NetworkConfig(**{**table, "dilations": tuple(table["dilations"])})


def _calibration(table: dict[str, Any]) -> Calibration:
    return Calibration(**{**table, "spread": tuple(table["spread"]), "stderr": tuple(table["stderr"])})


def _grid(table: dict[str, Any]) -> Grid:
    levels = tuple((str(name), float(energy)) for name, energy in table.get("levels", ()))
    return Grid(**{**table, "levels": levels})
