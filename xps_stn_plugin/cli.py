"""Command line: ``xps-stn``. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xps_prefit_hooks import PrefitError, shown

from . import __version__
from ._util.commands import DEBUG_VARIABLE, FORCE, PATH, make_console, succeeds, unexpected
from .cli_options import background_of, settings_options
from .cli_spectra import convert, show

if TYPE_CHECKING:
    import xarray as xr

    from xps_prefit_hooks import Settings

    from .stacks import Share

#: Longest time in seconds for one file of a batch, unless another is given: a map of 100 000 spectra takes minutes.
_TIMEOUT = 3600.0

#: Exit status after Ctrl-C, as shells have it.
_INTERRUPTED = 130

_DASH = click.Path(path_type=Path, allow_dash=True)


class _Group(click.Group):
    """Group whose commands end an error in one sentence on standard error and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PrefitError as error:
            raise click.ClickException(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            raise click.ClickException(unexpected(error)) from error


class _CouldNotRunError(click.ClickException):
    """Nothing could be done: exit status 2, for 1 says that some of many spectra failed."""

    exit_code = 2


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="xps-stn %(version)s")
def main() -> None:
    """Charge-correct XPS spectra, name their functional groups, and seed and fit lmfit models.

    Energies are in eV. The shift is measured minus true binding energy. The first vibrational member of saturated
    hydrocarbon C 1s is at 285.00 eV; with --reference EV the maximum of the line is at EV.
    """


@main.command()
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--json", "json_path", type=_DASH, help="Write JSON; - is standard output.")
@click.option("--plot", "plot_path", type=PATH, help="Write a plot (.png, .pdf, .svg).")
@click.option("--csv", "csv_path", type=PATH, help="Write the table of components.")
@click.option("--out", type=PATH, help="Folder for NAME.json, NAME.csv and NAME.png of every FILE.")
@click.option(
    "--to", "more", multiple=True, metavar="SUFFIX", help="With --out, also write NAME.SUFFIX: vms, xlsx, ..."
)
@settings_options
@click.option("--fit/--no-fit", default=True, help="Fit the seeded models (the default), or show their start values.")
@click.option("--confidence", is_flag=True, help="Add confidence intervals of positions and areas.")
@FORCE
def prefit(
    files: tuple[Path, ...],
    json_path: Path | None,
    plot_path: Path | None,
    csv_path: Path | None,
    out: Path | None,
    more: tuple[str, ...],
    fit: bool,
    confidence: bool,
    force: bool,
    background: tuple[str, ...],
    **options: Any,
) -> None:
    """Find shift and groups of each FILE; seed and fit its regions."""
    from ._util.files import make_folder
    from ._util.names import output_names

    options["background"] = background_of(background)
    if confidence and not fit:
        raise click.UsageError("--confidence needs a fit; leave out --no-fit.")
    if more and out is None:
        raise click.UsageError("--to needs --out DIR.")
    suffixes = dict.fromkeys((".json", ".csv", ".png", *(f".{suffix.lstrip('.')}" for suffix in more)))
    single = {"--json": json_path, "--plot": plot_path, "--csv": csv_path}
    if len(files) > 1 and (given := [option for option, path in single.items() if path is not None]):
        raise click.UsageError(f"{', '.join(given)} is for one FILE; use --out DIR for several.")
    names = output_names(files)
    paths = [path for path in single.values() if path is not None and str(path) != "-"]
    failures = 0
    for file in files:
        targets = [
            *paths,
            *(make_folder(out) / f"{names[file]}{suffix}" for suffix in suffixes if out),
        ]
        task = partial(_prefit_file, file, files, targets, fit, confidence, force, str(json_path) == "-", options)
        failures += not succeeds(file, task)
    if failures:
        raise click.exceptions.Exit(1)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="PATHS...")
@click.option("--out", required=True, type=PATH, help="Folder for the results.")
@settings_options
@click.option("--fit/--no-fit", default=True, help="Seed and fit models (the default), or find shift and groups only.")
@click.option(
    "--share",
    type=click.Choice(["none", "shift", "components"]),
    default="none",
    show_default=True,
    help="Quantity that the spectra of a depth profile or map (one file, or a folder of files with one spectrum each) "
    "share: one (drifting) shift, or positions and widths.",
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), default=1, show_default=True, help="Number of processes.")
@click.option("--scheduler", metavar="ADDRESS", help="Run on a cluster; its Dask scheduler, as tcp://host:8786.")
@click.option("--resume/--no-resume", default=True, help="Keep finished results (the default), or do all again.")
@click.option("--json", "as_json", is_flag=True, help="Also write DIR/json/NAME.json of every spectrum.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.0),
    metavar="SECONDS",
    help="Longest time for one file (3600 s), after which it has failed. 0 sets no limit. Not with --scheduler.",
)
@FORCE
def batch(
    paths: tuple[Path, ...],
    out: Path,
    fit: bool,
    share: Share,
    jobs: int,
    scheduler: str | None,
    resume: bool,
    as_json: bool,
    timeout: float | None,
    force: bool,
    background: tuple[str, ...],
    **options: Any,
) -> None:
    """Prefit all spectra of PATHS (files, folders, patterns) and write tables, a contact sheet and an HDF5 store.

    Exit status: 0 all good, 1 some spectra failed, 2 it could not run, 130 interrupted. The same command resumes
    an interrupted run.
    """
    from .batch import run_batch
    from .batch.terminal import show_progress, show_report
    from .settings import settings_of

    options["background"] = background_of(background)
    if share == "components" and not fit:
        raise click.UsageError("--share components needs a fit; leave out --no-fit.")
    console = make_console()
    try:
        settings = settings_of(**options)
        with show_progress(console) as progress:
            report = run_batch(
                paths,
                out,
                settings,
                fit=fit,
                share=share,
                resume=resume,
                jobs=jobs,
                scheduler=scheduler,
                json=as_json,
                timeout=_limit(timeout, scheduler),
                overwrite=force,
                progress=progress,
            )
    except PrefitError as error:
        raise _CouldNotRunError(str(error)) from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(_INTERRUPTED) from None
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        raise _CouldNotRunError(unexpected(error)) from error
    show_report(report, console)
    if report.interrupted:
        raise click.exceptions.Exit(_INTERRUPTED)
    if report.failed:
        raise click.exceptions.Exit(1)


main.add_command(show)
main.add_command(convert)


@main.command()
def plugins() -> None:
    """List plugins, formats and menu actions."""
    from rich.table import Table
    from rich.text import Text

    from .core.plugins import plugin_manager

    manager = plugin_manager()
    table = Table("plugin", "package", "version", "state", "hooks", box=None, pad_edge=False)
    for report in manager.reports:
        hooks = ", ".join(name.removeprefix("xps_prefit_") for name in manager.hooks_of(report.name))
        row = (report.name, report.distribution or "built in", report.version, report.state, hooks)
        table.add_row(*map(Text, row))
    console = make_console()
    console.print(table)
    for report in manager.reports:
        if report.message:
            console.print(f"{shown(report.name)} {report.state}: {shown(report.message)}", soft_wrap=True, markup=False)
    for title, offers in (("reads", manager.readers()), ("writes", manager.exporters()), ("menu", manager.menu())):
        table = Table(title, "", box=None, pad_edge=False)
        for offer in offers:
            endings = " ".join(getattr(offer, "suffixes", ())) or getattr(offer, "suffix", "")
            table.add_row(Text(offer.name), Text(f"{offer.description} {endings}".strip()))
        console.print()
        console.print(table)


@main.command()
@click.argument("element")
@click.option("--states", "files", multiple=True, type=PATH, metavar="FILE", help="TOML file with states of your own.")
def states(element: str, files: tuple[Path, ...]) -> None:
    """List the known chemical states of an ELEMENT (Ti), or of one of its core levels (Ti2p)."""
    from .chemistry.states import read_states, states_with
    from .export.states_list import show_states

    try:
        own = tuple(state for file in files for state in read_states(file))
        show_states(element, states_with(own), make_console())
    except PrefitError as error:
        raise click.ClickException(str(error)) from error


@main.command()
def info() -> None:
    """Show the versions and the network in use."""
    import platform
    from importlib.metadata import version

    from .menu import model_cards
    from .stn.weights import shipped_weights

    for package in ("xps-stn-plugin", "torch", "lmfit", "numpy", "xarray"):
        click.echo(f"{package:15s} {version(package)}")
    click.echo(f"{'python':15s} {platform.python_version()}")
    model = shipped_weights().info
    click.echo(f"{'network':15s} {model.name} {model.version}")
    click.echo(f"{'weights sha256':15s} {model.sha256}")
    # The card's title and first paragraph.
    head = model_cards().split("\n\n")[:2]
    click.echo("\n" + "\n\n".join(head))


@main.command()
@click.argument("path", type=PATH)
@click.option(
    "--number", "-n", type=click.IntRange(min=1), default=100_000, show_default=True, help="Number of spectra."
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same spectra.")
@click.option("--config", type=PATH, help="TOML file with the table [simulation].")
@FORCE
def simulate(path: Path, number: int, seed: int, config: Path | None, force: bool) -> None:
    """Write a reproducible set of spectra to PATH (HDF5)."""
    from .simulate.dataset import write_dataset

    write_dataset(path, number, seed, config, overwrite=force)
    click.echo(f"{number} spectra written to {path}.")


@main.command()
@click.option("--config", required=True, type=PATH, help="TOML file with the training configuration.")
@click.option("--out", required=True, type=PATH, help="Folder for weights and checkpoints.")
@click.option("--resume", is_flag=True, help="Continue from the last checkpoint in the folder.")
@click.option("--finish", is_flag=True, help="Write the weights of the last checkpoint without a further step.")
@click.option("--from", "start_from", type=PATH, help="Weights (.safetensors) to start from instead of random ones.")
@click.option("--device", help="cpu, cuda, cuda:1, ...; by default CUDA if available.")
@FORCE
def train(
    config: Path, out: Path, resume: bool, finish: bool, start_from: Path | None, device: str | None, force: bool
) -> None:
    """Train the network on the simulator."""
    from .stn.train import train as run

    click.echo(f"Weights written to {run(config, out, resume, device, start_from, overwrite=force, finish=finish)}.")


def _prefit_file(
    file: Path,
    measured: tuple[Path, ...],
    targets: list[Path],
    fit: bool,
    confidence: bool,
    force: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from ._util.files import check_target
    from .api import checked_spectra
    from .core.samples import sample_path
    from .settings import settings_of

    # Before anything is written, so that no half of the outputs is left.
    for target in targets:
        check_target(target, overwrite=force, inputs=measured)
    settings = settings_of(**options)
    spectra = checked_spectra(file, settings)
    if as_json and len(spectra) > 1:
        names = ", ".join(str(spectrum.attrs["sample"]) for spectrum in spectra)
        raise PrefitError(
            str(file), f"holds {len(spectra)} samples ({names}); --json - prints one; choose it with --sample."
        )
    for spectrum in spectra:
        paths = targets
        if len(spectra) > 1:
            paths = [sample_path(target, str(spectrum.attrs["sample"]), target.suffix) for target in targets]
        _prefit_spectrum(spectrum, settings, file, measured, paths, fit, confidence, force, as_json)


def _prefit_spectrum(
    spectrum: xr.DataTree,
    settings: Settings,
    file: Path,
    measured: tuple[Path, ...],
    targets: list[Path],
    fit: bool,
    confidence: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Prefit one spectrum, write its outputs and show what was found."""
    from .api import prefit_with

    result = prefit_with(spectrum, settings)
    named = result.settings.background
    for region in () if isinstance(named, str) else named:
        if region not in result.spectrum.children:
            known = ", ".join(result.spectrum.children)
            click.echo(shown(f"{file}: there is no region {region} for --background; there are {known}."), err=True)
    if fit:
        result = result.fitted()
    if confidence:
        from .fitting import add_confidence

        for region, fitted in result.fits.items():
            add_confidence(result.seeds[region], fitted)
    for target in targets:
        result.save(target, overwrite=force, inputs=measured)
    if as_json:
        from .export.json_export import dumps

        click.echo(dumps(result), nl=False)
    else:
        from .export.terminal import show

        show(result, make_console(), targets)


def _limit(timeout: float | None, scheduler: str | None) -> float | None:
    """Longest time in seconds for one file of a batch: an hour where nothing is said, on a cluster none."""
    if timeout is None:
        return None if scheduler else _TIMEOUT
    return timeout or None
