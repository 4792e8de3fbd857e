"""Stacks of simulated spectra for tests."""

from __future__ import annotations

import numpy as np
import xarray as xr

from xps_stn_plugin.models.lineshapes import pseudo_voigt

AXES = {"C1s": np.round(np.arange(278.0, 296.05, 0.2), 2), "O1s": np.round(np.arange(526.0, 541.05, 0.2), 2)}
LINES = {
    "ester": {"C1s": [(285.05, 4), (285.75, 2), (286.85, 2), (289.05, 2)], "O1s": [(532.2, 5.9), (533.75, 5.9)]},
    "ether": {"C1s": [(286.45, 10)], "O1s": [(532.65, 13)]},
    "alkane": {"C1s": [(285.0, 10)], "O1s": []},
    "oxide": {"C1s": [], "O1s": [(530.0, 10), (531.6, 3)]},
    "noise": {"C1s": [], "O1s": []},
}


def counts(kinds, shifts, heights, seed=0, axes=AXES):
    """Counts of samples at their shifts by region, shape (n, m)."""
    rng = np.random.default_rng(seed)
    stacks = {}
    for region, axis in axes.items():
        rows = []
        for kind, shift, height in zip(kinds, shifts, heights, strict=True):
            lines = LINES[kind][region]
            signal = sum((a * pseudo_voigt(axis, e + shift, 1.2, 0.2) for e, a in lines), np.zeros(axis.size))
            rows.append(rng.poisson(height * (signal + 0.5)))
        stacks[region] = np.array(rows, dtype=float)
    return stacks


def varied(number, seed=1):
    """Good spectra and bad ones: noise, saturated, charged beyond the range, regions not measured."""
    rng = np.random.default_rng(seed)
    kinds = list(rng.choice(list(LINES), number))
    shifts = rng.uniform(-4, 4, number)
    shifts[::11] = 8.3
    found = counts(kinds, shifts, 10 ** rng.uniform(0.3, 3, number), seed)
    top = found["C1s"][::7].max(axis=1, keepdims=True)
    found["C1s"][::7] = np.minimum(found["C1s"][::7], 0.7 * top)
    found["O1s"][::5] = np.nan
    found["C1s"][3::10, 40] = np.nan
    found["O1s"][2::9] = 7.0
    # Nothing at all here.
    found["C1s"][4::15], found["O1s"][4::15] = np.nan, np.nan
    return found


def tree(values, shape, dims=("y", "x"), change=lambda array: array, **attrs):
    """Put counts of shape (n, m) by region on dimensions with labels."""
    coords = {dim: (dim, 0.5 * np.arange(size), {"units": "um"}) for dim, size in zip(dims, shape, strict=True)}
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(attrs={"source": "map.h5"}),
            **{
                name: xr.Dataset(
                    {"counts": ((*dims, "binding_energy"), change(array.reshape(*shape, -1)))},
                    {**coords, "binding_energy": AXES[name]},
                    {"region": name, **attrs},
                )
                for name, array in values.items()
            },
        }
    )
