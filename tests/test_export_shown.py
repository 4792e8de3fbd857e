"""What files say reaches terminal, table, page and picture as visible characters only."""

from __future__ import annotations

import csv
import os

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console
from test_readers_vamas import block, header, written

import xps_stn_plugin as xps
from xps_stn_plugin.batch.summary import Row
from xps_stn_plugin.cli import main
from xps_stn_plugin.export.csv_export import rows
from xps_stn_plugin.export.html import fragment
from xps_stn_plugin.export.plot import figure
from xps_stn_plugin.export.terminal import show
from xps_stn_plugin.export.texts import cell, markup

ESCAPE = "\x1b]0;PWNED\x07\x1b[31m\u202e"
COUNTS = np.random.default_rng(0).poisson(300 + 3000 * np.exp(-(((np.arange(150) - 70) / 6.0) ** 2))).tolist()


def hostile(folder):
    """VAMAS file whose name, identifier and sample hold commands for a terminal."""
    parts = block(f"C{ESCAPE}", "1s", counts=COUNTS, start=1190.0, step=0.1, sample=ESCAPE)
    try:
        return written(folder / f"a{ESCAPE}.vms", header(1), parts)
    except OSError:
        pytest.skip("the file system takes no such names")


def assert_visible(text):
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_terminal_table_page_and_picture_show_no_commands(tmp_path):
    result = xps.prefit(hostile(tmp_path)).fitted()
    assert result.source.count("\x1b") == 2
    with (tmp_path / "out.txt").open("w+", encoding="utf-8") as file:
        show(result, Console(file=file, highlight=False, width=140), [tmp_path / f"{ESCAPE}.csv"])
        file.seek(0)
        text = file.read()
    assert "PWNED" in text
    assert_visible(text)
    assert_visible("".join(value for row in rows(result) for value in row.values()))
    assert_visible(fragment(result))
    drawing = figure(result)
    assert_visible("".join(text.get_text() for text in drawing.findobj(lambda artist: hasattr(artist, "get_text"))))


def test_command_line_shows_no_commands(tmp_path):
    path = hostile(tmp_path)
    fine = CliRunner().invoke(main, ["prefit", str(path), "--no-fit"])
    assert fine.exit_code == 0
    assert_visible(fine.output)
    path.write_bytes(path.read_bytes()[:-700])
    damaged = CliRunner().invoke(main, ["prefit", str(path)])
    assert damaged.exit_code == 1
    assert "cut off or damaged" in damaged.output
    assert_visible(damaged.output)


def test_batch_writes_no_commands(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    hostile(source)
    outcome = CliRunner().invoke(main, ["batch", str(source), "--out", str(out), "--jobs", "1"])
    assert_visible(outcome.output)
    for name in ("summary.csv", "contact_sheet.html"):
        text = (out / name).read_text(encoding="utf-8")
        assert "PWNED" in text
        assert_visible(text)


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", " \n=1"])
def test_cell_with_a_formula_is_text_for_spreadsheets(text):
    assert cell(text).startswith("'")
    assert cell(text)[1:].lstrip().startswith(("=", "+", "-", "@"))


def test_cell_leaves_names_alone():
    assert cell("C1s C-O-C=O") == "C1s C-O-C=O"
    assert cell("") == ""


def test_row_of_the_summary_is_one_line_without_formulas():
    row = Row("=1+1\x1b[2J.csv", "C1s", reasons=("a\nb", "c\x07"))
    cells = row.cells()
    assert cells[0] == "'=1+1\ufffd[2J.csv"
    assert "a b; c\ufffd" in cells
    [again] = csv.reader([",".join(f'"{one}"' for one in cells)])
    assert tuple(again) == cells


def test_markup_escapes_what_is_shown():
    assert markup("<b>\x1b") == "&lt;b&gt;\ufffd"
    assert os.linesep not in markup("a\nb")
