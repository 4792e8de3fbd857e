"""Pictures of the prefit of raw files, to be looked at.

    python -m benchmarks raw_pictures --data ../shared/real --out FOLDER [--all]

Every file that can be read and has a C 1s region (with ``--all``, every file) is prefit, fitted and drawn to a PNG, and
what the program says about it is printed: status, reasons, notes of the seeds, quality of the fits, components.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from rich.console import Console

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.api import PrefitResult, prefit, read
from xps_stn_plugin.fitting import component_table, fit_quality


def described(result: PrefitResult) -> str:
    """Everything that is said about a fitted result, as lines of text."""
    groups = ", ".join(f"{g.group.values!s} {float(g):.2f}" for g in result.groups if float(g) > 0.1)
    lines = [f"{result.source}: {result.shift_text}, {result.status}; groups {groups or 'none'}"]
    lines += [f"  reason: {reason}" for reason in result.reasons]
    for region, fit in result.fits.items():
        seed = result.seeds[region]
        quality = fit_quality(seed, fit)
        lines.append(
            f"  {region}: {'converged' if fit.success else 'NOT CONVERGED'}, {fit.nfev} evaluations, residual "
            f"{quality.relative_rms:.2%} of the height, redchi {fit.redchi:.3g}, {seed.background}"
        )
        lines += [f"    note: {note}" for note in (*seed.notes, *quality.notes)]
        lines += [
            f"    {row.name:32} {row.center:8.2f} eV  FWHM {row.fwhm:5.2f}  {row.fraction_of_region:6.1%}  "
            f"+-{row.stderr.get('center', float('nan')):.2f}"
            for row in component_table(seed, fit)
        ]
    return "\n".join(lines)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the pictures.")
@click.option("--all", "everything", is_flag=True, help="Files without C 1s too.")
def main(data: Path, out: Path, everything: bool) -> None:
    """Draw the prefit of every raw file."""
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(data.iterdir()):
        if path.suffix == ".md":
            continue
        try:
            spectrum = read(path)
            core_levels = {child.attrs.get("region") for child in spectrum.children.values()}
            if not everything and "C1s" not in core_levels:
                console.print(f"{path.name}: no C 1s ({', '.join(map(str, spectrum.children))})")
                continue
            start = time.perf_counter()
            result = prefit(path).fitted()
            seconds = time.perf_counter() - start
            console.print(f"\n{described(result)}\n  {seconds:.1f} s")
            result.plot().savefig(out / f"{path.name}.png", dpi=110)
        except PrefitError as error:
            console.print(f"{path.name}: {error}")
