"""What the README tells people to type works."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from xps_stn_plugin.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def beside_the_examples(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_example_runs(beside_the_examples):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["fit"].success
    assert (beside_the_examples / "pmma.json").stat().st_size > 1000


def test_the_main_command_runs(beside_the_examples):
    (arguments,) = re.findall(r"\.venv/bin/xps-stn (prefit .*)", README)
    done = CliRunner().invoke(main, arguments.split())
    assert done.exit_code == 0, done.output
    assert "ester (aliphatic)" in done.output
    assert (beside_the_examples / "pmma.png").read_bytes().startswith(b"\x89PNG")


def test_every_command_and_page_that_it_names_exists():
    commands = set(re.findall(r"^xps-stn (\w+)", README, flags=re.MULTILINE))
    assert commands == set(main.commands)
    for page in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / page).exists(), page
