"""Groups, fields and parameters of a NeXus file, as all its parts write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.printable import printable
from ..core.spectrum import unique_name

if TYPE_CHECKING:
    import h5py

PROGRAM = "xps-stn-plugin"

#: Attributes of a parameter that are written where they are finite: an open bound and an unknown error are left out.
_FINITE = ("error", "initial", "min", "max")


def group(parent: h5py.Group, name: str, nx_class: str, **attrs: Any) -> h5py.Group:
    """Make a group of a NeXus class."""
    made = parent.create_group(name)
    made.attrs["NX_class"] = nx_class
    for key, value in attrs.items():
        made.attrs[key] = plain(value)
    return made


def field(parent: h5py.Group, name: str, value: Any, units: str = "", **attrs: Any) -> h5py.Dataset:
    """Make a dataset of a number, a text, an array or a list of texts."""
    made = parent.create_dataset(name, data=plain(value))
    if units:
        made.attrs["units"] = units
    for key, attribute in attrs.items():
        made.attrs[key] = plain(attribute)
    return made


def link(parent: h5py.Group, name: str, original: h5py.HLObject) -> None:
    """Give an object a second name.

    NeXus' attribute ``target`` is not set: programs that copy an entry into another file (NeXpy) would follow it to a
    place that is not there.
    """
    parent[name] = original


def process(parent: h5py.Group, name: str, nx_class: str, date: str) -> h5py.Group:
    """Make a group of a class that extends NXprocess, which says by what and when it was made."""
    from importlib.metadata import version

    made = group(parent, name, nx_class)
    field(made, "program", PROGRAM)
    field(made, "version", version(PROGRAM))
    field(made, "date", date)
    return made


def parameter(parent: h5py.Group, name: str, value: Any, units: str = "", **attrs: Any) -> h5py.Dataset:
    """Make a field of an NXparameters with the attributes of the base class; what is None or not finite is left out."""
    known = {
        key: attribute
        for key, attribute in attrs.items()
        if attribute is not None and (key not in _FINITE or math.isfinite(attribute))
    }
    return field(parent, name, value, units, **known)


def sentences(parent: h5py.Group, name: str, description: str, lines: Iterable[str]) -> None:
    """Make an NXparameters of sentences and what they are about; none where there are none."""
    if texts := list(lines):
        field(group(parent, name, "NXparameters"), "sentences", texts, description=description)


def collection(parent: h5py.Group, name: str, values: Iterable[tuple[str, Any]]) -> None:
    """Make an NXcollection of whatever there is; names take underscores for what NeXus does not allow in them."""
    made = group(parent, name, "NXcollection")
    for key, value in values:
        field(made, unique_name(re.sub(r"\W", "_", str(key), flags=re.ASCII) or "_", made), value)


def plain(value: Any) -> Any:
    """Return a value as HDF5 takes it: printable texts, lists as arrays, others as texts."""
    import h5py

    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | tuple):
        if all(isinstance(item, int | float | np.number | np.bool_) for item in value) and value:
            return np.asarray(value)
        return np.array([plain(str(item)) for item in value], dtype=h5py.string_dtype())
    if isinstance(value, bool | int | float | np.bool_ | np.number):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return value
    return plain(str(value))
