import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.stn.train import CHECKPOINT, train
from xps_stn_plugin.stn.training_config import TrainingConfig
from xps_stn_plugin.stn.training_loss import shift_target
from xps_stn_plugin.stn.weights import load_weights

SHIPPED = Path(__file__).parent.parent / "weights" / "xps_stn_weights" / "prefit-2.1.toml"


@pytest.fixture
def tiny(tmp_path):
    """The committed configuration, made small."""
    changes = {
        "steps": "6", "batch_size": "16", "validation_size": "32",
        "calibration_size": "64", "validation_every": "3", "checkpoint_every": "3",
        "localiser_width": "8", "classifier_width": "8", "hidden": "16", "generated_structures": "40",
        "precision": '"float32"', "name": '"tiny"',
    }  # fmt: skip
    lines = []
    for line in SHIPPED.read_text().splitlines():
        key = line.split(" = ")[0]
        lines.append(f"{key} = {changes[key]}" if key in changes else line)
    path = tmp_path / "tiny.toml"
    path.write_text("\n".join(lines))
    return path


def test_the_committed_configuration_is_complete():
    assert TrainingConfig.load(SHIPPED).simulation.shift_range == (-8.0, 8.0)


@pytest.mark.parametrize(("text", "word"), [("", r"\[training\]"), ("[training]\nname='x'\n[simulation]\n", "missing")])
def test_a_wrong_configuration_gets_one_sentence(tmp_path, text, word):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(PrefitError, match=word):
        TrainingConfig.load(path)


@pytest.mark.slow
def test_a_resumed_run_gives_the_same_weights(tiny, tmp_path, monkeypatch):
    straight = train(tiny, tmp_path / "straight", device="cpu")
    # Weights of the last checkpoint of a finished run are the finished ones.
    again = load_weights(train(tiny, tmp_path / "straight", device="cpu", finish=True))
    assert again.info == load_weights(straight).info

    import xps_stn_plugin.stn.train as module

    def stop(self, path):
        save(self, path)
        raise KeyboardInterrupt

    save = module._Run.save
    monkeypatch.setattr(module._Run, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path / "broken", device="cpu")
    monkeypatch.setattr(module._Run, "save", save)
    resumed = train(tiny, tmp_path / "broken", resume=True, device="cpu")
    for one, two in zip(*(safetensors.torch.load_file(path).values() for path in (straight, resumed)), strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-5)
    log = [json.loads(line) for line in (tmp_path / "straight" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [3, 6]
    assert all(np.isfinite(row["shift_median"]) for row in log)
    loaded = load_weights(straight)
    assert loaded.info.name == "tiny"
    assert loaded.calibration.stderr[-1] > 0
    with pytest.raises(PrefitError, match="earlier run"):
        train(tiny, tmp_path / "straight", device="cpu")
    tiny.write_text(tiny.read_text().replace("steps = 6", "steps = 7"))
    with pytest.raises(PrefitError, match="another configuration"):
        train(tiny, tmp_path / "straight", resume=True, device="cpu")


@pytest.mark.slow
def test_training_goes_on_from_weights(tiny, tmp_path):
    first = train(tiny, tmp_path / "first", device="cpu")
    again = tmp_path / "again.toml"
    again.write_text(re.sub(r"learning_rate = .*", "learning_rate = 0.0", tiny.read_text()))
    second = train(again, tmp_path / "second", device="cpu", start_from=first)
    one, two = (safetensors.torch.load_file(path) for path in (first, second))
    learnt = [name for name, value in one.items() if value.is_floating_point() and "running" not in name]
    assert len(learnt) > 20
    # Without a learning rate the weights stay where they were put.
    for name in learnt:
        torch.testing.assert_close(two[name], one[name], atol=0, rtol=0)


@pytest.mark.slow
def test_a_network_of_all_core_levels_goes_on_from_one_of_nine(tmp_path):
    shipped = SHIPPED.with_name("prefit-2.1.safetensors")
    changes = {
        "steps": "2", "batch_size": "32", "validation_size": "64", "calibration_size": "96", "validation_every": "2",
        "checkpoint_every": "2", "generated_structures": "40", "precision": '"float32"', "name": '"tiny"',
    }  # fmt: skip
    lines = []
    for line in SHIPPED.with_name("prefit-3.toml").read_text().splitlines():
        key = line.split(" = ")[0]
        lines.append(f"{key} = {changes[key]}" if key in changes else line)
    path = tmp_path / "tiny.toml"
    path.write_text("\n".join(lines))
    trained = load_weights(train(path, tmp_path / "out", device="cpu", start_from=shipped))
    assert trained.grid.regions[:9] == load_weights(shipped).grid.regions
    assert "Fe2p" in trained.grid.regions
    assert "oxide" in trained.materials
    (row,) = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    # Two steps of small batches leave much of what the shipped weights know.
    assert row["nine_median"] < 0.15
    assert np.isfinite(row["whole_median"])
    assert 0 <= row["materials_f1"] <= 1
    assert list((tmp_path / "out").glob("library-*.npz"))


def test_weights_of_another_size_are_refused(tiny, tmp_path):
    shipped = SHIPPED.with_name("prefit-2.1.safetensors")
    with pytest.raises(PrefitError, match="localiser_width 64 instead of 8"):
        train(tiny, tmp_path / "x", device="cpu", start_from=shipped)
    assert not (tmp_path / "x").exists()


def test_an_unevenly_charged_sample_is_taught_as_wide_as_it_is():
    bins = torch.linspace(-7.95, 7.95, 160)
    shift = torch.tensor([[-0.5, 0.5], [1.0, 0.0]])
    target = shift_target(bins, shift, torch.tensor([[0.3, 0.7], [1.0, 0.0]]), 0.06)
    torch.testing.assert_close(target.sum(-1), torch.ones(2))
    mean = (target * bins).sum(-1)
    torch.testing.assert_close(mean, torch.tensor([0.2, 1.0]), atol=2e-3, rtol=0)
    spread = ((target * (bins - mean[:, None]) ** 2).sum(-1)).sqrt()
    # Two domains: the square root of p (1 - p) times their distance
    torch.testing.assert_close(spread, torch.tensor([0.21**0.5, 0.0]), atol=0.07, rtol=0)


def test_there_must_be_something_to_resume(tiny, tmp_path):
    with pytest.raises(PrefitError, match="no checkpoint"):
        train(tiny, tmp_path / "none", resume=True, device="cpu")


def test_an_absent_device_is_one_sentence(tiny, tmp_path):
    with pytest.raises(PrefitError, match="not available"):
        train(tiny, tmp_path / "x", device="nonsense")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04", pickle.dumps({"config": "x"}), pickle.dumps(Path)])
def test_train_resume_of_a_damaged_checkpoint_is_one_sentence(tiny, tmp_path, content):
    out = tmp_path / "out"
    out.mkdir()
    (out / CHECKPOINT).write_bytes(content)
    with pytest.raises(PrefitError, match=r"the checkpoint is damaged \(\w+\); remove it to start again"):
        train(tiny, out, resume=True, device="cpu")
