"""The human test: C 1s doublets told from singlets, errors of their peaks, and what counting statistics allow.

``python -m benchmarks doublets [--sets 10] [--run blind] [--json PATH] [--plot PATH]``

The design stands in ``benchmarks.doublet_design``. Every spectrum is seeded, fitted and counted: components of at least
1 % of the area, satellites aside. Errors are those of the doublets called doublets, peaks matched by ascending energy:

- binding energy: fitted minus true centre (first vibrational member), each of the two peaks;
- intensity: fitted minus true share of the area that the truly larger peak has, on a scale from -1 to 1 (the peak at
  lower energy where both are equal); so the experts' -0.33 is a factor of 4 in the ratio of the areas, as part II says;
- width: mean FWHM of the two peaks minus the true one.

Bias is the mean over both peaks and all spectra, random error the standard deviation about it.

Beside ours: a ``baseline``, two lmfit pseudo-Voigts of common shape on a straight line, started from the highest
channel and the highest residual, against one by lmfit's BIC; and an ``ideal`` analyst, who fits the true shapes with
the true variances from the true values (and, where groups are told, knows the table's positions) and takes two lines
where chi-square falls by more than it does for 5 % of the true singlets (told the positions: by 3.84).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, get_args

import click
import lmfit
import numpy as np
from lmfit.lineshapes import pvoigt
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.stats import chi2

from benchmarks.doublet_design import AXIS_ERROR, Cell, Lines, Run, Sample, cells, samples
from benchmarks.doublet_limits import FALSE_ALARMS, Limits, ideal, limits
from benchmarks.doublet_report import report
from benchmarks.record import conditions, write_record
from benchmarks.seeded_fits import prediction
from xps_prefit_hooks import Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.fitting import component_table, fit_seed
from xps_stn_plugin.seeding import seed_region

FloatArray = NDArray[np.float64]

#: Least share of the area that makes a component.
LEAST_SHARE: Final = 0.01

#: Fewest singlets that give the ideal analyst's threshold; with fewer it is that of the chi-square distribution.
_ENOUGH_SINGLETS: Final = 40

#: Falls of chi-square for which the ideal analyst's errors are listed.
_FALLS: Final = (4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 11.4)

#: Twenty analysts (Conny, Powell and Currie 1998; part II 2000), each range over analysts and spectra.
EXPERTS: Final = {
    "binding energy bias": (-0.055, 0.34),
    "binding energy random": (0.012, 0.13),
    "intensity bias": (-0.33, 0.17),
    "intensity random": (0.016, 0.18),
    "doublets called singlets": (0.0, 0.5),
}

#: What is aimed at, over the whole design.
TARGETS: Final = {
    "binding energy bias": 0.03,
    "binding energy random": 0.05,
    "intensity bias": 0.05,
    "intensity random": 0.08,
    "doublets called singlets": 0.15,
    "singlets called doublets": 0.05,
}


@dataclass(frozen=True)
class FittedLines:
    """Components of a fit, of any number and order: centres and widths in eV, areas."""

    centers: Sequence[float]
    areas: Sequence[float]
    fwhms: Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """Number of components of a fit, and their errors where it is the true two.

    Parameters
    ----------
    called : int
    energy : tuple of float
        Of the peak at lower and at higher energy in eV; empty without a comparison.
    share, fwhm : float or None
        Of the larger peak's share, and of the width in eV.
    """

    called: int
    energy: tuple[float, ...] = ()
    share: float | None = None
    fwhm: float | None = None


@dataclass(frozen=True)
class Row:
    """One spectrum: verdicts by method, limits (None for singlets), fall of chi-square with an ideal second line."""

    run: Run
    cell: Cell
    verdicts: dict[str, Verdict]
    limits: Limits | None
    gain: float = 0.0


def verdict(truth: Lines, fitted_lines: FittedLines) -> Verdict:
    """Compare a fit with the truth."""
    total = sum(fitted_lines.areas)
    peaks = sorted(
        (center, area, fwhm)
        for center, area, fwhm in zip(fitted_lines.centers, fitted_lines.areas, fitted_lines.fwhms, strict=True)
        if total > 0 and area >= LEAST_SHARE * total
    )
    if len(peaks) != 2 or len(truth.centers) != 2:
        return Verdict(max(len(peaks), 1))
    centers, areas, fwhms = np.array(peaks).T
    larger = int(np.argmax(truth.areas))
    share = areas[larger] / areas.sum() - truth.areas[larger] / truth.areas.sum()
    energy = centers - truth.centers
    return Verdict(2, (float(energy[0]), float(energy[1])), float(share), float(fwhms.mean() - truth.fwhm))


def seeded_fit(sample: Sample) -> FittedLines:
    """Components of the seeded fit, satellites aside."""
    spectrum = sample.spectrum()
    seed = seed_region(spectrum, "C1s", prediction(sample.groups, AXIS_ERROR), Settings())
    if seed is None:
        return FittedLines((), (), ())
    fit = fit_seed(seed, spectrum["C1s"].to_dataset())
    satellites = {line.name for group in group_lines().values() for line in group.get("C1s", ()) if line.satellite}
    rows = [row for row in component_table(seed, fit) if row.name.removeprefix("C1s ") not in satellites]
    return FittedLines([row.center for row in rows], [row.area for row in rows], [row.fwhm for row in rows])


def baseline(sample: Sample) -> FittedLines:
    """One pseudo-Voigt or two of common shape on a straight line, by lmfit's BIC."""
    energy, counts = sample.energy, sample.counts
    weights = 1 / np.sqrt(np.maximum(counts, 1))

    def highest(residual: FloatArray) -> tuple[float, float]:
        smooth = gaussian_filter1d(residual, 0.25 / float(energy[1] - energy[0]))
        top = int(np.argmax(smooth))
        return float(energy[top]), float(smooth[top])

    def fit(curve: Callable[..., FloatArray], *tops: tuple[float, float]) -> lmfit.model.ModelResult:
        model = lmfit.Model(curve)
        params = model.make_params(slope=0.0, intercept=float(counts.min()))
        params["sigma"].set(value=0.6, min=0.2, max=2.0)
        params["fraction"].set(value=0.3, min=0.0, max=1.0)
        for i, (center, height) in enumerate(tops, 1):
            params[f"center{i}"].set(value=center, min=energy[0], max=energy[-1])
            params[f"area{i}"].set(value=1.2 * max(height, 1.0), min=0.0)
        return model.fit(counts, params, x=energy, weights=weights, max_nfev=600, calc_covar=False)

    first = highest(counts - counts.min())
    singlet = fit(_one_line, first)
    doublet = fit(_two_lines, first, highest(counts - singlet.best_fit))
    best_values, number = (doublet.best_values, 2) if doublet.bic < singlet.bic else (singlet.best_values, 1)
    centers, areas = ([best_values[f"{parameter}{i + 1}"] for i in range(number)] for parameter in ("center", "area"))
    return FittedLines(centers, areas, [2 * best_values["sigma"]] * number)


def _one_line(
    x: FloatArray, center1: float, area1: float, sigma: float, fraction: float, slope: float, intercept: float
) -> FloatArray:
    return np.asarray(pvoigt(x, area1, center1, sigma, fraction) + slope * (x - x[0]) + intercept)


def _two_lines(
    x: FloatArray,
    center1: float,
    area1: float,
    center2: float,
    area2: float,
    sigma: float,
    fraction: float,
    slope: float,
    intercept: float,
) -> FloatArray:
    first = _one_line(x, center1, area1, sigma, fraction, slope, intercept)
    return np.asarray(first + pvoigt(x, area2, center2, sigma, fraction))


def measure(
    runs: Iterable[Run], sets: int, seed: int, methods: dict[str, Callable[[Sample], FittedLines]]
) -> tuple[list[Row], dict[str, float]]:
    """Analyse every spectrum of the runs; rows, and seconds spent on each method."""
    rows: list[Row] = []
    seconds = dict.fromkeys([*methods, "ideal"], 0.0)
    for run in runs:
        drawn = list(samples(run, sets, seed))
        verdicts: list[dict[str, Verdict]] = []
        for sample in drawn:
            verdicts.append({})
            for name, method in methods.items():
                start = time.perf_counter()
                verdicts[-1][name] = verdict(sample.truth, method(sample))
                seconds[name] += time.perf_counter() - start
        start = time.perf_counter()
        ideal_fits = [ideal(sample) for sample in drawn]
        bounds = [limits(sample) if sample.cell.separation else None for sample in drawn]
        singlets = [gain for sample, (_, gain) in zip(drawn, ideal_fits, strict=True) if not sample.cell.separation]
        threshold = _threshold(run, singlets)
        for sample, (lines, gain), bound, sample_verdicts in zip(drawn, ideal_fits, bounds, verdicts, strict=True):
            accepted = lines if gain > threshold else None
            fitted_lines = (
                FittedLines(lines.centers.tolist(), lines.areas.tolist(), [lines.fwhm] * 2)
                if accepted
                else FittedLines([0.0], [1.0], [1.0])
            )
            rows.append(
                Row(run, sample.cell, {**sample_verdicts, "ideal": verdict(sample.truth, fitted_lines)}, bound, gain)
            )
        seconds["ideal"] += time.perf_counter() - start
    return rows, seconds


def figures(rows: Sequence[Row], method: str) -> dict[str, Any]:
    """Shares and errors of one method over some spectra; None where nothing can be said."""
    doublets = [row for row in rows if row.limits]
    singlets = [row for row in rows if not row.limits]
    doublet_verdicts = [row.verdicts[method] for row in doublets]
    right = [v for v in doublet_verdicts if v.called == 2]
    energy = np.array([v.energy for v in right]).reshape(-1, 2)
    share = np.array([v.share for v in right], dtype=float)
    fwhm = np.array([v.fwhm for v in right], dtype=float)
    return {
        "doublets": len(doublets),
        "called singlets": _mean([v.called == 1 for v in doublet_verdicts]),
        "over-split": _mean([v.called > 2 for v in doublet_verdicts]),
        "energy bias": _mean(energy.ravel()),
        "energy random": _spread(energy.ravel()),
        "energy random within cells": _within_cells(doublets, method),
        "energy within 0.1": _mean(np.abs(energy.ravel()) <= 0.1),
        "separation bias": _mean(energy[:, 1] - energy[:, 0]),
        "share bias": _mean(share),
        "share random": _spread(share),
        "fwhm bias": _mean(fwhm),
        "fwhm random": _spread(fwhm),
        "singlets": len(singlets),
        "singlets split": _mean([row.verdicts[method].called > 1 for row in singlets]),
    }


def bounds(rows: Sequence[Row]) -> dict[str, float | None]:
    """Limits over some doublets: mean detectability, quadratic means of errors, plain and weighted with it."""
    limits_of_rows = [row.limits for row in rows if row.limits]
    weights = np.array([limit.power for limit in limits_of_rows])
    means = {name: _mean([getattr(limit, name) for limit in limits_of_rows]) for name in ("power", "ceiling")}
    for name in ("center", "center_told", "share", "share_told"):
        square = np.array([getattr(limit, name) for limit in limits_of_rows]) ** 2
        means[name] = float(np.sqrt(square.mean())) if limits_of_rows else None
        means[f"{name}, if told apart"] = float(np.sqrt(square @ weights / weights.sum())) if limits_of_rows else None
    return means


def summary(rows: Sequence[Row], methods: Sequence[str]) -> dict[str, Any]:
    """Whole design and cells of each run."""
    results: dict[str, Any] = {}
    for run in dict.fromkeys(row.run for row in rows):
        run_rows = [row for row in rows if row.run == run]
        by_cell = [
            (cell, [row for row in run_rows if row.cell == cell])
            for cell in dict.fromkeys(row.cell for row in run_rows)
        ]
        results[run] = {
            "whole design": {method: figures(run_rows, method) for method in methods} | {"limits": bounds(run_rows)},
            "by counts": {
                str(counts): {
                    method: figures([row for row in run_rows if row.cell.counts == counts], method)
                    for method in methods
                }
                for counts in sorted({row.cell.counts for row in run_rows})
            },
            "thresholds": _thresholds(run_rows) if run == "blind" else [],
            "cells": [
                asdict(cell)
                | {method: figures(cell_rows, method) for method in methods}
                | {"limits": bounds(cell_rows)}
                for cell, cell_rows in by_cell
            ],
        }
    return results


def _mean(values: Iterable[Any]) -> float | None:
    array = np.asarray(list(values), dtype=float)
    return float(array.mean()) if array.size else None


def _spread(values: FloatArray) -> float | None:
    return float(values.std(ddof=1)) if values.size > 1 else None


def _thresholds(rows: Sequence[Row]) -> list[dict[str, float | None]]:
    """Count what the ideal analyst calls wrong at several falls of chi-square; BIC asks for 2 ln(points), 10-11.4."""
    return [
        {
            "fall of chi-square": limit,
            "doublets called singlets": _mean([row.gain <= limit for row in rows if row.limits]),
            "singlets called doublets": _mean([row.gain > limit for row in rows if not row.limits]),
        }
        for limit in _FALLS
    ]


def _within_cells(rows: Sequence[Row], method: str) -> float | None:
    """Pool the standard deviations of the binding energy of each peak in each cell: spectra alike."""
    errors: dict[tuple[Cell, int], list[float]] = {}
    for row in rows:
        for peak, error in enumerate(row.verdicts[method].energy):
            errors.setdefault((row.cell, peak), []).append(error)
    several = [np.array(cell_errors) for cell_errors in errors.values() if len(cell_errors) > 1]
    if not several:
        return None
    squares = sum(float(np.sum((cell_errors - cell_errors.mean()) ** 2)) for cell_errors in several)
    return float(np.sqrt(squares / sum(cell_errors.size - 1 for cell_errors in several)))


def _threshold(run: Run, singlets: Sequence[float]) -> float:
    """Fall of chi-square that the given share of true singlets exceeds: as it is, or by the chi-square distribution."""
    if run == "blind" and len(singlets) >= _ENOUGH_SINGLETS:
        return float(np.quantile(singlets, 1 - FALSE_ALARMS))
    # A second line of unknown position has two parameters; told where it is, only its area.
    return float(chi2.isf(FALSE_ALARMS, 2 if run == "blind" else 1))


@click.command()
@click.option("--sets", default=10, show_default=True, help="Replicates of the design, each of 60 spectra.")
@click.option("--run", "runs", type=click.Choice(get_args(Run)), multiple=True, help="Only this run; may be repeated.")
@click.option("--baseline/--no-baseline", "with_baseline", default=True, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw the cells as a grid.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/doublets.json"))
def main(sets: int, runs: tuple[Run, ...], with_baseline: bool, seed: int, plot: Path | None, json_path: Path) -> None:
    """Tell doublets from singlets beside twenty experts."""
    methods: dict[str, Callable[[Sample], FittedLines]] = {"ours": seeded_fit}
    if with_baseline:
        methods["baseline"] = baseline
    rows, seconds = measure(runs or get_args(Run), sets, seed, methods)
    names = [*methods, "ideal"]
    results = summary(rows, names)
    print(report(results, names))
    print("seconds:", ", ".join(f"{name} {value:.0f}" for name, value in seconds.items()))
    if plot:
        from benchmarks.doublet_picture import draw

        draw(results, plot)
    record = {
        **conditions(seed),
        "options": {"sets": sets, "runs": list(results)},
        "cells in the design": len(cells()),
        "seconds": seconds,
        "experts": EXPERTS,
        "targets": TARGETS,
        "results": results,
    }
    write_record(json_path, record)
