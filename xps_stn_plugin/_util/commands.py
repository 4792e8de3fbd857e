"""What all commands share: options, errors as one sentence, the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from xps_prefit_hooks import LONGEST, PrefitError, shown

#: Environment variable that shows the traceback of an unexpected error.
DEBUG_VARIABLE = "XPS_STN_DEBUG"

PATH = click.Path(path_type=Path)

#: For every command that writes files.
FORCE = click.option(
    "--force", is_flag=True, help="Replace files and links that this program did not write, or that were changed since."
)


def succeeds(file: Path, task: Callable[[], None]) -> bool:
    """Run the task; an error becomes one sentence, so that the files after it have their turn."""
    try:
        task()
    except PrefitError as error:
        click.echo(f"Error: {error}", err=True)
        return False
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        click.echo(shown(f"Error: {file}: {unexpected(error)}"), err=True)
        return False
    return True


def unexpected(error: Exception) -> str:
    """Say of an error that nobody foresaw what it is."""
    text = shown(" ".join(str(error).split()), LONGEST)
    return f"unexpected {type(error).__name__}: {text} (set {DEBUG_VARIABLE}=1 for the traceback)."


def make_console() -> Any:
    """Make the terminal, or what stands for it."""
    from rich.console import Console

    # Where the output goes into a file or a pipe, lines may be long; a terminal knows its width.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)
