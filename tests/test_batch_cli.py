from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from functools import partial

import batched
import pytest
from click.testing import CliRunner
from rich.console import Console

from xps_stn_plugin.batch.run import BatchReport
from xps_stn_plugin.batch.terminal import show_progress, show_report
from xps_stn_plugin.cli import main


@pytest.fixture
def run():
    def invoke(*arguments):
        outcome = CliRunner().invoke(main, ["batch", *map(str, arguments)])
        assert "Traceback" not in outcome.output
        return outcome

    return invoke


def test_all_good_is_0(fake, run, tmp_path):
    batched.write_table(tmp_path / "a.csv")
    outcome = run(tmp_path / "a.csv", "--out", tmp_path / "out", "--json")
    assert outcome.exit_code == 0, outcome.output
    assert "1 of 1 spectra: 1 ok, 0 uncertain, 0 out of domain, 0 failed (" in outcome.output
    assert str(tmp_path / "out" / "summary.csv") in outcome.output
    assert (tmp_path / "out" / "json" / "a.json").is_file()


def test_some_failed_is_1(fake, run, tmp_path):
    batched.mixed_folder(tmp_path / "data")
    outcome = run(tmp_path / "data", "--out", tmp_path / "out")
    assert outcome.exit_code == 1, outcome.output
    assert "13 of 13 spectra: 6 ok, 0 uncertain, 0 out of domain, 7 failed (" in outcome.output
    assert outcome.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.csv"], "there is no such file"),
        (["a.csv", "--reference", "200"], "is not an energy of aliphatic C 1s"),
        (["a.csv", "--present", "nonsense"], "there is no functional group"),
        (["a.csv", "--background", "linear", "--background", "shirley"], "give --background once"),
        (["a.csv", "--jobs", "0"], "jobs"),
        ([], "PATHS"),
    ],
)
def test_what_cannot_run_is_2_and_one_sentence(fake, run, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    batched.write_table(tmp_path / "a.csv")
    outcome = run(*arguments, "--out", "out")
    assert outcome.exit_code == 2
    assert said in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_out_that_cannot_be_made_is_2(fake, run, tmp_path):
    path = batched.write_table(tmp_path / "a.csv")
    outcome = run(path, "--out", path / "out")
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1


def test_an_error_that_nobody_foresaw_is_2_and_one_sentence(fake, run, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr("xps_stn_plugin.batch.run_batch", fail)
    outcome = run(batched.write_table(tmp_path / "a.csv"), "--out", tmp_path / "out")
    assert outcome.exit_code == 2
    assert "unexpected ZeroDivisionError: no luck" in outcome.stderr


def test_options_reach_the_work(fake, run, tmp_path):
    path = batched.write_table(tmp_path / "a.csv")
    outcome = run(path, "--out", tmp_path / "out", "--reference", "284.8", "--no-fit", "--ties", "hard")
    assert outcome.exit_code == 0, outcome.output
    assert not fake.fits
    assert "1.5650" in (tmp_path / "out" / "summary.csv").read_text()


def test_plain_lines_where_there_is_no_terminal(fake, run, tmp_path):
    batched.mixed_folder(tmp_path / "data")
    lines = run(tmp_path / "data", "--out", tmp_path / "out").output.splitlines()
    assert not any("\x1b" in line or "\r" in line for line in lines)
    assert lines[0] == "0/13: 0 ok, 0 uncertain, 0 out of domain, 0 failed; looking at the files"
    assert any(line.startswith("13/13: 6 ok, 0 uncertain, 0 out of domain, 7 failed; ") for line in lines)
    assert len(lines) < 9


def test_plain_lines_come_seldom(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    text = io.StringIO()
    with show_progress(Console(file=text, width=200)) as tell:
        for done in range(1, 31):
            tell(done, 40, f"{done} ok; 1.0/s, 0:00:10 left")
    assert [line.split("/")[0] for line in text.getvalue().splitlines()] == ["1", "11", "21"]


def test_a_terminal_gets_a_bar():
    text = io.StringIO()
    with show_progress(Console(file=text, width=72, force_terminal=True)) as tell:
        tell(3, 12, "3 ok [x], 0 failed; 1.0/s, 0:00:09 left")
    assert "3/12" in text.getvalue()
    assert "3 ok [x], 0 failed" in text.getvalue()


def test_report_of_an_interrupted_run():
    text = io.StringIO()
    show_report(BatchReport(9, 1, 1, 1, 1, 2, True, (), 3.25), Console(file=text, width=300))
    assert text.getvalue().splitlines()[0] == (
        "4 of 9 spectra: 1 ok, 1 uncertain, 1 out of domain, 1 failed (3.2 s, 2 done earlier). "
        "Interrupted: run the same command again to resume."
    )


def test_a_folder_of_files_shares_its_shift(fake, run, tmp_path):
    for number in (10, 9):
        batched.write_table(tmp_path / "profile" / f"level{number}.csv", seed=number)
    batched.write_columns(tmp_path / "profile" / "C1s.txt")
    outcome = run(tmp_path / "profile", "--out", tmp_path / "out", "--share", "shift", "--no-fit")
    assert outcome.exit_code == 0, outcome.output
    assert "3 of 3 spectra" in outcome.output
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        alone, *series = csv.DictReader(file)
    assert "it does not belong to the series of 2 files in its folder: it has no O1s." in alone["reasons"]
    assert [row["place"] for row in series] == ["file=level9"] * 2 + ["file=level10"] * 2


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_is_130_and_the_same_command_goes_on(tmp_path, jobs):
    folder = batched.mixed_folder(tmp_path / "data", good=30)
    out = tmp_path / "out"
    code = "import sys; from xps_stn_plugin.cli import main; sys.argv[0] = 'xps-stn'; main()"
    command = [sys.executable, "-c", code, "batch", str(folder), "--out", str(out), "--jobs", str(jobs)]
    # A group of its own, so that Ctrl-C reaches its workers as it would in a terminal, and not this process.
    # A runner in the background ignores Ctrl-C, and what it starts would, too.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(out.glob(".xps_stn_batch/[0-9a-f]*"))) < 3:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130, said + errors
    assert errors == ""
    assert "Interrupted: run the same command again to resume." in said
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "done earlier" in done.stdout, said + done.stdout
