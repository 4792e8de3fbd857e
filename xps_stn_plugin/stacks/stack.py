"""A stack: many spectra over the same axes, laid out along further dimensions, read piece by piece."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise, product
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from ..core.spectrum import checked_tree, in_range, spectrum_tree, too_wide

FloatArray = NDArray[np.float64]

#: Spectra that are read at a time, unless Dask's chunks say otherwise.
BLOCK: Final = 1024
#: Largest number of spectra in a chunk of Dask's that is worked on as it is; larger ones are cut.
LARGEST_CHUNK: Final = 8192

#: Part of a stack, one slice for each of its dimensions.
Block = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class StackRegion:
    """One region of a stack.

    Parameters
    ----------
    name, level : str
        Name in the spectrum (``C1s_2``), and the core level (``C1s``).
    energy : ndarray, shape (m,)
        Measured binding energies in eV, ascending, of all spectra.
    counts : xarray.DataArray
        Intensities over the stack's dimensions and ``binding_energy``, wherever they are: in memory, in a file, at
        Dask's.
    attrs : mapping
        What the reader said of the region.
    """

    name: str
    level: str
    energy: FloatArray
    counts: xr.DataArray
    attrs: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Stack:
    """Spectra along further dimensions: a map, a depth profile, a series in time.

    Parameters
    ----------
    source : str
        Where it comes from.
    regions : mapping of str to StackRegion
        By name.
    dims : tuple of str
    shape : tuple of int
        Of the dimensions; a single spectrum has none.
    coords : mapping of str to xarray.DataArray
        Labels of the dimensions, and whatever else goes along them.
    attrs : mapping
        Of the root of the spectrum.
    notes : tuple of str
        What was left out, in sentences.
    """

    source: str
    regions: Mapping[str, StackRegion]
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: Mapping[str, xr.DataArray]
    attrs: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return math.prod(self.shape)

    @property
    def lazy(self) -> bool:
        """Whether counts are Dask's."""
        return any(region.counts.chunks is not None for region in self.regions.values())

    def blocks(self, size: int = BLOCK) -> Iterator[Block]:
        """Cut the stack into blocks: Dask's chunks where there are any, else at most `size` spectra each."""
        return iter(product(*(_slices(cuts) for cuts in self._cuts(size))))

    def read(self, region: str, block: Block) -> NDArray[Any]:
        """Intensities of one region in a block, shape (k, m), the last dimension fastest; nothing else is loaded."""
        values = self.regions[region].counts[block].values
        return values.reshape(-1, values.shape[-1])

    def spectrum(self, place: Mapping[str, int]) -> xr.DataTree:
        """One spectrum by itself.

        Parameters
        ----------
        place : mapping of str to int
            Position along each dimension.

        Raises
        ------
        PrefitError
            If a dimension is missing or unknown, or nothing was measured there.
        """
        if set(place) != set(self.dims):
            msg = f"a place in it needs {', '.join(self.dims) or 'no dimension'}; given were {', '.join(place)}."
            raise PrefitError(self.source, msg)
        # Single numbers along the dimensions stay with the spectrum.
        label = ", ".join(f"{dim}={self.labels(dim)[place[dim]]}" for dim in self.dims)
        regions = {}
        for name, region in self.regions.items():
            values = np.asarray(region.counts.isel(place).values, dtype=float)
            if measured(values[None])[0]:
                axis = ("binding_energy", region.energy, {"units": "eV", "long_name": "binding energy"})
                data = {"counts": ("binding_energy", values, region.counts.attrs)}
                regions[name] = xr.Dataset(data, {"binding_energy": axis}, dict(region.attrs))
        if not regions:
            raise PrefitError(self.source, f"nothing was measured at {label or 'the only place'}.")
        return spectrum_tree(f"{self.source}, {label}" if label else self.source, regions)

    def labels(self, dim: str) -> list[str]:
        """Labels along a dimension for people, with their unit; positions where there are none."""
        if dim not in self.coords:
            return [str(place) for place in range(self.shape[self.dims.index(dim)])]
        coord = self.coords[dim]
        units = str(coord.attrs.get("units", ""))
        floating = np.issubdtype(coord.dtype, np.floating)
        return [f"{f'{value:g}' if floating else value} {units}".rstrip() for value in coord.values]

    def rechunked(self) -> Stack:
        """Cut all regions alike, with whole spectra in each chunk, no more than `LARGEST_CHUNK`; for Dask's counts."""
        cuts = dict(zip(self.dims, self._cuts(LARGEST_CHUNK), strict=True))
        chunks: dict[str, Any] = {**cuts, "binding_energy": -1}
        regions = {name: replace(region, counts=region.counts.chunk(chunks)) for name, region in self.regions.items()}
        return replace(self, regions=regions)

    def _cuts(self, size: int) -> list[tuple[int, ...]]:
        """Lengths of the pieces along each dimension."""
        for region in self.regions.values():
            chunks = region.counts.chunks
            if chunks is not None:
                return _smaller([tuple(lengths) for lengths in chunks[:-1]], LARGEST_CHUNK)
        return _even(self.shape, size)


def stack_of(spectra: xr.DataTree | xr.Dataset | xr.DataArray) -> Stack:
    """Take spectra along further dimensions as a stack; nothing but axes is loaded.

    Parameters
    ----------
    spectra : xarray.DataTree, xarray.Dataset or xarray.DataArray
        ``counts(..., binding_energy)``: one child per region, or one region. All regions need the same further
        dimensions and labels; regions without any are left out, with a note, unless none has any.

    Where a region lacks some of the labels that another one has, it counts as not measured there, with a note, too.

    Raises
    ------
    PrefitError
        If that is not a spectrum, or regions do not go together.
    """
    source = str(getattr(getattr(spectra, "root", spectra), "attrs", {}).get("source", "stack"))
    tree = checked_tree(source, spectra)
    datasets = {name: child.to_dataset() for name, child in tree.children.items()}
    laid_out = {name: data for name, data in datasets.items() if data["counts"].ndim > 1}
    notes = [
        f"{name} was measured once and not along the stack: it is left out."
        for name in datasets
        if laid_out and name not in laid_out
    ]
    chosen = _aligned(laid_out or datasets, notes)
    first_name, first = next(iter(chosen.items()))
    counts = first["counts"]
    coords: dict[str, xr.DataArray] = {}
    for data in chosen.values():
        for name, coord in data.coords.items():
            if "binding_energy" not in coord.dims:
                coords.setdefault(str(name), coord)
    dims = tuple(str(dim) for dim in counts.dims if dim != "binding_energy")
    for name, data in chosen.items():
        _refuse_other_layout(source, first_name, first, name, data)
    return Stack(
        source=source,
        regions={
            name: StackRegion(
                name=name,
                level=str(data.attrs["region"]),
                energy=np.asarray(data["binding_energy"].values, dtype=float),
                counts=data["counts"].transpose(*dims, "binding_energy"),
                attrs={str(key): value for key, value in data.attrs.items()},
            )
            for name, data in chosen.items()
        },
        dims=dims,
        shape=tuple(counts.sizes[dim] for dim in dims),
        coords=coords,
        attrs={str(key): value for key, value in tree.attrs.items()},
        notes=(*notes, *too_wide(tree)),
    )


def measured(counts: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether spectra, shape (k, m), hold a measurement: numbers that can be computed with, and not all the same."""
    values = np.asarray(counts, dtype=float)
    finite = np.isfinite(values).all(axis=1) & in_range(values)
    there: NDArray[np.bool_] = finite & (np.ptp(np.where(finite[:, None], values, 0.0), axis=1) > 0)
    return there


def _aligned(datasets: Mapping[str, xr.Dataset], notes: list[str]) -> dict[str, xr.Dataset]:
    """Bring regions that were not measured at all labels of the others to these, NaN where they were not."""
    aligned = dict(datasets)
    for dim in {dim: None for data in datasets.values() for dim in data["counts"].dims if dim != "binding_energy"}:
        indexes = {name: data.indexes[dim] for name, data in aligned.items() if dim in data.indexes}
        if len(indexes) < len(aligned) or not all(index.is_unique for index in indexes.values()):
            continue
        whole = max(indexes.values(), key=len)
        for name, index in indexes.items():
            if len(index) < len(whole) and index.isin(whole).all():
                data = aligned[name]
                data = data.assign(counts=data["counts"].astype(float))
                # What else goes along the dimension is known of the other regions.
                others = [other for other, coord in data.coords.items() if dim in coord.dims and other != dim]
                aligned[name] = data.drop_vars(others).reindex({dim: whole})
                said = f"{name} has {len(index)} of {len(whole)} labels along {dim}"
                notes.append(f"{said}: it counts as not measured at the others.")
    return aligned


def _refuse_other_layout(source: str, first_name: str, first: xr.Dataset, name: str, data: xr.Dataset) -> None:
    sizes = [
        {dim: size for dim, size in one["counts"].sizes.items() if dim != "binding_energy"} for one in (first, data)
    ]
    if sizes[0] != sizes[1]:
        texts = [" x ".join(f"{dim} {size}" for dim, size in one.items()) for one in sizes]
        msg = f"the regions of a stack need the same dimensions: {first_name} has {texts[0]}, {name} has {texts[1]}."
        raise PrefitError(source, msg)
    for dim in sizes[0]:
        if dim in first.coords and dim in data.coords and not np.array_equal(first[dim].values, data[dim].values):
            msg = f"{first_name} and {name} have different labels along {dim}; bring them to the same ones."
            raise PrefitError(source, msg)


def _even(shape: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Cut so that a block has at most `size` spectra, and as many of the last dimensions as go in."""
    cuts: list[tuple[int, ...]] = []
    room = size
    for length in reversed(shape):
        step = max(min(room, length), 1)
        whole, rest = divmod(length, step)
        cuts.append((step,) * whole + ((rest,) if rest else ()))
        room = room // step if step == length else 1
    return cuts[::-1]


def _smaller(chunks: list[tuple[int, ...]], most: int) -> list[tuple[int, ...]]:
    """Halve chunks until none holds more than so many spectra."""
    while math.prod(max(lengths, default=1) for lengths in chunks) > most:
        widest = max(range(len(chunks)), key=lambda dim: max(chunks[dim]))
        lengths = chunks[widest]
        half = math.ceil(max(lengths) / 2)
        chunks[widest] = tuple(part for length in lengths for part in _even((length,), half)[0])
    return chunks


def _slices(lengths: Sequence[int]) -> list[slice]:
    return [slice(start, stop) for start, stop in pairwise(accumulate(lengths, initial=0))]
