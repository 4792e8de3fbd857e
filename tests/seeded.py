"""Spectra and predictions that tests of the seeding share."""

from __future__ import annotations

import numpy as np

from xps_prefit_hooks import ModelInfo, Prediction, Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.chemistry.substances import find_substance
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.seeding import seed_region

X = np.linspace(280, 295, 151)


def prediction(*groups, stderr=0.05, status="ok", **others):
    probabilities = {name: 0.98 if name in groups else 0.02 for name in group_lines()}
    return Prediction(0.0, stderr, probabilities | others, status, (), {}, ModelInfo("test", "0", ""))


def tree(counts, x=X, region="C1s", **attrs):
    return spectrum_tree("test", {region: region_dataset("test", x, counts, region=region, **attrs)})


def counted(y, seed):
    """Intensities with Poisson noise."""
    return np.random.default_rng(seed).poisson(y).astype(float)


def seeded(y, *groups, x=X, region="C1s", settings=None, **others):
    settings = settings or Settings()
    # As the prediction that is reported: what is expected, and not contradicted, is certain.
    known = {group: 1.0 for text in settings.expect for group in find_substance(text).groups}
    return seed_region(tree(y, x, region), region, prediction(*groups, **others, **known), settings)


def prefixes(seed):
    return [component.prefix for component in seed.components]


def pmma(x=X, scale=1.0, shift=0.0, step=0.0):
    """C 1s of PMMA: 285.0, 285.72, 286.79, 289.03 eV (Beamson & Briggs 1992), two, one, one and one carbon atoms."""
    sigma, fraction = 0.5, 0.2
    lines = [(2.0, 285.0, 0.4), (1.0, 285.72, 0.2), (1.0, 286.79, 0.4)]
    y = sum(hydrocarbon(x, a, c + shift, sigma, fraction, quanta, step) for a, c, quanta in lines)
    return scale * (y + stepped_pseudo_voigt(x, 1.0, 289.03 + shift, sigma, fraction, step=step))


def starts_inside(seed):
    for name, p in seed.params.items():
        assert np.isfinite(p.value), name
        if p.vary and not p.expr:
            assert p.min < p.value < p.max, (name, p.min, p.value, p.max)


def fitted(seed, spectrum, region="C1s"):
    data = spectrum[region].to_dataset()
    return seed.model.fit(data["counts"].values, seed.params, x=data["binding_energy"].values, method="least_squares")
