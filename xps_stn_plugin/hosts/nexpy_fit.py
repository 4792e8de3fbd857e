"""Seeds as NeXpy's Fit panel loads them (NeXpy 2.1, ``nexpy.gui.fitdialogs``).

A group of the class ``NXprocess`` whose title starts with "Fit" holds the ``data``, the ``model`` and one ``NXdata``
per lmfit model, named ``<text>_<number>``; the lmfit prefix is that name and ``_``. Its ``parameters`` carry the key of
the model in NeXpy's menu, and every parameter that the model makes, derived ones too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Seed

if TYPE_CHECKING:
    import lmfit
    import xarray as xr


@dataclass(frozen=True)
class FitPart:
    """One model of the Fit panel.

    Parameters
    ----------
    name, key : str
        Name ``<text>_<number>`` in the group, and the model's key in NeXpy's menu.
    values : mapping of str to float
        Value of each parameter, by its name without prefix.
    attrs : mapping of str to dict
        ``min`` and ``max`` as text, ``vary``, and ``expr`` where there is one.
    curve : ndarray, shape (n,)
        The model at its start values.
    """

    name: str
    key: str
    values: Mapping[str, float]
    attrs: Mapping[str, Mapping[str, Any]]
    curve: NDArray[np.float64]


def fit_parts(seed: Seed, x: NDArray[np.float64], keys: Mapping[type, str]) -> list[FitPart]:
    """Take a seed apart into models of the Fit panel.

    Parameters
    ----------
    seed : Seed
    x : ndarray, shape (n,)
        Binding energies in eV at which the curves are drawn.
    keys : mapping of type to str
        Keys of the lmfit model classes in NeXpy's menu. A parameter that belongs to no component needs
        `nexpy_models.FreeParameterModel`.

    Raises
    ------
    PrefitError
        If NeXpy offers no such model, or the model is not a sum.
    """
    from .nexpy_models import FreeParameterModel

    parts: list[tuple[lmfit.Model, dict[str, str]]] = []  # each with its parameters: full name to bare name
    for component in seed.model.components:
        parameters = [name for name in component.make_params() if name in seed.params]
        if not _rebuilt(component, parameters, keys):
            message = f"NeXpy's Fit panel has no model {type(component).__name__} that needs nothing but a prefix."
            raise PrefitError(f"region {seed.region}", message)
        parts.append((component, {name: name.removeprefix(component.prefix) for name in parameters}))
    assigned = {name for _, names in parts for name in names}
    parts += [(FreeParameterModel(prefix=f"{name}_"), {name: "value"}) for name in seed.params if name not in assigned]

    # Equally wide numbers and no other "_" before a digit: NeXpy finds models by replacing text, and would else find
    # "C_1" in "C_12".
    width = len(str(len(parts)))
    titles = [f"{_text(component, seed)}_{number:0{width}d}" for number, (component, _) in enumerate(parts, start=1)]
    renamed = {
        old: f"{title}_{bare}" for title, (_, names) in zip(titles, parts, strict=True) for old, bare in names.items()
    }
    fit_models = []
    for title, (component, names) in zip(titles, parts, strict=True):
        curve = np.zeros_like(x) + component.eval(seed.params, x=x)
        values = {bare: float(seed.params[old].value) for old, bare in names.items()}
        attrs = {bare: _attrs(seed.params[old], renamed) for old, bare in names.items()}
        fit_models.append(FitPart(title, keys[type(component)], values, attrs, curve))
    if not np.allclose(sum(part.curve for part in fit_models), seed.model.eval(seed.params, x=x)):
        raise PrefitError(f"region {seed.region}", "its model is not a sum, which NeXpy's Fit panel needs.")
    return fit_models


def fit_group(seed: Seed, dataset: xr.Dataset, title: str) -> Any:
    """Make the ``NXprocess`` that ``fit_data`` of NeXpy's main window opens.

    Parameters
    ----------
    seed : Seed
    dataset : xarray.Dataset
        The region on the axis that the seed was made for.
    title : str
        What stands behind "Fit seed" in the title.

    Raises
    ------
    PrefitError
        As `fit_parts`.
    """
    from nexpy.gui.fitdialogs import all_models
    from nexusformat.nexus import NXdata, NXfield, NXparameters, NXprocess

    from ..models.noise import noise_of

    x = np.asarray(dataset["binding_energy"].values, dtype=float)
    parts = fit_parts(seed, x, {model: key for key, model in all_models.items()})

    def curve(values: NDArray[np.float64]) -> Any:
        return NXdata(NXfield(values, name="model"), NXfield(x, name="binding_energy", units="eV"))

    axis = NXfield(x, name="binding_energy", units="eV", long_name="Binding energy (eV)")
    counts = NXfield(dataset["counts"].values.astype(float), name="counts", long_name="Intensity")
    group = NXprocess(title=f"Fit seed {title}")
    group["data"] = NXdata(counts, axis, errors=NXfield(noise_of(dataset).sigma, name="counts_errors"))
    group.attrs["composite_model"] = "+".join(part.name for part in parts)
    group["model"] = curve(sum(part.curve for part in parts) + np.zeros_like(x))
    for part in parts:
        group[part.name] = curve(part.curve)
        group[part.name]["parameters"] = NXparameters(attrs={"model": part.key})
        for name, value in part.values.items():
            group[part.name]["parameters"][name] = NXfield(value, **part.attrs[name])
    return group


def _rebuilt(component: lmfit.Model, names: list[str], keys: Mapping[type, str]) -> bool:
    kind = type(component)  # NeXpy knows class and prefix only: does it come to the same parameters?
    return kind in keys and list(kind(prefix=component.prefix).make_params()) == names


def _text(component: lmfit.Model, seed: Seed) -> str:
    prefix = "background" if component.prefix == seed.background_prefix else component.prefix.strip("_")
    return re.sub(r"_+(?=\d)", "", prefix) or "model"


def _attrs(parameter: lmfit.Parameter, renamed: Mapping[str, str]) -> dict[str, Any]:
    attrs = {"min": str(parameter.min), "max": str(parameter.max), "vary": bool(parameter.vary)}
    if parameter.expr:
        attrs["expr"] = re.sub(r"\b[A-Za-z_]\w*", lambda name: renamed.get(name[0], name[0]), parameter.expr)
    return attrs
