import json

import h5py
import numpy as np
import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.dataset import write_dataset


@pytest.fixture
def small_config(tmp_path):
    table = {**SimulationConfig.load().as_dict(), "generated_structures": 50}
    lines = ["[simulation]"]
    lines += [f"{k} = {json.dumps(v)}" for k, v in table.items() if not isinstance(v, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"[simulation.{key}]", *(f"{k} = {v}" for k, v in value.items())]
    path = tmp_path / "small.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.slow
def test_a_set_is_complete_and_reproducible(tmp_path, small_config):
    for name in ("a.h5", "b.h5"):
        write_dataset(tmp_path / name, 1500, 7, small_config)
    with h5py.File(tmp_path / "a.h5") as one, h5py.File(tmp_path / "b.h5") as two:
        assert set(one) == {
            "counts", "domain_share", "domain_shift", "energy", "group", "label", "mixture", "outside", "region",
            "region_shift", "share", "shift", "structure", "window",
        }  # fmt: skip
        for key in one:
            np.testing.assert_array_equal(one[key][()], two[key][()])
        assert one.attrs["seed"] == 7
        assert json.loads(one.attrs["config"])["generated_structures"] == 50
        assert one["counts"].shape == (1500, 9, 288)
        assert np.abs(one["shift"][()][~one["outside"][()]]).max() <= 8
        first, last = one["window"][3, 0]
        assert not one["counts"][3, 0, :first].any()
        assert not one["counts"][3, 0, last:].any()
        structures = one["structure"].asstr()[()]
        assert structures[one["mixture"][0, 0]].count("*") in (0, 2)


def test_a_wrong_number_is_refused(tmp_path):
    with pytest.raises(PrefitError, match="at least 1"):
        write_dataset(tmp_path / "x.h5", 0, 1)
    assert not list(tmp_path.iterdir())
