"""Which blocks of a file belong to which sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import xarray as xr

from xps_prefit_hooks import PrefitError, Settings

from ..core.samples import joined_samples, sample_keys
from .assembly import RawRegion, spectrum_of
from .merge_blocks import varying_variables

Item = RawRegion | PrefitError


def spectra_of(
    path: Path,
    raws: Iterable[Item],
    settings: Settings,
    merged: Callable[[Iterable[Item]], Iterable[Item]] = lambda items: items,
) -> xr.DataTree:
    """Spectrum of a file, or a node for each of its samples; see `spectrum_of`.

    Parameters
    ----------
    path : Path
    raws : iterable of RawRegion or PrefitError
        In the order of the file.
    settings : Settings
    merged : callable
        ``merged(items)`` puts blocks of one sample together that are one region.

    Raises
    ------
    PrefitError
        If there is no usable region.
    """
    items = list(raws)
    parts = by_sample(items)
    if len(parts) > 1:
        trees: dict[str, xr.DataTree] = {}
        for name, part in parts.items():
            try:
                trees[name] = spectrum_of(path, merged(part), settings)
            except PrefitError:
                # Where nothing of a sample can be used, the others have their turn.
                continue
        if len(trees) > 1:
            return joined_samples(str(path), trees)
    parts.clear()
    return spectrum_of(path, merged(_drained(items)), settings)


def _drained(items: list[Item]) -> Iterator[Item]:
    """Items of a list, which forgets them: blocks that become a stack take as much memory as that."""
    items.reverse()
    while items:
        yield items.pop()


def by_sample(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Blocks by sample (`sample_keys`); what cannot be read belongs to the sample before it.

    Levels that an experimental variable tells apart are a series of one sample.
    """
    regions = [item for item in items if isinstance(item, RawRegion)]
    names = [str(region.attrs.get("sample") or "").strip() for region in regions]
    labels = [next((label for label in region.labels if label.strip()), "").casefold() for region in regions]
    keys = sample_keys(labels, names)
    if len(set(filter(None, names))) < 2 and _is_series(regions, labels):
        keys = [""] * len(regions)
    parts: dict[str, list[Item]] = {}
    of_region = iter(keys)
    key = keys[0] if keys else ""
    for item in items:
        key = next(of_region) if isinstance(item, RawRegion) else key
        parts.setdefault(key, []).append(item)
    return parts


def _is_series(regions: Sequence[RawRegion], labels: Sequence[str]) -> bool:
    """Whether an experimental variable tells blocks of one level apart."""
    of_level: dict[str, list[RawRegion]] = {}
    for label, region in zip(labels, regions, strict=True):
        of_level.setdefault(label, []).append(region)
    return any(varying_variables(blocks) for blocks in of_level.values())
