"""Results of a stack in a file, filled block by block: HDF5 in the form of netCDF-4, which xarray opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import xarray as xr

from .fields import Field
from .stack import Stack

if TYPE_CHECKING:
    import h5py

#: What netCDF-4 calls a dimension without labels.
_NO_LABELS: Final = "This is a netCDF dimension but not a netCDF variable.{:10d}"

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
    """Make room for variables: datasets by path that hold nothing yet.

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
        for dim, labels in field.labels.items():
            if dim not in own:
                _write_coordinate(own, dim, xr.Variable((dim,), np.array(labels)))
        # Most spectra have few of all components.
        packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if "component" in field.labels else {}
        shape = field.sizes(stack)
        dataset = own.create_dataset(field.name, shape, field.dtype, fillvalue=field.fill, **packed)
        dataset.attrs.update(field.attrs)
        _attach(dataset, own, (*stack.dims, *field.labels))
        datasets[field.path] = dataset
    return datasets


def write_counts(group: h5py.Group, stack: Stack) -> None:
    """Write the intensities as measured, block by block, beside what was found.

    Parameters
    ----------
    group : h5py.Group
        After `write_frame`.
    stack : Stack
    """
    for name, region in stack.regions.items():
        own = group.require_group(name)
        packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if len(stack) else {}
        dataset = own.create_dataset("counts", (*stack.shape, region.energy.size), region.counts.dtype, **packed)
        dataset.attrs["long_name"] = "intensity as measured"
        _attach(dataset, own, (*stack.dims, "binding_energy"))
        for block in stack.blocks():
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
        options = {"compression": node.compression, "compression_opts": node.compression_opts, "shuffle": node.shuffle}
        own = target.create_dataset(
            name, data=node[()], dtype=node.dtype, fillvalue=node.fillvalue, **(options if node.compression else {})
        )
        own.attrs.update({key: value for key, value in node.attrs.items() if key not in _DIMENSIONS})
        if node.is_scale:
            own.make_scale(node.attrs["NAME"].decode())
        datasets[name] = node

    source.visititems(copy)
    for name, node in datasets.items():
        for axis, dim in enumerate(node.dims):
            if len(dim):
                target[name].dims[axis].attach_scale(target[dim[0].name.strip("/")])


def _write_coordinate(group: h5py.Group, name: str, variable: xr.Variable) -> None:
    import h5py

    values = variable.values
    text = values.dtype.kind in "OUS"
    dataset = group.create_dataset(
        name, data=values.astype(object) if text else values, dtype=h5py.string_dtype() if text else values.dtype
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
