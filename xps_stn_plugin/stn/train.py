"""Training on the simulator, drawn anew for each batch; resumable at any checkpoint."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress, TextColumn

from xps_prefit_hooks import PrefitError

from .._util.files import check_target, write_whole
from ..chemistry.groups import group_names
from ..core.grid import Grid
from ..simulate.compounds import material_names
from ..simulate.drawing import ahead, build_simulator
from ..simulate.samples import SampleBatch, SampleSimulator, sample_grid
from .calibration import Calibration, FloatArray, calibrate, spread_of
from .metrics import group_metrics, shift_metrics
from .network import ShiftTransformer
from .network_config import NetworkConfig
from .training_config import TrainingConfig
from .training_loss import Batch, loss_of, to_device
from .weights import Tensors, load_weights, save_weights
from .weights_layout import grown

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
_LOG_HEAD = b'{"step": '


def train(
    config_path: Path,
    out: Path,
    resume: bool = False,
    device: str | None = None,
    start_from: Path | None = None,
    *,
    overwrite: bool = False,
    finish: bool = False,
) -> Path:
    """Train a network.

    Parameters
    ----------
    config_path : Path
        TOML with the tables ``training`` and ``simulation``.
    out : Path
        Folder for checkpoint, log (JSON lines) and weights.
    resume : bool
        Go on from the checkpoint in `out`, with the same result as an undisturbed run on the same machine.
    device : str or None
        torch device; by default CUDA where there is one.
    start_from : Path or None
        Weights (.safetensors) to go on from instead of random ones; a resumed run goes on from its checkpoint.
    overwrite : bool
        Whether log and weights of other programs are replaced in `out`; never a checkpoint.
    finish : bool
        Calibrate and write the weights of the last checkpoint without a further step; it can be resumed later.

    Returns
    -------
    Path
        The weights.

    Raises
    ------
    PrefitError
        For a wrong configuration or device, a missing or foreign checkpoint, a folder that holds another run, or
        weights of a network of another size.
    """
    resume = resume or finish
    config = TrainingConfig.load(config_path)
    where = _device(device)
    first = None if start_from is None or resume else _first_weights(start_from, config)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / CHECKPOINT
    if checkpoint.exists() and not resume:
        raise PrefitError(
            str(out), "the folder holds a checkpoint of an earlier run; resume it or name another folder."
        )
    if resume and not checkpoint.exists():
        raise PrefitError(str(out), "there is no checkpoint to resume from.")
    weights = out / f"{config.name}.safetensors"
    # Said now rather than after the training.
    check_target(weights, overwrite=overwrite, inputs=[config_path])
    _make_room_for_log(out / LOG, overwrite, config_path)

    columns = (*Progress.get_default_columns(), TextColumn("{task.fields[state]}"))
    with Progress(*columns) as progress:
        structures = progress.add_task("structures and their lines", total=None, state="")
        simulator = SampleSimulator.of(
            build_simulator(
                config.simulation,
                lambda done, total: progress.update(structures, completed=done, total=total),
                cache=out,
            )
        )
        grid = simulator.grid
        run = _Run.start(config, grid, where, first)
        if resume:
            run.load(checkpoint)
        validation = simulator.draw(config.validation_size, np.random.default_rng([config.seed, 2**32 - 1]))
        state = ""
        task = progress.add_task("training", total=config.steps, completed=run.step, state=state)
        last = run.step if finish else config.steps
        for batch in _batches(simulator, config, range(run.step, last), where):
            loss = run.advance(batch)
            if run.step % 20 == 0:
                state = f"loss {loss:.3f}"
            if run.step % config.validation_every == 0 or run.step == config.steps:
                figures = {"step": run.step, "loss": loss, **_validate(run.average, validation, where)}
                with (out / LOG).open("a", encoding="utf-8") as log:
                    log.write(json.dumps({**figures, "seconds": round(run.seconds, 1)}) + "\n")
                state = f"shift {figures['shift_median']:.3f} eV, exact {figures['exact']:.3f}"
            if run.step % config.checkpoint_every == 0 or run.step == config.steps:
                run.save(checkpoint)
            progress.update(task, completed=run.step, state=state)
        calibration = _calibrate(run.average, simulator, config, where)
    save_weights(
        weights,
        run.average,
        name=config.name,
        version=config.version,
        groups=group_names(),
        grid=grid,
        calibration=calibration,
        materials=material_names() if config.simulation.whole_share else (),
        overwrite=overwrite,
    )
    return weights


def _make_room_for_log(path: Path, overwrite: bool, config_path: Path) -> None:
    """Let a log of an earlier run be continued; take away another file only where the user says so."""
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            if file.read(len(_LOG_HEAD)) in (_LOG_HEAD, b""):
                return
    check_target(path, overwrite=overwrite, inputs=[config_path])
    path.unlink(missing_ok=True)


class _Run:
    """Network, its moving average and the optimiser, as they change."""

    def __init__(self, config: TrainingConfig, network: ShiftTransformer, device: torch.device) -> None:
        self.config = config
        self.device = device
        self.network = network.to(device)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.step = 0
        self.seconds = 0.0

    @classmethod
    def start(
        cls, config: TrainingConfig, grid: Grid, device: torch.device, first: _FirstWeights | None = None
    ) -> _Run:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = ShiftTransformer(_size(config, grid))
        if first is not None:
            fresh = {name: value.numpy() for name, value in network.state_dict().items()}
            tensors = grown(first.tensors, fresh, first.levels, len(grid.regions))
            network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
        return cls(config, network, device)

    def advance(self, batch: Batch) -> float:
        """One step; returns the loss."""
        begun = time.perf_counter()
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule(self.step, config)
        self.network.train()
        half = config.precision == "bfloat16"
        # Dropout alone draws from torch's generator; seeded by step, a resumed run repeats it.
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(config.seed * 1_000_003 + self.step)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
                output = self.network(batch.seen)
        loss = loss_of(output, batch, self.network.shift_bins, config)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self._follow()
        self.seconds += time.perf_counter() - begun
        return float(loss.detach())

    def _follow(self) -> None:
        """Move the average towards the network; faster at the beginning."""
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(value)

    def save(self, path: Path) -> None:
        state = {
            "config": json.dumps(self.config.as_dict(), sort_keys=True),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        # It is new, or was loaded.
        write_whole(path, lambda temporary: torch.save(state, temporary), overwrite=True)

    def load(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            if state["config"] != json.dumps(self.config.as_dict(), sort_keys=True):
                raise PrefitError(str(path), "the checkpoint was made with another configuration; name another folder.")
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = int(state["step"]), float(state["seconds"])
        except PrefitError:
            raise
        # PyTorch and its unpickler raise all kinds of errors where a file is damaged.
        except Exception as error:
            message = f"the checkpoint is damaged ({type(error).__name__}); remove it to start again."
            raise PrefitError(str(path), message) from error


def _grid(config: TrainingConfig) -> Grid:
    return sample_grid() if config.simulation.whole_share else Grid()


def _size(config: TrainingConfig, grid: Grid) -> NetworkConfig:
    whole = bool(config.simulation.whole_share)
    return NetworkConfig(
        regions=len(grid.regions),
        points=grid.points,
        groups=len(group_names()),
        step=grid.step,
        max_shift=config.max_shift,
        localiser_width=config.localiser_width,
        classifier_width=config.classifier_width,
        hidden=config.hidden,
        dropout=config.dropout,
        materials=len(material_names()) if whole else 0,
        lines=whole,
    )


@dataclass(frozen=True)
class _FirstWeights:
    """Tensors of a network to go on from, and how many core levels it knows."""

    tensors: Tensors
    levels: int


def _first_weights(path: Path, config: TrainingConfig) -> _FirstWeights:
    """Read weights to go on from, of a network of the same size; it may know fewer core levels and materials."""
    trained = load_weights(path)
    grid = _grid(config)
    theirs, ours = asdict(trained.config), asdict(_size(config, grid))
    # Dropout has no weights; core levels, materials and lines can be added.
    free = {"dropout", "regions", "materials", "lines"}
    unlike = [name for name in ours if name not in free and theirs[name] != ours[name]]
    if unlike:
        named = ", ".join(f"{name} {theirs[name]} instead of {ours[name]}" for name in unlike)
        raise PrefitError(str(path), f"the weights are of another network ({named}); change the configuration.")
    if trained.groups != group_names():
        raise PrefitError(str(path), "the weights name other functional groups; train from the start.")
    levels = trained.grid.regions
    if levels != grid.regions[: len(levels)] or not np.array_equal(trained.grid.centres, grid.centres[: len(levels)]):
        raise PrefitError(str(path), "the weights know other core levels than the configuration; train from the start.")
    return _FirstWeights(trained.tensors, len(levels))


def _device(name: str | None) -> torch.device:
    """Device by name; without one CUDA where there is one, else the CPU."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise PrefitError(name, "this device is not available to torch here; use cpu.") from error
    return device


def _schedule(step: int, config: TrainingConfig) -> float:
    if step < config.warmup:
        return (step + 1) / config.warmup
    done = (step - config.warmup) / max(config.steps - config.warmup, 1)
    return 0.5 * (1 + math.cos(math.pi * done)) + 1e-3


def _batches(simulator: SampleSimulator, config: TrainingConfig, steps: range, device: torch.device) -> Iterator[Batch]:
    """Batches of some steps, drawn ahead by threads; batch k depends on (seed, k) alone."""

    def draw(step: int) -> SampleBatch:
        return simulator.draw(config.batch_size, np.random.default_rng([config.seed, step]))

    # Half of the cores: the network has the others.
    for drawn in ahead(draw, steps, (os.cpu_count() or 1) // 2):
        yield to_device(drawn, device)


@dataclass(frozen=True)
class _Answers:
    """What a network says about drawn spectra, as arrays on the CPU."""

    shift: FloatArray
    posterior: FloatArray
    group_logits: FloatArray
    outside_logit: FloatArray
    material_logits: FloatArray


def _ask(network: ShiftTransformer, drawn: SampleBatch, device: torch.device) -> _Answers:
    network.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(drawn.shift), 512):
            output = network(to_device(drawn.rows(slice(start, start + 512)), device).seen)
            posterior = output.shift_logits.double().softmax(-1)
            parts.append((output.shift, posterior, output.group_logits, output.outside_logit, output.material_logits))
    return _Answers(*(torch.cat(values).double().cpu().numpy() for values in zip(*parts, strict=True)))


def _validate(network: ShiftTransformer, drawn: SampleBatch, device: torch.device) -> dict[str, float]:
    answers = _ask(network, drawn, device)
    inside = ~drawn.outside
    shift = asdict(shift_metrics((answers.shift - drawn.shift)[inside]))
    groups = asdict(group_metrics((answers.group_logits > 0)[inside], drawn.labels[inside]))
    called = answers.outside_logit > 0
    figures = {f"shift_{name}": shift[name] for name in ("median", "p95", "bias")}
    if (whole := inside & drawn.has_materials).any():
        metrics = shift_metrics((answers.shift - drawn.shift)[whole])
        figures |= {"whole_median": metrics.median, "whole_p95": metrics.p95}
        told = group_metrics((answers.material_logits > 0)[whole], drawn.materials[whole])
        figures |= {"materials_exact": told.exact, "materials_f1": told.micro_f1}
        nine = inside & ~drawn.has_materials
        metrics = shift_metrics((answers.shift - drawn.shift)[nine])
        figures |= {"nine_median": metrics.median, "nine_p95": metrics.p95}
        figures["nine_exact"] = group_metrics((answers.group_logits > 0)[nine], drawn.labels[nine]).exact
    return {
        **figures,
        **groups,
        "outside_found": float(called[drawn.outside].mean()),
        "outside_false": float(called[inside].mean()),
    }


def _calibrate(
    network: ShiftTransformer, simulator: SampleSimulator, config: TrainingConfig, device: torch.device
) -> Calibration:
    """Calibrate on spectra that were drawn for nothing else."""
    drawn = simulator.draw(config.calibration_size, np.random.default_rng([config.seed, 2**32 - 2]))
    answers = _ask(network, drawn, device)
    bins = network.shift_bins.double().cpu().numpy()
    spread = spread_of(answers.posterior, bins, answers.shift, config.shift_blur)
    inside = ~drawn.outside
    return calibrate(
        config.shift_blur,
        spread[inside],
        (answers.shift[:, None] - drawn.domain_shift)[inside],
        answers.group_logits[inside],
        drawn.labels[inside],
        answers.outside_logit[inside],
        share=drawn.domain_share[inside],
    )
