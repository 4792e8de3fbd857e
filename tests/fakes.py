"""A small plugin that stands in for network and seeder, and spectra whose answer is known."""

from __future__ import annotations

import numpy as np
from lmfit.models import LinearModel, PseudoVoigtModel

from xps_prefit_hooks import GroupEvidence, ModelInfo, Prediction, RegionShift, Seed, SeedComponent, hookimpl
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree

SHIFT = 1.25
LINES = {"C1s": ((285.0, 800.0), (289.0, 400.0)), "O1s": ((532.1, 900.0),)}


def spectrum(shift: float = SHIFT, source: str = "made.csv", seed: int = 0):
    """Gaussian lines of 1.2 eV full width on a constant background of 50 counts, with counting noise."""
    random = np.random.default_rng(seed)
    regions = {}
    for region, lines in LINES.items():
        centers = [center for center, _ in lines]
        x = np.arange(min(centers) - 6, max(centers) + 6, 0.1)
        y = 50.0 + sum(height * np.exp(-4 * np.log(2) * ((x - center) / 1.2) ** 2) for center, height in lines)
        regions[region] = region_dataset(source, x + shift, random.poisson(y), region=region)
    return spectrum_tree(source, regions)


class FakePlugin:
    """Always says `SHIFT`, and that 289 eV speaks for an ester; seeds Gaussian lines at the known lines."""

    def __init__(self):
        self.fits = []
        self.explained = 0

    @hookimpl
    def xps_prefit_predict(self, spectrum, settings):
        groups = {"alkane": 0.25, "ester (aliphatic)": 0.98, "ketone": 0.01}
        regions = {name: RegionShift(SHIFT + 0.05, 0.1, 0.05) for name in spectrum.children}
        return Prediction(SHIFT, 0.06, groups, "ok", ("Looks fine.",), regions, ModelInfo("fake", "1", "0" * 64))

    @hookimpl
    def xps_prefit_explain(self, settings):
        self.explained += 1
        place = 289.0 + settings.first_member - 285.0
        parts = GroupEvidence("C1s", place - 0.5, place + 0.5, 4.5), GroupEvidence("O1s", 531.6, 532.6, -1.5)
        return {"ester (aliphatic)": parts}

    @hookimpl
    def xps_prefit_seed(self, spectrum, region, settings):
        if region not in LINES:
            return None
        model = LinearModel(prefix="bg_")
        components = []
        for number, _ in enumerate(LINES[region], start=1):
            model += PseudoVoigtModel(prefix=f"p{number}_")
            components.append(SeedComponent(f"p{number}_", f"{region} line {number}", ("ester (aliphatic)",)))
        params = model.make_params(bg_slope=0.0, bg_intercept=50.0)
        for number, (center, height) in enumerate(LINES[region], start=1):
            place = center + settings.first_member - 285.0
            params[f"p{number}_center"].set(place + 0.1, min=place - 0.5, max=place + 0.5)
            params[f"p{number}_sigma"].set(0.6, min=0.2, max=1.0)
            params[f"p{number}_amplitude"].set(height, min=0)
            params[f"p{number}_fraction"].set(0.0, vary=False)
        return Seed(region, model, params, tuple(components), "linear")

    @hookimpl
    def xps_prefit_fitted(self, result, region, fit):
        self.fits.append((result, region, fit))
