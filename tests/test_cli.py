from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from unittest.mock import create_autospec

import click
import fakes
import pytest
from click.testing import CliRunner

import xps_stn_plugin as xps
from xps_prefit_hooks import hookimpl
from xps_stn_plugin.cli import main


@pytest.fixture
def run():
    def invoke(*arguments):
        outcome = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert "Traceback" not in outcome.output
        return outcome

    return invoke


def _write(path, shift=fakes.SHIFT):
    lines = ["region,binding_energy_eV,intensity"]
    for name, region in fakes.spectrum(shift).children.items():
        pairs = zip(region["binding_energy"].values, region["counts"].values, strict=True)
        lines += [f"{name},{energy:.3f},{counts:.0f}" for energy, counts in pairs]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def file(tmp_path):
    return _write(tmp_path / "made [1].csv")


@pytest.mark.parametrize("arguments", [["--help"], ["prefit", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom xps_stn_plugin.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "print({'torch', 'lmfit', 'xarray', 'numpy', 'matplotlib', 'scipy', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nset()\n")


def test_every_option_is_documented():
    text = (fakes_root() / "docs" / "cli.md").read_text(encoding="utf-8")
    for name, command in main.commands.items():
        assert f"## xps-stn {name}\n" in text
        section = text.split(f"## xps-stn {name}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert f"`{parameter.opts[0]}" in section, f"{name} {parameter.opts[0]}"


def fakes_root():
    from conftest import ROOT

    return ROOT


def test_summary_tells_what_was_found(fake, run, file):
    outcome = run("prefit", file)
    assert outcome.exit_code == 0, outcome.output
    for text in (
        f"{file}  shift +1.25 ± 0.06 eV\n",
        "  shift: ok, groups: ok, fit of C1s: ok, fit of O1s: ok\n",
        "measured minus true; aliphatic C 1s = 285.00 eV (first vibrational member)",
        "Looks fine.",
        "groups: ester (aliphatic) 0.98\n",
        "C1s  (linear background, reduced chi-square",
        "line 2",
    ):
        assert text in outcome.stdout


def test_summary_shows_doubts_and_atomic_percent(fake, run, file):
    outcome = run("prefit", file)
    (line,) = [line for line in outcome.stdout.splitlines() if line.startswith("  C1s  (")]
    assert "Durbin-Watson" in line
    assert "runs test p" in line
    assert "atomic %  C " in outcome.stdout
    assert "Background: slope " in outcome.stdout
    assert "confidence" not in outcome.stdout


def test_confidence_intervals_on_request(fake, run, file):
    outcome = run("prefit", file, "--confidence")
    assert "center, 68 %" in outcome.stdout
    written = json.loads(run("prefit", file, "--confidence", "--json", "-").stdout)
    parts = written["regions"]["C1s"]["components"][0]["confidence"]
    assert {(part["quantity"], part["sigma"]) for part in parts} == {
        (quantity, sigma) for quantity in ("center", "area") for sigma in (1.0, 2.0)
    }
    assert run("prefit", file, "--confidence", "--no-fit").exit_code == 2


def test_flags_and_notes_of_components(fake, run, file, monkeypatch):
    seeded = fakes.FakePlugin.xps_prefit_seed

    class Narrow:
        @hookimpl
        def xps_prefit_seed(self, spectrum, region, settings):
            seed = seeded(fake, spectrum, region, settings)
            if region != "C1s":
                return seed
            seed.params["p1_center"].set(value=284.7, min=284.5, max=284.8)
            parts = (seed.components[0], replace(seed.components[1], groups=()))
            return replace(seed, components=parts, notes=("Line 3 was dropped.",))

    xps.plugin_manager().register(Narrow(), "narrow")
    lines = run("prefit", file).stdout.splitlines()
    assert next(line for line in lines if "line 1" in line).rstrip().endswith("position at bound")
    assert next(line for line in lines if "line 2" in line).rstrip().endswith("unassigned")
    lines = [line.rstrip() for line in lines]
    assert "    Line 3 was dropped." in lines
    assert "    C1s line 1: position at the upper end of its range (284.80 eV)." in lines
    assert any("something is missing or misplaced near 28" in line for line in lines)


def test_what_the_user_knows_is_passed_on(fake, run, file):
    class Listener:
        @hookimpl
        def xps_prefit_fitted(self, result):
            self.settings = result.settings

    listener = Listener()
    xps.plugin_manager().register(listener, "listener")
    known = ["--expect", "PMMA", "--present", "alkane", "--absent", "nitro (aromatic)", "--absent", "amine"]
    physics = ["--ties", "hard", "--background", "C1s=offset", "--background", "O1s=linear", "--transmission", "-0.5"]
    assert run("prefit", file, *known, *physics).exit_code == 0
    settings = listener.settings
    assert settings.expect == ("PMMA",)
    assert settings.present == ("alkane",)
    assert "nitro (aromatic)" in settings.absent
    assert len(settings.absent) == 2
    assert settings.ties == "hard"
    assert [settings.background_of(region) for region in ("C1s", "O1s", "N1s")] == ["offset", "linear", "auto"]
    assert settings.transmission == -0.5
    outcome = run("prefit", file, "--background", "N1s=linear")
    assert outcome.exit_code == 0
    assert outcome.stderr == f"{file}: there is no region N1s for --background; there are C1s, O1s.\n"
    assert run("prefit", file, "--background", "shirley").exit_code == 0
    assert listener.settings.background == "shirley"


def test_json_alone_on_standard_output(fake, run, file):
    outcome = run("prefit", file, "--json", "-", "--reference", "284.8")
    assert outcome.exit_code == 0
    written = json.loads(outcome.stdout)
    assert written["source"] == str(file)
    assert written["shift"]["value"] == pytest.approx(fakes.SHIFT + 0.315)
    assert written["regions"]["C1s"]["fit"]["success"]


def test_files_as_named(fake, run, file, tmp_path):
    names = [tmp_path / "a.json", tmp_path / "a.pdf", tmp_path / "b.csv"]
    outcome = run("prefit", file, "--json", names[0], "--plot", names[1], "--csv", names[2], "--no-fit")
    assert outcome.exit_code == 0, outcome.output
    assert all(name.stat().st_size for name in names)
    assert json.loads(names[0].read_text())["regions"]["C1s"]["fit"] is None
    assert "start values" in outcome.stdout


def test_failed_file_does_not_stop_the_others(fake, run, file, tmp_path):
    (tmp_path / "other").mkdir()
    other = _write(tmp_path / "other" / "made [1].csv")
    empty = tmp_path / "empty.csv"
    empty.touch()
    outcome = run("prefit", file, empty, other, "--out", tmp_path / "new" / "out")
    assert outcome.exit_code == 1
    assert outcome.stderr == f"Error: {empty}: the file is empty.\n"
    found = sorted(path.name for path in (tmp_path / "new" / "out").iterdir())
    stems = ("made [1]", "made [1]_2")
    assert found == sorted(f"{stem}{suffix}" for stem in stems for suffix in (".csv", ".json", ".png"))
    assert json.loads((tmp_path / "new" / "out" / "made [1]_2.json").read_text())["source"] == str(other)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{file}", "{file}", "--json", "-"], 2, "--json is for one FILE; use --out DIR for several."),
        (["{file}", "--reference", "300"], 1, "Error: reference: 300 eV is not an energy of aliphatic C 1s"),
        (["{file}", "--reference", "high"], 2, "'high' is not a valid float"),
        (["{file}", "--plot", "{folder}/a.docx"], 1, "no output format has the suffix '.docx'"),
        (["{file}", "--csv", "{folder}/none/a.csv"], 1, "does not exist; make it or choose another."),
        (["{file}", "--out", "{file}"], 1, "the folder cannot be made"),
        (["{folder}"], 1, "this is a folder"),
        (["{file}", "--background", "polynomial"], 1, "'polynomial' is unknown; take one of auto, offset, linear,"),
        (["{file}", "--background", "linear", "--background", "C1s=shirley"], 2, "once as KIND, or as REGION=KIND"),
        (["{file}", "--present", "kryptonite"], 1, "there is no functional group 'kryptonite'"),
        (["{file}", "--sensitivity", "guesswork"], 1, "guesswork"),
        ([], 2, "Missing argument 'FILE...'"),
    ],
)
def test_bad_arguments_are_one_sentence(fake, run, file, tmp_path, arguments, code, message):
    outcome = run("prefit", *(argument.format(file=file, folder=tmp_path) for argument in arguments))
    assert outcome.exit_code == code
    assert message in outcome.stderr
    assert outcome.stdout == ""


def test_bug_is_one_sentence_with_a_way_to_its_traceback(fake, run, file, monkeypatch):
    class Bug:
        @hookimpl
        def xps_prefit_fitted(self):
            raise RuntimeError("listener trouble")

    def bug(*_):
        raise ZeroDivisionError("oops")

    xps.plugin_manager().register(Bug(), "listener")
    assert run("prefit", file).exit_code == 0
    monkeypatch.setattr("xps_stn_plugin.api.calibrated_spectrum", bug)
    outcome = run("prefit", file)
    assert outcome.exit_code == 1
    assert "unexpected ZeroDivisionError: oops (set XPS_STN_DEBUG=1 for the traceback)." in outcome.stderr
    monkeypatch.setenv("XPS_STN_DEBUG", "1")
    assert isinstance(run("prefit", file).exception, ZeroDivisionError)


def test_plugins_lists_reports_hooks_and_formats(fake, run):
    outcome = run("plugins")
    assert outcome.exit_code == 0
    for text in ("xps_stn_plugin", "built in", "fake", "fitted, predict, seed", "vamas", ".json", "calibrated_copy"):
        assert text in outcome.stdout


def test_info_names_versions_and_network(run):
    from xps_stn_plugin.stn.weights import shipped_weights

    outcome = run("info")
    assert outcome.exit_code == 0, outcome.output
    assert version("torch") in outcome.stdout
    assert shipped_weights().info.sha256 in outcome.stdout


def test_simulate_and_train_pass_on_what_was_asked(run, monkeypatch, tmp_path):
    from xps_stn_plugin.simulate.dataset import write_dataset
    from xps_stn_plugin.stn.train import train

    # The work itself takes minutes and is tested where it is done; the signatures are checked here.
    write = create_autospec(write_dataset)
    learn = create_autospec(train, return_value=tmp_path / "w.safetensors")
    monkeypatch.setattr("xps_stn_plugin.simulate.dataset.write_dataset", write)
    monkeypatch.setattr("xps_stn_plugin.stn.train.train", learn)
    assert run("simulate", tmp_path / "a.h5", "-n", 4, "--seed", 1).exit_code == 0
    options = ("--resume", "--device", "cpu", "--from", "first.safetensors")
    outcome = run("train", "--config", "c.toml", "--out", tmp_path, *options)
    assert outcome.stdout == f"Weights written to {tmp_path / 'w.safetensors'}.\n"
    write.assert_called_once_with(tmp_path / "a.h5", 4, 1, None, overwrite=False)
    learn.assert_called_once_with(
        Path("c.toml"), tmp_path, True, "cpu", Path("first.safetensors"), overwrite=False, finish=False
    )
    assert run("simulate", tmp_path / "a.h5", "-n", 0).exit_code == 2


def test_train_without_a_configuration_is_one_sentence(run, tmp_path):
    outcome = run("train", "--config", tmp_path / "absent.toml", "--out", tmp_path / "out")
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("Error: ")
    assert "absent.toml" in outcome.stderr


@pytest.mark.parametrize("by", ["folder", "name", "link"])
def test_the_measured_file_is_never_written_over(fake, run, file, tmp_path, by):
    before = file.read_bytes()
    others = set(tmp_path.iterdir())
    if by == "folder":
        arguments = ["--out", str(file.parent)]
    elif by == "name":
        arguments = ["--csv", str(file)]
    else:
        link = tmp_path / "link.csv"
        link.symlink_to(file)
        others.add(link)
        arguments = ["--csv", str(link)]
    done = run("prefit", str(file), *arguments)
    assert done.exit_code == 1
    assert "this is the measured file itself; choose another name." in done.stderr
    assert file.read_bytes() == before
    # and nothing else was left half-way
    assert set(tmp_path.iterdir()) == others


def test_nor_is_another_file_of_the_same_command(fake, run, file, tmp_path):
    text = _write(file.with_suffix(".txt"))
    before = file.read_bytes()
    done = run("prefit", text, file, "--out", tmp_path)
    assert done.exit_code == 1
    assert f"{file}: this is the measured file itself" in done.stderr
    assert file.read_bytes() == before


def test_prefit_never_writes_over_what_is_not_its_own(fake, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _write(Path("a.csv"))
    _write(Path("sample.csv"))
    for name in ("b.csv", "b.png", "b.json", "mine.txt"):
        Path(name).write_text("mine")
    Path("sample.json").symlink_to("mine.txt")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    for options in (
        ["a.csv", "--out", "."],
        ["a.csv", "--csv", "b.csv"],
        ["a.csv", "--plot", "b.png"],
        ["a.csv", "--json", "b.json"],
        ["sample.csv", "--json", "sample.json"],
    ):
        outcome = run("prefit", *options)
        assert outcome.exit_code == 1
        assert outcome.stderr.startswith("Error: ")
        assert outcome.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
    # The user's word is enough for another's file, and never for one that is read.
    assert run("prefit", "a.csv", "--csv", "b.csv", "--force").exit_code == 0
    assert Path("b.csv").read_text().startswith("source,region,component,")
    assert run("prefit", "sample.csv", "--json", "sample.json", "--force").exit_code == 0
    assert not Path("sample.json").is_symlink()
    assert Path("mine.txt").read_text() == "mine"
    outcome = run("prefit", "a.csv", "sample.csv", "--out", ".", "--force")
    assert outcome.exit_code == 1
    assert outcome.stderr.count("this is the measured file itself") == 2
    assert Path("a.csv").read_bytes() == before[Path("a.csv")]
    assert Path("sample.csv").read_bytes() == before[Path("sample.csv")]


def test_prefit_replaces_its_own_outputs_without_a_word(fake, run, file, tmp_path):
    for reference in ("285.0", "284.8"):
        assert run("prefit", file, "--out", tmp_path / "out", "--reference", reference).exit_code == 0
    assert "284.80" in (tmp_path / "out" / "made [1].csv").read_text()


def test_prefit_through_a_linked_output_leaves_the_measured_file(fake, run, file, tmp_path):
    (tmp_path / "link.csv").symlink_to(file)
    before = file.read_bytes()
    for options in ([], ["--force"]):
        assert run("prefit", file, "--csv", tmp_path / "link.csv", *options).exit_code == 1
    assert file.read_bytes() == before


def test_prefit_of_names_that_differ_in_case_gives_two_outputs(fake, run, tmp_path):
    for name in ("A.csv", "a.txt"):
        _write(tmp_path / name)
    outcome = run("prefit", tmp_path / "A.csv", tmp_path / "a.txt", "--out", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"A.json", "a_2.json"}


@pytest.mark.parametrize("name", ["a" * 240 + ".csv", "..csv", "line\nfeed.csv", "CON.csv", "not-\udcff-utf8.csv"])
def test_prefit_of_odd_names_writes_all_outputs(fake, run, tmp_path, name):
    _write(tmp_path / name)
    outcome = run("prefit", tmp_path / name, "--out", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    made = list((tmp_path / "out").iterdir())
    assert sorted(path.suffix for path in made) == [".csv", ".json", ".png"]
    (document,) = (path for path in made if path.suffix == ".json")
    assert json.loads(document.read_text(encoding="utf-8"))["source"] == str(tmp_path / name)


def test_prefit_of_a_pipe_is_refused_at_once(run, tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    outcome = run("prefit", tmp_path / "pipe.txt")
    assert outcome.exit_code == 1
    assert outcome.stderr == (
        f"Error: {tmp_path / 'pipe.txt'}: this is a pipe, not a file; write its content to a file and name that.\n"
    )


def test_prefit_of_a_pipe_of_the_shell_loses_no_rows(fake, run):
    shared = Path(os.environ.get("XPS_SHARED", Path(__file__).parents[2] / "shared"))
    path = shared / "cases" / "hostile" / "pipe_fixed_width_1000rows.txt"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(path.read_bytes()[:4000])
    outcome = run("prefit", f"/dev/fd/{reading}")
    os.close(reading)
    assert outcome.exit_code == 1
    assert "this is a pipe, not a file" in outcome.stderr
    assert xps.read(path)["C1s" if "C1s" in xps.read(path) else next(iter(xps.read(path)))]["counts"].size == 1000


def test_states_lists_those_of_an_element_with_the_users_own(run, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "MXene"\nenergy = 455.1\n')
    outcome = run("states", "Ti", "--states", str(path))
    lines = outcome.output.splitlines()
    assert outcome.exit_code == 0
    assert any(line.split()[:3] == ["Ti", "2p3/2", "TiO2"] and "458.60" in line for line in lines)
    assert any("MXene" in line and "given by you" in line for line in lines)


def test_states_of_what_is_no_element_are_refused_in_a_sentence(run):
    outcome = run("states", "Qq")
    assert outcome.exit_code == 1
    assert "'Qq' is not an element or core level; give Ti or Ti2p." in outcome.output


def test_file_of_states_reaches_the_seeds(run, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[[state]]\nelement = "Ti"\nline = "2p1/2"\nname = "x"\nenergy = 460.0\n')
    outcome = run("prefit", str(tmp_path / "a.csv"), "--states", str(path))
    assert outcome.exit_code == 1
    assert "whose line is 2p3/2" in outcome.output
