"""Commands for files of spectra alone: show what they hold, convert them. No network is loaded."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xps_prefit_hooks import shown

from ._util.commands import FORCE, PATH, make_console, succeeds

if TYPE_CHECKING:
    from xps_prefit_hooks import Settings


@click.command()
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--plot", "plot_path", type=PATH, help="Write a picture of all regions (.png, .pdf, .svg).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one document a line.")
@click.option("--photon-energy", type=float, metavar="EV", help="Photon energy for a kinetic energy axis.")
@click.option("--sample", metavar="NAME", help="Sample to take of a file with several.")
@FORCE
def show(
    files: tuple[Path, ...],
    plot_path: Path | None,
    as_json: bool,
    photon_energy: float | None,
    sample: str | None,
    force: bool,
) -> None:
    """Show what each FILE holds: regions, samples, axes and metadata. Nothing is computed."""
    from .settings import settings_of

    if len(files) > 1 and plot_path is not None:
        raise click.UsageError("--plot is for one FILE.")
    settings = settings_of(photon_energy=photon_energy, sample=sample)
    tasks = [(file, partial(_show_file, file, files, plot_path, as_json, force, settings)) for file in files]
    failures = sum(not succeeds(file, task) for file, task in tasks)
    if failures:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATHS...")
@click.option("--to", "kind", required=True, type=click.Choice(["nxs", "vms", "csv", "itx"]), help="Format to write.")
@click.option("--out", type=PATH, help="Folder for the files; by default each lies beside its source.")
@click.option("--photon-energy", type=float, metavar="EV", help="Photon energy for a kinetic energy axis.")
@click.option("--sample", metavar="NAME", help="Sample to take of a file with several.")
@FORCE
def convert(
    paths: tuple[Path, ...], kind: str, out: Path | None, photon_energy: float | None, sample: str | None, force: bool
) -> None:
    """Write the spectra of PATHS (files, folders, patterns) in another format, as measured.

    Energies become binding energies; counts, samples, scans and metadata are kept.
    """
    from .batch.inputs import find_inputs
    from .convert import targets
    from .settings import settings_of

    settings = settings_of(photon_energy=photon_energy, sample=sample)
    files = find_inputs(paths, out)
    failures = 0
    for number, (file, target) in enumerate(targets(files, kind, out).items(), start=1):
        task = partial(_convert_file, file, target, kind, settings, force, files, f"{number}/{len(files)}: ")
        failures += not succeeds(file, task)
    if failures:
        raise click.exceptions.Exit(1)


def _show_file(
    file: Path, files: tuple[Path, ...], plot_path: Path | None, as_json: bool, force: bool, settings: Settings
) -> None:
    from .api import read_with
    from .core.samples import one_sample
    from .writers import overview, picture

    spectrum = read_with(file, settings)
    if settings.sample is not None:
        spectrum = one_sample(spectrum, settings.sample)
    if as_json:
        import json

        click.echo(json.dumps(overview.overview_of(spectrum)))
    else:
        overview.show_overview(spectrum, make_console())
    if plot_path is not None:
        picture.write(spectrum, plot_path, overwrite=force, inputs=files)


def _convert_file(
    file: Path, target: Path, kind: str, settings: Settings, force: bool, files: list[Path], progress: str
) -> None:
    from .convert import convert as run

    done = run(file, target, kind, settings, overwrite=force, inputs=files)
    click.echo(shown(f"{progress}{file} -> {target} ({done.regions} region{'s' * (done.regions != 1)})"))
    for sentence in done.skipped:
        click.echo(shown(f"  left out: {sentence}"), err=True)
