"""Answers of the public contract for a spectrum, with given weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np
import xarray as xr

from benchmarks.cases import Array
from xps_prefit_hooks import PrefitError, Seed
from xps_stn_plugin.api import prefit
from xps_stn_plugin.stn import predict as predicting
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

#: Probability above which a group counts as found.
GROUP_THRESHOLD = 0.5
#: Statuses in the order of the tables; "refused" is a spectrum that is turned away with a sentence.
STATUSES = ("ok", "uncertain", "out_of_domain", "refused")

#: Option of benchmarks that compare networks; its value is the argument ``paths``.
WEIGHTS_OPTION = click.option(
    "--weights",
    "paths",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Further weights beside those shipped; several allowed.",
)


@dataclass(frozen=True)
class Answer:
    """Answer to one spectrum; shift and standard error in eV, NaN where there is none.

    Parameters
    ----------
    status : str
        One of `STATUSES`.
    shift, stderr : float
        In eV.
    groups : tuple of str
        Those above `FOUND`.
    named : tuple of str
        Groups after which components are named, where seeds were asked for.
    reasons : tuple of str
        Sentences.
    """

    status: str
    shift: float
    stderr: float
    groups: tuple[str, ...]
    named: tuple[str, ...]
    reasons: tuple[str, ...]


def networks(paths: Sequence[Path]) -> dict[str, TrainedNetwork]:
    """Load networks by name, those shipped first.

    Weights that are there already are passed over; a name that occurs twice is followed by its file's.

    Raises
    ------
    PrefitError
        If a file cannot be read.
    """
    shipped = shipped_weights()
    by_label = {label(shipped): shipped}
    for path in paths:
        trained = load_weights(path)
        if trained.info.sha256 in {network.info.sha256 for network in by_label.values()}:
            continue
        name = label(trained)
        by_label[name if name not in by_label else f"{name} ({path.name})"] = trained
    return by_label


def label(trained: TrainedNetwork) -> str:
    """Name and version of a network."""
    return f"{trained.info.name} {trained.info.version}"


def models_of(trained: Mapping[str, TrainedNetwork]) -> dict[str, dict[str, Any]]:
    """Name, version and checksum of networks, for a record."""
    return {name: asdict(network.info) for name, network in trained.items()}


@contextmanager
def asked_with(trained: TrainedNetwork) -> Iterator[None]:
    """Let the public contract ask the given network."""
    with patch.object(predicting, "shipped", lambda: trained):
        yield


def answered(spectrum: xr.DataTree | Path, seeds: bool = False) -> Answer:
    """Prefit a spectrum; with `seeds` its models are made too, which takes longer."""
    nan = float("nan")
    try:
        result = prefit(spectrum)
        named = _named(result.seeds.values()) if seeds and result.status == "ok" else ()
    except PrefitError as error:
        return Answer("refused", nan, nan, (), (), (str(error),))
    likely_groups = tuple(name for name, value in result.prediction.groups.items() if value > GROUP_THRESHOLD)
    prediction = result.prediction
    return Answer(
        prediction.status, prediction.shift, prediction.shift_stderr, likely_groups, named, tuple(prediction.reasons)
    )


def _named(seeds: Iterable[Seed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(group for seed in seeds for part in seed.components for group in part.groups))


def highest_channel(regions: Mapping[str, Array]) -> float:
    """Energy of the highest C 1s channel in eV; NaN without C 1s."""
    if "C1s" not in regions:
        return float("nan")
    rows = regions["C1s"]
    return float(rows[np.argmax(rows[:, 1]), 0])
