"""Curves of k fits with one model; one fit is a row of one."""

from __future__ import annotations

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.models.compiled import CompiledModel

FloatArray = NDArray[np.float64]


def component_curves(
    seed: Seed, compiled: CompiledModel, x: FloatArray, values: FloatArray
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Draw the background with the steps of all components, and the components without.

    Parameters
    ----------
    seed : Seed
    compiled : CompiledModel
        Of the seed's model.
    x : ndarray, shape (k, m)
        Binding energies in eV.
    values : ndarray, shape (k, names)
        All parameters.

    Returns
    -------
    background : ndarray, shape (k, m)
    lines : dict of str to ndarray, shape (k, m)
        By the name of the component, the lines of a doublet summed.
    """
    names = {component.prefix: component.name for component in seed.components}
    background = np.zeros(x.shape)
    lines: dict[str, FloatArray] = {component.name: np.zeros(x.shape) for component in seed.components}
    for component, line, below in compiled.component_curves(x, values):
        background += below
        target = lines[names[component.prefix]] if component.prefix in names else background
        target += line
    return background, lines


def curves(seed: Seed, params: lmfit.Parameters, x: ArrayLike) -> dict[str, FloatArray]:
    """Curves to draw.

    Parameters
    ----------
    seed : Seed
    params : lmfit.Parameters
        Start values or those of a fit.
    x : array_like, shape (n,)
        Binding energies in eV, in any order and spacing.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        ``background`` (with the steps of all components), ``envelope`` (everything), and one curve for each
        component by its name, without background, the lines of a doublet summed.
    """
    values = np.array([[float(parameter.value) for parameter in params.values()]])
    energy = np.asarray(x, dtype=float)[None]
    background, lines = component_curves(seed, CompiledModel.to_draw(seed.model, params), energy, values)
    envelope = background[0] + sum(line[0] for line in lines.values())
    return {"background": background[0], "envelope": envelope, **{name: line[0] for name, line in lines.items()}}
