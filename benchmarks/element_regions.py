"""How regions of metals and oxides are seeded: doublets, names of chemical states, unassigned area, time.

    python -m benchmarks element_regions --data ../shared/corpus [--level Ti2p --level Fe2p ...] [--rows odd]

Every file below the folder is read and prefit; regions of the levels that the network does not know are seeded and
fitted. Printed are the components of each region with energy, width and share of the area, the share of the area that
is unassigned, the reduced chi-square and the processor time of the seed; then medians over all regions that show a
line. There are no truths. ``--rows`` takes the files in the even or odd rows of ``manifest.csv``, counted from 0: rules
that were set while looking at one half are judged by the other.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.corpus import spectrum_of
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.api import PrefitResult, prefit
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.element_lines import level_lines
from xps_stn_plugin.fitting.report import component_table

#: Beginning of the note of a region that shows no line.
NO_SIGNAL = "No significant signal"
#: Share of the area up to which a region counts as explained.
EXPLAINED = 0.1


@dataclass(frozen=True)
class RegionFit:
    """One region as seeded and fitted.

    Parameters
    ----------
    name : str
        File and region.
    components : tuple of str
        Name, energy in eV, width in eV and share of the area of each component.
    unassigned : float
        Share of the area in components that nothing explains.
    redchi : float
        Reduced chi-square.
    seconds : float
        Processor time of the seed.
    silent : bool
        Whether the region shows no line.
    """

    name: str
    components: tuple[str, ...]
    unassigned: float
    redchi: float
    seconds: float
    silent: bool


def region_fits(result: PrefitResult, name: str, levels: Sequence[str]) -> Iterator[RegionFit]:
    """Seed and fit the regions of elements' levels in a spectrum."""
    for region in result.seeds.regions:
        level = str(result.spectrum[region].attrs.get("region", region))
        if level in core_levels() or not level_lines(level) or (levels and level not in levels):
            continue
        begin = time.process_time()
        if region not in result.seeds:
            continue
        seed = result.seeds[region]
        seconds = time.process_time() - begin
        fit = result.fit(region)
        assigned = {component.name: component.assigned for component in seed.components}
        rows = component_table(seed, fit)
        total = sum(row.area for row in rows) or 1.0
        yield RegionFit(
            f"{name} {region}",
            tuple(f"{row.name} {row.center:.1f} ({row.fwhm:.1f} eV, {row.area / total:.0%})" for row in rows),
            sum(row.area for row in rows if not assigned[row.name]) / total,
            float(fit.redchi),
            seconds,
            any(note.startswith(NO_SIGNAL) for note in seed.notes),
        )


def rows_of(manifest: Path, odd: bool) -> set[str]:
    """Names of the files in the odd or even rows of a manifest."""
    with manifest.open(encoding="utf-8") as file:
        return {Path(row["file"]).name for n, row in enumerate(csv.DictReader(file)) if n % 2 == odd}


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--level", "levels", multiple=True, help="Core levels to look at; all without it.")
@click.option("--rows", type=click.Choice(["all", "even", "odd"]), default="all", help="Rows of the manifest.")
def main(data: Path, levels: tuple[str, ...], rows: str) -> None:
    """Print what becomes of regions of metals and oxides."""
    fits: list[RegionFit] = []
    paths = [data] if data.is_file() else sorted(path for path in data.rglob("*") if path.is_file())
    if rows != "all":
        chosen = rows_of(data / "manifest.csv", rows == "odd")
        paths = [path for path in paths if path.name in chosen]
    for path in paths:
        try:
            found = list(region_fits(prefit(spectrum_of(path)), path.name, levels))
        except PrefitError as error:
            click.echo(f"{path.name}: {error}", err=True)
            continue
        for fit in found:
            click.echo(
                f"{fit.name}: {fit.unassigned:.0%} unassigned, chi-square {fit.redchi:.1f}, "
                f"{1000 * fit.seconds:.0f} ms: {'; '.join(fit.components)}"
            )
        fits += found
    silent = sum(fit.silent for fit in fits)
    fits = [fit for fit in fits if not fit.silent]
    if fits:
        shares = np.array([fit.unassigned for fit in fits])
        click.echo(
            f"{len(fits)} regions: {np.mean(shares <= EXPLAINED):.0%} with at most {EXPLAINED:.0%} unassigned, median "
            f"reduced chi-square {np.median([fit.redchi for fit in fits]):.1f}, "
            f"{1000 * np.median([fit.seconds for fit in fits]):.0f} ms for a seed; {silent} regions without a line"
        )


if __name__ == "__main__":
    main()
