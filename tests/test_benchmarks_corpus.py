"""The table of what becomes of real files with several networks."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.answering import Answer
from benchmarks.corpus import CONTENTS, File, contents, main, samples, spectrum_of, status_counts
from benchmarks.measured import write_table
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree


def answer(status: str, shift: float = math.nan) -> Answer:
    return Answer(status, shift, 0.1, (), (), ())


def lines(*centres: float) -> np.ndarray:
    axis = np.arange(min(centres) - 6, max(centres) + 6, 0.1)
    curve = sum(np.exp(-0.5 * ((axis - centre) / 0.5) ** 2) for centre in centres)
    return np.column_stack([axis, np.random.default_rng(1).poisson(100 + 5000 * curve)])


def test_files_are_sorted_by_their_levels():
    assert contents(["O1s", "C1s"]) == CONTENTS[0]
    assert contents(["O1s", "Fe2p"]) == CONTENTS[1]
    assert contents(["Fe2p"]) == contents([]) == CONTENTS[2]


@pytest.mark.parametrize(
    ("first", "second", "changed"),
    [
        (answer("ok", 1.0), answer("ok", 1.1), False),
        (answer("ok", 1.0), answer("ok", 1.3), True),
        (answer("ok", 1.0), answer("uncertain", 1.0), True),
        (answer("out_of_domain", 1.0), answer("out_of_domain", 3.0), False),
        (answer("refused"), answer("refused"), False),
    ],
)
def test_a_file_has_changed_with_its_status_or_a_trusted_shift(first, second, changed):
    assert File("x", CONTENTS[0], ("C1s",), "", {"a": first, "b": second}).changed == changed


def test_statuses_are_counted_by_contents():
    files = [
        File("x", CONTENTS[0], ("C1s",), "", {"a": answer("ok", 1.0)}),
        File("y", CONTENTS[0], ("C1s",), "", {"a": answer("uncertain", 1.0)}),
        File("z", CONTENTS[3], (), "", {"a": answer("refused")}),
    ]
    counts = status_counts(files, "a")
    assert counts[CONTENTS[0]] == {"ok": 1, "uncertain": 1, "out_of_domain": 0, "refused": 0}
    assert counts[CONTENTS[3]]["refused"] == 1


def test_a_stack_is_summed(monkeypatch, tmp_path):
    rows = lines(285.0)
    stack = region_dataset("s", rows[:, 0], np.stack([rows[:, 1], 2 * rows[:, 1]]), region="C1s")
    monkeypatch.setattr("benchmarks.corpus.read", lambda path: spectrum_tree("s", {"C1s": stack}))
    summed = spectrum_of(tmp_path / "any")["C1s"]
    assert summed["counts"].dims == ("binding_energy",)
    np.testing.assert_allclose(summed["counts"].values, 3 * rows[:, 1])
    assert summed.attrs["region"] == "C1s"


def test_samples_come_from_the_manifest_where_there_is_one(tmp_path):
    assert not samples(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,truth\ncorpus/a/x.csv,gold\n", encoding="utf-8")
    assert samples(tmp_path) == {"x.csv": "gold"}


def test_command_prints_the_table_and_draws_what_is_ok(tmp_path):
    data, out = tmp_path / "files", tmp_path / "pictures"
    (data / "text").mkdir(parents=True)
    write_table(data / "text" / "pmma.csv", {"C1s": lines(285.0, 285.7, 286.8, 289.0), "O1s": lines(532.2, 533.8)}, 0.8)
    write_table(data / "text" / "iron.csv", {"Fe2p": lines(711.0)}, 0.0)
    (data / "notes.txt").write_text("not a spectrum", encoding="utf-8")
    path = tmp_path / "record.json"
    arguments = ["--data", str(data), "--pictures", str(out), "--json", str(path)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    record = json.loads(path.read_text(encoding="utf-8"))
    (statuses,) = record["statuses"].values()
    assert sum(statuses[CONTENTS[0]].values()) == 1
    assert statuses[CONTENTS[2]]["out_of_domain"] == 1
    assert statuses[CONTENTS[3]]["refused"] == 1
    assert len(list(out.glob("*.png"))) == statuses[CONTENTS[0]]["ok"]
