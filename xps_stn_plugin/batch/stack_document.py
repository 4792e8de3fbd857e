"""JSON of a stack of a batch, schema ``xps-stn/stack/1`` (docs/stacks.md): all results, but no curves."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .record import StackRecord
from .stacks import opened

if TYPE_CHECKING:
    import h5py

#: Most spectra of a stack that gets a document: nobody reads more numbers as text.
MOST: Final = 10_000

#: What netCDF-4 calls a dimension without labels.
_WITHOUT_LABELS: Final = b"This is a netCDF dimension but not a netCDF variable"
#: Dimension of curves.
_CURVES: Final = "binding_energy"


def stack_document(record: StackRecord, source: str) -> dict[str, Any] | None:
    """Return what was found in a stack as plain values; every number is finite or None.

    Parameters
    ----------
    record : StackRecord
    source : str
        The file or series.

    Returns
    -------
    dict or None
        None for a stack of more than `MOST` spectra.
    """
    if math.prod(len(labels) for labels in record.labels.values()) > MOST:
        return None
    with opened(record.data) as file:
        attrs = file.attrs
        root = _node(file)
        words = root["variables"]["status"]["flags"]
        counts = Counter(file["status"][...].ravel().tolist())
        name, _, version = attrs["model"].rpartition(" ")
        return {
            "schema": attrs["schema"],
            "source": source,
            "status": record.status,
            "statuses": {word: counts[int(number)] for number, word in words.items()},
            "convention": attrs["convention"],
            "reference": float(attrs["reference"]),
            "reference_at": attrs["reference_at"],
            **({"calibrated_on": attrs["calibrated_on"]} if "calibrated_on" in attrs else {}),
            "dims": list(record.labels),
            "shape": [len(labels) for labels in record.labels.values()],
            **root,
            "regions": {name: _region(file[name]) for name in record.regions},
            "notes": [note for note in attrs["notes"].split("\n") if note],
            "model": {"name": name, "version": version, "sha256": attrs["model_sha256"]},
        }


def dumps(document: Mapping[str, Any]) -> str:
    """Text of a document, ending in a line feed: objects on lines of their own, arrays each on one."""
    return _text(document, "") + "\n"


def _text(value: Any, indent: str) -> str:
    if not isinstance(value, Mapping) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner_indent = f"{indent}  "
    lines = [
        f"{inner_indent}{json.dumps(str(key), ensure_ascii=False)}: {_text(item, inner_indent)}"
        for key, item in value.items()
    ]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _region(group: h5py.Group) -> dict[str, Any]:
    attributes = {name: value.item() if isinstance(value, np.generic) else value for name, value in group.attrs.items()}
    plain = {
        name: value for name, value in attributes.items() if isinstance(value, str | int | float) and value == value
    }
    return {"attributes": {name: value for name, value in plain.items() if name != "coordinates"}, **_node(group)}


def _node(group: h5py.Group) -> dict[str, Any]:
    """Labels of dimensions, what goes along these, and variables of a group."""
    content: dict[str, dict[str, Any]] = {"labels": {}, "coordinates": {}, "variables": {}}
    arrays = {name: node for name, node in group.items() if not hasattr(node, "items")}
    coordinates = {name for node in (group, *arrays.values()) for name in node.attrs.get("coordinates", "").split()}
    for name, node in arrays.items():
        dims = [name] if node.is_scale else [dim[0].name.rpartition("/")[2] for dim in node.dims]
        # A dimension without labels has a name alone.
        if _CURVES not in dims and not (node.is_scale and node.attrs["NAME"].startswith(_WITHOUT_LABELS)):
            kind = "labels" if node.is_scale else "coordinates" if name in coordinates else "variables"
            content[kind][name] = {"dims": dims, **_description(node.attrs), "values": _values(node)}
    return content


def _description(attrs: h5py.AttributeManager) -> dict[str, Any]:
    """Say unit, meaning and flags of a variable, as far as it has them."""
    description = {
        key: attrs[name]
        for key, name in (("units", "units"), ("meaning", "long_name"), ("calendar", "calendar"))
        if name in attrs
    }
    for key, name in (("flags", "flag_values"), ("bits", "flag_masks")):
        if name in attrs:
            numbers, words = attrs[name].tolist(), attrs["flag_meanings"].split()
            description[key] = {str(number): word for number, word in zip(numbers, words, strict=True)}
    return description


def _values(node: h5py.Dataset) -> Any:
    """Nested lists; numbers that are none are None."""
    values = node.asstr()[...] if node.dtype.kind == "O" else node[...]
    if values.dtype.kind != "f":
        return values.tolist()
    # 32-bit numbers with the digits that they have.
    exact = values if values.dtype == np.float64 else values.astype(str).astype(float)
    plain = exact.astype(object)
    plain[~np.isfinite(exact)] = None
    return plain.tolist()
