"""Random spectra with one trap each and their truths: foreign lines, faults of measurement, wrong files.

Samples are those of `benchmarks.line_lists`, drawn by `benchmarks.drawn_samples`; nothing of
``xps_stn_plugin.simulate`` is used. Each kind is one function of a generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from benchmarks.cases import Array, columns
from benchmarks.drawn_samples import (
    CHARGES,
    TYPICAL_ENERGIES,
    Instrument,
    Peak,
    adventitious,
    charged,
    counted,
    covered,
    expected,
    log_uniform,
    polymer_peaks,
    spans,
    weighted,
)
from benchmarks.line_lists import ON_OUR_SCALE, foreign_lines, levels, materials, polymers
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree, unique_name

#: Groups that oxidised hydrocarbon of the air has in its way: in a trap, neither right nor false. They count in
#: `benchmarks.materials`.
OF_AIR = frozenset(
    {
        "alkane",
        "alcohol (aliphatic)",
        "ether (aliphatic)",
        "epoxide",
        "aldehyde",
        "ketone (aliphatic)",
        "carboxylic acid",
        "ester (aliphatic)",
        "anhydride",
    }
)
#: Materials under adventitious carbon that traps are laid upon: common ones, without a foreign line of their own.
SUBSTRATES = ("TiO2", "Fe2O3", "Al2O3", "SiO2", "ZnO", "Stainless steel", "Cu, native oxide", "In2O3:Sn")
#: Energy of Al K-alpha in eV.
AL_KALPHA = 1486.7


@dataclass(frozen=True)
class Trap:
    """One spectrum and its truth.

    Parameters
    ----------
    kind, name : str
        Kind of the trap, and what this one is.
    regions : mapping of str to ndarray
        By label, rows of energy/eV and counts; a level that occurs twice has a number behind it (``C1s_2``).
    charges : tuple of float
        True shift in eV: of each sample in it, or the mean over domains.
    groups, excused : frozenset of str
        Groups that are there, and those that are neither right nor false.
    domains : tuple of float
        Shifts of the parts of an unevenly charged sample in eV, of a tail its least and its mean; else empty.
    samples : mapping of str to str
        Name of the sample of each region, where the file has names.
    as_file : bool
        Whether it is to be read as a file, because the labels of the regions are part of the trap.
    """

    kind: str
    name: str
    regions: Mapping[str, Array]
    charges: tuple[float, ...]
    groups: frozenset[str]
    excused: frozenset[str]
    domains: tuple[float, ...] = ()
    samples: Mapping[str, str] = field(default_factory=dict)
    as_file: bool = False

    def spectrum(self) -> xr.DataTree:
        """Return the spectrum as a reader hands it over."""
        datasets = {}
        for name, rows in self.regions.items():
            attrs = {"sample": self.samples[name]} if name in self.samples else {}
            level = name.partition("_")[0]
            datasets[name] = region_dataset(self.name, rows[:, 0], rows[:, 1], region=level, **attrs)
        return spectrum_tree(self.name, datasets)


@dataclass(frozen=True)
class Base:
    """Sample before the trap is added; its peaks are not charged."""

    name: str
    peaks: tuple[Peak, ...]
    groups: frozenset[str]
    excused: frozenset[str]

    @property
    def windows(self) -> tuple[str, ...]:
        """Regions of its lines."""
        return tuple(dict.fromkeys(["C1s", "O1s", *(peak.window for peak in self.peaks)]))

    def with_peaks(self, peaks: Sequence[Peak]) -> Base:
        """Return the same with further lines."""
        return replace(self, peaks=(*self.peaks, *peaks))

    def area(self, window: str) -> float:
        """Area of a region."""
        return sum(peak.area for peak in self.peaks if peak.window == window)


# --- what traps are laid upon -------------------------------------------------------------------------------


def polymer(rng: np.random.Generator, without: str = "") -> Base:
    """Draw a polymer, one that has no line in the region `without`."""
    names = [name for name, entry in polymers().items() if without not in entry.windows]
    entry = polymers()[str(rng.choice(names))]
    return Base(entry.name, tuple(polymer_peaks(entry, rng)), entry.groups, entry.excused)


def of_air(rng: np.random.Generator) -> Base:
    """Draw adventitious carbon by itself, or on a common oxide."""
    if rng.random() < 0.4:
        return Base("adventitious carbon", tuple(adventitious(1.0, rng)), frozenset(), OF_AIR)
    name = str(rng.choice([name for name in SUBSTRATES if name != "SiO2"]))
    entry = next(material for material in materials() if material.name == name)
    return Base(f"adventitious carbon on {name}", tuple(covered(entry, rng)), entry.groups, OF_AIR)


def sample(rng: np.random.Generator, without: str = "") -> Base:
    """Draw either."""
    return polymer(rng, without) if rng.random() < 0.5 else of_air(rng)


def doublet(level: str, energy: float, area: float, fwhm: float, asymmetry: float = 0.0) -> list[Peak]:
    """Lines of a level whose first line lies at `energy` eV on the handbooks' scale, `area` in all."""
    entry = levels()[level]
    first = area / (1 + entry.ratio)
    peaks = [Peak(entry.window, energy + ON_OUR_SCALE, first, fwhm, asymmetry)]
    if entry.splitting:
        second = energy + ON_OUR_SCALE + entry.splitting
        peaks.append(Peak(entry.window, second, first * entry.ratio, fwhm * entry.wider, asymmetry))
    return peaks


def finished(
    kind: str,
    base: Base,
    rng: np.random.Generator,
    *,
    name: str = "",
    extra_regions: Sequence[str] = (),
    alter: Callable[[dict[str, Array], float], dict[str, Array]] | None = None,
    cut: Callable[[dict[str, tuple[float, float]], float], dict[str, tuple[float, float]]] | None = None,
) -> Trap:
    """Charge and record a sample.

    Parameters
    ----------
    kind, base, rng
        What it is.
    name : str
        Of the trap, beside that of the sample.
    extra_regions : sequence of str
        Regions that are recorded beside those of its lines.
    alter : callable, optional
        ``alter(counts, charge)`` changes what was counted.
    cut : callable, optional
        ``cut(windows, charge)`` changes the windows.
    """
    charge = float(rng.uniform(*CHARGES))
    windows = tuple(dict.fromkeys([*base.windows, *extra_regions]))
    instrument = Instrument.draw(windows, rng)
    peaks = charged(base.peaks, charge)
    ends = spans(peaks, windows, instrument)
    if cut:
        ends = cut(ends, charge)
    regions = counted(expected(peaks, ends, instrument, rng), rng)
    if alter:
        regions = alter(regions, charge)
    label = f"{base.name}; {name}" if name else base.name
    return Trap(kind, label, regions, (charge,), base.groups, base.excused)


# --- foreign lines ------------------------------------------------------------------------------------------


def foreign(kind: str, names: Sequence[str], rng: np.random.Generator) -> Trap:
    """Draw one of the named lines on a sample that has no line in its window, but for C 1s and O 1s."""
    level = str(rng.choice(names))
    line = foreign_lines()[level]
    window = levels()[level].window
    base = sample(rng, "" if window in ("C1s", "O1s") else window)
    area = base.area("C1s") * log_uniform(rng, *line.amount)
    peaks = doublet(level, float(rng.uniform(*line.energy)), area, line.fwhm * float(rng.uniform(0.9, 1.2)))
    if line.oxide and rng.random() < 0.7:
        oxygen = area / levels()[level].sensitivity * levels()["O1s"].sensitivity
        peaks += doublet("O1s", line.oxide, oxygen * float(rng.uniform(0.5, 2.5)), 1.3)
    if line.partner and rng.random() < 0.5:
        partner, energy, share, fwhm = line.partner
        peaks += doublet(partner, energy, area * share, fwhm)
    # Analysts record F 1s where C 1s shows something at 293 eV, and find nothing.
    extra_regions = ["F1s"] if level == "K2p" and rng.random() < 0.5 else []
    return finished(kind, base.with_peaks(peaks), rng, name=level, extra_regions=extra_regions)


# --- faults of measurement ----------------------------------------------------------------------------------


def empty_regions(kind: str, rng: np.random.Generator) -> Trap:
    """Draw one to four regions without a line."""
    base = sample(rng)
    vacant = [name for name in TYPICAL_ENERGIES if name not in base.windows]
    number = int(rng.integers(1, 5))
    extra_regions = [str(name) for name in rng.choice(vacant, number, replace=False)]
    return finished(kind, base, rng, name=", ".join(extra_regions), extra_regions=extra_regions)


def cut_window(kind: str, rng: np.random.Generator) -> Trap:
    """Draw a window that ends within 0.6 eV of its outermost line, below or above."""
    base = sample(rng)
    region = "C1s" if rng.random() < 0.7 else "O1s"
    above, distance = rng.random() < 0.6, float(rng.uniform(-0.6, 0.6))
    total = base.area(region)
    energies = [peak.energy for peak in base.peaks if peak.window == region and peak.area > 0.08 * total]

    def cut(ends: dict[str, tuple[float, float]], charge: float) -> dict[str, tuple[float, float]]:
        low, high = ends[region]
        end = (max(energies) + distance if above else min(energies) - distance) + charge
        return {**ends, region: (low, end) if above else (end, high)}

    trap_name = f"{region} ends {distance:+.2f} eV {'above' if above else 'below'} its outermost line"
    return finished(kind, base, rng, name=trap_name, cut=cut)


def channels(kind: str, rng: np.random.Generator) -> Trap:
    """Draw one hot channel, or one to three dead ones in a row."""
    base = sample(rng)
    region = "C1s" if rng.random() < 0.7 else "O1s"
    is_hot = rng.random() < 0.5

    def alter(counts: dict[str, Array], charge: float) -> dict[str, Array]:
        rows = counts[region].copy()
        top = float(np.ptp(rows[:, 1]))
        if is_hot:
            rows[int(rng.integers(3, len(rows) - 3)), 1] += round(top * log_uniform(rng, 0.2, 3.0))
        else:
            # Dead channels matter where there is signal.
            start = int(np.searchsorted(rows[:, 0], float(rng.uniform(-1.5, 2.5)) + rows[rows[:, 1].argmax(), 0]))
            rows[start : start + int(rng.integers(1, 4)), 1] = 0.0
        return {**counts, region: rows}

    return finished(kind, base, rng, name=f"{'hot' if is_hot else 'dead'} channel in {region}", alter=alter)


def unevenly(kind: str, name: str, base: Base, parts: Sequence[tuple[float, float]], rng: np.random.Generator) -> Trap:
    """Charge parts of a sample differently; `parts` are (weight, charge/eV beside the common one)."""
    peaks = [peak for weight, offset in parts for peak in charged(weighted(base.peaks, weight), offset)]
    trap = finished(kind, replace(base, peaks=tuple(peaks)), rng, name=name)
    mean = sum(weight * offset for weight, offset in parts) / sum(weight for weight, _ in parts)
    (common,) = trap.charges
    ends = [offset for _, offset in parts] if len(parts) == 2 else [parts[0][1], mean]
    return replace(trap, charges=(common + mean,), domains=tuple(common + end for end in ends))


def two_domains(kind: str, distance: float, rng: np.random.Generator) -> Trap:
    """Draw two domains, 30 to 70 % of the area each, that are charged `distance` eV apart."""
    weight = float(rng.uniform(0.3, 0.7))
    return unevenly(kind, f"{weight:.0%} by {distance:g} eV", sample(rng), [(1 - weight, 0.0), (weight, distance)], rng)


def tail(kind: str, rng: np.random.Generator) -> Trap:
    """Draw an exponential tail of charges, 0.15 to 0.6 eV in the mean, as ten equal parts."""
    mean = float(rng.uniform(0.15, 0.6))
    parts = [(0.1, float(-mean * np.log(1 - quantile))) for quantile in np.arange(0.05, 1.0, 0.1)]
    return unevenly(kind, f"mean of the tail {mean:.2f} eV", sample(rng), parts, rng)


# --- files --------------------------------------------------------------------------------------------------


def several_samples(kind: str, rng: np.random.Generator) -> Trap:
    """Draw two samples in one file, charged 0.5 to 4 eV apart, with and without names of samples."""
    first = finished(kind, polymer(rng), rng)
    second = finished(kind, sample(rng), rng)
    distance = second.charges[0] - first.charges[0]
    aim = float(rng.uniform(0.5, 4.0)) * float(rng.choice([-1.0, 1.0]))
    regions: dict[str, Array] = {}
    samples: dict[str, str] = {}
    for name, trap, move in (("A", first, 0.0), ("B", second, aim - distance)):
        for level, rows in trap.regions.items():
            region = unique_name(level, regions)
            regions[region] = columns(rows[:, 0] + move, rows[:, 1])
            samples[region] = name
    return Trap(
        kind,
        f"{first.name} and {second.name}",
        regions,
        (first.charges[0], first.charges[0] + aim),
        first.groups | second.groups,
        first.excused | second.excused,
        samples=samples if rng.random() < 0.5 else {},
    )


def wrong_labels(kind: str, rng: np.random.Generator) -> Trap:
    """Draw labels that contradict the energies, or energies that are kinetic or negative."""
    trap = finished(kind, sample(rng), rng)
    rows = dict(trap.regions)
    fault = str(rng.choice(["C 1s and O 1s exchanged", "C 1s called N 1s", "kinetic energies", "negative energies"]))
    match fault:
        case "C 1s and O 1s exchanged":
            rows = {**rows, "C1s": rows["O1s"], "O1s": rows["C1s"]}
        case "C 1s called N 1s":
            rows = {name.replace("C1s", "N1s"): value for name, value in rows.items() if name != "N1s"}
        case "kinetic energies":
            rows = {name: columns(AL_KALPHA - value[::-1, 0], value[::-1, 1]) for name, value in rows.items()}
        case _:
            rows = {name: columns(-value[::-1, 0], value[::-1, 1]) for name, value in rows.items()}
    return replace(trap, name=f"{trap.name}; {fault}", regions=rows, as_file=True)


def processed(kind: str, rng: np.random.Generator) -> Trap:
    """Draw intensities that are not plain counts: smoothed, rates, multiples, averages."""
    base = sample(rng)
    change = str(rng.choice(["smoothed over 5 points", "times 10", "rates", "mean of 4 scans"]))

    def alter(counts: dict[str, Array], charge: float) -> dict[str, Array]:
        changed = {}
        for name, rows in counts.items():
            energy, values = rows.T
            match change:
                case "smoothed over 5 points":
                    values = np.convolve(np.pad(values, 2, mode="edge"), np.full(5, 0.2), mode="valid")
                case "times 10":
                    values = 10 * values
                case "rates":
                    values = values / 0.137
                case _:
                    values = np.mean([rng.poisson(values) for _ in range(4)], axis=0)
            changed[name] = columns(energy, values)
        return changed

    return finished(kind, base, rng, name=change, alter=alter)


def control(kind: str, rng: np.random.Generator) -> Trap:
    """Draw the same samples without any trap."""
    return finished(kind, sample(rng), rng)


#: The kinds by name; "no trap" stands beside them and is not counted.
KINDS: Mapping[str, Callable[[str, np.random.Generator], Trap]] = {
    "K 2p in C 1s": lambda kind, rng: foreign(kind, ["K2p"], rng),
    "Ru 3d in C 1s": lambda kind, rng: foreign(kind, ["Ru3d"], rng),
    "Mo 3p, Ta 4p, Cd 3d in N 1s": lambda kind, rng: foreign(kind, ["Mo3p", "Ta4p", "Cd3d"], rng),
    "Sb 3d, V 2p, Pd 3p, Na KLL in O 1s": lambda kind, rng: foreign(kind, ["Sb3d", "V2p", "Pd3p", "NaKLL"], rng),
    "Bi 4f, Se 3p in S 2p": lambda kind, rng: foreign(kind, ["Bi4f", "Se3p"], rng),
    "lines in Cl 2p, P 2p, Si 2p, Br 3d": lambda kind, rng: foreign(
        kind, ["As3s", "As3p", "La4d", "Al2p", "Cu3p"], rng
    ),
    "empty regions": empty_regions,
    "cut window": cut_window,
    "hot or dead channels": channels,
    "two domains, 0.5 eV": lambda kind, rng: two_domains(kind, 0.5, rng),
    "two domains, 1.0 eV": lambda kind, rng: two_domains(kind, 1.0, rng),
    "charging tail": tail,
    "several samples": several_samples,
    "wrong labels": wrong_labels,
    "smoothed, rates": processed,
    "no trap": control,
}


def traps(draws: int, seed: int) -> tuple[Trap, ...]:
    """Draw `draws` traps of every kind; those of one do not depend on the other kinds."""
    drawn = []
    for kind, build in KINDS.items():
        for number in range(draws):
            drawn.append(build(kind, np.random.default_rng([seed, number, *kind.encode()])))
    return tuple(drawn)
