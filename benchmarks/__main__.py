"""Runner of the benchmarks: every module of this folder and of `studies` that has a command `main` is a benchmark.

python -m benchmarks NAME [OPTIONS]
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Final

import click

_FOLDER: Final = Path(__file__).parent


class Benchmarks(click.Group):
    """Command group that imports only the requested benchmark, since some need further packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return names of the modules with a command, in alphabetical order."""
        return sorted(_questions())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a benchmark and return its command."""
        for package in ("benchmarks", "benchmarks.studies"):
            if (_FOLDER.parent / package.replace(".", "/") / f"{cmd_name}.py").exists() and cmd_name in _questions():
                command: click.Command = import_module(f"{package}.{cmd_name}").main
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the first line of every module, without importing it."""
        with formatter.section("Benchmarks"):
            formatter.write_dl(sorted(_questions().items()))


def _questions() -> dict[str, str]:
    """First lines of the docstrings of all modules that define a command `main`."""
    questions = {}
    for path in (*_FOLDER.glob("[!_]*.py"), *(_FOLDER / "studies").glob("[!_]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            questions[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return questions


@click.command(cls=Benchmarks)
def main() -> None:
    """Measure what the documents claim: tables on the terminal, all figures as JSON under `runs/`."""


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
