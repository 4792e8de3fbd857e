"""Results that the tests of the exports for other programs share; no network speaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from lmfit.models import LinearModel
from seeded import prediction

from xps_prefit_hooks import Seed, SeedComponent, Settings
from xps_stn_plugin.api import PrefitResult
from xps_stn_plugin.core.result import calibrated_spectrum
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.models.shapes import (
    GraphiticModel,
    RegionModel,
    SteppedPseudoVoigtModel,
    hydrocarbon,
    stepped_pseudo_voigt,
)
from xps_stn_plugin.seeding import seed_region

SHIFT = 1.25

#: PMMA and a chlorine doublet: axis in eV and lines as (area, position, quanta), 0 for no vibration.
_REGIONS = {
    "C1s": (np.linspace(278, 298, 201), [(2, 285.0, 0.4), (1, 285.72, 0.2), (1, 286.79, 0.4), (1, 289.03, 0)]),
    "O1s": (np.linspace(525, 545, 201), [(1, 532.21, 0), (1, 533.77, 0)]),
    "Cl2p": (np.linspace(192, 212, 201), [(1, 200.6, 0), (0.5, 202.2, 0)]),
}
_GROUPS = {"Cl2p": ("alkyl halide (Cl)",)}


def result_of(*regions, fitted=True, moved=True, background="auto", seeds=True):
    """Prefit of a charged sample with these regions."""
    random = np.random.default_rng(5)
    step = {"linear": 0.0, "offset": 0.0}.get(background, 0.02)
    datasets = {}
    for region in regions:
        x, lines = _REGIONS[region]
        y = 400.0 + sum(
            8000.0 * (hydrocarbon(x, a, c, 0.5, 0.2, v, step) if v else stepped_pseudo_voigt(x, a, c, 0.5, 0.2, step))
            for a, c, v in lines
        )
        counts = random.poisson(y).astype(float)
        datasets[region] = region_dataset("made.csv", x + SHIFT, counts, region=region)
    spectrum = spectrum_tree("made.csv", datasets)
    settings = Settings(background=background)
    groups = ["alkane", "ester (aliphatic)", *(group for region in regions for group in _GROUPS.get(region, ()))]
    found = replace(prediction(*groups, stderr=0.15), shift=SHIFT)
    calibrated = calibrated_spectrum(spectrum, found, settings)
    axis = calibrated if moved else spectrum
    made = {region: seed_region(axis, region, found, settings) for region in regions} if seeds else {}
    fits = {name: fit_seed(seed, axis[name].to_dataset()) for name, seed in made.items()} if fitted else {}
    return PrefitResult("made.csv", spectrum, calibrated if moved else None, found, settings, made, fits)


def conductor():
    """Start values of two conductor's lines with a tied one, and of a symmetric line."""
    x = np.linspace(278, 300, 221)
    parts = [GraphiticModel(prefix="g_"), GraphiticModel(prefix="o_"), SteppedPseudoVoigtModel(prefix="s_")]
    model = RegionModel([*parts, LinearModel(prefix="bg_")])
    params = model.make_params(bg_slope={"value": 0.0, "vary": False}, bg_intercept=100.0)
    params["g_center"].set(284.5, min=284.2, max=284.8)
    params["g_amplitude"].set(9000.0, min=0)
    params["g_sigma"].set(0.4, min=0.2, max=0.8)
    params["o_amplitude"].set(expr="0.25*g_amplitude")
    params["o_center"].set(expr="g_center+1.9")
    params["o_sigma"].set(expr="g_sigma")
    params["o_fraction"].set(expr="g_fraction")
    params["o_asymmetry"].set(expr="g_asymmetry")
    params["s_center"].set(291.0, min=290.0, max=292.0)
    params["s_amplitude"].set(500.0, min=0)
    params["s_sigma"].set(expr="g_sigma")
    params["s_fraction"].set(0.2, vary=False)
    names = {"g_": "C1s graphitic", "o_": "C1s C-O", "s_": "C1s shake-up"}
    components = tuple(SeedComponent(prefix, name, ("graphite",)) for prefix, name in names.items())
    seed = Seed("C1s", model, params, components, "offset")
    spectrum = spectrum_tree("made.csv", {"C1s": region_dataset("made.csv", x, model.eval(params, x=x), region="C1s")})
    found = replace(prediction(), shift=0.0)
    return PrefitResult("made.csv", spectrum, None, found, Settings(), {"C1s": seed})
