"""Results for real files with two networks.

    python -m benchmarks corpus --data ../shared/corpus [--weights A --weights B] [--pictures FOLDER]

Every file below the folder is read and prefit with each network: those shipped, and those that are given. Printed are
the statuses by what the file holds (C 1s; another of the levels that the network knows; none of them; nothing that can
be read), and the files whose status or shift differs. Stacks are summed over their other dimensions. There are no
truths: ``--pictures`` draws the spectra that the last network calls ok on the calibrated axis, to be looked at.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.answering import STATUSES, WEIGHTS_OPTION, Answer, answered, asked_with, models_of, networks
from benchmarks.cases import without_nan
from benchmarks.record import conditions, write_record
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.api import read
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.stn.weights import TrainedNetwork

#: What a file holds, in the order of the table.
CONTENTS = ("C 1s", "another of the levels", "none of the levels", "nothing that can be read")
#: Change of a shift in eV that is listed.
SHIFT_CHANGE = 0.2
#: Panels of a picture: side by side, and in all.
PANELS_IN_A_ROW, MOST_PANELS = 4, 12
#: Files that describe the others.
_DESCRIPTIONS = {"manifest.csv", "README.md"}


@dataclass(frozen=True)
class File:
    """One file and the answer of each network.

    Parameters
    ----------
    name : str
        Path below the folder.
    contents : str
        One of `CONTENTS`.
    levels : tuple of str
        Core levels in it.
    sample : str
        What the manifest says of the sample.
    answers : mapping of str to Answer
        By network.
    """

    name: str
    contents: str
    levels: tuple[str, ...]
    sample: str
    answers: Mapping[str, Answer]

    @property
    def changed(self) -> bool:
        """Whether statuses differ, or shifts that are trusted."""
        answers = list(self.answers.values())
        shifts = [answer.shift for answer in answers if answer.status in ("ok", "uncertain")]
        return len({answer.status for answer in answers}) > 1 or (
            len(shifts) > 1 and float(np.ptp(shifts)) > SHIFT_CHANGE
        )


def spectrum_of(path: Path) -> xr.DataTree:
    """Read a file; stacks are summed over all dimensions but the energy.

    Raises
    ------
    PrefitError
        If it cannot be read.
    """

    def summed(dataset: xr.Dataset) -> xr.Dataset:
        other_dims = [dim for dim in dataset["counts"].dims if dim != "binding_energy"]
        if not other_dims:
            return dataset
        return dataset[["counts"]].sum(other_dims, keep_attrs=True).assign_attrs(dataset.attrs)

    tree = read(path)
    if any("counts" not in child for child in tree.children.values()):
        raise PrefitError(str(path), "holds several samples; give a file of one.")
    regions = {f"/{name}": summed(child.to_dataset()) for name, child in tree.children.items()}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=tree.attrs), **regions})


def samples(folder: Path) -> Mapping[str, str]:
    """Sample of each file by its name, from ``manifest.csv`` where there is one."""
    path = folder / "manifest.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as handle:
        return {Path(row["file"]).name: row.get("truth") or "" for row in csv.DictReader(handle)}


def contents(levels: Sequence[str]) -> str:
    """Sort a file with these core levels into one of `CONTENTS`."""
    if "C1s" in levels:
        return CONTENTS[0]
    return CONTENTS[1] if set(levels) & set(core_levels()) else CONTENTS[2]


def asked_files(folder: Path, paths: Sequence[Path], trained: Mapping[str, TrainedNetwork]) -> Iterator[File]:
    """Ask every network about every file."""
    sample_names = samples(folder)
    for path in paths:
        name, sample = path.relative_to(folder).as_posix(), sample_names.get(path.name, "")
        try:
            spectrum = spectrum_of(path)
        except PrefitError as error:
            nan = float("nan")
            refusal = Answer("refused", nan, nan, (), (), (str(error),))
            yield File(name, CONTENTS[3], (), sample, dict.fromkeys(trained, refusal))
            continue
        levels = tuple(dict.fromkeys(str(child.attrs.get("region", key)) for key, child in spectrum.children.items()))
        answers = {}
        for label, network in trained.items():
            with asked_with(network):
                answers[label] = answered(spectrum)
        yield File(name, contents(levels), levels, sample, answers)


def status_counts(files: Sequence[File], network: str) -> dict[str, dict[str, int]]:
    """Count the statuses of one network by what files hold."""
    return {
        kind: {
            status: sum(file.contents == kind and file.answers[network].status == status for file in files)
            for status in STATUSES
        }
        for kind in CONTENTS
    }


def status_table(files: Sequence[File], trained: Mapping[str, TrainedNetwork]) -> Table:
    """Tabulate the statuses of all networks by what files hold."""
    table = Table("files with", "files", "weights", *STATUSES, title="Statuses")
    for kind in CONTENTS:
        number = sum(file.contents == kind for file in files)
        for row, network in enumerate(trained):
            counts = status_counts(files, network)[kind]
            first = (kind, str(number)) if not row else ("", "")
            table.add_row(*first, network, *(str(counts[status]) for status in STATUSES))
    return table


def change_table(files: Sequence[File], trained: Mapping[str, TrainedNetwork]) -> Table:
    """Tabulate the files whose status or shift differs between networks."""
    table = Table("file", "levels", "sample", *trained, title="Files whose status or shift changes")
    for file in files:
        if file.changed:
            answer_texts = [
                f"{answer.status} {answer.shift:+.2f} ± {answer.stderr:.2f}"
                if np.isfinite(answer.shift)
                else answer.status
                for answer in file.answers.values()
            ]
            table.add_row(file.name, " ".join(file.levels[:8]), file.sample, *answer_texts)
    return table


def picture(path: Path, file: File, network: str, folder: Path) -> None:
    """Draw the levels that the network knows on the axis that it calibrates."""
    spectrum, answer = spectrum_of(path), file.answers[network]
    regions = [name for name, child in spectrum.children.items() if child.attrs.get("region", name) in core_levels()]
    regions = regions[:MOST_PANELS]
    columns = min(PANELS_IN_A_ROW, len(regions))
    lines = -(-len(regions) // columns)
    figure = Figure(figsize=(4.0 * columns, 0.6 + 2.8 * lines), layout="constrained")
    for panel, name in enumerate(regions, start=1):
        data = spectrum[name].to_dataset()
        axes = figure.add_subplot(lines, columns, panel)
        axes.plot(data["binding_energy"].values - answer.shift, data["counts"].values, lw=0.9, color="C0")
        if data.attrs.get("region", name) == "C1s":
            axes.axvline(285.0, color="0.5", lw=0.8, ls="--")
        axes.invert_xaxis()
        axes.set_title(f"{name}", fontsize=9)
        axes.set_xlabel("binding energy / eV")
    groups = ", ".join(answer.groups) or "no group"
    figure.suptitle(f"{file.name}\n{answer.shift:+.2f} ± {answer.stderr:.2f} eV; {groups}; {file.sample}", fontsize=8)
    figure.savefig(folder / (file.name.replace("/", "__") + ".png"), dpi=80)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@WEIGHTS_OPTION
@click.option("--pictures", type=click.Path(file_okay=False, path_type=Path), help="Folder for what the last calls ok.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/corpus.json"))
def main(data: Path, paths: tuple[Path, ...], pictures: Path | None, json_path: Path) -> None:
    """Tabulate the statuses of real files with several networks."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    trained = networks(paths)
    data_files = sorted(path for path in data.rglob("*") if path.is_file() and path.name not in _DESCRIPTIONS)
    answered_files = asked_files(data, data_files, trained)
    files = list(track(answered_files, "files", len(data_files), console=console, transient=True))
    console.print(change_table(files, trained))
    console.print(status_table(files, trained))
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        last = list(trained)[-1]
        fine = [file for file in files if file.answers[last].status == "ok"]
        for file in fine:
            picture(data / file.name, file, last, pictures)
        console.print(f"drawn: {len(fine)} files that {last} calls ok, in {pictures}")
    record = {
        **conditions(seed=0),
        "data": data.name,
        "models": models_of(trained),
        "statuses": {name: status_counts(files, name) for name in trained},
        "files": [asdict(file) for file in files],
    }
    write_record(json_path, without_nan(record))
    console.print(f"written: {json_path}")
