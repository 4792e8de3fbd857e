"""Chemical states in the JSON document and in saved seeds."""

from __future__ import annotations

import numpy as np
import pytest
from test_seeding_levels import pair, region

import xps_stn_plugin as xps
from xps_stn_plugin.core.spectrum import spectrum_tree
from xps_stn_plugin.export.json_export import document
from xps_stn_plugin.export.seeds import load_seeds, save_seeds


@pytest.fixture(scope="module")
def oxide():
    dataset = region("W4f", pair(35.9, 20_000, 2.15, 0.75, 1.2), 28.0, 46.0)
    return xps.prefit(spectrum_tree("test", {"W4f": dataset})).fitted()


def test_json_component_of_a_state_names_it(oxide):
    (component,) = document(oxide)["regions"]["W4f"]["components"]
    assert (component["name"], component["state"], component["groups"]) == ("W4f WO3", "WO3", [])


def test_saved_seeds_keep_the_state(oxide, tmp_path):
    path = tmp_path / "seeds.json"
    save_seeds(path, oxide.seeds)
    components = load_seeds(path)["W4f"].components
    assert {component.state for component in components} == {"WO3"}
    assert np.all([component.assigned for component in components])
