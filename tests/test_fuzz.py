"""Mutated files of every format are read, or refused with a sentence."""

from __future__ import annotations

import json
import os

import pytest
from fuzz.campaign import Campaign
from fuzz.corpus import FORMATS
from fuzz.reduction import reduced
from fuzz.targets import TARGETS, outcome_of, sentence_fault

from xps_prefit_hooks import PrefitError

#: Seconds of trying: in CI two minutes, at a desk ten seconds.
SECONDS = float(os.environ.get("XPS_FUZZ_SECONDS", 120 if os.environ.get("CI") else 10))


class Uncleaned(PrefitError):
    """An error that shows its text as it came."""

    def __str__(self):
        return ": ".join(self.args)


@pytest.mark.fuzz
def test_no_input_ends_in_anything_but_a_spectrum_or_a_sentence(tmp_path, request):
    state = request.config.getoption("--fuzz-state")
    campaign = Campaign(1, examples=tmp_path / "examples", state=state)
    report = campaign.run(SECONDS).report()
    print(json.dumps(report["total"]))
    assert set(report["formats"]) == set(FORMATS)
    assert all(figures["tried"] for figures in report["formats"].values())
    assert not report["faults"], json.dumps(report["faults"], indent=1)
    assert max(figures["peak"] for figures in report["formats"].values()) < 500 * 2**20


def test_formats_all_have_a_corpus_and_a_target():
    assert set(FORMATS) == set(TARGETS)


def test_campaign_goes_on_where_it_was(tmp_path):
    places = {"examples": tmp_path / "examples", "state": tmp_path / "state.json"}
    first = Campaign(7, ["configuration"], **places).run(60, most=1).formats["configuration"].next
    again = Campaign(7, ["configuration"], **places)
    assert again.state.formats["configuration"].next == first > 0
    with pytest.raises(ValueError, match="seed 7"):
        Campaign(8, ["configuration"], **places)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, "loaded"),
        (PrefitError("a.csv", "the file is empty."), "refused"),
        (Uncleaned("a.csv", "the file is \x1b[31mred."), "sentence"),
        (Uncleaned("a.csv", "two\nlines."), "sentence"),
        (Uncleaned("a.csv", "x" * 30_000 + "."), "sentence"),
        (ValueError("no"), "raw"),
        (RecursionError("no"), "raw"),
    ],
)
def test_outcomes_are_told_apart(tmp_path, error, kind):
    def read(path):
        if error is not None:
            raise error

    assert outcome_of(read, tmp_path / "a.csv", tmp_path / "canary").kind == kind


def test_code_that_ran_is_noticed(tmp_path):
    canary = tmp_path / "canary"
    assert outcome_of(lambda path: canary.mkdir(), tmp_path, canary).kind == "code"
    assert not canary.exists()


def test_reader_that_gave_up_on_an_error_of_its_own_is_a_fault(tmp_path):
    def read(path):
        try:
            raise KeyError("x")
        except KeyError as error:
            raise PrefitError("a.csv", "the reader vamas failed on this file (KeyError: 'x').") from error

    assert outcome_of(read, tmp_path, tmp_path / "canary").kind == "unforeseen"


def test_reproducer_is_reduced_to_what_matters():
    lines = [f"{number},{number}" for number in range(50)]
    data = "\n".join([*lines, "1,nan", *lines]).encode()
    assert reduced(data, lambda shorter: b"nan" in shorter, seconds=30) == b"nan"


def test_sentences_may_hold_what_people_write():
    assert sentence_fault("Grün 5 µm: the file is “odd”.") == ""
