"""SPECS SpecsLab2 XML: groups of regions, each with its settings and the counts of every scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .assembly import Axis, RawRegion, each_region, spectrum_of
from .specs_xy import NO_PHOTOELECTRONS, SCAN_MODES
from .text import limited_bytes, number, whole

if TYPE_CHECKING:
    import xarray as xr

_LARGEST: Final = 100_000_000


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all regions; the scans of a cycle are added up, cycles make a stack.

    Raises
    ------
    PrefitError
        If the file is other XML, damaged, or holds the channels of several detectors.
    """
    raw = limited_bytes(path)
    if len(raw) > _LARGEST:
        raise PrefitError(str(path), f"the file has more than {_LARGEST // 10**6} MB; export it as xy.")
    # Entities are what makes XML grow when it is parsed, or reach other files; SpecsLab2 defines none.
    if b"<!ENTITY" in raw:
        raise PrefitError(str(path), "the file defines entities, which SpecsLab2 does not; it is not read.")
    try:
        root = ElementTree.fromstring(raw)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise PrefitError(str(path), f"the XML is damaged ({error}).") from None
    groups = [group for group in root.iter("struct") if group.get("type_name") == "RegionGroup"]
    if not groups:
        raise PrefitError(str(path), "the XML holds no group of regions of SpecsLab2; export it as VAMAS or text.")
    items = [
        (path, _text(group, "name"), region)
        for group in groups
        for region in group.iter("struct")
        if region.get("type_name") == "RegionData"
    ]
    if not items:
        raise PrefitError(str(path), "there is no region in its groups.")
    return spectrum_of(path, each_region(_region, items), settings)


def _child(parent: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((child for child in parent if child.get("name") == name), None)


def _text(parent: ElementTree.Element | None, name: str) -> str:
    child = None if parent is None else _child(parent, name)
    return "" if child is None or child.text is None else child.text.strip()


def _region(path: Path, group: str, data: ElementTree.Element) -> RawRegion:
    name = _text(data, "name")
    where = f"{path}, region {name}"
    definition = _child(data, "region")
    method = _text(definition, "analysis_method")
    if method.upper() in NO_PHOTOELECTRONS:
        raise PrefitError(where, f"the analysis method is {method}, so this is not a photoelectron spectrum.")
    points = whole(_text(definition, "values_per_curve"), 0)
    start, step = number(_text(definition, "kinetic_energy")), number(_text(definition, "scan_delta"))
    if not points or start is None or step is None:
        raise PrefitError(where, "its settings give no energies; export it as xy.")
    cycles_element = _child(data, "cycles")
    cycles = [] if cycles_element is None else [_counts(where, cycle, points) for cycle in cycles_element]
    if not cycles:
        raise PrefitError(where, "the region has no cycle of scans.")
    counts = np.stack([cycle for cycle, _ in cycles])
    mode = None if definition is None else _child(definition, "scan_mode")
    return RawRegion(
        where=where,
        energy=np.round(start + step * np.arange(points), 6),
        counts=counts[0] if len(cycles) == 1 else counts,
        kinetic=True,
        labels=(name,),
        photon_energy=number(_text(definition, "excitation_energy")),
        attrs={
            "intensity": "counts",
            "technique": method or None,
            "lens_mode": _text(definition, "analyzer_lens") or None,
            "sample": group or None,
            "dwell_time": number(_text(definition, "dwell_time")),
            "scans": cycles[0][1],
            "pass_energy": number(_text(definition, "pass_energy")),
            "work_function": number(_text(definition, "effective_workfunction")),
            "energy_scan_mode": SCAN_MODES.get(_text(mode, "name")),
        },
        axes=(Axis("cycle", np.arange(len(cycles))),) if len(cycles) > 1 else (),
    )


def _counts(where: str, cycle: ElementTree.Element, points: int) -> tuple[NDArray[np.float64], int]:
    """Sum of the scans of a cycle, and how many there are."""
    scans = [" ".join(element.itertext()) for element in cycle.iter("sequence") if element.get("name") == "counts"]
    try:
        values = [np.array(text.split(), dtype=float) for text in scans]
    except ValueError:
        raise PrefitError(where, "its counts are not numbers; the file is damaged.") from None
    if not values:
        raise PrefitError(where, "a cycle has no scan.")
    if any(len(scan) != points for scan in values):
        message = f"the scans hold {len(values[0])} values for {points} energies, those of several detectors"
        raise PrefitError(where, f"{message}; export it as xy with the channels added up.")
    return np.sum(values, axis=0), len(values)
