"""Samples of known composition for the tests of the quantification: models, data and fits made by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lmfit.models import LinearModel

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.models.shapes import RegionModel, SteppedPseudoVoigtModel

ESTER, ALKANE = ("ester (aliphatic)",), ("alkane",)

#: Lines as (name, groups, position in eV, atoms).
PMMA = {
    "C1s": [
        ("C-C", ALKANE, 285.0, 2.0),
        ("C-C(=O)O", ESTER, 285.72, 1.0),
        ("C-O-C=O", ESTER, 286.79, 1.0),
        ("O-C=O", ESTER, 289.03, 1.0),
    ],
    "O1s": [("O=C-O", ESTER, 532.21, 1.0), ("C-O-C=O", ESTER, 533.77, 1.0)],
}


@dataclass(frozen=True)
class Sample:
    """What `quantify_fits` takes."""

    spectrum: object
    seeds: dict
    fits: dict

    @property
    def arguments(self):
        return self.spectrum, self.seeds, self.fits


def seed_of(core, lines, counts_per_atom, region=None):
    """Model of a region whose lines have the areas that their atoms ask for; doublets are tied."""
    level = core_levels().get(core)
    ratio = level.ratio if level and level.ratio else 0.0
    models, components = [], []
    for i, (name, groups, *_) in enumerate(lines):
        for prefix in [f"line{i}_"] + ([f"line{i}_low_"] if ratio else []):
            models.append(SteppedPseudoVoigtModel(prefix=prefix))
            components.append(SeedComponent(prefix, f"{core} {name}", groups))
    model = RegionModel([*models, LinearModel(prefix="bg_")])
    params = model.make_params(bg_slope={"value": 0.0, "vary": False}, bg_intercept=100.0)
    for i, (_, _, position, atoms) in enumerate(lines):
        params[f"line{i}_amplitude"].set(value=atoms * counts_per_atom / (1.0 + ratio), min=0.0)
        params[f"line{i}_center"].set(value=position, min=position - 0.3, max=position + 0.3)
        if i:
            params[f"line{i}_sigma"].set(expr="line0_sigma")
        else:
            params["line0_sigma"].set(value=0.5, min=0.3, max=1.0)
        params[f"line{i}_fraction"].set(value=0.2, vary=False)
        if ratio:
            params[f"line{i}_low_amplitude"].set(expr=f"{ratio}*line{i}_amplitude")
            params[f"line{i}_low_center"].set(expr=f"line{i}_center+{level.splitting}")
            params[f"line{i}_low_sigma"].set(expr=f"line{i}_sigma")
            params[f"line{i}_low_fraction"].set(value=0.2, vary=False)
    return Seed(region or core, model, params, tuple(components), "offset")


def energies(lines):
    positions = [position for _, _, position, _ in lines]
    return np.arange(min(positions) - 5.0, max(positions) + 8.0, 0.1)


def sample(regions, factors, *, counts=2000.0, random=None, attrs=None, names=None):
    """Fits of a sample: one atom gives `counts` times the factor of its core level; noise by `random`, else none."""
    datasets, seeds, fits = {}, {}, {}
    for core, lines in regions.items():
        name = (names or {}).get(core, core)
        seed = seed_of(core[:-2] if core.endswith("_2") else core, lines, counts * factors[core], name)
        x = energies(lines)
        y = seed.model.eval(seed.params, x=x)
        if random is not None:
            y = random.poisson(y).astype(float)
        level = core[:-2] if core.endswith("_2") else core
        extra = {"intensity": "counts per second", "photon_energy": 1486.6, **(attrs or {}).get(core, {})}
        datasets[name] = region_dataset("test", x, y, region=level, **extra)
        seeds[name] = seed
        weights = 1.0 / np.sqrt(np.maximum(y, 1.0))
        fits[name] = fit_seed(seed, datasets[name], weights=weights)
    return Sample(spectrum_tree("test", datasets), seeds, fits)
