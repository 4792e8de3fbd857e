"""Time, evaluations and success of fits of simulated C 1s regions: ours beside lmfit's own ways and lmfitxps.

``python -m benchmarks fit_speed [--draws 30] [--seed 1] [--json PATH]``

Every draw is a new Poisson noise and new starts, the same for all ways; the ways take turns within a draw, so that
other work on the machine hits all alike. Truth: vibrational and plain pseudo-Voigts of one width on a peak-linked
Shirley step. Starts: centres off by N(0, 0.15 eV) within windows of 0.5 eV either side, the area in equal parts, a
width of 1.3 eV (truth 1.0), mixing 0.3 (truth 0.2), half of the step. The ways:

- ``fit_with_package``: `fit_seed`; ``solver alone``: its solver without lmfit's result.
- ``lmfit least_squares``: the same model, starts, solver and tolerances with a numeric Jacobian. ``lmfit leastsq``: the
  same model and starts with lmfit's default solver.
- ``lmfit guess``: a pseudo-Voigt for each line, guessed from its part of the data, on a straight line; lmfit guesses
  single peaks only, so the axis is cut where equal parts of the area above the straight line between the ends lie.
  Nothing is tied, default solver.
- ``lmfitxps``: its Gaussian-Doniach convolution (asymmetry fixed at 0) for each line, widths tied, on its Shirley
  background of the measured counts, from our starts, default solver.

Success: converged, and every centre within 0.2 eV of the truth. lmfit's ways are given up after 10 000 evaluations.
lmfitxps has no vibrational line, and its centres are those of lines without one: its success says that the truth is
not among its models, rather than that its fits go astray.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import lmfit
import numpy as np
import xarray as xr
from lmfit.models import LinearModel, PseudoVoigtModel

from benchmarks.record import conditions, write_record
from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.shapes import HydrocarbonModel, RegionModel, SteppedPseudoVoigtModel
from xps_stn_plugin.models.solver import Problem as FitProblem
from xps_stn_plugin.models.solver import solve_one

#: Binding energy in eV, relative area and whether vibrational: lines of poly(methyl methacrylate), then with an ether
#: and a carbonyl besides (positions of Beamson & Briggs 1992, rounded).
LINES: dict[str, tuple[tuple[float, float, bool], ...]] = {
    "two": ((285.0, 2.0, True), (286.5, 1.0, True)),
    "four": ((285.0, 2.0, True), (285.72, 1.0, True), (286.79, 1.0, True), (289.03, 1.0, False)),
    "five": ((285.0, 2.0, True), (285.72, 1.0, True), (286.6, 1.2, True), (287.9, 0.7, False), (289.03, 1.0, False)),
}
LOW, HIGH = 279.0, 295.0
AREA, SIGMA, FRACTION, STEP, OFFSET = 2e4, 0.5, 0.2, 0.02, 150.0
CENTER_ERROR, WINDOW, CENTER_TOLERANCE = 0.15, 0.5, 0.2
MOST_EVALUATIONS = 10_000


@dataclass(frozen=True)
class Problem:
    """A simulated region, its seed, and the centres that are true."""

    seed: Seed
    dataset: xr.Dataset
    centers: tuple[float, ...]

    @property
    def energy(self) -> np.ndarray:
        """In eV, ascending."""
        return np.asarray(self.dataset["binding_energy"].values)

    @property
    def counts(self) -> np.ndarray:
        """Poisson counts."""
        return np.asarray(self.dataset["counts"].values)

    @property
    def weights(self) -> np.ndarray:
        """One over the standard deviation, as `fit_seed` takes it."""
        return 1 / np.sqrt(np.maximum(self.counts, 1))

    @property
    def prefixes(self) -> list[str]:
        """One for each line, ascending."""
        return [component.prefix for component in self.seed.components]


@dataclass(frozen=True)
class Outcome:
    """Outcome of one fit."""

    centers: tuple[float, ...]
    converged: bool
    nfev: int


@dataclass(frozen=True)
class Fit:
    """One measured fit."""

    case: str
    points: int
    draw: int
    way: str
    ms: float
    nfev: int
    success: bool


def problem(lines: tuple[tuple[float, float, bool], ...], points: int, random: np.random.Generator) -> Problem:
    """Draw noise and starts."""
    prefixes = [f"l{i}_" for i in range(len(lines))]
    models = [
        (HydrocarbonModel if vibrational else SteppedPseudoVoigtModel)(prefix=prefix)
        for prefix, (_, _, vibrational) in zip(prefixes, lines, strict=True)
    ]
    model = RegionModel([*models, LinearModel(prefix="bg_")])
    params = model.make_params(bg_slope={"value": 0.0, "vary": False}, bg_intercept=OFFSET)
    first, *other_prefixes = prefixes
    for prefix, (center, area, _) in zip(prefixes, lines, strict=True):
        params[f"{prefix}amplitude"].set(value=AREA * area)
        params[f"{prefix}center"].set(value=center)
    for name, value in (("sigma", SIGMA), ("fraction", FRACTION), ("step", STEP)):
        params[f"{first}{name}"].set(value=value, vary=True)
        for prefix in other_prefixes:
            params[f"{prefix}{name}"].set(expr=f"{first}{name}")
    x = np.linspace(LOW, HIGH, points)
    counts = random.poisson(model.eval(params, x=x)).astype(float)
    above = counts - np.interp(x, x[[0, -1]], counts[[0, -1]])
    for prefix, (center, _, _) in zip(prefixes, lines, strict=True):
        start = np.clip(center + random.normal(0, CENTER_ERROR), center - 0.9 * WINDOW, center + 0.9 * WINDOW)
        params[f"{prefix}center"].set(value=float(start), min=center - WINDOW, max=center + WINDOW)
        params[f"{prefix}amplitude"].set(value=float(np.trapezoid(above, x)) / len(lines))
    params[f"{first}sigma"].set(value=0.65, min=0.3, max=1.2)
    params[f"{first}fraction"].set(value=0.3)
    params[f"{first}step"].set(value=STEP / 2)
    params["bg_intercept"].set(value=float(counts[:10].mean()))
    params.update_constraints()
    components = tuple(SeedComponent(prefix, f"C1s {prefix}") for prefix in prefixes)
    dataset = region_dataset("simulated", x, counts, region="C1s", intensity="counts")
    return Problem(Seed("C1s", model, params, components, "shirley"), dataset, tuple(line[0] for line in lines))


def _outcome(fit: lmfit.model.ModelResult, prefixes: list[str]) -> Outcome:
    centers = tuple(float(fit.params[f"{prefix}center"].value) for prefix in prefixes)
    return Outcome(centers, bool(fit.success), int(fit.nfev))


def fit_with_package(case: Problem) -> Outcome:
    return _outcome(fit_seed(case.seed, case.dataset), case.prefixes)


def solver_alone(case: Problem) -> Outcome:
    model = CompiledModel.compile(case.seed.model, case.seed.params)
    assert model is not None
    fit = solve_one(FitProblem.of_one(model, case.energy, case.counts, case.weights))
    values = model.named(fit.v[0])
    return Outcome(tuple(values[f"{p}center"] for p in case.prefixes), bool(fit.converged[0]), int(fit.nfev[0]))


def lmfit_least_squares(case: Problem) -> Outcome:
    fit = fit_seed(case.seed, case.dataset, jacobian="numeric", max_nfev=MOST_EVALUATIONS)
    return _outcome(fit, case.prefixes)


def lmfit_leastsq(case: Problem) -> Outcome:
    seed = case.seed
    fit = seed.model.fit(
        case.counts, seed.params, x=case.energy, weights=case.weights, method="leastsq", max_nfev=MOST_EVALUATIONS
    )
    return _outcome(fit, case.prefixes)


def lmfit_guess(case: Problem) -> Outcome:
    x, y = case.energy, case.counts
    above = np.clip(y - np.interp(x, x[[0, -1]], y[[0, -1]]), 0, None)
    part = np.minimum((np.cumsum(above) / above.sum() * len(case.centers)).astype(int), len(case.centers) - 1)
    model = LinearModel(prefix="bg_")
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    params = model.make_params(slope=slope, intercept=y[0] - slope * x[0])
    for i, prefix in enumerate(case.prefixes):
        line = PseudoVoigtModel(prefix=prefix)
        params.update(line.guess(above[part == i], x=x[part == i]))
        model = line + model
    fit = model.fit(y, params, x=x, weights=case.weights, max_nfev=MOST_EVALUATIONS)
    outcome = _outcome(fit, case.prefixes)
    return Outcome(tuple(sorted(outcome.centers)), outcome.converged, outcome.nfev)


def lmfitxps_models(case: Problem) -> Outcome:
    from lmfitxps.models import ConvGaussianDoniachSinglett, ShirleyBG

    # Its background is right for descending binding energies only.
    x, y, weights = case.energy[::-1], case.counts[::-1], case.weights[::-1]
    starts = case.seed.params
    model = ShirleyBG(prefix="bg_", independent_vars=["y"])
    params = model.make_params(k=float((y[0] - y[-1]) / y.sum()), const=float(y[-10:].mean()))
    first = case.prefixes[0]
    for prefix in case.prefixes:
        line = ConvGaussianDoniachSinglett(prefix=prefix, independent_vars=["x"])
        height = starts[f"{prefix}amplitude"].value / (2.2 * starts[f"{first}sigma"].value)
        params.update(line.make_params(amplitude=height, center=starts[f"{prefix}center"].value, gamma=0.0))
        params[f"{prefix}gamma"].set(vary=False)
        params[f"{prefix}center"].set(min=starts[f"{prefix}center"].min, max=starts[f"{prefix}center"].max)
        for name, value in (("sigma", 0.15), ("gaussian_sigma", 0.5)):
            is_first = prefix == first
            params[f"{prefix}{name}"].set(**({"value": value, "min": 1e-3} if is_first else {"expr": f"{first}{name}"}))
        model = line + model
    fit = model.fit(y, params, x=x, y=y, weights=weights, max_nfev=MOST_EVALUATIONS)
    return _outcome(fit, case.prefixes)


def methods_by_name() -> dict[str, Callable[[Problem], Outcome]]:
    """Competitors by name; lmfitxps only where it is installed."""
    methods = {
        "ours": fit_with_package,
        "solver alone": solver_alone,
        "lmfit least_squares": lmfit_least_squares,
        "lmfit leastsq": lmfit_leastsq,
        "lmfit guess": lmfit_guess,
    }
    try:
        version("lmfitxps")
    except PackageNotFoundError:
        print("lmfitxps is not installed; its row is missing (pip install lmfitxps).")
        return methods
    return {**methods, "lmfitxps": lmfitxps_models}


def run(draws: int, points: tuple[int, ...], seed: int) -> list[Fit]:
    """Fit every draw of every case in every way, in turns."""
    competitors = list(methods_by_name().items())
    fits = []
    for number, (name, lines) in enumerate(LINES.items()):
        for count in points:
            for draw in range(-1, draws):  # The first is a warm-up.
                case = problem(lines, count, np.random.default_rng([seed, number, count, draw + 1]))
                rotation = draw % len(competitors)
                for method, fit in competitors[rotation:] + competitors[:rotation]:
                    start = time.perf_counter()
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        outcome = fit(case)
                    ms = 1e3 * (time.perf_counter() - start)
                    largest_error = np.abs(np.subtract(outcome.centers, case.centers)).max()
                    success = outcome.converged and bool(largest_error <= CENTER_TOLERANCE)
                    if draw >= 0:
                        fits.append(Fit(name, count, draw, method, ms, outcome.nfev, success))
    return fits


def summary(fits: list[Fit]) -> list[dict[str, Any]]:
    """Medians by case and way, and the ratio of the median times to ours."""
    rows = []
    for case, points in dict.fromkeys((fit.case, fit.points) for fit in fits):
        case_fits = [fit for fit in fits if (fit.case, fit.points) == (case, points)]
        reference = float(np.median([fit.ms for fit in case_fits if fit.way == "ours"]))
        for method in _methods_of(case_fits):
            method_fits = [fit for fit in case_fits if fit.way == method]
            ms = float(np.median([fit.ms for fit in method_fits]))
            rows.append(
                {
                    "case": case,
                    "points": points,
                    "way": method,
                    "median ms": ms,
                    "90 % within ms": float(np.quantile([fit.ms for fit in method_fits], 0.9)),
                    "times ours": ms / reference,
                    "median evaluations": float(np.median([fit.nfev for fit in method_fits])),
                    "success": sum(fit.success for fit in method_fits) / len(method_fits),
                }
            )
    return rows


def _methods_of(fits: list[Fit]) -> list[str]:
    """Names of the ways; the first draw has them in their order."""
    return list(dict.fromkeys(fit.way for fit in fits if fit.draw == 0))


@click.command()
@click.option("--draws", default=30, show_default=True, help="Noises and starts of each case.")
@click.option("--points", type=int, multiple=True, default=(160, 300), show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/fit_speed.json"))
def main(draws: int, points: tuple[int, ...], seed: int, json_path: Path) -> None:
    """Time fits of simulated C 1s regions in every way."""
    fits = run(draws, points, seed)
    rows = summary(fits)
    print("| lines | points | way | ms (median) | 90 % within | times ours | evaluations | success |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        figures = f"{row['median ms']:.1f} | {row['90 % within ms']:.1f} | {row['times ours']:.2f}"
        print(
            f"| {row['case']} | {row['points']} | {row['way']} | {figures} | {row['median evaluations']:.0f} | "
            f"{100 * row['success']:.0f} % |"
        )
    record = {
        **conditions(seed),
        "lmfitxps": version("lmfitxps") if "lmfitxps" in _methods_of(fits) else "not installed",
        "draws": draws,
        "summary": rows,
        "fits": [asdict(fit) for fit in fits],
    }
    write_record(json_path, record)
