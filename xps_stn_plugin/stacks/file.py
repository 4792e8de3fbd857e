"""Results of a stack in a file, filled block by block: HDF5 in the form of netCDF-4, which xarray opens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from .fields import CALIBRATED, Field
from .stack import Stack

if TYPE_CHECKING:
    import h5py

#: What netCDF-4 calls a dimension without labels.
_NO_LABELS: Final = "This is a netCDF dimension but not a netCDF variable.{:10d}"

#: How numbers are packed.
_PACKED: Final = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
#: Bytes of a chunk, about, before they are packed.
_CHUNK: Final = 2**16

#: Attributes by which HDF5 keeps dimensions.
_DIMENSIONS: Final = frozenset({"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS"})


def write_frame(group: h5py.Group, stack: Stack, tree: xr.DataTree) -> None:
    """Write what is known before any spectrum is looked at: dimensions, coordinates, attributes.

    Parameters
    ----------
    group : h5py.Group
        An empty one.
    stack : Stack
    tree : xarray.DataTree
        From `labelled`, without arrays.
    """
    for dim, size in zip(stack.dims, stack.shape, strict=True):
        if dim not in stack.coords:
            scale = group.create_dataset(dim, shape=(size,), dtype="f4")
            scale.make_scale(_NO_LABELS.format(size))
    for node in tree.subtree:
        own = group if node is tree else group.require_group(node.path.strip("/"))
        variables, attrs = xr.conventions.encode_dataset_coordinates(node.to_dataset(inherit=False))
        own.attrs.update(attrs)
        # Labels of a dimension come first: the others lie along them.
        for name, variable in sorted(variables.items(), key=lambda item: item[0] not in node.dims):
            _write_coordinate(own, str(name), xr.conventions.encode_cf_variable(variable))


def place_fields(group: h5py.Group, stack: Stack, fields: Sequence[Field]) -> Mapping[str, h5py.Dataset]:
    """Make room for variables: datasets by path that hold nothing yet, or the same ones with more labels.

    Parameters
    ----------
    group : h5py.Group
        After `write_frame`.
    stack : Stack
    fields : sequence of Field
    """
    datasets = {}
    for field in fields:
        own = group.require_group(field.region) if field.region else group
        _put_labels(own, field)
        shape = field.sizes(stack)
        if field.name in own:
            own[field.name].resize(shape)
        else:
            limit = (*shape[:-1], None) if field.grows else None
            dataset = own.create_dataset(
                field.name, shape, field.dtype, fillvalue=field.fill, maxshape=limit, **_packing(stack, field)
            )
            dataset.attrs.update(field.attrs)
            _attach(dataset, own, (*stack.dims, *field.labels))
        _name_coordinates(own[field.name], field.labels, field.texts)
        datasets[field.path] = own[field.name]
    return datasets


def _put_labels(group: h5py.Group, field: Field) -> None:
    """Write the labels of a field's dimensions and the texts along them, as far as they are not there."""
    for name, labels in (*field.labels.items(), *field.texts.items()):
        if name not in group:
            dim = name if name in field.labels else [*field.labels][-1]
            _write_coordinate(group, name, xr.Variable((dim,), np.array(labels)), grows=field.grows)
        elif group[name].shape != (len(labels),):
            group[name].resize((len(labels),))
            group[name][...] = np.array(labels, dtype=object)


def _name_coordinates(dataset: h5py.Dataset, dims: Iterable[str], texts: Iterable[str] = ()) -> None:
    """Name what goes along a variable beside the labels of its dimensions, as the CF conventions want it."""
    axes = [CALIBRATED] if CALIBRATED in dataset.parent and "binding_energy" in dims else []
    if names := [name for name in (*texts, *axes) if dataset != dataset.parent[name]]:
        dataset.attrs["coordinates"] = " ".join(names)


def _packing(stack: Stack, field: Field) -> dict[str, Any]:
    """Pack what has many numbers for each spectrum: most spectra have few of all components and parameters."""
    sizes = field.sizes(stack)
    if not {"component", "parameter", "binding_energy"} & field.labels.keys() or 0 in sizes:
        return {}
    # Components are apart: of most labels there is nothing in many chunks.
    inner = [1 if len(field.labels) > 1 and dim == "component" else len(labels) for dim, labels in field.labels.items()]
    room = max(_CHUNK // (math.prod(inner) * np.dtype(field.dtype).itemsize), 1)
    # As many of the last dimensions as go in; powers of two, as the blocks that are written.
    room = 2 ** int(math.log2(room))
    outer: list[int] = []
    for size in reversed(stack.shape):
        outer.append(min(size, room))
        room = room // size if size <= room else 1
    return {**_PACKED, "chunks": (*outer[::-1], *inner)}


def write_counts(group: h5py.Group, stack: Stack, check: Callable[[], None] = lambda: None) -> None:
    """Write the intensities as measured, block by block, beside what was found.

    Parameters
    ----------
    group : h5py.Group
        After `write_frame`.
    stack : Stack
    check : callable
        Asked between blocks; may raise an error.
    """
    for name, region in stack.regions.items():
        own = group.require_group(name)
        field = Field("counts", name, region.counts.dtype.name, {"binding_energy": region.energy})
        dataset = own.create_dataset("counts", field.sizes(stack), field.dtype, **_packing(stack, field))
        dataset.attrs["long_name"] = "intensity as measured"
        _attach(dataset, own, (*stack.dims, "binding_energy"))
        _name_coordinates(dataset, ["binding_energy"])
        for block in stack.blocks():
            check()
            dataset[block] = region.counts[block].values


def copy_tree(source: h5py.Group, target: h5py.Group) -> None:
    """Copy datasets, attributes and dimensions from one file to another.

    Parameters
    ----------
    source : h5py.Group
        Root of a file that was written here.
    target : h5py.Group
        An empty one.
    """
    import h5py

    target.attrs.update(source.attrs)
    datasets: dict[str, h5py.Dataset] = {}

    def copy(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Group):
            target.require_group(name).attrs.update(node.attrs)
            return
        # Packed as it is; what refers to other datasets would refer to those of the source.
        source.copy(node, target, name=name, without_attrs=True)
        own = target[name]
        own.attrs.update({key: value for key, value in node.attrs.items() if key not in _DIMENSIONS})
        if node.is_scale:
            own.make_scale(node.attrs["NAME"].decode())
        datasets[name] = node

    source.visititems(copy)
    for name, node in datasets.items():
        for axis, dim in enumerate(node.dims):
            if len(dim):
                target[name].dims[axis].attach_scale(target[dim[0].name.strip("/")])


def _write_coordinate(group: h5py.Group, name: str, variable: xr.Variable, *, grows: bool = False) -> None:
    import h5py

    values = variable.values
    text = values.dtype.kind in "OUS"
    dataset = group.create_dataset(
        name,
        data=values.astype(object) if text else values,
        dtype=h5py.string_dtype() if text else values.dtype,
        maxshape=(None,) if grows else None,
    )
    dataset.attrs.update(variable.attrs)
    if variable.dims == (name,):
        dataset.make_scale(name)
    else:
        _attach(dataset, group, [str(dim) for dim in variable.dims])


def _attach(dataset: h5py.Dataset, group: h5py.Group, dims: Sequence[str]) -> None:
    """Say along which dimensions a dataset lies: those of its group or of one above it."""
    for axis, dim in enumerate(dims):
        home = group
        while dim not in home:
            home = home.parent
        dataset.dims[axis].attach_scale(home[dim])
