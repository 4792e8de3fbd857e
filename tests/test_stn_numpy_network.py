import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from xps_stn_plugin.stn.inputs import network_input as torch_input
from xps_stn_plugin.stn.inputs import region_rows
from xps_stn_plugin.stn.network import ShiftTransformer
from xps_stn_plugin.stn.network_config import NetworkConfig
from xps_stn_plugin.stn.numpy_network import NumpyNetwork, network_input
from xps_stn_plugin.stn.weights import shipped_weights

PMMA = Path(__file__).parent.parent / "examples" / "pmma_charged.csv"
#: Largest difference from torch: in eV, and of logits.
ENERGY, LOGIT = 2e-6, 1e-4


@pytest.fixture(scope="module")
def trained():
    return shipped_weights()


def _spectra(number, seed):
    """Rates and windows of spectra with two lines in each of three regions, some of which are missing."""
    rng = np.random.default_rng(seed)
    offsets = 0.1 * np.arange(288) - 14.35
    rates = np.zeros((number, 3, 288))
    measured = np.zeros(rates.shape, dtype=bool)
    for spectrum in range(number):
        for region in range(3):
            lines = sum(
                height * np.exp(-2.77 * ((offsets - rng.uniform(-5, 5)) / rng.uniform(0.8, 2.0)) ** 2)
                for height in rng.uniform(100, 3000, 2)
            )
            rates[spectrum, region] = rng.poisson(lines + rng.uniform(0, 500))
            if region == 0 or rng.random() < 0.7:
                measured[spectrum, region, rng.integers(0, 90) : rng.integers(180, 288)] = True
    rates *= measured
    return (rates / rates.max()).astype(np.float32), measured, np.array([0, 1, 3])


def _torch_reading(network, rates, measured, level, shift=None):
    with torch.inference_mode():
        seen = region_rows(torch.from_numpy(rates), torch.from_numpy(measured), torch.from_numpy(level))
        return network(seen, None if shift is None else torch.from_numpy(shift))


def _agree(reading, output):
    for name, tolerance in (("shift", ENERGY), ("region_shift", ENERGY), ("region_sigma", ENERGY)):
        np.testing.assert_allclose(getattr(reading, name), getattr(output, name).numpy(), atol=tolerance, rtol=0)
    for name in ("shift_logits", "group_logits", "outside_logit", "material_logits", "line_logits"):
        np.testing.assert_allclose(getattr(reading, name), getattr(output, name).numpy(), atol=LOGIT, rtol=0)


def test_the_shipped_network_in_numpy_gives_what_torch_gives(trained):
    spectra = _spectra(24, 1)
    _agree(trained.single.read(*spectra), _torch_reading(trained.network, *spectra))


def test_groups_at_a_known_shift_are_those_of_torch(trained):
    spectra = _spectra(8, 2)
    # Half of a spectrum's shifts lie between grid points, one moves it off the grid.
    shift = np.array([0.0, 0.1, -3.27, 7.95, 0.05, -12.0, 2.5, 40.0], dtype=np.float32)
    _agree(trained.single.read(*spectra, shift), _torch_reading(trained.network, *spectra, shift))


def test_a_network_of_more_levels_with_materials_gives_what_torch_gives():
    torch.manual_seed(0)
    config = NetworkConfig(
        5,
        288,
        3,
        0.1,
        8.0,
        localiser_width=8,
        classifier_width=12,
        hidden=16,
        dilations=(1, 4),
        materials=2,
        lines=True,
    )
    network = ShiftTransformer(config)
    # Means and variances of their own, lest the normalisations do nothing.
    for name, value in network.state_dict().items():
        if "running" in name:
            value.uniform_(0.5, 1.5)
    network.eval()
    single = NumpyNetwork(config, {name: value.numpy() for name, value in network.state_dict().items()})
    rates, measured, _ = _spectra(6, 3)
    level = np.array([4, 0, 2])
    _agree(single.read(rates, measured, level), _torch_reading(network, rates, measured, level))
    assert single.read(rates, measured, level).line_logits.shape == (measured.any(-1).sum(),)


@pytest.mark.parametrize("seed", range(3))
def test_network_input_is_that_of_torch(seed):
    rates, measured, _ = _spectra(10, seed)
    measured[0] = False
    expected = torch_input(torch.from_numpy(rates), torch.from_numpy(measured)).numpy()
    np.testing.assert_allclose(network_input(rates, measured), expected, atol=2e-6, rtol=1e-5)


def test_a_single_spectrum_is_read_as_in_a_stack(trained):
    rates, measured, level = _spectra(3, 4)
    together = trained.single.read(rates, measured, level)
    alone = trained.single.read(rates[1:2], measured[1:2], level)
    np.testing.assert_allclose(alone.group_logits, together.group_logits[1:2], atol=LOGIT, rtol=0)
    np.testing.assert_allclose(alone.shift, together.shift[1:2], atol=ENERGY, rtol=0)


def test_other_weights_are_read_by_other_networks(trained):
    spectra = _spectra(4, 5)
    changed = {**trained.tensors, "classifier.groups.bias": trained.tensors["classifier.groups.bias"] + 1}
    difference = replace(trained, tensors=changed).single.read(*spectra).group_logits
    np.testing.assert_allclose(difference, trained.single.read(*spectra).group_logits + 1, atol=LOGIT)


def test_a_prefit_of_a_single_spectrum_does_not_import_torch():
    code = f"import sys, xps_stn_plugin as x; x.prefit({str(PMMA)!r}); print(sorted({{'torch'}} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
