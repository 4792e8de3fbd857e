"""Trained weights as safetensors: no pickle, everything needed to rebuild the network in the header.

Reading them needs no torch; it is imported where the network itself is asked for.
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from xps_prefit_hooks import ModelInfo, PrefitError

from .._util.files import write_whole
from ..core.grid import Grid
from .calibration import Calibration
from .network_config import NetworkConfig, is_counter, shift_bins, tensor_shapes
from .numpy_network import NumpyNetwork
from .weights_file import CHECKSUM, damaged, is_sealed, metadata_of, read_file, sealed
from .weights_layout import with_level_stems

if TYPE_CHECKING:
    from .network import ShiftTransformer

#: Tensors of a network by name.
Tensors = Mapping[str, NDArray[Any]]

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


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network ready to predict.

    Parameters
    ----------
    config : NetworkConfig
        Its size.
    tensors : mapping of str to ndarray
        Its tensors, by the names of `network_config.tensor_shapes`.
    grid : Grid
        Where it wants its spectra.
    groups : tuple of str
        Names of its outputs.
    calibration : Calibration
        From its outputs to error bars and probabilities.
    info : ModelInfo
        Name, version, SHA-256 of the file.
    materials : tuple of str
        Classes of materials in the order of the network's outputs.
    """

    config: NetworkConfig
    tensors: Tensors
    grid: Grid
    groups: tuple[str, ...]
    calibration: Calibration
    info: ModelInfo
    materials: tuple[str, ...] = ()

    @property
    def shift_bins(self) -> NDArray[np.float64]:
        """Shifts in eV of the bins of the distribution, shape (bins,)."""
        return shift_bins(self.config).astype(float)

    @cached_property
    def network(self) -> ShiftTransformer:
        """The network in torch, in evaluation mode on the CPU; made when it is first asked for."""
        from .torch_weights import network_of

        return network_of(self.config, self.tensors)

    @cached_property
    def folded(self) -> ShiftTransformer:
        """The network in torch for prediction alone, faster; made when it is first asked for."""
        from .folded import folded

        return folded(self.network)

    @cached_property
    def single(self) -> NumpyNetwork:
        """The network in numpy, for single spectra."""
        return NumpyNetwork(self.config, self.tensors)


def save_weights(
    path: Path,
    network: ShiftTransformer,
    *,
    name: str,
    version: str,
    groups: tuple[str, ...],
    grid: Grid,
    calibration: Calibration,
    materials: tuple[str, ...] = (),
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
        "materials": json.dumps(materials),
    }
    data = safetensors.numpy.save({key: value.detach().cpu().numpy() for key, value in network.state_dict().items()})
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
        tensors = safetensors.numpy.load(data)
    # Types that numpy lacks are a KeyError or an AttributeError.
    except (safetensors.SafetensorError, KeyError, AttributeError, ValueError, TypeError, MemoryError) as error:
        raise damaged(source, "its tensors cannot be read") from error
    try:
        parts = {key: json.loads(header[key]) for key in ("groups", "regions", "grid", "network", "calibration")}
        grid, groups = _grid(parts["grid"]), tuple(parts["groups"])
        config, calibration = _network_config(parts["network"]), _calibration(parts["calibration"])
        materials = tuple(json.loads(header.get("materials", "[]")))
        usable = _is_usable(grid, groups, config, calibration) and _are_texts(
            header["name"], header["version"], *groups, *materials
        )
        usable = usable and len(materials) == config.materials
        regions = tuple(parts["regions"])
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise damaged(source, f"its header lacks a valid {str(error)!r:.80}") from error
    if not usable:
        raise damaged(source, "its header asks for sizes or numbers that make no sense")
    if header["format"] != FORMAT:
        tensors = with_level_stems(tensors)
    if regions != grid.regions:
        raise PrefitError(source, "the weights were made for other core levels; train them again with this version.")
    _check_tensors(source, config, tensors)
    info = ModelInfo(name=header["name"], version=header["version"], sha256=hashlib.sha256(data).hexdigest())
    return TrainedNetwork(config, MappingProxyType(tensors), grid, groups, calibration, info, materials)


def _check_tensors(source: str, config: NetworkConfig, tensors: Tensors) -> None:
    expected = {
        name: (shape, np.dtype(np.int64 if is_counter(name) else np.float32))
        for name, shape in tensor_shapes(config).items()
    }
    if expected != {name: (value.shape, value.dtype) for name, value in tensors.items()}:
        raise PrefitError(source, "the weights do not fit the network that their header describes.")
    if bad := [name for name, value in tensors.items() if not np.isfinite(value).all()]:
        raise damaged(source, f"{bad[0]} holds values that are not numbers")


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
