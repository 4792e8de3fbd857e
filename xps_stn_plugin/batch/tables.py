"""Labelled arrays over spectra in HDF5, filled spectrum by spectrum: netCDF-4 form, as xarray reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import h5py

#: Spectra that are written together; a chunk of the file holds as many.
_BLOCK: Final = 64

#: Where in a variable's row, and what: positions along its further dimensions, and the values there.
Part = tuple[tuple[Any, ...], ArrayLike]


@dataclass(frozen=True)
class Variable:
    """One variable over spectra.

    Parameters
    ----------
    name : str
    dims : tuple of str
        Further dimensions, behind that of the spectra.
    units, meaning : str
    text : bool
        Whether it holds text and not numbers.
    """

    name: str
    dims: tuple[str, ...] = ()
    units: str = ""
    meaning: str = ""
    text: bool = False


class SpectraTable:
    """Variables over one dimension ``spectrum`` and others, in one group of an HDF5 file.

    Parameters
    ----------
    group : h5py.Group
        An empty one.
    spectra : sequence of str
        Names of the spectra, in the order in which they will be added.
    labels : mapping of str to sequence of str or int
        The further dimensions by name, with the labels of their coordinate.
    variables : sequence of Variable
    """

    def __init__(
        self,
        group: h5py.Group,
        spectra: Sequence[str],
        labels: Mapping[str, Sequence[str] | Sequence[int]],
        variables: Sequence[Variable],
    ) -> None:
        self._group = group
        # HDF5 has no chunks of length zero.
        self._labels = {dim: values for dim, values in labels.items() if len(values)}
        self._variables = [variable for variable in variables if set(variable.dims) <= set(self._labels)]
        self._rows: list[Mapping[str, Part]] = []
        self._written = 0
        put_coordinate(group, "spectrum", spectra)
        for dim, values in self._labels.items():
            put_coordinate(group, dim, values)
        for variable in self._variables:
            self._create(variable, len(spectra))

    def add(self, values: Mapping[str, Part]) -> None:
        """Add the next spectrum; what it has no value for stays NaN or empty."""
        self._rows.append(values)
        if len(self._rows) == _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        stop = self._written + len(self._rows)
        for variable in self._variables:
            parts = [(number, row[variable.name]) for number, row in enumerate(self._rows) if variable.name in row]
            if not parts:
                continue
            shape = (len(self._rows), *self._group[variable.name].shape[1:])
            block = np.full(shape, "" if variable.text else np.nan, dtype=object if variable.text else float)
            for number, (index, data) in parts:
                block[(number, *index)] = data
            dataset = self._group[variable.name]
            if block.ndim < 3:
                dataset[self._written : stop] = block
                continue
            # Most labels are those of few spectra: what is not written takes no room.
            for position in np.flatnonzero(~np.isnan(block).all(axis=(0, *range(2, block.ndim)))):
                dataset[self._written : stop, position] = block[:, position]
        self._written = stop
        self._rows = []

    def _create(self, variable: Variable, number: int) -> None:
        import h5py

        shape = (number, *(len(self._labels[dim]) for dim in variable.dims))
        options: dict[str, Any] = (
            {"dtype": h5py.string_dtype()} if variable.text else {"dtype": "f8", "fillvalue": np.nan}
        )
        if variable.dims:
            # The last dimension is read as a whole; labels between are apart.
            options["chunks"] = (min(_BLOCK, number), *(1 for _ in variable.dims[:-1]), shape[-1])
            if not variable.text:
                options.update(compression="gzip", compression_opts=1, shuffle=True)
        dataset = self._group.create_dataset(variable.name, shape=shape, **options)
        for axis, dim in enumerate(("spectrum", *variable.dims)):
            dataset.dims[axis].attach_scale(self._group[dim])
        attrs = {"units": variable.units, "long_name": variable.meaning}
        dataset.attrs.update({name: text for name, text in attrs.items() if text})


def put_coordinate(group: h5py.Group, name: str, labels: Sequence[str] | Sequence[int]) -> None:
    """Write the coordinate of a dimension."""
    import h5py

    array = np.asarray(labels)
    text = array.dtype.kind == "U"
    values = array.astype(object) if text else array
    group.create_dataset(name, data=values, dtype=h5py.string_dtype() if text else array.dtype).make_scale(name)
