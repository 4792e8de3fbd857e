from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.studies.explain import Sample, chord_trials, deletion, main, taper_trials
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.attribution import Trials, line_trials

GRID = Grid()


@pytest.fixture
def sample():
    counts, measured = np.zeros(GRID.energies.shape), np.zeros(GRID.energies.shape, dtype=bool)
    energies = GRID.energies[0]
    measured[0] = np.abs(energies - 288) < 7
    lines = 4000 * pseudo_voigt(energies, 286.0, 1.1, 0.2) + 2000 * pseudo_voigt(energies, 290.0, 1.1, 0.2)
    counts[0] = np.where(measured[0], lines, 0.0)
    return Sample(counts, measured, 1.0)


def test_lines_of_a_group_move_with_the_shift(sample):
    at = sample.at_lines("ester (aliphatic)", GRID)
    assert not at[1:].any()
    energies = GRID.energies[0, at[0]]
    assert np.abs(energies - 290.02).min() < 0.1
    assert np.abs(energies - 292.0).min() > 1.0


def test_every_way_takes_no_more_than_there_is(sample):
    lines = line_trials(sample.counts, sample.measured, GRID.step, sample.shift)
    peak = int(np.abs(GRID.energies[0, lines.point] - 286.0).argmin())
    tip = {}
    for name, trials in (
        ("line", lines),
        ("taper", taper_trials(sample, GRID, lines)),
        ("chord", chord_trials(sample, GRID, lines)),
    ):
        assert (trials.removed >= 0).all()
        assert (trials.removed <= 1.1 * sample.counts[0] + 0.01 * sample.counts.max()).all()
        tip[name] = trials.removed[peak].max() / sample.counts.max()
    # The chord lies at half the height of a line as wide as the window. The place is up to 0.2 eV beside the line.
    assert tip["chord"] < 0.6 < 0.8 < min(tip["line"], tip["taper"])


def test_deletion_compares_with_places_of_as_much_area():
    removed = np.array([1.0, 1.2, 0.9, 5.0])[:, None] * np.ones((4, 3))
    trials = Trials(np.zeros(4, dtype=int), np.array([0, 20, 40, 60]), removed)
    assert deletion(np.array([2.0, 1.0, 3.0, 9.0]), trials, 0) == (0.5, 2.0, 2.0)
    assert math.isnan(deletion(np.array([2.0, 1.0, 3.0, 9.0]), trials, 3)[0])


@pytest.mark.slow
def test_benchmark_writes_its_record(tmp_path):
    path = tmp_path / "explain.json"
    done = CliRunner().invoke(main, ["--number", "12", "--structures", "20", "--json", str(path)])
    assert done.exit_code == 0, done.output
    record = json.loads(path.read_text(encoding="utf-8"))
    assert set(record["results"]) == {"line", "taper", "chord", "region", "gradient"}
    assert record["results"]["line"]["deletion line"] == 1.0
    assert all(0 <= row["right place"] <= 1 for row in record["results"].values())
