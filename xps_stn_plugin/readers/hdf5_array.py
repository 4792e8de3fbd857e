"""Large stacks of spectra in HDF5 files: arrays whose parts are read when they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from xps_prefit_hooks import PrefitError

from .hdf5 import Dataset, UnusableNode, opened_file


class StoredCounts(BackendArray):
    """Intensities of a stack in a file, with the energies along the last dimension.

    Parameters
    ----------
    path : Path
        The file, which is opened for each part.
    parts : tuple of str
        Path of the dataset in it, without links.
    shape : tuple of int
        Of the dataset.
    along : int
        Its dimension of the energies.
    dtype : numpy.dtype
    """

    def __init__(
        self, path: Path, parts: tuple[str, ...], shape: tuple[int, ...], along: int, dtype: np.dtype[Any]
    ) -> None:
        self._path, self._parts, self._along = path, parts, along
        self._stored = shape
        self.shape = (*shape[:along], *shape[along + 1 :], shape[along])
        self.dtype = dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read the part that an indexer of xarray selects."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[int | slice, ...]) -> NDArray[Any]:
        slices = [
            at if isinstance(at, slice) else slice(int(at), int(at) + 1)
            for at in (*key, *[slice(None)] * (len(self.shape) - len(key)))
        ]
        bounds = [at.indices(size) for at, size in zip(slices, self.shape, strict=True)]
        ranges = [(begin, max(begin, end)) for begin, end, _ in bounds]
        ranges.insert(self._along, ranges.pop())
        try:
            with opened_file(self._path) as file:
                node = file.find((), "/".join(self._parts))
                if not isinstance(node, Dataset) or node.shape != self._stored:
                    raise PrefitError(str(self._path), "the file has changed since it was opened; read it again.")
                values = np.moveaxis(node.part(ranges), self._along, -1)
        except UnusableNode as error:
            raise PrefitError(str(self._path), f"{error}.") from error
        return values[tuple(0 if not isinstance(at, slice) else slice(None, None, at.step) for at in key)]


def stored_counts(dataset: Dataset, along: int) -> xr.Variable:
    """Intensities that are read part by part, in the type of the file; of the first spectrum it is tried.

    Parameters
    ----------
    dataset : Dataset
        Of two dimensions at least.
    along : int
        Its dimension of the energies.

    Raises
    ------
    UnusableNode
        If the first spectrum cannot be read.
    """
    shape = dataset.shape or ()
    first = dataset.part([(0, size if place == along else 1) for place, size in enumerate(shape)])
    array = StoredCounts(dataset.file.path, dataset.parts, shape, along, first.dtype)
    dims = (*(f"axis_{place}" for place in range(len(shape) - 1)), "binding_energy")
    return xr.Variable(dims, indexing.LazilyIndexedArray(array))
