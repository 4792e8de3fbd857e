"""Elements found in surveys: simulated ones of known composition, and real ones of files whose regions prove elements.

    python -m benchmarks surveys [--draws 200] [--seed 0] [--data ../shared/corpus] [--half development|test|all]

Simulated surveys are those of ``survey_design.py``. A real survey is compared with the regions that follow it in the
file, up to the next survey: a region proves the element that its label names where a line stands out of the noise at
its place, and disproves it where the whole of the level was measured and nothing stands out. The recognition was
developed on simulated surveys of other seeds and on the files of the half ``development``; all others are ``test``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table

from benchmarks.cases import without_nan
from benchmarks.record import conditions, write_record
from benchmarks.survey_design import simulated_survey
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.api import read
from xps_stn_plugin.core.element_lines import level_lines
from xps_stn_plugin.core.samples import samples_of
from xps_stn_plugin.core.survey import is_survey
from xps_stn_plugin.stn.signal import channel_noise
from xps_stn_plugin.surveys import survey_of, survey_of_arrays

#: Atomic percentages from which elements count for recall, and for amounts; greatest relative error of an amount.
RECALL_FROM, AMOUNT_FROM, AMOUNT_WITHIN = 2.0, 5.0, 0.20
#: Height over noise from which a line of a simulated survey can be seen.
VISIBLE: Final = 5.0
#: Height over noise of a line that proves an element, and below which nothing is there.
PROOF, NOTHING = 10.0, 4.0
#: How far in eV a line may lie from its chemical range, by charging.
_CHARGED: Final = 4.0
#: Distance in eV to either side over which a line stands out.
_BESIDE: Final = 3.0
_LEVEL: Final = re.compile(r"([A-Z][a-z]?)([1-6][spdf])")
#: Files whose surveys were looked at while the recognition was developed.
_DEVELOPMENT: Final = (
    "pegCASA", "polyethyleneglycol", "PDI-Me-COOH", "Au_Folie", "hidecode221b", "NiWwide", "MPPipTFSIIol2", "MgFe2O4",
    "vms_regular", "vms_irregular", "analyzer_lens_mode", "ITOSA", "itosa", "Hard_carbon", "B4C", "multiplex", "SnO2",
    "CuMnAs_3", "2025-03-12_TiO2", "export_with_scans", "CrO", "wojdyr", "Sample1-10", "QUANTERA", "Tougaard",
)  # fmt: skip
#: Sample of a file with several that was looked at.
_DEVELOPMENT_SAMPLE: Final = "RW_WS2_MoS2_thicker"


@dataclass(frozen=True)
class Simulated:
    """Outcome for one simulated survey: true and found percentages, heights over noise, standard errors."""

    number: int
    truth: dict[str, float]
    heights: dict[str, float]
    found: dict[str, float]
    stderr: dict[str, float]
    evidence: dict[str, float]
    shift_error: float


@dataclass(frozen=True)
class Real:
    """Outcome for one real survey: elements found with their probabilities, proved and disproved by other regions."""

    name: str
    development: bool
    found: dict[str, float]
    proved: tuple[str, ...]
    disproved: tuple[str, ...]


def simulated(draws: int, seed: int) -> Iterator[Simulated]:
    """Recognise simulated surveys; each depends on the seed and its number only."""
    for number in range(draws):
        case = simulated_survey(np.random.default_rng([seed, number]))
        survey = survey_of_arrays(case.energy, case.counts, case.photon_energy)
        elements = () if survey is None else survey.elements
        yield Simulated(
            number,
            dict(case.atomic_percent),
            dict(case.signal_to_noise),
            {element.symbol: element.atomic_percent for element in elements},
            {element.symbol: element.stderr for element in elements},
            {element.symbol: element.evidence for element in elements},
            float("nan") if survey is None else survey.shift - case.shift,
        )


def simulated_figures(rows: Sequence[Simulated]) -> dict[str, float]:
    """Recall, precision and errors of amounts."""
    wanted = [(row, symbol) for row in rows for symbol, percent in row.truth.items() if percent >= RECALL_FROM]
    visible = [(row, symbol) for row, symbol in wanted if row.heights[symbol] >= VISIBLE]
    claims = [(row, symbol) for row in rows for symbol in row.found]
    amounts = [
        (row.found[symbol] / percent - 1.0, (row.found[symbol] - percent) / max(row.stderr[symbol], 0.5))
        for row in rows
        for symbol, percent in row.truth.items()
        if percent >= AMOUNT_FROM and symbol in row.found
    ]
    errors, pulls = np.array(amounts).T if amounts else np.zeros((2, 0))
    shifts = np.array([row.shift_error for row in rows])
    return {
        "surveys": len(rows),
        "recall": _share([symbol in row.found for row, symbol in wanted]),
        "recall of visible": _share([symbol in row.found for row, symbol in visible]),
        "share visible": len(visible) / max(len(wanted), 1),
        "precision": _share([symbol in row.truth for row, symbol in claims]),
        "amounts within 20 %": _share(list(np.abs(errors) <= AMOUNT_WITHIN)),
        "median error of amounts": float(np.median(np.abs(errors))) if errors.size else float("nan"),
        "error over standard error, rms": float(np.sqrt(np.mean(pulls**2))) if pulls.size else float("nan"),
        "median error of shift / eV": float(np.nanmedian(np.abs(shifts))),
    }


def real(folder: Path, half: str) -> Iterator[Real]:
    """Recognise the surveys of all files below a folder that can be read and have other regions or not."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix == ".md" or path.name == "manifest.csv":
            continue
        try:
            tree = read(path)
        except PrefitError:
            continue
        for sample, node in (samples_of(tree) or {"": tree}).items():
            named = f"{path.relative_to(folder).as_posix()}{f' {sample}' if sample else ''}"
            development = any(part in path.name for part in _DEVELOPMENT) or sample == _DEVELOPMENT_SAMPLE
            if half != "all" and development != (half == "development"):
                continue
            for surveys, regions in blocks(node):
                proved, disproved = proofs(regions)
                for region, dataset in surveys.items():
                    survey = survey_of(dataset, region=region)
                    if survey is None:
                        continue
                    low, high = float(dataset["binding_energy"].min()), float(dataset["binding_energy"].max())
                    inside = tuple(symbol for symbol, energy in proved.items() if low + 5.0 <= energy <= high - 5.0)
                    found = {element.symbol: element.probability for element in survey.elements}
                    yield Real(f"{named} {region}", development, found, inside, tuple(disproved))


def blocks(node: xr.DataTree) -> list[tuple[dict[str, xr.Dataset], dict[str, xr.Dataset]]]:
    """Surveys one after the other and the regions that follow them; those before the first survey belong to it."""
    parts: list[tuple[dict[str, xr.Dataset], dict[str, xr.Dataset]]] = [({}, {})]
    follows = False
    for name, child in node.children.items():
        dataset = summed(child.to_dataset())
        if is_survey(dataset, str(name)):
            if follows and parts[-1][0]:
                parts.append(({}, {}))
            parts[-1][0][str(name)] = dataset
            follows = False
        else:
            parts[-1][1][str(name)] = dataset
            follows = True
    return parts


def summed(dataset: xr.Dataset) -> xr.Dataset:
    """Sum of a stack over its other dimensions."""
    others = [dim for dim in dataset["counts"].dims if dim != "binding_energy"]
    return dataset[["counts"]].sum(others, keep_attrs=True).assign_attrs(dataset.attrs) if others else dataset


def proofs(regions: dict[str, xr.Dataset]) -> tuple[dict[str, float], set[str]]:
    """Elements that regions prove, with the binding energies of their lines, and those that they disprove."""
    proved: dict[str, float] = {}
    disproved: set[str] = set()
    for name, dataset in regions.items():
        match = _LEVEL.fullmatch(str(dataset.attrs.get("region", name)))
        if match is None:
            continue
        lines = level_lines(match[0])
        energy, counts = dataset["binding_energy"].values, dataset["counts"].values
        place, height = highest_line(energy, counts)
        if height >= PROOF and lines[0].low - _CHARGED <= place <= max(line.high for line in lines) + _CHARGED:
            proved[match[1]] = lines[0].energy
        elif height < NOTHING and energy[0] <= lines[0].low and energy[-1] >= lines[0].high:
            disproved.add(match[1])
    return proved, disproved - set(proved)


def highest_line(energy: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Place in eV and height over noise of the point that stands out most over those `_BESIDE` eV to either side."""
    smooth = np.convolve(np.pad(counts, 1, mode="edge"), np.ones(3) / 3.0, "valid")
    beside = [np.interp(energy + move, energy, smooth) for move in (-_BESIDE, _BESIDE)]
    height = smooth - np.maximum(*beside)
    inside = (energy >= energy[0] + _BESIDE) & (energy <= energy[-1] - _BESIDE)
    if not inside.any():
        return float("nan"), 0.0
    top = int(np.where(inside, height, -np.inf).argmax())
    return float(energy[top]), float(height[top] / max(float(channel_noise(counts)), 1e-300))


def real_figures(rows: Sequence[Real]) -> dict[str, float]:
    """Recall of proved elements, precision among proved and disproved ones, and claims that nothing proves."""
    with_regions = [row for row in rows if row.proved]
    decided = [symbol in row.proved for row in rows for symbol in row.found if symbol in (*row.proved, *row.disproved)]
    claims = [symbol in row.proved for row in with_regions for symbol in row.found]
    return {
        "surveys": len(rows),
        "with proved elements": len(with_regions),
        "proved elements": sum(len(row.proved) for row in rows),
        "recall": _share([symbol in row.found for row in rows for symbol in row.proved]),
        "precision where regions decide": _share(decided),
        "share of claims that regions prove": _share(claims),
    }


def _share(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _table(title: str, figures: dict[str, dict[str, float]]) -> Table:
    table = Table("", *figures, title=title)
    for name in next(iter(figures.values())):
        table.add_row(name, *(f"{column[name]:.3g}" for column in figures.values()))
    return table


@click.command()
@click.option("--draws", default=200, show_default=True, help="Simulated surveys.")
@click.option("--seed", default=0, show_default=True)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of real files.")
@click.option("--half", type=click.Choice(["development", "test", "all"]), default="all", show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/surveys.json"))
def main(draws: int, seed: int, data: Path | None, half: str, json_path: Path) -> None:
    """Tabulate recall, precision and errors of amounts of elements in surveys."""
    console = Console(width=170)
    start = time.process_time()
    drawn = list(simulated(draws, seed))
    record: dict[str, object] = {**conditions(seed=seed)}
    if drawn:
        figures = simulated_figures(drawn)
        console.print(_table("Simulated surveys", {"": figures}))
        console.print(f"{(time.process_time() - start) / draws:.2f} s of processor time for each survey")
        record |= {"simulated": figures, "draws": [asdict(row) for row in drawn]}
    if data is not None:
        rows = list(real(data, half))
        halves = {
            name: real_figures(part)
            for name, part in (
                ("development", [row for row in rows if row.development]),
                ("test", [row for row in rows if not row.development]),
            )
            if part
        }
        console.print(_table("Real surveys", halves))
        details = Table("survey", "half", "missed", "disproved", "not proved", title="Elements")
        for row in rows:
            missed = [symbol for symbol in row.proved if symbol not in row.found]
            wrong = [symbol for symbol in row.found if symbol in row.disproved]
            others = [f"{symbol} {row.found[symbol]:.2f}" for symbol in row.found if symbol not in row.proved]
            details.add_row(
                row.name, "development" if row.development else "test", " ".join(missed), " ".join(wrong),
                ", ".join(others),
            )  # fmt: skip
        console.print(details)
        record |= {"real": halves, "surveys": [asdict(row) for row in rows]}
    write_record(json_path, without_nan(record))
    console.print(f"written: {json_path}")
