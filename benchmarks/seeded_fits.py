"""Seeded fits of the measured polymers, beside one `guess`-started pseudo-Voigt in the same run.

``python -m benchmarks seeded_fits --data ../shared/measured [--shift-error 0.1] [--wrong-groups] [--json PATH]``
``python -m benchmarks seeded_fits --data ../shared/measured --network 3``

Groups are those of ``groups.csv`` with probability 0.98, the others 0.02, and the shift is exact unless an error is
asked for: what is measured is the seeding, not the network. With ``--network SPAN`` each axis is moved by a random
shift within SPAN eV, and shift and groups are what the shipped network says.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import xarray as xr
from lmfit.models import ConstantModel, PseudoVoigtModel

from benchmarks.polymers import Polymer, load
from benchmarks.record import conditions, write_record
from xps_prefit_hooks import ModelInfo, Prediction, Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.core.spectrum import calibrated
from xps_stn_plugin.fitting import fit_quality, fit_seed
from xps_stn_plugin.models.noise import noise_of
from xps_stn_plugin.seeding import seed_region
from xps_stn_plugin.stn.predict import predict


@dataclass(frozen=True)
class Row:
    """One fit: seeding and fitting time in ms, and the same figures of the baseline."""

    polymer: str
    region: str
    components: int
    success: bool
    relative_rms: float
    redchi: float
    nfev: int
    seed_ms: float
    fit_ms: float
    at_bounds: int
    baseline_success: bool
    baseline_relative_rms: float
    baseline_nfev: int
    baseline_ms: float


def prediction(groups: Collection[str], stderr: float = 0.05) -> Prediction:
    """Prediction that is sure of `groups`."""
    probabilities = {name: 0.98 if name in groups else 0.02 for name in group_lines()}
    return Prediction(0.0, stderr, probabilities, "ok", (), {}, ModelInfo("by hand", "0", ""))


def one_line(dataset: xr.Dataset) -> tuple[bool, float, int, float]:
    """Baseline: success, residual over peak height, evaluations and ms of one guessed pseudo-Voigt on a constant."""
    energy, counts = dataset["binding_energy"].values, dataset["counts"].values
    start = time.perf_counter()
    line = PseudoVoigtModel()
    model = line + ConstantModel(prefix="bg_")
    params = model.make_params(bg_c=float(counts.min()))
    params.update(line.guess(counts, x=energy))
    fit = model.fit(counts, params, x=energy, weights=1 / noise_of(dataset).sigma, max_nfev=2000)
    ms = 1e3 * (time.perf_counter() - start)
    height = float(np.max(fit.best_fit) - fit.params["bg_c"].value)
    return bool(fit.success), float(np.sqrt(np.mean((counts - fit.best_fit) ** 2))) / max(height, 1e-12), fit.nfev, ms


def made_prediction(
    polymer: Polymer, shift_error: float, wrong_groups: bool, random: np.random.Generator
) -> tuple[xr.DataTree, Prediction]:
    """Spectrum with an axis error, and a prediction made by hand."""
    groups = sorted(polymer.groups)
    if wrong_groups:
        # One group missed, one wrong.
        del groups[random.integers(len(groups))]
        groups.append(str(random.choice([name for name in group_lines() if name not in polymer.groups])))
    spectrum = polymer.spectrum(random.normal(0, shift_error) if shift_error else 0.0)
    return spectrum, prediction(groups, max(0.05, shift_error))


def predicted(polymer: Polymer, span: float, random: np.random.Generator) -> tuple[xr.DataTree, Prediction]:
    """Spectrum that was moved, read by the network and calibrated."""
    shifted = polymer.spectrum(random.uniform(-span, span))
    answer = predict(shifted, Settings())
    return calibrated(shifted, answer.shift, answer.shift_stderr), answer


def run(folder: Path, *, shift_error: float, wrong_groups: bool, seed: int, network: float | None = None) -> list[Row]:
    """Fit every region of every polymer."""
    random = np.random.default_rng(seed)
    rows = []
    for polymer in load(folder):
        if network is None:
            spectrum, guess = made_prediction(polymer, shift_error, wrong_groups, random)
        else:
            spectrum, guess = predicted(polymer, network, random)
        for region in spectrum.children:
            dataset = spectrum[region].to_dataset()
            start = time.perf_counter()
            seeded = seed_region(spectrum, region, guess, Settings())
            seed_ms = 1e3 * (time.perf_counter() - start)
            if seeded is None:
                continue
            start = time.perf_counter()
            fit = fit_seed(seeded, dataset)
            fit_ms = 1e3 * (time.perf_counter() - start)
            quality = fit_quality(seeded, fit)
            rows.append(
                Row(
                    polymer.name,
                    region,
                    len({component.name for component in seeded.components}),
                    bool(fit.success),
                    quality.relative_rms,
                    quality.redchi,
                    int(fit.nfev),
                    seed_ms,
                    fit_ms,
                    len(quality.at_bounds),
                    *one_line(dataset),
                )
            )
    return rows


def summary(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """Figures by region."""
    figures = {}
    for region in dict.fromkeys(row.region for row in rows):
        region_rows = [row for row in rows if row.region == region]
        figures[region] = {
            "fits": len(region_rows),
            "converged": sum(row.success for row in region_rows),
            "converged within 2 %": sum(row.success and row.relative_rms <= 0.02 for row in region_rows),
            "median residual": float(np.median([row.relative_rms for row in region_rows])),
            "largest residual": float(max(row.relative_rms for row in region_rows)),
            "median nfev": float(np.median([row.nfev for row in region_rows])),
            "median seed ms": float(np.median([row.seed_ms for row in region_rows])),
            "median fit ms": float(np.median([row.fit_ms for row in region_rows])),
            "baseline within 2 %": sum(
                row.baseline_success and row.baseline_relative_rms <= 0.02 for row in region_rows
            ),
            "baseline median residual": float(np.median([row.baseline_relative_rms for row in region_rows])),
            "baseline median nfev": float(np.median([row.baseline_nfev for row in region_rows])),
        }
    return figures


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--shift-error", default=0.0, show_default=True, help="Standard deviation of the axis error in eV.")
@click.option("--wrong-groups", is_flag=True, help="Miss one group and add a wrong one.")
@click.option("--network", type=float, metavar="SPAN", help="Let the network read axes moved within SPAN eV.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/seeded_fits.json"))
def main(data: Path, shift_error: float, wrong_groups: bool, network: float | None, seed: int, json_path: Path) -> None:
    """Fit the measured polymers from their seeds."""
    options = {"shift_error": shift_error, "wrong_groups": wrong_groups, "network": network, "seed": seed}
    rows = run(data, shift_error=shift_error, wrong_groups=wrong_groups, network=network, seed=seed)
    print("polymer region components success residual/height redchi nfev seed_ms fit_ms | one line: residual nfev")
    for row in rows:
        print(
            f"{row.polymer:7} {row.region:5} {row.components:2d} {'yes' if row.success else 'NO ':3} "
            f"{100 * row.relative_rms:6.2f} % {row.redchi:8.2f} {row.nfev:5d} {row.seed_ms:6.1f} {row.fit_ms:7.1f} | "
            f"{100 * row.baseline_relative_rms:6.2f} % {row.baseline_nfev:5d}"
        )
    figures = summary(rows)
    for region, values in figures.items():
        print(region, ", ".join(f"{k} {v:.4g}" for k, v in values.items()))
    record = {
        **conditions(seed),
        "options": options,
        "summary": figures,
        "fits": [asdict(row) for row in rows],
    }
    write_record(json_path, record)
