"""The one runner of the benchmarks."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main

NAMES = main.list_commands(click.Context(main))


def test_every_benchmark_has_a_row_on_the_page_about_measuring():
    page = (Path(__file__).parents[1] / "docs" / "measuring.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"python -m benchmarks {name}" not in page] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_tells_its_options(name):
    result = CliRunner().invoke(main, [name, "--help"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "--help" in result.output


def test_unknown_benchmark_is_refused():
    result = CliRunner().invoke(main, ["no_such_benchmark"])
    assert result.exit_code == 2
    assert "No such command 'no_such_benchmark'" in result.output
