from __future__ import annotations

import numpy as np
import pytest
from seeded import X, counted, pmma, seeded

from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import component_table, fit_seed
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt

ESTER = "ester (aliphatic)"


def glycolide():
    """Two equal lines: each carbon that is not of the carbonyl is bonded to oxygen."""
    return hydrocarbon(X, 4e3, 286.72, 0.5, 0.25, 0.4) + stepped_pseudo_voigt(X, 4e3, 289.02, 0.5, 0.25) + 300


@pytest.mark.parametrize("draw", range(3))
def test_beta_carbon_that_the_data_refute_is_dropped(draw):
    counts = counted(glycolide(), draw)
    seed = seeded(counts, ESTER)
    assert [component.name for component in seed.components] == ["C1s C-O-C=O", "C1s O-C=O"]
    assert "Dropped, refuted by the data: C-C(=O)O." in seed.notes
    fit = fit_seed(seed, region_dataset("made", X, counts, region="C1s", intensity="counts"))
    assert fit.redchi < 1.5
    for row in component_table(seed, fit):
        assert row.area == pytest.approx(4e3, rel=0.03)


def test_beta_carbon_that_is_there_stays():
    seed = seeded(counted(pmma(scale=3e3, step=0.01) + 80, 1), "alkane", ESTER)
    assert "C1s C-C(=O)O" in {component.name for component in seed.components}
    assert not any("refuted" in note for note in seed.notes)
    assert np.isfinite([parameter.value for parameter in seed.params.values()]).all()
