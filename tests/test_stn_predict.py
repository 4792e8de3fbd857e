from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from xps_prefit_hooks import ModelInfo, PrefitError
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.calibration import Calibration
from xps_stn_plugin.stn.network import ShiftTransformer
from xps_stn_plugin.stn.network_config import NetworkConfig
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, save_weights, shipped_weights
from xps_stn_plugin.stn.weights_layout import grown

CALIBRATION = Calibration(0.06, (0.05, 0.5), (0.05, 0.4), 1.1, -0.1, 0.3)


@pytest.fixture(scope="module")
def trained():
    return shipped_weights()


def _region(name, lines, low, high, level=200.0, seed=0, **attrs):
    energy = np.arange(low, high, 0.1)
    curve = level + 0 * energy + sum(area * pseudo_voigt(energy, centre, 1.2, 0.2) for centre, area in lines)
    return region_dataset(
        "test", energy, np.random.default_rng(seed).poisson(curve), region=name, intensity="counts", **attrs
    )


def _pmma(shift=0.0, **attrs):
    carbon = [(285.05, 4000), (285.75, 2000), (286.85, 2000), (289.05, 2000)]
    oxygen = [(532.2, 5860), (533.75, 5860)]
    return {
        "C1s": _region("C1s", [(e + shift, a) for e, a in carbon], 278 + shift, 296 + shift, **attrs),
        "O1s": _region("O1s", [(e + shift, a) for e, a in oxygen], 526 + shift, 541 + shift, seed=1, **attrs),
    }


@pytest.mark.parametrize("shift", [-5.0, -1.3, 0.0, 2.71, 5.0])
def test_shift_and_groups_of_an_ester(trained, shift):
    prediction = predict_with(trained, spectrum_tree("test", _pmma(shift)))
    assert prediction.shift == pytest.approx(shift, abs=0.2)
    assert prediction.status == "ok"
    assert {name for name, p in prediction.groups.items() if p > 0.5} == {"alkane", "ester (aliphatic)"}
    assert set(prediction.region_shifts) == {"C1s", "O1s"}
    assert prediction.region_shifts["C1s"].disagreement == pytest.approx(
        prediction.region_shifts["C1s"].value - prediction.shift
    )


def test_the_times_that_regions_took_do_not_matter(trained):
    even, uneven = _pmma(1.0, dwell_time=0.1, scans=10), _pmma(1.0, dwell_time=0.1, scans=10)
    uneven["O1s"] = uneven["O1s"].assign(counts=uneven["O1s"]["counts"] * 7).assign_attrs(scans=70)
    first, second = (predict_with(trained, spectrum_tree("test", regions)) for regions in (even, uneven))
    assert first.shift == pytest.approx(second.shift, abs=1e-4)
    assert first.groups == pytest.approx(second.groups, abs=1e-3)


def test_differential_charging_shows_in_the_region_that_has_it(trained):
    seen = []
    for apart in (-0.4, 0.0, 0.4):
        regions = _pmma(1.0)
        oxygen = regions["O1s"]
        regions["O1s"] = oxygen.assign_coords(binding_energy=oxygen["binding_energy"] + apart)
        prediction = predict_with(trained, spectrum_tree("test", regions))
        assert prediction.region_shifts["C1s"].disagreement == 0.0
        seen.append(prediction.region_shifts["O1s"].disagreement)
    # an expectation, drawn towards none: of the right sign, smaller than what is there
    assert seen[0] < -0.03 < seen[1] < 0.05 < seen[2]
    assert abs(seen[0]) < 0.4
    assert abs(seen[2]) < 0.4


def test_one_featureless_line_is_uncertain_and_says_why(trained):
    spectrum = spectrum_tree("test", {"C1s": _region("C1s", [(286.5, 20_000)], 279, 295)})
    prediction = predict_with(trained, spectrum)
    assert prediction.status == "uncertain"
    assert any("only one line, without features" in reason for reason in prediction.reasons)


def test_groups_are_read_at_a_known_shift(trained):
    line = spectrum_tree("test", {"C1s": _region("C1s", [(288.5, 20_000)], 278, 298)})
    high, low = (predict_with(trained, line, shift) for shift in (2.0, 3.5))
    assert (high.shift, low.shift) == (2.0, 3.5)
    assert high.region_shifts["C1s"].value == 2.0
    # A single C 1s line is read as an oxidised surface as well, so that the probability of ether itself is low.
    assert high.groups["ether (aliphatic)"] > 3 * low.groups["ether (aliphatic)"]
    assert low.groups["alkene"] > 0.15 > high.groups["alkene"]


def test_an_oxide_alone_is_out_of_domain(trained):
    lines = [(530.0, 20_000), (531.6, 6000)]
    prediction = predict_with(trained, spectrum_tree("test", {"O1s": _region("O1s", lines, 524, 540)}))
    assert prediction.status != "ok"


def test_no_known_region_gives_no_shift(trained):
    prediction = predict_with(trained, spectrum_tree("test", {"Fe2p": _region("Fe2p", [(711, 500)], 700, 730)}))
    assert np.isnan(prediction.shift)
    assert prediction.status == "out_of_domain"
    assert "Fe2p" in prediction.reasons[0]


def test_noise_is_out_of_domain(trained):
    prediction = predict_with(trained, spectrum_tree("test", {"C1s": _region("C1s", [], 280, 295)}))
    assert prediction.status == "out_of_domain"
    assert np.isnan(prediction.shift)
    assert "noise in C1s" in prediction.reasons[0]


def test_repeated_regions_are_named_and_the_first_is_read(trained):
    regions = _pmma(1.0)
    regions["C1s_2"] = _region("C1s", [(300, 1000)], 280, 310)
    alone, both = (
        predict_with(trained, spectrum_tree("test", _pmma(1.0))),
        predict_with(trained, spectrum_tree("test", regions)),
    )
    assert both.shift == pytest.approx(alone.shift)
    assert any("C1s_2" in reason for reason in both.reasons)


def test_a_region_outside_the_window_is_named(trained):
    regions = {**_pmma(), "N1s": region_dataset("test", np.arange(600, 610, 0.1), np.arange(100.0), region="N1s")}
    assert any("N1s" in r and "outside" in r for r in predict_with(trained, spectrum_tree("test", regions)).reasons)


def test_a_stack_is_refused_in_one_sentence(trained):
    data = _pmma()["C1s"]
    stack = xr.concat([data, data], "level").transpose("level", "binding_energy")
    with pytest.raises(PrefitError, match="stack"):
        predict_with(trained, spectrum_tree("test", {"C1s": stack}))


def test_weights_round_trip(tmp_path):
    torch.manual_seed(0)
    grid = Grid()
    size = NetworkConfig(9, grid.points, len(group_names()), grid.step, 8.0, localiser_width=8, classifier_width=8)
    network = ShiftTransformer(size).eval()
    path = tmp_path / "w.safetensors"
    save_weights(path, network, name="n", version="v", groups=group_names(), grid=grid, calibration=CALIBRATION)
    loaded = load_weights(path)
    assert isinstance(loaded, TrainedNetwork)
    assert loaded.info == ModelInfo("n", "v", loaded.info.sha256)
    assert loaded.groups == group_names()
    assert loaded.calibration == CALIBRATION
    channels = torch.rand(2, 27, grid.points)
    with torch.no_grad():
        torch.testing.assert_close(loaded.network(channels).group_logits, network(channels).group_logits)


@pytest.mark.parametrize("damage", ["missing", "rubbish", "foreign", "truncated"])
def test_broken_weights_get_one_sentence(tmp_path, damage):
    import safetensors.torch

    path = tmp_path / "w.safetensors"
    if damage == "rubbish":
        path.write_bytes(b"not weights at all")
    elif damage == "foreign":
        safetensors.torch.save_file({"x": torch.zeros(2)}, path)
    elif damage == "truncated":
        safetensors.torch.save_file({"x": torch.zeros(200)}, path)
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PrefitError) as caught:
        load_weights(path)
    assert str(path) in str(caught.value)


def test_a_network_of_more_levels_reads_regions_that_the_shipped_one_leaves_out():
    shipped = shipped_weights()
    grid = Grid(levels=(*zip(shipped.grid.regions, shipped.grid.centres.tolist(), strict=True), ("Ti2p", 460.5)))
    config = replace(shipped.config, regions=10, materials=2, lines=True)
    torch.manual_seed(0)
    fresh = {name: value.numpy() for name, value in ShiftTransformer(config).state_dict().items()}
    tensors = grown(shipped.tensors, fresh, 9, 10)
    larger = replace(shipped, config=config, tensors=tensors, grid=grid, materials=("metal", "oxide"))
    energy = np.arange(450.0, 474.0, 0.1)
    titanium = region_dataset("test", energy, 200 + 3000 * np.exp(-((energy - 459.0) ** 2)), region="Ti2p")
    organic = spectrum_tree("test", _pmma())
    tree = spectrum_tree("test", {**_pmma(), "Ti2p": titanium})
    assert predict_with(shipped, tree).regions_read == ("C1s", "O1s")
    assert predict_with(larger, tree).regions_read == ("C1s", "O1s", "Ti2p")
    # Where the region is missing, nothing changes.
    assert predict_with(larger, organic).shift == pytest.approx(predict_with(shipped, organic).shift, abs=1e-5)
    alone = predict_with(larger, spectrum_tree("test", {"Ti2p": titanium}))
    assert np.isfinite(alone.shift)
    assert set(alone.region_shifts) <= {"Ti2p"}
    # It tells classes of materials, and which elements the regions show.
    assert set(alone.materials) == {"metal", "oxide"}
    assert set(alone.elements) == {"Ti"}
    assert set(predict_with(larger, tree).elements) == {"C", "O", "Ti"}
    assert all(0 <= value <= 1 for value in (*alone.materials.values(), *alone.elements.values()))
    assert predict_with(shipped, tree).materials == predict_with(shipped, tree).elements == {}
