"""Whether the network says no to what is no organic spectrum, and how often it says so of good ones.

    python -m benchmarks.out_of_domain --real ../shared/real --data ../shared/measured

The list of what it should refuse is ``out_of_domain.toml``: materials by their lines, featureless windows, measured
polymers in a wrong way, files of real instruments. Nothing in it comes from the network's own simulator. Every case is
drawn several times: charge within 6 eV, 300 to 100 000 counts, other widths, steps, windows and backgrounds.

Baseline: a C 1s region with a line five times as high as its noise is in order, anything else is out of domain.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import click
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.cases import CHARGE, FINE, Conditions, ascending, asked, columns, detected, drawn, extended, tree
from benchmarks.polymers import Polymer, Regions, load
from benchmarks.record import conditions as circumstances
from benchmarks.record import write_record
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights
from xps_stn_plugin.workflow import read

Array = NDArray[np.float64]
#: What the network should say; ``out_of_domain.toml`` explains the words.
Verdict = Literal["outside", "doubtful", "debatable", "inside"]
#: The spectrum in given conditions.
Build = Callable[[Conditions, np.random.Generator], xr.DataTree]
#: Statuses in the order of the tables; the contract refuses some spectra with a sentence before the network sees them.
STATUSES = ("out_of_domain", "refused", "uncertain", "ok")


@dataclass(frozen=True)
class Case:
    """One kind of spectrum, to be drawn in any conditions.

    Parameters
    ----------
    kind, name, why : str
        Family, sample, and why the verdict is what it is.
    verdict : {"outside", "doubtful", "debatable", "inside"}
        What the network should say.
    build : callable
        Makes the spectrum. Raises `PrefitError` where no reader would let it pass.
    scaled : bool
        Whether the rigid shift on the 285.0 eV scale is known (``Conditions.charge``), so that an error can be given.
    charge : float or None
        Charge in eV that belongs to the case, instead of a random one.
    """

    kind: str
    name: str
    verdict: Verdict
    why: str
    build: Build
    scaled: bool = False
    charge: float | None = None


@dataclass(frozen=True)
class Answer:
    """What was said to one draw; `error` is predicted minus true shift in eV, NaN where there is none."""

    kind: str
    name: str
    verdict: Verdict
    charge: float
    counts: float
    status: str
    shift: float
    error: float
    baseline: str


# --- what can go wrong with a good spectrum -------------------------------------------------------


def doubled(regions: Regions, distance: float) -> dict[str, Array]:
    """Two halves of the sample, the second charged by `distance` eV more."""
    both = {}
    for name, rows in ascending(regions).items():
        wide = extended(rows, rows[0, 0], rows[-1, 0] + distance, FINE)
        second = np.interp(wide[:, 0] - distance, rows[:, 0], rows[:, 1], left=0.0, right=0.0)
        both[name] = columns(wide[:, 0], (wide[:, 1] + second) / 2)
    return both


def swapped(counts: Regions) -> dict[str, Array]:
    """Put the counts of the first two regions under each other's axis, as far as the shorter goes."""
    first, second = sorted(counts)[:2]
    size = min(len(counts[first]), len(counts[second]))
    a, b = counts[first][:size], counts[second][:size]
    return {**counts, first: columns(a[:, 0], b[:, 1]), second: columns(b[:, 0], a[:, 1])}


def mirrored(counts: Regions) -> dict[str, Array]:
    """Put the counts in the wrong order beside their energies."""
    return {name: columns(rows[:, 0], rows[::-1, 1]) for name, rows in counts.items()}


def clipped(counts: Regions, share: float) -> dict[str, Array]:
    """No channel above `share` of the highest line."""
    highest = max(counts.values(), key=lambda rows: float(rows[:, 1].max()))[:, 1]
    limit = np.floor(highest.min() + share * np.ptp(highest))
    return {name: columns(rows[:, 0], rows[:, 1].clip(max=limit)) for name, rows in counts.items()}


def dead(counts: Regions, share: float) -> dict[str, Array]:
    """Non-paralysable dead time that takes `share` of the highest channel: rate / (1 + rate * time)."""
    top = max(rows[:, 1].max() for rows in counts.values())
    time = share / (1 - share) / top
    return {name: columns(rows[:, 0], np.round(rows[:, 1] / (1 + time * rows[:, 1]))) for name, rows in counts.items()}


def altered(
    name: str, regions: Regions, change: str, amount: float, conditions: Conditions, rng: np.random.Generator
) -> xr.DataTree:
    """Measured polymer with one thing wrong.

    Raises
    ------
    PrefitError
        For a change that is not known.
    """
    counts = detected(doubled(regions, amount) if change == "doubled" else regions, conditions, rng)
    match change:
        case "charged" | "doubled":
            return tree(name, counts)
        case "swapped":
            return tree(name, swapped(counts))
        case "misnamed":
            return tree(name, {"C1s": counts["O1s"]})
        case "reversed":
            return tree(name, mirrored(counts))
        case "clipped":
            return tree(name, clipped(counts, amount))
        case "dead":
            return tree(name, dead(counts, amount))
    raise PrefitError("out_of_domain.toml", f"the change {change!r} is not known to benchmarks.out_of_domain.")


# --- no line at all: expected counts over an axis from 0 to 1, in units of the background ---------

SHAPES: Mapping[str, Callable[[Array, np.random.Generator], Array]] = {
    "flat": lambda at, rng: np.ones_like(at),
    "slope": lambda at, rng: 1 + rng.uniform(0.3, 2.0) * at,
    "fall": lambda at, rng: 1 + rng.uniform(0.3, 2.0) * (1 - at),
    "step": lambda at, rng: 1 + rng.uniform(0.3, 2.0) / (1 + np.exp(-(at - rng.uniform(0.3, 0.7)) / 0.04)),
    "tail": lambda at, rng: 1 + rng.uniform(1.0, 20.0) * np.exp((at - 1) / rng.uniform(0.05, 0.2)),
    "hum": lambda at, rng: 1 + 0.2 * np.sin(2 * np.pi * (rng.uniform(1.5, 6.0) * at + rng.random())),
}
#: Binding energies in eV from which a window without a line is recorded, and how wide it is.
WINDOWS = {"C1s": 278.0, "O1s": 524.0, "N1s": 393.0}
WINDOW_WIDTH = 18.0


def featureless(shape: str, windows: Sequence[str], conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    """Record `shape` in every window: one of `SHAPES`, "spike", "spikes", "constant" or "constant but one"."""
    axis = np.arange(0.0, WINDOW_WIDTH, conditions.step)
    regions = {}
    for name in windows:
        expected = SHAPES.get(shape, SHAPES["flat"])(axis / WINDOW_WIDTH, rng)
        counts = rng.poisson(conditions.counts * expected).astype(float)
        if shape.startswith("spike"):
            number = 1 if shape == "spike" else int(rng.integers(2, 6))
            counts[rng.integers(4, axis.size - 4, number)] += conditions.counts * rng.uniform(0.5, 5.0, number)
        if shape.startswith("constant"):
            counts[:] = np.floor(conditions.counts)
        if shape == "constant but one":
            counts[rng.integers(axis.size)] += 1
        regions[name] = columns(WINDOWS[name] + axis + conditions.charge, np.round(counts))
    return tree(shape, regions)


# --- the list -------------------------------------------------------------------------------------


@cache
def table() -> Mapping[str, Any]:
    """Read ``out_of_domain.toml``."""
    return tomllib.loads(files("benchmarks").joinpath("out_of_domain.toml").read_text(encoding="utf-8"))


def simulated_cases(polymers: Sequence[Polymer]) -> tuple[Case, ...]:
    """Cases from lines, from nothing, and from measured polymers.

    Raises
    ------
    PrefitError
        If a verdict is unknown.
    """
    measured = {polymer.name: polymer.regions for polymer in polymers}
    return _checked([*_materials(), *_featureless(), *_altered(measured)])


def real_cases(folder: Path) -> tuple[Case, ...]:
    """Cases from files of real instruments.

    Raises
    ------
    PrefitError
        If a file cannot be read or a verdict is unknown.
    """
    return _checked(list(_real(folder)))


def _checked(cases: list[Case]) -> tuple[Case, ...]:
    for case in cases:
        if case.verdict not in get_args(Verdict):
            msg = f"{case.name} has the verdict {case.verdict!r}; it must be one of {', '.join(get_args(Verdict))}."
            raise PrefitError("out_of_domain.toml", msg)
    return tuple(cases)


def _materials() -> Iterator[Case]:
    for entry in table()["material"]:
        for name, lines in entry["samples"].items():
            build = partial(_taken, name, {region: drawn(rows) for region, rows in lines.items()})
            yield Case(entry["kind"], name, entry["verdict"], entry["why"], build, scaled=True)


def _taken(name: str, curves: Regions, conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    return tree(name, detected(curves, conditions, rng))


def _featureless() -> Iterator[Case]:
    for entry in table()["featureless"]:
        for shape, windows in product(entry["shapes"], entry["windows"]):
            name = f"{shape} in {', '.join(windows)}"
            yield Case(entry["kind"], name, entry["verdict"], entry["why"], partial(featureless, shape, windows))


def _altered(polymers: Mapping[str, Regions]) -> Iterator[Case]:
    for entry in table()["altered"]:
        change = entry["change"]
        for name, amount in product(entry["polymers"], entry["amounts"]):
            label = f"{name}, {change} {amount:+g}" if amount else f"{name}, {change}"
            build = partial(altered, name, polymers[name], change, amount)
            scaled, charge = change in ("charged", "clipped", "dead"), amount if change == "charged" else None
            yield Case(entry["kind"], label, entry["verdict"], entry["why"], build, scaled, charge)


def _real(folder: Path) -> Iterator[Case]:
    for entry in table()["real"]:
        spectrum = read(folder / entry["file"])
        cut = entry.get("cut")
        regions = {name: spectrum[name].to_dataset() for name in entry.get("regions", spectrum.children)}
        if cut:
            name, region, low, high = cut
            data = spectrum[name].to_dataset().sel(binding_energy=slice(low, high))
            regions = {region: data.assign_attrs(region=region)}
        part = f", {', '.join(regions)}" if "regions" in entry else ""
        if cut:
            part = f", {cut[0]} {cut[2]:g}-{cut[3]:g} eV as {cut[1]}"
        label = entry["file"] + part
        yield Case("real file", label, entry["verdict"], entry["why"], partial(_charged, regions))


def _charged(regions: Mapping[str, xr.Dataset], conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    moved = {
        f"/{name}": data.assign_coords(binding_energy=data["binding_energy"] + conditions.charge)
        for name, data in regions.items()
    }
    return xr.DataTree.from_dict(moved)


# --- asking ---------------------------------------------------------------------------------------


def line_height(counts: Array) -> float:
    """Height of the highest channel above a straight line between the ends, over the noise of one channel."""
    ends = max(1, min(5, counts.size // 5))
    base = np.linspace(counts[:ends].mean(), counts[-ends:].mean(), counts.size)
    # Second differences have six times the variance of white noise; the median stands above lines and spikes.
    noise = np.median(np.abs(np.diff(counts, 2))) / 0.6745 / np.sqrt(6.0)
    return float((counts - base).max() / noise) if noise > 0 else float("inf")


def baseline(spectrum: xr.DataTree) -> str:
    """Signal to noise alone: a C 1s line five times as high as the noise is in order, anything else is not."""
    carbon = [child for name, child in spectrum.children.items() if child.attrs.get("region", name) == "C1s"]
    return "ok" if carbon and line_height(carbon[0].to_dataset()["counts"].values) >= 5.0 else "out_of_domain"


def answers(cases: Iterable[Case], trained: TrainedNetwork, draws: int, seed: int) -> Iterator[Answer]:
    """Draw every case `draws` times and ask; a case's draws do not depend on the others of the list."""
    for case in cases:
        key = [seed, *f"{case.kind}: {case.name}".encode()]
        rng = np.random.default_rng(key)
        for _ in range(draws):
            conditions = Conditions.draw(rng)
            if case.charge is not None:
                conditions = replace(conditions, charge=case.charge)
            nan = float("nan")
            status, shift, simple = "refused", nan, "refused"
            try:
                spectrum = case.build(conditions, rng)
            except PrefitError:
                pass
            else:
                simple = baseline(spectrum)
                prediction = asked(trained, spectrum)
                if prediction is not None:
                    status, shift = prediction.status, prediction.shift
            error = shift - conditions.charge if case.scaled else nan
            about = (case.kind, case.name, case.verdict, conditions.charge, conditions.counts)
            yield Answer(*about, status, shift, error, simple)


def polymer_cases(polymers: Sequence[Polymer], span: float, carbon_only: bool) -> tuple[Case, ...]:
    """Measured polymers as they are, moved by a random shift within `span` eV."""
    kind = f"measured, {'C 1s alone' if carbon_only else 'all regions'}, ±{span:g} eV"
    found = []
    for polymer in polymers:
        given = replace(polymer, regions={"C1s": polymer.regions["C1s"]}) if carbon_only else polymer
        found.append(Case(kind, polymer.name, "inside", "An organic sample.", partial(_moved, given, span)))
    return tuple(found)


def _moved(polymer: Polymer, span: float, conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    return polymer.spectrum(conditions.charge * span / CHARGE)


# --- figures --------------------------------------------------------------------------------------


def shares(rows: Sequence[Answer], of: Literal["status", "baseline"] = "status") -> dict[str, float]:
    """Share of each status, and of the cases that are not ok."""
    said = [getattr(row, of) for row in rows]
    counted = {name: said.count(name) / len(said) for name in STATUSES}
    return {**counted, "not ok": 1 - counted["ok"]}


def by(rows: Sequence[Answer], key: Literal["kind", "name", "verdict"]) -> dict[str, list[Answer]]:
    """Rows in groups, in order of appearance."""
    groups: dict[str, list[Answer]] = {}
    for row in rows:
        groups.setdefault(getattr(row, key), []).append(row)
    return groups


def headline(rows: Sequence[Answer]) -> dict[str, Any]:
    """Shares over what is to be refused, pooled and as the mean over kinds; out_of_domain counts refusals in."""
    found: dict[str, Any] = {}
    for label, verdicts in (("outside", ("outside",)), ("outside and doubtful", ("outside", "doubtful"))):
        these = [row for row in rows if row.verdict in verdicts]
        for of in ("status", "baseline"):
            kinds = [shares(own, of) for own in by(these, "kind").values()]
            pooled = shares(these, of)
            found[f"{label}, {'network' if of == 'status' else 'baseline'}"] = {
                "spectra": len(these),
                "cases": len({(row.kind, row.name) for row in these}),
                "not ok": pooled["not ok"],
                "out_of_domain": pooled["out_of_domain"] + pooled["refused"],
                "not ok, mean over kinds": float(np.mean([kind["not ok"] for kind in kinds])),
                "out_of_domain, mean over kinds": float(
                    np.mean([kind["out_of_domain"] + kind["refused"] for kind in kinds])
                ),
            }
    return found


def share_table(rows: Sequence[Answer], title: str) -> Table:
    """Tabulate the shares by kind."""
    columns = ("cases", "spectra", *STATUSES, "baseline ok", "ok: median error/eV")
    shown = Table("kind", "should be", *columns, title=title)
    for kind, members in by(rows, "kind").items():
        for verdict, own in by(members, "verdict").items():
            share = shares(own)
            error = np.abs([row.error for row in own if row.status == "ok" and np.isfinite(row.error)])
            shown.add_row(
                kind,
                verdict,
                str(len({row.name for row in own})),
                str(len(own)),
                *(f"{share[name]:.0%}" for name in STATUSES),
                f"{shares(own, 'baseline')['ok']:.0%}",
                f"{np.median(error):.2f}" if error.size else "",
            )
    return shown


def wrongly_ok(rows: Sequence[Answer]) -> Table:
    """Tabulate the cases that should be refused and were called ok in any draw."""
    shown = Table("kind", "case", "should be", "ok", "shifts/eV: true -> predicted", title="Wrongly called ok")
    for own in by([row for row in rows if row.verdict in ("outside", "doubtful")], "name").values():
        bad = [row for row in own if row.status == "ok"]
        if bad:
            said = ", ".join(
                f"{row.charge:+.1f} -> {row.shift:+.1f}" if np.isfinite(row.error) else f"{row.shift:+.1f}"
                for row in bad[:3]
            )
            shown.add_row(own[0].kind, own[0].name, own[0].verdict, f"{len(bad)} of {len(own)}", said)
    return shown


def flagged(rows: Sequence[Answer]) -> Table:
    """Tabulate the good spectra that were not called ok, by polymer."""
    shown = Table("spectra", "out of domain", "uncertain", title="Good spectra not called ok (share of draws)")
    for kind, own in by(rows, "kind").items():
        texts = []
        for status in ("out_of_domain", "uncertain"):
            share = {name: shares(draws)[status] for name, draws in by(own, "name").items()}
            texts.append(", ".join(f"{name} {value:.0%}" for name, value in share.items() if value))
        shown.add_row(kind, *texts)
    return shown


@click.command()
@click.option("--real", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option("--draws", default=6, show_default=True, help="Draws of each case and polymer.")
@click.option("--seed", default=20261122, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/out_of_domain.json"))
def main(real: Path, data: Path, weights: Path | None, draws: int, seed: int, json_path: Path) -> None:
    """Measure refusals of what is out of domain, and false alarms on measured polymers."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    polymers = load(data)
    trained = load_weights(weights) if weights else shipped_weights()

    def ask(cases: tuple[Case, ...], label: str) -> list[Answer]:
        found = answers(cases, trained, draws, seed)
        return list(track(found, label, len(cases) * draws, console=console, transient=True))

    outside = ask((*simulated_cases(polymers), *real_cases(real)), "out of domain")
    sets = [polymer_cases(polymers, span, alone) for alone in (False, True) for span in (3.0, 5.0)]
    inside = [row for cases in sets for row in ask(cases, cases[0].kind)]
    console.print(share_table(outside, "What should be refused"))
    console.print(share_table(inside, "What should not (measured polymers)"))
    console.print(wrongly_ok(outside))
    console.print(flagged(inside))
    summary = headline(outside)
    shown = Table("over", *next(iter(summary.values())), title="Share of spectra; out_of_domain includes refusals")
    for label, values in summary.items():
        shown.add_row(label, *(str(v) if isinstance(v, int) else f"{v:.1%}" for v in values.values()))
    console.print(shown)
    console.print("baseline: a C 1s line five times as high as its noise is in order, anything else out of domain")
    record = {
        **circumstances(seed),
        "draws": draws,
        "model": asdict(trained.info),
        "headline": summary,
        "kinds": {
            f"{kind}, {verdict}": shares(own)
            for kind, members in by(outside, "kind").items()
            for verdict, own in by(members, "verdict").items()
        },
        "measured": {kind: shares(own) for kind, own in by(inside, "kind").items()},
        "answers": [asdict(row) for row in (*outside, *inside)],
    }
    write_record(json_path, record)
    console.print(f"written: {json_path}")


if __name__ == "__main__":
    main()
