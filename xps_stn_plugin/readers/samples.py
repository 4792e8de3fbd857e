"""Which blocks of a file belong to which sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import xarray as xr

from xps_prefit_hooks import PrefitError, Settings

from ..core.samples import joined_samples
from .assembly import RawRegion, spectrum_of
from .merge_blocks import varying_variables

Item = RawRegion | PrefitError


def spectra_of(
    path: Path,
    raws: Iterable[Item],
    settings: Settings,
    merged: Callable[[Sequence[Item]], Iterable[Item]] = lambda items: items,
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
    return spectrum_of(path, merged(items), settings)


def by_sample(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Blocks by sample: where their sample names differ, or the same levels come again in the same order.

    Blocks without a name, and what cannot be read, belong to the sample before them. A level that is repeated by itself
    was measured several times, and levels that an experimental variable tells apart are a series; both are one sample.
    """
    regions = [item for item in items if isinstance(item, RawRegion)]
    named = dict.fromkeys(_name(region) for region in regions if _name(region))
    keys: list[str] = []
    if len(named) > 1:
        first = next(iter(named))
        for item in items:
            name = _name(item) if isinstance(item, RawRegion) else ""
            keys.append(name or (keys[-1] if keys else first))
    elif period := _period(regions):
        number = 0
        for item in items:
            keys.append(f"sample {max(number - 1, 0) // period + 1}")
            if isinstance(item, RawRegion):
                number += 1
                keys[-1] = f"sample {(number - 1) // period + 1}"
    else:
        return {"": list(items)}
    parts: dict[str, list[Item]] = {}
    for key, item in zip(keys, items, strict=True):
        parts.setdefault(key, []).append(item)
    return parts


def _name(region: RawRegion) -> str:
    return str(region.attrs.get("sample") or "").strip()


def _period(regions: Sequence[RawRegion]) -> int:
    """After how many blocks the same levels come again in the same order; 0 where they do not."""
    labels = [next((label for label in region.labels if label.strip()), "").casefold() for region in regions]
    period = len(dict.fromkeys(labels))
    again = period > 1 and len(labels) >= 2 * period and len(labels) % period == 0
    if not again or labels != labels[:period] * (len(labels) // period):
        return 0
    series = any(varying_variables(regions[start::period]) for start in range(period))
    return 0 if series else period
