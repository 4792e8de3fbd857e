"""The guide runs, block after block, and prints what stands in it.

``python tests/test_guide.py`` writes what the blocks print into the guide anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from pathlib import Path

import pytest

from xps_stn_plugin.chemistry.groups import group_names

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "guide.md"

#: A block of Python and, where it prints anything, what it prints.
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<printed>.*?)```\n)?", re.DOTALL)
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def outputs(text: str) -> list[str]:
    """What each block prints."""
    names: dict[str, object] = {}
    found = []
    for number, block in enumerate(BLOCK.finditer(text), start=1):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(block["code"], f"guide.md, block {number}", "exec"), names)
        # An empty line where there are no reasons or notes.
        found.append("".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines() if line.strip()))
    return found


def rewritten(text: str, printed: list[str]) -> str:
    each = iter(printed)

    def block(match: re.Match[str]) -> str:
        output = next(each)
        return f"```python\n{match['code']}```\n" + (f"\n```text\n{output}```\n" if output else "")

    return BLOCK.sub(block, text)


@pytest.fixture
def beside_the_examples(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_guide_prints_what_it_says(beside_the_examples):
    text = GUIDE.read_text(encoding="utf-8")
    said = [block["printed"] or "" for block in BLOCK.finditer(text)]
    printed = outputs(text)
    assert len(printed) > 10
    for number, (one, other) in enumerate(zip(said, printed, strict=True), start=1):
        # Words and layout as they are; numbers to what another machine's rounding may change.
        assert NUMBER.sub("#", one) == NUMBER.sub("#", other), f"block {number}"
        numbers = [list(map(float, NUMBER.findall(each))) for each in (one, other)]
        assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.03), f"block {number}"
    assert (beside_the_examples / "pmma.json").stat().st_size > 1000


def test_the_guide_lists_every_group():
    text = GUIDE.read_text(encoding="utf-8")
    listed = text.partition("### The groups")[2].partition("###")[0]
    assert set(re.findall(r"`([^`]+)`", listed)) == set(group_names())


if __name__ == "__main__":
    import tempfile

    folder = tempfile.mkdtemp()
    shutil.copytree(ROOT / "examples", Path(folder) / "examples")
    os.chdir(folder)
    before = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(rewritten(before, outputs(before)), encoding="utf-8")
