from __future__ import annotations

import dataclasses
from pathlib import Path

import fakes
import pytest

from xps_prefit_hooks import MenuAction, MenuOutcome, PrefitError, hookimpl
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.hosts.host import Host, menu_entries, trigger


class Desk(Host):
    """A host that notes what it is asked; answers are set from outside."""

    def __init__(self):
        self.selected, self.paths = fakes.spectrum(), []
        self.asked, self.told, self.warned, self.received = [], [], [], []

    def selection(self, settings):
        if self.selected is None:
            raise PrefitError("selection", "nothing is selected; select a spectrum first.")
        return self.selected

    def receive(self, result, regions):
        self.received.append((result, regions))

    def ask_path(self, action, start, *, folder=False):
        self.asked.append((action.name, start, folder))
        return self.paths.pop(0)

    def tell(self, title, outcome):
        self.told.append((title, outcome))

    def warn(self, title, sentence):
        self.warned.append((title, sentence))


@pytest.fixture
def desk(fake):
    return Desk()


def choose(desk, label):
    """Choose a menu entry by its text."""
    next(entry for entry in menu_entries(desk) if entry.label == label).trigger()


def acted(run, **options):
    return MenuAction("odd", "Odd action", "", False, run, **options)


def test_entries_are_the_actions_of_all_plugins(desk):
    class Other:
        @hookimpl
        def xps_prefit_menu(self):
            return [acted(lambda request: MenuOutcome("Done."))]

    plugin_manager().register(Other(), "other")
    entries = menu_entries(desk)
    assert [(entry.label, entry.description) for entry in entries] == [
        (action.label, action.description) for action in plugin_manager().menu()
    ]
    choose(desk, "Odd action")
    assert desk.told == [("Odd action", MenuOutcome("Done."))]


def test_a_host_without_a_form_prefits_at_once(desk):
    choose(desk, "Prefit selection...")
    ((title, outcome),) = desk.told
    assert title == "Prefit selection..."
    assert outcome.result.shift == fakes.SHIFT
    assert not desk.received


def test_seeds_go_to_the_fitting_tool_before_anything_is_said(desk):
    desk.tell = lambda title, outcome: desk.told.append(len(desk.received))
    choose(desk, "Send seed to Fit panel")
    ((result, regions),) = desk.received
    assert regions == ("C1s", "O1s")
    assert result.source == "made.csv"
    assert desk.told == [1]


def test_a_file_is_asked_for_by_the_name_of_the_spectrum(desk, tmp_path):
    desk.paths = [tmp_path / "b.nxs", None]
    choose(desk, "Write calibrated copy...")
    choose(desk, "Write calibrated copy...")
    assert desk.asked == [("calibrated_copy", "made_calibrated_copy.nxs", False)] * 2
    assert (tmp_path / "b.nxs").exists()
    assert [outcome.files for _, outcome in desk.told] == [(tmp_path / "b.nxs",)]


@pytest.mark.parametrize("paths", [["in", "out"], ["in", None], [None]])
def test_two_folders_are_asked_for(desk, paths):
    desk.paths = [path and Path(path) for path in paths]
    seen = []

    def run(request):
        seen.append((request.folder, request.out))
        return MenuOutcome("Done.")

    trigger(desk, acted(run, needs_folder=True))
    assert [(start, folder) for _, start, folder in desk.asked] == [
        ("Folder with the spectra", True),
        ("Folder for the results", True),
    ][: len(paths)]
    assert seen == ([(Path("in"), Path("out"))] if paths == ["in", "out"] else [])
    assert not desk.warned


def test_what_a_menu_passes_on_has_no_meaning(desk):
    menu_entries(desk)[0].trigger(False)
    assert len(desk.told) == 1


def test_errors_are_shown_not_raised(desk, caplog):
    desk.selected = None
    choose(desk, "Send seed to Fit panel")
    assert desk.warned == [
        ("Send seed to Fit panel", "selection: nothing is selected; select a spectrum first."),
    ]
    assert not caplog.records
    trigger(desk, acted(lambda request: 1 / 0))
    assert desk.warned[1] == ("Odd action", "unexpected ZeroDivisionError: division by zero")
    assert "ZeroDivisionError" in caplog.text


def test_a_host_that_cannot_take_seeds_says_so(desk):
    def refuse(result, regions):
        raise PrefitError("Fit panel", "it is full; close a tab.")

    desk.receive = refuse
    choose(desk, "Send seed to Fit panel")
    assert desk.warned == [("Send seed to Fit panel", "Fit panel: it is full; close a tab.")]
    assert not desk.told


def test_an_action_that_opens_its_form_does_nothing_else(desk):
    desk.open_form = lambda action: True
    choose(desk, "Prefit selection...")
    assert not desk.told


def test_actions_are_values():
    action = acted(print)
    with pytest.raises(dataclasses.FrozenInstanceError):
        action.form = True
