"""Training loop of the compared networks; weights stay in memory."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.studies.networks import Reader, Reading
from xps_stn_plugin.stn.metrics import group_metrics, shift_metrics


@dataclass(frozen=True)
class Batch:
    """Input of shape (n, channels, points), shifts in eV of shape (n,), labels (0 or 1) of shape (n, groups)."""

    channels: Tensor
    shift: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Recipe:
    """Settings of training.

    Parameters
    ----------
    steps, batch_size : int
        Length of training.
    learning_rate, weight_decay : float
        AdamW.
    schedule : {"cosine", "plateau"}
        Warm-up and cosine over all steps; or a tenth of the rate where the validation loss has not fallen for 5 checks,
        and the end after 15 (counted from check 20), with the weights of the best check.
    warmup : int
        Steps of the cosine schedule.
    group_weight : float
        Of the group loss (binary cross entropy) beside the shift loss.
    shift_blur : float
        Standard deviation in eV of the target distribution around the true shift.
    average : float
        Decay of the moving average of the weights; 0 for none.
    precision : {"bfloat16", "float32"}
        Arithmetic in training.
    check_every : int
        Steps between looks at the validation set.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-2
    schedule: Literal["cosine", "plateau"] = "cosine"
    warmup: int = 100
    group_weight: float = 20.0
    shift_blur: float = 0.06
    average: float = 0.998
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    check_every: int = 500


@dataclass(frozen=True)
class Trained:
    """A trained network in evaluation mode, its steps, processor seconds, and the figures of each check."""

    network: Reader
    steps: int
    seconds: float
    history: tuple[dict[str, float], ...]


#: Of the plateau schedule, in checks: rate, stop, first that counts for the stop, and the least fall of the loss.
PLATEAU_PATIENCE, STOP_PATIENCE, STOP_FROM, LEAST_FALL = 5, 15, 20, 1e-4


def loss_of(reading: Reading, batch: Batch, bins: Tensor, recipe: Recipe) -> Tensor:
    """Group loss, and the shift loss that the network asks for: cross entropy over bins, or error of the number.

    Notes
    -----
    The error of a number is the mean of smooth L1 with 0.1 eV as its knee, over rounds, in units of 0.2 eV: about as
    large as the cross entropy at the same error.
    """
    loss = recipe.group_weight * functional.binary_cross_entropy_with_logits(reading.group_logits, batch.labels)
    if reading.shift_logits is not None:
        distance = (bins[None, :] - batch.shift[:, None]) / recipe.shift_blur
        loss = loss + functional.cross_entropy(reading.shift_logits, torch.softmax(-0.5 * distance**2, dim=-1))
    for shift in reading.rounds:
        loss = loss + functional.smooth_l1_loss(shift, batch.shift, beta=0.1) / (0.2 * len(reading.rounds))
    return loss


def train(
    network: Reader,
    draw: Callable[[int], Batch],
    recipe: Recipe,
    seed: int,
    validation: Callable[[], Iterable[Batch]],
    report: Callable[[dict[str, float]], None] = lambda figures: None,
) -> Trained:
    """Train `network` in place.

    Parameters
    ----------
    network : Reader
        With its start values.
    draw : callable
        Batch of a step.
    recipe : Recipe
        How.
    seed : int
        Of dropout.
    validation : callable
        Batches that are looked at every `check_every` steps and at the end.
    report : callable
        Receives the figures of every check.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    plateau = recipe.schedule == "plateau"
    reduce = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=PLATEAU_PATIENCE)
    average = copy.deepcopy(network).requires_grad_(False) if recipe.average else network
    lowest_loss, best_state, checks_without_gain = math.inf, copy.deepcopy(network.state_dict()), 0
    history: list[dict[str, float]] = []
    seconds, step = 0.0, 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        while step < recipe.steps:
            start = time.process_time()
            if not plateau:
                for group in optimizer.param_groups:
                    group["lr"] = recipe.learning_rate * _cosine(step, recipe)
            batch = draw(step)
            network.train()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                reading = network(batch.channels)
            loss = loss_of(reading, batch, network.shift_bins, recipe)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            if recipe.average:
                _follow(average, network, min(recipe.average, (1 + step) / (10 + step)))
            seconds += time.process_time() - start
            if step % recipe.check_every and step < recipe.steps:
                continue
            figures = {"step": float(step), "seconds": round(seconds, 1), "loss": float(loss.detach())}
            figures |= _checked(average, validation(), recipe)
            history.append(figures)
            report(figures)
            if plateau:
                reduce.step(figures["validation_loss"])
                if figures["validation_loss"] < lowest_loss - LEAST_FALL:
                    lowest_loss, best_state, checks_without_gain = (
                        figures["validation_loss"],
                        copy.deepcopy(network.state_dict()),
                        0,
                    )
                else:
                    checks_without_gain += 1
                if len(history) > STOP_FROM and checks_without_gain >= STOP_PATIENCE:
                    break
    if plateau:
        network.load_state_dict(best_state)
    return Trained(average.eval(), step, seconds, tuple(history))


def _cosine(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / max(recipe.steps - recipe.warmup, 1)
    return 0.5 * (1 + math.cos(math.pi * progress)) + 1e-3


def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for weight, parameter in zip(average.parameters(), network.parameters(), strict=True):
            weight.lerp_(parameter, 1 - decay)
        for mean, value in zip(average.buffers(), network.buffers(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


@dataclass(frozen=True)
class Answers:
    """Answers of a network to a set.

    Parameters
    ----------
    shift : ndarray of shape (n,) or None
        In eV; None for a network that gives none.
    true_shift : ndarray, shape (n,)
        In eV.
    probability : ndarray, shape (n, groups)
        Of each group.
    true : ndarray of bool, shape (n, groups)
        The labels.
    """

    shift: NDArray[np.float64] | None
    true_shift: NDArray[np.float64]
    probability: NDArray[np.float64]
    true: NDArray[np.bool_]

    @property
    def offset(self) -> float:
        """Median of predicted minus true shift in eV; 0 without a shift."""
        return 0.0 if self.shift is None else float(np.median(self.shift - self.true_shift))

    def figures(self, offset: float = 0.0, columns: NDArray[np.bool_] | None = None) -> dict[str, float]:
        """Error of the shift (if any) less `offset` in eV, and figures of the groups, or of some `columns` of them."""
        chosen = slice(None) if columns is None else columns
        groups = asdict(group_metrics(self.probability[:, chosen] > 0.5, self.true[:, chosen]))
        if self.shift is None:
            return groups
        shift = asdict(shift_metrics(self.shift - self.true_shift - offset))
        return {f"shift_{name}": value for name, value in shift.items()} | groups


def answers(network: Reader, batches: Iterable[Batch]) -> Answers:
    """Ask a network, in full precision."""
    return _answers_of(network, batches, None)[0]


def _answers_of(network: Reader, batches: Iterable[Batch], recipe: Recipe | None) -> tuple[Answers, float]:
    """Answers, and the mean loss where a recipe defines it."""
    shift, probability, true_shift, true, losses = [], [], [], [], []
    network.eval()
    with torch.inference_mode():
        for batch in batches:
            reading = network(batch.channels)
            if recipe is not None:
                losses.append(float(loss_of(reading, batch, network.shift_bins, recipe)))
            if reading.shift is not None:
                shift.append(reading.shift.double().numpy())
            probability.append(reading.group_logits.double().sigmoid().numpy())
            true_shift.append(batch.shift.double().numpy())
            true.append(batch.labels.numpy() > 0.5)
    set_answers = Answers(
        np.concatenate(shift) if shift else None,
        np.concatenate(true_shift),
        np.concatenate(probability),
        np.concatenate(true),
    )
    return set_answers, float(np.mean(losses)) if losses else 0.0


def _checked(network: Reader, batches: Iterable[Batch], recipe: Recipe) -> dict[str, float]:
    set_answers, loss = _answers_of(network, batches, recipe)
    figures = set_answers.figures(set_answers.offset)
    chosen = {"loss": loss, "exact": figures["exact"], "micro_f1": figures["micro_f1"]}
    if set_answers.shift is not None:
        chosen |= {"shift_median": figures["shift_median"], "shift_offset": set_answers.offset}
    return {f"validation_{name}": value for name, value in chosen.items()}
