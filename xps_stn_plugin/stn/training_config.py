"""One committed TOML file holds everything that a training run needs."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from .._util.toml import check_entries, read_tables
from ..simulate.config import SimulationConfig


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Parameters
    ----------
    name, version : str
        Identity of the weights.
    seed : int
        Start of the network's weights and of every batch; batch k is drawn from (seed, k).
    steps, batch_size : int
        Length of training.
    learning_rate, weight_decay : float
        AdamW; the rate rises over `warmup` steps and falls along a cosine.
    warmup : int
        Steps.
    group_weight : float
        Weight of the group loss (binary cross entropy, mean over groups) beside the shift loss (cross entropy, nats).
    outside_weight : float
        Weight of the loss of the verdict "outside" (binary cross entropy, nats).
    region_weight : float
        Weight of the loss of differential charging (Gaussian likelihood, nats).
    shift_blur : float
        Standard deviation in eV of the target distribution around the true shift.
    average : float
        Decay of the exponential moving average of the weights, which is what is validated and shipped.
    precision : {"bfloat16", "float32"}
        Arithmetic of the convolutions in training.
    validation_size, validation_every, checkpoint_every : int
        Spectra, steps, steps.
    calibration_size : int
        Spectra on which error bars and probabilities are calibrated after the last step.
    max_shift : float
        Reach of the shift distribution in eV.
    localiser_width, classifier_width, hidden : int
        Size of the network.
    dropout : float
        In the classifier.
    simulation : SimulationConfig
        What is drawn.
    material_weight : float
        Weight of the losses of materials and of lines of regions, for a network of whole samples.
    """

    name: str
    version: str
    seed: int
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup: int
    group_weight: float
    outside_weight: float
    region_weight: float
    shift_blur: float
    average: float
    precision: Literal["bfloat16", "float32"]
    validation_size: int
    calibration_size: int
    validation_every: int
    checkpoint_every: int
    max_shift: float
    localiser_width: int
    classifier_width: int
    hidden: int
    dropout: float
    simulation: SimulationConfig
    material_weight: float = 0.0

    @classmethod
    def load(cls, path: Path) -> TrainingConfig:
        """Read a TOML file with the tables ``training`` and ``simulation``.

        Raises
        ------
        PrefitError
            If the file cannot be read or an entry is unknown or missing.
        """
        tables = read_tables(path, "training", "simulation")
        given = tables["training"]
        names = {field.name for field in fields(cls) if field.default is MISSING or field.name in given} - {
            "simulation"
        }
        check_entries(str(path), "training", given, names, "the configurations beside the weights")
        simulation = SimulationConfig.from_mapping(str(path), tables["simulation"])
        return cls(**given, simulation=simulation)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the record."""
        return asdict(self)
