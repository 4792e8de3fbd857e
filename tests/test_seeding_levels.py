"""Doublets and widths of levels that the network does not know."""

from __future__ import annotations

import numpy as np
import pytest
from seeded import prediction

from xps_prefit_hooks import Settings
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.seeding import seed_region
from xps_stn_plugin.seeding.levels import level_shape
from xps_stn_plugin.seeding.region import region_data


def region(core, lines, low, high, seed=0):
    """Dataset of lines (energy, area in counts eV, FWHM) on a flat background with Poisson noise."""
    energy = np.arange(low, high, 0.1)
    counts = 200.0 + sum(area * pseudo_voigt(energy, center, width, 0.3) for center, area, width in lines)
    noisy = np.random.default_rng(seed).poisson(counts).astype(float)
    return region_dataset("test", energy, noisy, region=core, intensity="counts")


def seeded(core, dataset):
    return seed_region(
        spectrum_tree("test", {core: dataset}), core, prediction(status="out_of_domain", stderr=np.nan), Settings()
    )


def pair(energy, area, splitting, ratio, width, broader=1.0):
    return [(energy, area, width), (energy + splitting, ratio * area, broader * width)]


@pytest.mark.parametrize(
    ("core", "energy", "splitting", "ratio", "broader"),
    [("Ti2p", 458.6, 5.72, 0.5, 1.7), ("Ag3d", 368.2, 6.0, 2 / 3, 1.0), ("W4f", 35.8, 2.15, 0.75, 1.0)],
)
def test_one_state_is_one_doublet_with_its_splitting_and_ratio(core, energy, splitting, ratio, broader):
    dataset = region(core, pair(energy, 20_000, splitting, ratio, 1.1, broader), energy - 8, energy + 14)
    seed = seeded(core, dataset)
    assert len(seed.components) == 2
    assert len({component.name for component in seed.components}) == 1
    fit = fit_seed(seed, dataset)
    high, low = (component.prefix for component in seed.components)
    values = {name: parameter.value for name, parameter in fit.params.items()}
    assert values[f"{high}center"] == pytest.approx(energy, abs=0.03)
    assert values[f"{low}center"] - values[f"{high}center"] == pytest.approx(splitting, abs=0.1)
    assert values[f"{low}amplitude"] / values[f"{high}amplitude"] == pytest.approx(ratio, rel=0.06)
    assert values[f"{low}sigma"] / values[f"{high}sigma"] == pytest.approx(broader, rel=0.15)
    assert fit.redchi < 1.5


def test_region_of_one_line_alone_has_no_doublet():
    dataset = region("Cu2p", [(932.6, 20_000, 1.0)], 925.0, 942.0)
    seed = seeded("Cu2p", dataset)
    assert len(seed.components) == 1


def test_region_at_the_energies_of_another_level_has_no_doublet():
    data = region_data("Fe2p", region("Fe2p", [(765.0, 20_000, 3.0)], 745.0, 790.0))
    assert level_shape(data).doublet.ratio == 0


def test_narrow_doublets_are_held_and_wide_ones_free_within_bounds():
    narrow = level_shape(region_data("Al2p", region("Al2p", [(74.0, 1_000, 1.5)], 65.0, 85.0))).doublet
    wide = level_shape(region_data("Fe2p", region("Fe2p", [(711.0, 1_000, 3.0)], 700.0, 740.0))).doublet
    assert (narrow.splitting, narrow.splitting_range, narrow.ratio_range) == (0.41, 0.0, 0.0)
    assert wide.splitting_range > 0
    assert wide.most_broader > wide.broader > 1
