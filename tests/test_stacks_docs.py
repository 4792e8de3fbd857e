"""The page on stacks runs, block after block, and prints what stands in it.

``python tests/test_stacks_docs.py`` writes what the blocks print into the page anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_guide import BLOCK, NUMBER, outputs, rewritten

PAGE = Path(__file__).parent.parent / "docs" / "stacks.md"


@pytest.mark.slow
def test_the_page_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    printed = outputs(text)
    assert sum(map(bool, printed)) >= 4
    for block, output in zip(BLOCK.finditer(text), printed, strict=True):
        said = block["printed"] or ""
        # Words as they are; numbers to what another machine's rounding may change.
        assert NUMBER.sub("#", said) == NUMBER.sub("#", output)
        numbers = [list(map(float, NUMBER.findall(each))) for each in (said, output)]
        assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.03)
    assert (tmp_path / "found.nc").stat().st_size > 0


def test_every_variable_stands_in_the_page():
    from xps_stn_plugin.stacks.fields import (
        CALIBRATED,
        CARRIED,
        NO_REFERENCE,
        PLUGIN,
        REASON_TEXTS,
        TOLD,
        network_fields,
    )
    from xps_stn_plugin.stacks.fit_fields import curve_fields, fit_fields
    from xps_stn_plugin.stacks.labels import FitLabels
    from xps_stn_plugin.stn.verdict import Reason

    text = PAGE.read_text(encoding="utf-8")
    labels = FitLabels.of([], [])
    fields = (*network_fields([], ["C1s"]), *fit_fields("C1s", labels), *curve_fields("C1s", labels, np.zeros(0)))
    names = {CALIBRATED, *(field.name for field in fields), *(name for field in fields for name in field.texts)}
    missing = {name for name in names if f"`{name}`" not in text and f"`{name.removesuffix('_stderr')}`" not in text}
    assert not missing
    assert set(REASON_TEXTS) == {*map(int, Reason), CARRIED, TOLD, PLUGIN, NO_REFERENCE}


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(rewritten(page, outputs(page)), encoding="utf-8")
