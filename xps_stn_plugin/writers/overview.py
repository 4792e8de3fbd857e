"""What a file holds, for people: regions, axes and metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xps_prefit_hooks import shown

from ..core.metadata import TERMS
from .regions import REFERENCING, Region, coordinates, number_text, regions_of, steps_of

#: Longest text of an attribute that is shown.
_LONGEST: Final = 120
#: Metadata with a place in the table of regions.
_IN_TABLE: Final = frozenset({"sample", "intensity"})


def show_overview(spectrum: xr.DataTree, console: Console) -> None:
    """Print the regions of each sample, the metadata that all have, and those in which they differ."""
    regions = regions_of(spectrum)
    samples = list(dict.fromkeys(region.sample for region in regions))
    reader = str(spectrum.attrs.get("reader", ""))
    heading = Text.assemble((shown(spectrum.attrs.get("source", "")), "bold"), f"  {reader}".rstrip())
    console.print(heading, soft_wrap=True)
    for sample in samples:
        own = [region for region in regions if region.sample == sample]
        if sample:
            console.print(_line(f"  sample {sample}"), soft_wrap=True)
        console.print(_table(own))
    for line in metadata_lines(regions):
        console.print(_line(f"  {line}"), soft_wrap=True)
    for sentence in spectrum.attrs.get("skipped", ()):
        console.print(Text(f"  left out: {shown(sentence)}", "yellow"), soft_wrap=True)


def metadata_lines(regions: Sequence[Region]) -> Iterator[str]:
    """Yield a line for each attribute: its value, or each of its values with the regions that have it."""
    several = len({region.sample for region in regions}) > 1
    for name, title, units in _attributes(regions):
        by_value: dict[str, list[str]] = {}
        for region in regions:
            if (value := region.attrs.get(name)) is not None:
                place = f"{region.sample}: {region.name}" if several and region.sample else region.name
                by_value.setdefault(_value(value, units), []).append(place)
        told = sum(map(len, by_value.values()))
        values = [
            text if len(places) == len(regions) else f"{text} ({_listed(places)})" for text, places in by_value.items()
        ]
        yield f"{title}: {'; '.join(values)}" + ("" if told == len(regions) else "; others not stated")


def _attributes(regions: Sequence[Region]) -> Iterator[tuple[str, str, str]]:
    """Yield attributes that some region has, with title and units."""
    present = {str(name) for region in regions for name in region.attrs}
    for term in TERMS:
        if term.attribute in present and term.attribute not in _IN_TABLE:
            yield term.attribute, term.attribute.replace("_", " "), term.units
    for name in sorted(present):
        if name.startswith(REFERENCING) or name == "casa_calibration":
            yield name, name.replace("_", " "), ""


def _table(regions: Sequence[Region]) -> Table:
    table = Table("  region", "label", "binding energy / eV", "step", "points", "stack", "intensity", box=None)
    table.pad_edge = False
    for column in table.columns[3:5]:
        column.justify = "right"
    for region in regions:
        energy = region.energy
        steps = steps_of(energy)
        step = "uneven" if steps is None else f"{steps[1]:.4g}"
        span = f"{energy[0]:.2f} to {energy[-1]:.2f}"
        label = str(region.attrs.get("label") or "")
        kind = str(region.attrs.get("intensity") or "")
        row = (f"  {region.name}", label, span, step, str(energy.size), _stack(region), _intensity(region, kind))
        table.add_row(*map(_line, row))
    return table


def _stack(region: Region) -> str:
    """Dimensions of a stack with their sizes and the range of their labels."""
    labels = coordinates(region)
    parts = []
    for dim in region.dims:
        units, values = labels[dim]
        span = ""
        if values.dtype.kind in "biuf" and values.size:
            span = f" ({number_text(np.min(values))} to {number_text(np.max(values))} {units}".rstrip() + ")"
        parts.append(f"{dim} {region.data.sizes[dim]}{span}")
    return ", ".join(parts)


def _intensity(region: Region, kind: str) -> str:
    further = [str(name) for name in region.data.data_vars if name != "counts"]
    more = f"; {_listed(further)}" if further else ""
    return f"{kind}{more}"


def _value(value: Any, units: str) -> str:
    items = [value] if isinstance(value, str) or not np.ndim(value) else list(value)
    texts = [
        f"{item:.8g}" if isinstance(item, int | float | np.number) and not isinstance(item, bool) else str(item)
        for item in items
    ]
    return shown(f"{'; '.join(texts)} {units}".strip(), _LONGEST)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _line(text: str) -> Text:
    """Text without what a terminal would take for a command."""
    return Text(shown(text))


def overview_of(spectrum: xr.DataTree) -> Mapping[str, Any]:
    """Give the same as plain values, for JSON."""
    return {
        "source": str(spectrum.attrs.get("source", "")),
        "reader": str(spectrum.attrs.get("reader", "")),
        "regions": [_plain(region) for region in regions_of(spectrum)],
        "skipped": list(spectrum.attrs.get("skipped", ())),
    }


def _plain(region: Region) -> dict[str, Any]:
    known = {term.attribute for term in TERMS}
    return {
        "name": region.name,
        "region": region.attrs.get("region"),
        "label": region.attrs.get("label"),
        "sample": region.sample or None,
        "binding_energy": [float(region.energy[0]), float(region.energy[-1])],
        "points": int(region.energy.size),
        "dimensions": {dim: int(region.data.sizes[dim]) for dim in region.dims},
        "metadata": {
            str(name): value.item() if isinstance(value, np.generic) else value
            for name, value in region.attrs.items()
            if name in known and name != "sample" and isinstance(value, str | int | float | np.number)
        },
    }
