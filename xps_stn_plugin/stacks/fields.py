"""What is known of every spectrum of a stack: names, dimensions, units and meanings of the result's variables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..stn.verdict import STATUSES, Reason
from .stack import Stack

#: What the numbers of the variable ``status`` stand for: those of a single spectrum, and that nothing was measured.
STACK_STATUSES: Final = (*STATUSES, "no_data")
NO_DATA: Final = len(STATUSES)

#: Bit of the variable ``reasons`` beside those of a single spectrum: the shift rests on other spectra of the series.
CARRIED: Final = 2048
#: And this one: what the user knows of the sample has changed, or contradicts, what the network says.
TOLD: Final = 4096
#: And this one: a plugin's predictor answered for the spectrum, or failed at it.
PLUGIN: Final = 32768
#: And this one: the line that the user named as reference is not in the spectrum.
NO_REFERENCE: Final = 65536

#: Name of the calibrated axis of every spectrum.
CALIBRATED: Final = "binding_energy_calibrated"

#: What each bit of ``reasons`` says.
REASON_TEXTS: Final = {
    int(Reason.NO_SHIFT): "No line stands above the noise, so there is no shift.",
    int(Reason.AT_EDGE): "The shift lies at or beyond the end of the range that the network was trained for.",
    int(Reason.FOREIGN): "The network cannot place the lines, or parts of the sample are charged differently.",
    int(Reason.NO_CARBON): "There is no C 1s line, so the scale rests on the other regions alone.",
    int(Reason.ONE_LINE): "There is only one line, without features, which fits every shift.",
    int(Reason.SATURATED): "The detector was saturated.",
    int(Reason.STANDARD_ERROR): "The standard error of the shift is above 0.25 eV.",
    int(Reason.SEVERAL_SHIFTS): "Several shifts fit.",
    int(Reason.UNEVEN): "All lines look broadened or doubled: the sample may be charged unevenly.",
    int(Reason.NO_LINE): "A region shows no line above the noise.",
    int(Reason.DISAGREEMENT): "A region seems to be charged differently from C 1s.",
    int(Reason.NOT_MEASURED): "A region was not measured, or shows no signal.",
    int(Reason.NO_GROUP): "No functional group was found; C 1s is adventitious carbon or inorganic.",
    int(Reason.GROUP_REFUTED): "A predicted group is not present: a measured region shows none of its lines.",
    int(Reason.GROUP_UNTESTED): "A region that could confirm a predicted group was not measured.",
    int(Reason.CUT_LINE): "The edge of a region's window cuts a line.",
    int(Reason.LEFT_OUT): "The network did not read a region whose window cuts a line.",
    int(Reason.POTASSIUM): "K 2p beside C 1s explains what looks like fluoride.",
    int(Reason.GROUP_OVERLAP): "The lines of a weak group coincide with those of a surer one: not counted as found.",
    int(Reason.NO_RING): "A predicted group is bonded to an aromatic ring, and no ring was found.",
    int(Reason.FOREIGN_PAIR): "A doublet of another element takes the place of a predicted group.",
    int(Reason.CARBON_FIRST): "C 1s alone gives the shift, because the other regions leave it open.",
    int(Reason.BAD_CHANNELS): "Hot or dead channels were left out.",
    int(Reason.ALIKE): "The lines of all regions are broadened or doubled alike: parts may be charged differently.",
    CARRIED: "The shift is carried over from other spectra of the series.",
    TOLD: "The user's knowledge of the sample was combined with the network's prediction, or contradicts it.",
    PLUGIN: "The predictor of a plugin was used for this spectrum, or failed on it.",
    NO_REFERENCE: "The line that was named as charge reference is not in this spectrum, so there is no shift.",
}


#: Names of the bits beside those of a single spectrum.
_OTHER_FLAGS: Final = {"carried": CARRIED, "told": TOLD, "plugin": PLUGIN, "no_reference": NO_REFERENCE}


#: Dimensions with their labels.
Labels = Mapping[str, Sequence[str] | NDArray[np.float64]]


@dataclass(frozen=True)
class Field:
    """One variable of the result.

    Parameters
    ----------
    name : str
    region : str
        The region that it belongs to; empty for the spectra as a whole.
    dtype : str
        numpy's name of the type.
    labels : mapping of str to sequence of str or float
        Further dimensions, behind those of the stack, with their labels.
    attrs : mapping
        Units, meaning, flags.
    fill : float
        What it holds where there is nothing.
    texts : mapping of str to sequence of str
        Further labels along the last of these dimensions, by name.
    grows : bool
        Whether that dimension may get more labels when all is done.
    """

    name: str
    region: str = ""
    dtype: str = "f8"
    labels: Labels = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    fill: float = np.nan
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    grows: bool = False

    @property
    def path(self) -> str:
        """Path in the tree."""
        return f"{self.region}/{self.name}" if self.region else self.name

    def sizes(self, stack: Stack) -> tuple[int, ...]:
        """Shape of the variable."""
        return (*stack.shape, *(len(labels) for labels in self.labels.values()))

    def empty(self, stack: Stack) -> NDArray[Any]:
        """Array that holds nothing yet."""
        return np.full(self.sizes(stack), self.fill, dtype=self.dtype)

    def nbytes(self, stack: Stack) -> int:
        """Size of the variable in memory."""
        return math.prod(self.sizes(stack)) * np.dtype(self.dtype).itemsize


def network_fields(groups: Sequence[str], regions: Sequence[str]) -> tuple[Field, ...]:
    """Fields that the network fills, in the order of `StackPredictor.answer`.

    Parameters
    ----------
    groups : sequence of str
        Functional groups that the network knows.
    regions : sequence of str
        Names of the regions that it looks at.
    """
    statuses = {
        "long_name": "whether the shift can be trusted",
        "flag_values": np.arange(len(STACK_STATUSES), dtype=np.int8),
        "flag_meanings": " ".join(STACK_STATUSES),
    }
    reasons = {
        "long_name": "reasons for the status",
        "flag_masks": np.array([*map(int, Reason), *_OTHER_FLAGS.values()], dtype=np.uint32),
        "flag_meanings": " ".join([*(str(reason.name).lower() for reason in Reason), *_OTHER_FLAGS]),
    }
    return (
        Field("shift", attrs=energy_attrs("measured minus true binding energy")),
        Field("shift_stderr", attrs=energy_attrs("standard error of the shift")),
        Field("applied_shift", attrs=energy_attrs("energy subtracted from the measured axis; 0 for none")),
        Field("status", dtype="i1", attrs=statuses, fill=NO_DATA),
        Field("reasons", dtype="u4", attrs=reasons, fill=int(Reason.NO_SHIFT | Reason.NOT_MEASURED)),
        Field(
            "probability",
            dtype="f4",
            labels={"group": groups},
            attrs={"long_name": "probability of a functional group", "units": "1"},
        ),
        *(
            Field(name, region, attrs=energy_attrs(meaning))
            for name, meaning in (
                ("region_shift", "shift of this region"),
                ("region_shift_stderr", "standard error of the region's shift"),
                ("disagreement", "charging of this region in addition to that of C 1s"),
            )
            for region in regions
        ),
    )


def labelled(stack: Stack, fields: Sequence[Field], arrays: Mapping[str, Any], attrs: Mapping[str, Any]) -> xr.DataTree:
    """Put arrays, by path, on the dimensions and coordinates of the stack."""
    nodes: dict[str, dict[str, Any]] = {"": {}, **{name: {} for name in stack.regions}}
    labels: dict[str, dict[str, Any]] = {"": dict(stack.coords), **{name: {} for name in stack.regions}}
    for each in fields:
        nodes[each.region][each.name] = ((*stack.dims, *each.labels), arrays[each.path], dict(each.attrs))
        labels[each.region].update({dim: list(names) for dim, names in each.labels.items()})
        labels[each.region].update({name: ([*each.labels][-1:], list(texts)) for name, texts in each.texts.items()})
    datasets = {"/": xr.Dataset(nodes.pop(""), labels.pop(""), dict(attrs))}
    for name, variables in nodes.items():
        datasets[f"/{name}"] = xr.Dataset(variables, {**labels[name], **_axis(stack, name)}, region_attrs(stack, name))
    return xr.DataTree.from_dict(datasets)


def axis_fields(stack: Stack) -> tuple[Field, ...]:
    """Fields of the calibrated axis of every spectrum, one for each region."""
    attrs = energy_attrs("binding energy as measured minus the applied shift")
    return tuple(
        Field(CALIBRATED, name, labels={"binding_energy": region.energy}, attrs=attrs)
        for name, region in stack.regions.items()
    )


def region_attrs(stack: Stack, name: str) -> dict[str, Any]:
    """Attributes of a region that a file can hold: text and numbers."""
    attrs = stack.regions[name].attrs
    return {key: value for key, value in attrs.items() if isinstance(value, str | int | float | np.number)}


def _axis(stack: Stack, name: str) -> dict[str, Any]:
    attrs = {"units": "eV", "long_name": "binding energy as measured: true energies are lower by the shift"}
    return {"binding_energy": ("binding_energy", stack.regions[name].energy, attrs)}


def energy_attrs(meaning: str) -> dict[str, str]:
    """Attributes of an energy."""
    return {"units": "eV", "long_name": meaning}
