"""Conditions that make a good spectrum worse, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.cases import FINE, Array, ascending, averaged, broadened, columns, extended
from benchmarks.polymers import Polymer, Regions

#: Alters regions (rows ascending, true energies).
Change = Callable[[dict[str, Array], np.random.Generator], Mapping[str, Array]]

#: Width in eV of a single C 1s line of the measured set: the lines of PB, HDPE, PP and PMP are 0.9 to 1.0 wide.
OWN_WIDTH = 1.0
#: Counts of the highest channel where a condition needs noise to mean anything, and the background beneath it as a
#: share of that channel.
COUNTS = 1e4
FLAT = 0.1
#: X-ray satellites without monochromator: energy in eV below the line (towards lower binding energy) and share of it.
#: Handbook of X-ray Photoelectron Spectroscopy (Moulder et al. 1992): K-alpha 3, 4, 5 and 6.
SATELLITES = {
    "Al": ((9.8, 0.064), (11.8, 0.032), (20.1, 0.004), (23.4, 0.003)),
    "Mg": ((8.4, 0.080), (10.1, 0.041), (17.6, 0.0055), (20.6, 0.0045)),
}
#: Natural width in eV of the unmonochromated K-alpha line, and of what a monochromator lets through.
SOURCE_WIDTH = {"Al": 0.85, "Mg": 0.70}
MONOCHROMATED = 0.26


@dataclass(frozen=True)
class Condition:
    """One alteration.

    Parameters
    ----------
    family, name : str
        What is varied, and how far.
    change : callable
        Alters the regions (rows ascending, true energies).
    differential : float
        Charge in eV, of random sign, of every region but C 1s.
    excused : str
        Group that the alteration itself brings: not counted where the polymer has none of it.
    """

    family: str
    name: str
    change: Change = lambda regions, rng: regions
    differential: float = 0.0
    excused: str = ""


def coarser(step: float) -> Change:
    """Channels of `step` eV: averaged, or interpolated where finer than the data; the first anywhere."""

    def change(regions: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        return {name: averaged(rows, step, float(rng.uniform(0, step))) for name, rows in regions.items()}

    return change


def wider(fwhm: float) -> Change:
    """Fold with the Gaussian that makes a line of `OWN_WIDTH` `fwhm` eV wide."""
    return lambda regions, rng: {
        name: broadened(roomy(rows, 1.5 * fwhm), float(np.sqrt(max(fwhm**2 - OWN_WIDTH**2, 0.0))))
        for name, rows in regions.items()
    }


def roomy(rows: Array, below: float, above: float | None = None) -> Array:
    """Rows on an axis that reaches `below` and `above` eV beyond the data, where the intensity is 0."""
    return extended(rows, rows[0, 0] - below, rows[-1, 0] + (below if above is None else above), 2 * FINE)


def counted(regions: Mapping[str, Array], counts: float, rng: np.random.Generator, flat: float = FLAT) -> Regions:
    """Poisson counts with `counts` in the highest channel, on a flat background of `flat` of it."""
    top = max(rows[:, 1].max() for rows in regions.values())
    return {
        name: columns(rows[:, 0], rng.poisson((rows[:, 1].clip(0) / top + flat) * counts))
        for name, rows in regions.items()
    }


def noisy(counts: float) -> Change:
    """Count as `counted` does."""
    return lambda regions, rng: counted(regions, counts, rng)


def background(level: float, slope: float = 0.0, step: float = 0.0) -> Change:
    """Put lines on a background, in units of each region's highest channel, with the noise of `COUNTS`.

    `slope` is its change over the window, towards higher binding energy; `step` the height of the Shirley step.
    """

    def change(regions: dict[str, Array], rng: np.random.Generator) -> Regions:
        raised = {}
        for name, rows in regions.items():
            # A window that shows the background at both ends.
            axis, signal = roomy(rows, 3.0).T
            position = np.linspace(0.0, 1.0, axis.size)
            shirley = step * np.cumsum(signal.clip(0)) / signal.clip(0).sum()
            raised[name] = columns(axis, signal + signal.max() * (level + slope * position + shirley))
        return counted(raised, COUNTS, rng, flat=0.0)

    return change


def unmonochromated(source: str, extent: float, width: bool) -> Change:
    """Add the satellites of a source, in windows that reach `extent` eV lower; with its natural width if asked."""

    def change(regions: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        extra = float(np.sqrt(SOURCE_WIDTH[source] ** 2 - MONOCHROMATED**2)) if width else 0.0
        altered = {}
        for name, rows in regions.items():
            extended_rows = broadened(roomy(rows, extent, 1.0), extra)
            axis, signal = extended_rows.T
            ghosts = [share * np.interp(axis + below, axis, signal, right=0.0) for below, share in SATELLITES[source]]
            altered[name] = columns(axis, signal + np.sum(ghosts, axis=0))
        return altered

    return change


def contaminated(share: float, hydrocarbon: Array) -> Change:
    """Let `share` of all C 1s counts come from hydrocarbon, with the measured line of polyethylene at 285.0 eV."""

    def change(regions: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        low = min(regions["C1s"][0, 0], hydrocarbon[0, 0])
        high = max(regions["C1s"][-1, 0], hydrocarbon[-1, 0])
        sample_rows, hydrocarbon_rows = (extended(rows, low, high, 2 * FINE) for rows in (regions["C1s"], hydrocarbon))
        weight = share / (1 - share) * sample_rows[:, 1].sum() / hydrocarbon_rows[:, 1].sum()
        return {**regions, "C1s": columns(sample_rows[:, 0], sample_rows[:, 1] + weight * hydrocarbon_rows[:, 1])}

    return change


def only(*names: str) -> Change:
    """Keep these regions."""
    return lambda regions, rng: {name: rows for name, rows in regions.items() if name in names}


def without_region(name: str) -> Change:
    """Leave one region out."""
    return lambda regions, rng: {key: rows for key, rows in regions.items() if key != name}


def cut(margin: float) -> Change:
    """Cut windows `margin` eV beyond where the intensity is 5 % of the highest."""

    def change(regions: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        windows = {}
        for name, rows in regions.items():
            line_energies = rows[rows[:, 1] >= 0.05 * rows[:, 1].max(), 0]
            windows[name] = rows[(rows[:, 0] >= line_energies[0] - margin) & (rows[:, 0] <= line_energies[-1] + margin)]
        return windows

    return change


def padded(margin: float) -> Change:
    """Widen windows by `margin` eV on either side, with the noise of `COUNTS` everywhere."""
    return lambda regions, rng: counted({name: roomy(rows, margin) for name, rows in regions.items()}, COUNTS, rng)


def all_conditions(polymers: Sequence[Polymer]) -> tuple[Condition, ...]:
    """Every row of the table, the unaltered first; polyethylene's line serves as contamination."""
    hydrocarbon = next(ascending(polymer.regions)["C1s"] for polymer in polymers if polymer.name == "HDPE")
    return (
        Condition("as measured", "unaltered"),
        *(Condition("step", f"{step:g} eV", coarser(step)) for step in (0.05, 0.1, 0.2, 0.5)),
        *(Condition("peak counts", f"{counts:.0e}", noisy(counts)) for counts in (1e6, 1e4, 1e3, 1e2)),
        *(Condition("C 1s width", f"{fwhm:g} eV", wider(fwhm)) for fwhm in (1.2, 1.6, 2.0, 2.5)),
        Condition("background", "flat 0.5", background(0.5)),
        Condition("background", "flat 2", background(2.0)),
        Condition("background", "rising 0.3 to 0.8", background(0.3, slope=0.5)),
        Condition("background", "falling 0.8 to 0.3", background(0.8, slope=-0.5)),
        *(Condition("background", f"step {step:g}", background(0.1, step=step)) for step in (0.05, 0.15, 0.3, 0.6)),
        Condition("background", "step 0.3, falling 0.8 to 0.3", background(0.8, slope=-0.5, step=0.3)),
        Condition("window", "14 eV lower", lambda regions, rng: {k: roomy(v, 14.0, 1.0) for k, v in regions.items()}),
        *(
            Condition("X-ray source", f"{source} satellites, 14 eV lower", unmonochromated(source, 14.0, False))
            for source in SATELLITES
        ),
        *(
            Condition("X-ray source", f"{source}, width too, 14 eV lower", unmonochromated(source, 14.0, True))
            for source in SATELLITES
        ),
        *(
            Condition("hydrocarbon", f"{share:.0%} of C 1s", contaminated(share, hydrocarbon), excused="alkane")
            for share in (0.05, 0.1, 0.2)
        ),
        *(Condition("differential charge", f"±{charge:g} eV", differential=charge) for charge in (0.1, 0.2, 0.3)),
        Condition("regions", "C 1s alone", only("C1s")),
        Condition("regions", "C 1s and O 1s", only("C1s", "O1s")),
        Condition("regions", "without C 1s", without_region("C1s")),
        Condition("window", "1 eV about the lines", cut(1.0)),
        Condition("window", "10 eV wider, noise of 1e4", padded(10.0)),
    )
