"""The windows that Qt hosts share, in a toy application without a screen, with PySide6 or PyQt6 (``QT_API``)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from fakes import SHIFT, spectrum

from xps_prefit_hooks import MenuAction, MenuOutcome, MenuRequest, PrefitError, Settings, hookimpl
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.readers.assembly import PhotonEnergyMissing, RawRegion, dataset_of, spectrum_of

pytestmark = pytest.mark.gui

OFFSCREEN = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
PROBE = "from qtpy import QtWidgets; QtWidgets.QApplication([])"


def run(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code, *arguments]
    # An application that does not end must not stop the tests.
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**OFFSCREEN, **environment})


@pytest.fixture(scope="session")
def application():
    """The Qt application; in a process of its own first, for Qt aborts where a library of the system is missing."""
    pytest.importorskip("qtpy", reason="qtpy is not installed (extra nexpy)")
    probe = run(PROBE)
    if probe.returncode:
        pytest.skip(f"no Qt application can be made here: {probe.stderr.strip().splitlines()[-1:]}")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from qtpy import QtWidgets

    yield QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture
def escaped(monkeypatch):
    """What came out of slots; PyQt6 would end the application."""
    found: list = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: found.append(error))
    yield found
    assert not found


@pytest.fixture(scope="session")
def loaded():
    """Everything is loaded: an entry that is chosen before waits for it."""
    from xps_stn_plugin.hosts.loading import start_loading

    start_loading().join()


@pytest.fixture
def host(application, escaped, loaded, fake, tmp_path):
    from qtpy import QtWidgets

    from xps_stn_plugin.hosts.qt import QtHost

    class Toy(QtHost):
        """Gives what `tree` is or returns."""

        def __init__(self, window):
            super().__init__(lambda: window, lambda: tmp_path)
            self.window, self.tree, self.asked, self.received = window, spectrum(), [], []

        def selection(self, settings):
            self.asked.append(settings)
            found = self.tree(settings) if callable(self.tree) else self.tree
            if isinstance(found, Exception):
                raise found
            return found

        def receive(self, result, regions):
            self.received.append((result, regions))

        def entry(self, label):
            return next(item for item in self._entries if item.text().startswith(label))

        @property
        def form(self):
            return self._forms["prefit"]

        @property
        def shown(self):
            """Boxes and windows on the screen, but the form."""
            return [box for box in self._boxes if box.isVisible()]

    window = QtWidgets.QMainWindow()
    toy = Toy(window)
    toy.add_to(window.menuBar().addMenu("XPS STN"))
    window.show()
    yield toy
    for box in [*toy._boxes, *toy._forms.values()]:
        box.close()
    pump(0.02)
    window.close()


def pump(seconds: float):
    from qtpy import QtCore

    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def until(condition, seconds: float = 30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        pump(0.005)


def settled(form) -> bool:
    timers = form._pause.isActive() or form._resize_pause.isActive()
    return form._running is None and form._drawing is None and not timers


def opened(host):
    host.entry("Prefit").trigger()
    until(lambda: settled(host.form))
    return host.form


def answered(host):
    """Box with the answer, when what runs is done."""
    from xps_stn_plugin.hosts.qt.progress import ProgressWindow

    until(lambda: host.shown and not any(isinstance(box, ProgressWindow) for box in host._boxes))
    (box,) = host.shown
    return box


def pixels(form) -> np.ndarray:
    image = form.view.image
    bits = image.constBits()
    if hasattr(bits, "setsize"):
        bits.setsize(image.sizeInBytes())
    return np.frombuffer(bytes(bits), np.uint8).reshape(image.height(), image.width(), 4)


def action(run, **options) -> MenuAction:
    return MenuAction("odd", "Odd action...", "Does odd things", options.pop("needs_spectrum", False), run, **options)


def start(host, one: MenuAction):
    from xps_stn_plugin.hosts.host import trigger

    trigger(host, one)


def test_importing_it_is_light():
    pytest.importorskip("qtpy", reason="qtpy is not installed (extra nexpy)")
    code = "import sys, xps_stn_plugin.hosts.qt; print(*{'torch', 'matplotlib', 'lmfit', 'scipy'} & set(sys.modules))"
    done = run(code)
    if "Error" in done.stderr and "Qt" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


def test_the_menu_has_all_actions_and_loads_when_it_opens(host, monkeypatch):
    import xps_stn_plugin.hosts.loading as loading

    begun = []
    monkeypatch.setattr(loading, "start_loading", lambda: begun.append(True))
    menu = host.window.menuBar().actions()[0].menu()
    assert [item.text() for item in menu.actions()] == [one.label for one in plugin_manager().menu()]
    assert all(item.toolTip() != item.text() for item in menu.actions())
    menu.aboutToShow.emit()
    assert begun == [True]


def test_a_menu_opens_whatever_loading_says(host, monkeypatch, caplog):
    import xps_stn_plugin.hosts.loading as loading

    monkeypatch.setattr(loading, "start_loading", lambda: 1 / 0)
    host.window.menuBar().actions()[0].menu().aboutToShow.emit()
    assert "could not be started" in caplog.text


def test_an_entry_that_is_chosen_early_waits_for_the_loading(host, monkeypatch):
    import threading

    import xps_stn_plugin.hosts.loading as loading

    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    monkeypatch.setattr(loading, "start_loading", lambda: thread)
    for _ in range(2):
        host.entry("Send seed to Fit panel").trigger()
    assert not host.asked
    shown = [window for window in windows(host) if window.isVisible()]
    until(lambda: any(window.isVisible() for window in windows(host)))
    first, second = windows(host)
    assert "Loading torch" in first.text.text()
    assert not shown
    second.reject()
    go.set()
    until(lambda: host.received)
    until(lambda: not windows(host))
    assert len(host.received) == len(host.asked) == 1


def windows(host):
    """Windows that show progress."""
    from xps_stn_plugin.hosts.qt.progress import ProgressWindow

    return [box for box in host._boxes if isinstance(box, ProgressWindow)]


def test_the_form_shows_what_was_found(host):
    form = opened(host)
    assert form.isVisible() and not form.isModal()
    assert form.headline.shift.text() == f"Shift {SHIFT:+.2f} ± 0.06 eV"
    assert form.headline.status.text() == "ok"
    assert form.bars.groups == (("ester (aliphatic)", 0.98), ("alkane", 0.25))
    assert "Looks fine." in form.text.toPlainText()
    assert form.regions.region == "C1s" and form.regions.checked() == ["C1s", "O1s"]
    assert not form.error.isVisible() and not form.busy.isVisible()
    assert form.view.image.width() == round(form.view.width() * form.view.devicePixelRatioF())
    seen = pixels(form)[..., :3].reshape(-1, 3)
    # The envelope's red and at least two fills beside white and grey.
    assert (seen == (0xC0, 0, 0)).all(1).sum() > 100
    strong = seen[(np.ptp(seen.astype(int), axis=1) > 40)]
    assert len(np.unique(strong, axis=0)) > 20


def test_words_of_the_status_are_plain(host, fake):
    from dataclasses import replace

    predict = type(fake).xps_prefit_predict
    for status, words in (("uncertain", "uncertain"), ("out_of_domain", "out of domain")):

        class Doubter:
            @hookimpl
            def xps_prefit_predict(self, spectrum, settings, status=status):
                return replace(predict(fake, spectrum, settings), status=status)

        plugin_manager().register(Doubter(), f"doubter {status}")
        form = opened(host)
        assert form.headline.status.text() == words


def test_a_range_drawn_in_the_picture_is_looked_at_closer(host):
    from qtpy import QtCore, QtTest

    left = QtCore.Qt.MouseButton.LeftButton
    plain = QtCore.Qt.KeyboardModifier.NoModifier
    form = opened(host)
    view, whole = form.view, pixels(form)
    begun, ended = (QtCore.QPoint(round(share * view.width()), 50) for share in (0.7, 0.5))
    wanted = sorted(view._picture.energy_at(point.x() / view.width()) for point in (begun, ended))

    def draw_range(one, other):
        QtTest.QTest.mousePress(view, left, plain, one)
        QtTest.QTest.mouseMove(view, other)
        QtTest.QTest.mouseRelease(view, left, plain, other)

    # A click is not a range.
    draw_range(begun, begun)
    assert view.span is None and settled(form)
    draw_range(begun, ended)
    until(lambda: settled(form))
    assert view.span == view._picture.canvas.span == tuple(wanted)
    assert view._picture.ends == pytest.approx(wanted[::-1])
    assert (pixels(form) != whole).any()
    # Another shift keeps the range, another region or a double click does not.
    form.form.reference.setText("284.80")
    until(lambda: "+1.56" in form.headline.shift.text() and settled(form))
    assert view._picture.ends == pytest.approx(wanted[::-1])
    QtTest.QTest.mouseDClick(view, left, plain, begun)
    until(lambda: settled(form))
    assert view.span is None and view._picture.ends[0] > wanted[1] + 1
    draw_range(ended, begun)
    until(lambda: settled(form))
    form.regions.setCurrentItem(form.regions.item(1))
    until(lambda: form.view._picture.region == "O1s" and settled(form))
    assert view.span is None and view._picture.canvas.span is None


def test_the_ends_of_a_range_are_energies(host):
    form = opened(host)
    picture = form.view._picture
    # Beside the axis it is the axis's end.
    assert (
        picture.energy_at(0.0) == picture.ends[0] > picture.energy_at(0.5) > picture.energy_at(1.0) == picture.ends[1]
    )


def test_every_change_is_answered(host):
    form = opened(host)
    before = form.findings
    form.form.reference.setText("284.80")
    until(lambda: form.findings is not before and settled(form))
    assert form.headline.shift.text() == "Shift +1.56 ± 0.06 eV"
    form.form.background.setCurrentText("shirley")
    form.form.ties.setCurrentText("hard")
    form.form.expect.setText("PMMA, poly(vinyl acetate)")
    form.form.photon_energy.setText("1486,6")
    until(lambda: form.findings.settings.photon_energy == 1486.6 and settled(form))
    assert form.findings.settings == Settings(
        284.8,
        1486.6,
        background="shirley",
        ties="hard",
        expect=("PMMA", "poly(vinyl acetate)"),
        reference_at="maximum",
    )
    form.regions.item(1).setCheckState(form.regions.item(1).checkState().__class__.Unchecked)
    until(lambda: list(form.findings.result.spectrum.children) == ["C1s"] and settled(form))


def test_a_click_shows_another_region(host):
    form = opened(host)
    before = pixels(form).copy()
    form.regions.setCurrentRow(1)
    until(lambda: settled(form))
    other = pixels(form)
    assert (other != before).any()
    # A region that takes no part is still shown, with its data alone.
    unchecked = form.regions.item(1).checkState().__class__.Unchecked
    form.regions.item(1).setCheckState(unchecked)
    until(lambda: "O1s" not in form.findings.result.spectrum.children and settled(form))
    alone = pixels(form)[..., :3].reshape(-1, 3)
    assert not (alone == (0xC0, 0, 0)).all(1).any()


def test_a_larger_window_gets_a_larger_picture(host):
    form = opened(host)
    width = form.view.image.width()
    form.resize(1400, 900)
    until(lambda: form.view.image.width() > width and settled(form))
    assert form.view.image.width() == round(form.view.width() * form.view.devicePixelRatioF())


def test_what_is_known_about_one_sample_is_not_told_of_another(host):
    form = opened(host)
    form.form.expect.setText("PMMA")
    form.form.photon_energy.setText("1253.6")
    host.tree = spectrum(source="other.csv")
    assert opened(host) is form
    assert form.findings.settings == Settings()
    assert form.headline.origin.text().startswith("other.csv")


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("expect", "PMNA", "expect: no substance 'PMNA' is known"),
        ("reference", "28x", "reference: '28x' is not a number"),
        ("reference", "100", "reference: 100 eV is not an energy of aliphatic C 1s"),
        ("photon_energy", "-1", "photon energy: -1 eV is not a photon energy"),
    ],
)
def test_bad_input_is_one_sentence_in_the_form(host, field, text, sentence):
    form = opened(host)
    edit = getattr(form.form, field)
    before = edit.text()
    edit.setText(text)
    edit.returnPressed.emit()
    until(lambda: form.error.isVisible())
    assert form.error.text().startswith(sentence)
    assert form.view.faint and form.view.image is not None
    assert not any(button.isEnabled() for button in form.actions_of_others)
    edit.setText(before)
    edit.returnPressed.emit()
    until(lambda: not form.error.isVisible() and settled(form))
    assert not form.view.faint and all(button.isEnabled() for button in form.actions_of_others)


def kinetic(settings):
    """Spectrum on a kinetic axis whose file does not tell the photon energy."""
    energy = np.arange(1190.0, 1210.0, 0.1)
    counts = np.random.default_rng(0).poisson(50 + 900 * np.exp(-((energy - 1200.35) ** 2)))
    raw = RawRegion("made.vms block 1", energy, counts, True, ("C1s",))
    return spectrum_of(Path("made.vms"), [raw], settings)


def test_the_form_asks_for_a_missing_photon_energy(host):
    opened(host)
    host.tree = kinetic
    with pytest.raises(PhotonEnergyMissing):
        kinetic(Settings())
    form = opened(host)
    assert form.regions.count() == 0 and form.view.image is None
    assert form.error.text() == (
        "made.vms block 1: the energies are kinetic and the file does not give the photon energy; write it in the form."
    )
    form.activateWindow()
    pump(0.05)
    assert form.focusWidget() is form.form.photon_energy
    form.form.photon_energy.setText("1486.6")
    until(lambda: form.findings is not None and settled(form))
    assert host.asked[-1] == Settings(photon_energy=1486.6)
    assert not form.error.isVisible() and form.regions.names() == ["C1s"]
    form.form.photon_energy.setText("1000")
    until(lambda: form.error.isVisible())
    assert "check the photon energy" in form.error.text()


def test_regions_that_cannot_be_prefitted_are_grey_and_say_why(host):
    tree = spectrum()
    stack = dataset_of(
        RawRegion("made", np.arange(160.0, 172.0, 0.1), np.random.default_rng(0).poisson(9, (3, 120)), False, ("S2p",)),
        Settings(),
    )
    tree["S2p"] = type(tree)(stack)
    tree.attrs["skipped"] = ["made block 4: it has no energies."]
    host.tree = tree
    form = opened(host)
    items = [form.regions.item(row) for row in range(form.regions.count())]
    grey = [item.text() for item in items if not item.flags()]
    assert grey == [
        "S2p: a stack of spectra (3 along axis_0); select one of them",
        "made block 4: it has no energies.",
    ]
    assert list(form.findings.result.spectrum.children) == ["C1s", "O1s"]
    assert "made block 4: it has no energies." in form.text.toPlainText()


def test_at_least_one_region_is_needed(host):
    form = opened(host)
    for row in range(2):
        form.regions.item(row).setCheckState(form.regions.item(row).checkState().__class__.Unchecked)
    until(lambda: form.error.isVisible())
    assert form.error.text() == "made.csv: no region is checked; check at least one."


def test_nothing_selected_is_a_warning(host):
    host.tree = PrefitError("selection", "nothing is selected; select a spectrum first.")
    host.entry("Prefit").trigger()
    box = answered(host)
    assert box.text() == "selection: nothing is selected; select a spectrum first."
    assert not host._forms


def test_a_predictor_that_fails_is_a_sentence_in_the_form(host):
    class Broken:
        @hookimpl
        def xps_prefit_predict(self, spectrum, settings):
            raise RuntimeError("broken weights")

    form = opened(host)
    plugin_manager().register(Broken(), "broken")
    form.form.ties.setCurrentText("free")
    until(lambda: form.error.isVisible())
    assert "broken weights" in form.error.text() and form.view.faint
    assert form.headline.shift.text() == "Shift +1.25 ± 0.06 eV" and not form.headline.isEnabled()


def test_an_error_that_nobody_foresaw_is_shown_and_logged(host, caplog):
    start(host, action(lambda request: 1 / 0))
    box = answered(host)
    assert box.text() == "unexpected ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in caplog.text
    form = opened(host)
    form._action = action(lambda request: 1 / 0, form=True)
    form.form.ties.setCurrentText("free")
    until(lambda: form.error.isVisible())
    assert form.error.text() == "unexpected ZeroDivisionError: division by zero"


def test_actions_run_in_order_outside_the_gui_thread(host):
    ran, heard = [], []

    def work(name):
        def run(request):
            time.sleep(0.05)
            ran.append((name, threading.get_ident()))
            return MenuOutcome(name)

        return run

    for name in "ab":
        done = lambda outcome: heard.append((outcome.message, threading.get_ident()))  # noqa: E731
        host.work(action(work(name)), MenuRequest(), done)
    assert not ran
    until(lambda: len(heard) == 2)
    (first, one), (second, other) = ran
    assert (first, second) == ("a", "b") and one == other != threading.get_ident()
    assert heard == [("a", threading.get_ident()), ("b", threading.get_ident())]


def test_the_window_lives_while_an_action_runs(host):
    from qtpy import QtCore

    ticks = []
    timer = QtCore.QTimer()
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start(5)
    begin = time.perf_counter()
    start(host, action(lambda request: time.sleep(0.5) or MenuOutcome("slept")))
    assert time.perf_counter() - begin < 0.2
    assert answered(host).text() == "slept"
    timer.stop()
    assert sum(tick - begin < 0.5 for tick in ticks) > 20


def test_slow_work_shows_progress_and_can_be_cancelled(host):
    from xps_stn_plugin.hosts.qt.progress import ProgressWindow

    def work(request):
        for number in range(1000):
            if request.cancelled():
                return MenuOutcome(f"stopped after {number}")
            request.progress(number, 1000, f"file {number}")
            time.sleep(0.005)
        return MenuOutcome("done")

    start(host, action(work))
    until(lambda: host.shown)
    (window,) = host.shown
    assert isinstance(window, ProgressWindow) and not window.isModal() and window.windowTitle() == "Odd action"
    assert host.window.isEnabled()
    until(lambda: window.bar.value() > 0)
    assert window.bar.maximum() == 1000 and window.text.text().startswith("file ")
    assert " of 1000, about " in window.time_left.text() and window.time_left.text().endswith(" s left")
    window.button.click()
    assert window.text.text() == "Stopping..." and not window.button.isEnabled()
    until(lambda: window not in host._boxes)
    assert answered(host).text().startswith("stopped after ")


def test_closing_the_progress_window_cancels(host):
    def work(request):
        while not request.cancelled():
            time.sleep(0.005)
        time.sleep(0.2)
        return MenuOutcome("stopped")

    start(host, action(work))
    until(lambda: host.shown)
    (window,) = host.shown
    window.close()
    # A window that stayed would keep the application from its end.
    assert window.job.cancelled() and not window.isVisible()
    assert answered(host).text() == "stopped"


def test_quick_work_shows_no_progress(host, monkeypatch):
    from xps_stn_plugin.hosts.qt.progress import ProgressWindow

    appeared = []
    monkeypatch.setattr(ProgressWindow, "showEvent", lambda self, event: appeared.append(self))
    start(host, action(lambda request: MenuOutcome("quick")))
    assert answered(host).text() == "quick"
    pump(0.5)
    assert not appeared


def test_a_late_answer_is_dropped(host, fake):
    form = opened(host)
    gate, cancelled = threading.Event(), []
    run = form._action.run

    def slow(request):
        if request.settings.ties == "hard":
            gate.wait(20)
            cancelled.append(request.cancelled())
        return run(request)

    form._action = action(slow, form=True)
    shown = []
    remember = form.headline.show_result
    form.headline.show_result = lambda result, colour: (shown.append(result.settings.ties), remember(result, colour))
    form.form.ties.setCurrentText("hard")
    until(lambda: form._running is not None)
    assert form.busy.isVisible() and not form.view.faint
    form.form.ties.setCurrentText("free")
    until(lambda: not form._pause.isActive())
    gate.set()
    until(lambda: settled(form))
    assert shown == ["free"] and cancelled == [True] and form.findings.settings.ties == "free"


def test_closing_the_form_drops_what_runs(host):
    form = opened(host)
    before, gate, run = form.findings, threading.Event(), form._action.run
    form._action = action(lambda request: gate.wait(20) and run(request), form=True)
    form.form.ties.setCurrentText("hard")
    until(lambda: form._running is not None)
    form.close()
    gate.set()
    pump(0.3)
    assert form.findings is before and not form.isVisible()
    assert opened(host) is form and form.isVisible() and form.findings is not before


def test_buttons_run_the_other_actions_on_what_is_shown(host, tmp_path):
    seen = []

    class More:
        @hookimpl
        def xps_prefit_menu(self):
            run = lambda request: seen.append(request) or MenuOutcome("more")  # noqa: E731
            return [MenuAction("more", "Count something", "A tip", True, run)]

    plugin_manager().register(More(), "more")
    form = opened(host)
    labels = [button.text() for button in form.actions_of_others]
    assert labels[-1] == "More" and len(labels) == 4
    others = [one.label for one in plugin_manager().menu() if one.needs_spectrum and not one.form]
    menu = form.actions_of_others[-1].menu()
    assert [*labels[:-1], *(item.text() for item in menu.actions())] == others
    by_label = {button.text(): button for button in form.actions_of_others}
    by_label["Send seed to Fit panel"].click()
    box = answered(host)
    ((result, regions),) = host.received
    assert result is form.findings.result and regions == ("C1s", "O1s")
    box.close()
    item = next((item for item in menu.actions() if item.text() == "Count something"), None)
    (item.trigger if item else by_label["Count something"].click)()
    assert answered(host).text() == "more"
    (request,) = seen
    assert request.result is form.findings.result and request.spectrum is form.findings.spectrum
    assert len(host.asked) == 1


def in_file_dialog(then):
    """Do something to the file dialog as soon as it is there."""
    from qtpy import QtCore, QtWidgets

    def look():
        dialog = QtWidgets.QApplication.activeModalWidget()
        if isinstance(dialog, QtWidgets.QFileDialog):
            then(dialog)
        else:
            QtCore.QTimer.singleShot(20, look)

    QtCore.QTimer.singleShot(20, look)


def write_name(dialog, name: str, wanted: str = ""):
    from qtpy import QtWidgets

    if wanted:
        box = next(box for box in dialog.findChildren(QtWidgets.QComboBox) if wanted in box.itemText(box.count() - 1))
        box.setCurrentIndex(box.count() - 1)
        box.activated.emit(box.count() - 1)
    dialog.findChild(QtWidgets.QLineEdit).setText(name)


EXPORT = MenuAction("x", "Export...", "", True, lambda request: None, ".json", {".json": "all", ".seeds.json": "seeds"})


@pytest.mark.parametrize(
    ("name", "wanted", "written"),
    [
        ("a", "", "a.json"),
        ("a.v2", "", "a.v2.json"),
        ("a.JSON", "", "a.JSON"),
        ("a", ".seeds.json", "a.seeds.json"),
        ("a.seeds.json", "", "a.seeds.json"),
    ],
)
def test_the_ending_is_added_where_it_is_left_out(host, tmp_path, name, wanted, written):
    in_file_dialog(lambda dialog: (write_name(dialog, name, wanted), dialog.accept()))
    assert host.ask_path(EXPORT, "made_x.json") == tmp_path / written


def test_the_suggested_name_follows_the_chosen_ending(host, tmp_path):
    seen = []

    def look(dialog):
        seen.append((Path(dialog.selectedFiles()[0]), dialog.nameFilters()))
        dialog.selectNameFilter("seeds (*.seeds.json)")
        dialog.filterSelected.emit("seeds (*.seeds.json)")
        dialog.accept()

    in_file_dialog(look)
    assert host.ask_path(EXPORT, "made_x.json") == tmp_path / "made_x.seeds.json"
    assert seen == [(tmp_path / "made_x.json", ["all (*.json)", "seeds (*.seeds.json)"])]


def test_nothing_is_overwritten_without_a_question(host, tmp_path):
    from qtpy import QtCore, QtWidgets

    (tmp_path / "a.json").touch()
    button = QtWidgets.QMessageBox.StandardButton
    answers, questions = [button.No, button.Yes], []

    def reply():
        box = QtWidgets.QApplication.activeModalWidget()
        questions.append(box.text())
        again = box.parent()
        box.button(answers.pop(0)).click()
        if answers:
            QtCore.QTimer.singleShot(50, again.accept)
            QtCore.QTimer.singleShot(150, reply)

    def write(dialog):
        write_name(dialog, "a")
        QtCore.QTimer.singleShot(100, reply)
        dialog.accept()

    in_file_dialog(write)
    assert host.ask_path(EXPORT, "made_x.json") == tmp_path / "a.json"
    assert questions == [f"{tmp_path / 'a.json'} exists. Replace it?"] * 2


def test_the_user_may_think_better_of_it(host):
    in_file_dialog(lambda dialog: dialog.reject())
    assert host.ask_path(EXPORT, "made_x.json") is None


def test_a_folder_is_asked_for_by_what_it_is_for(host, tmp_path):
    titles = []
    in_file_dialog(lambda dialog: (titles.append(dialog.windowTitle()), dialog.accept()))
    assert host.ask_path(EXPORT, "Folder with the spectra", folder=True) == tmp_path
    assert titles == ["Folder with the spectra"]


def test_a_box_tells_message_reasons_and_where_the_files_are(host, tmp_path, monkeypatch):
    from qtpy import QtGui

    opened_folders = []
    monkeypatch.setattr(QtGui.QDesktopServices, "openUrl", lambda url: opened_folders.append(url.toLocalFile()))

    class Result:
        reasons = ("The lines are broad.", "One region is noise.")

    host.tell("Export...", MenuOutcome("Written.", Result(), files=(tmp_path / "a.json",)))
    (box,) = host.shown
    assert (box.text(), box.informativeText()) == ("Written.", "The lines are broad.\nOne region is noise.")
    next(button for button in box.buttons() if button.text() == "Open folder").click()
    assert opened_folders == [str(tmp_path)]
    pump(0.02)
    assert not host._boxes


@pytest.mark.parametrize("details", ["# Card\n\nA *good* network.", ""])
def test_what_is_long_scrolls(host, details):
    from qtpy import QtWidgets

    reasons = () if details else tuple(f"Reason {number}." for number in range(200))
    host.tell("About...", MenuOutcome("A network.", type("Result", (), {"reasons": reasons}), details=details))
    (window,) = host.shown
    assert not isinstance(window, QtWidgets.QMessageBox) and window.windowTitle() == "About"
    (browser,) = window.findChildren(QtWidgets.QTextBrowser)
    text = browser.toPlainText()
    assert text == "Card\nA good network." if details else text.splitlines() == list(reasons)


def test_names_are_split_at_commas_that_are_not_theirs(application):
    from xps_stn_plugin.hosts.qt.form import split_names

    assert split_names(" PMMA ,poly(1,2-butadiene), nylon 6,6,, PET") == (
        "PMMA",
        "poly(1,2-butadiene)",
        "nylon 6,6",
        "PET",
    )


def test_the_last_name_is_completed(host):
    form = opened(host)
    until(lambda: form.form.completer.model().rowCount() > 100)
    form.form.expect.setText("PET, methyl methacr")
    completer = form.form.completer
    completer.setCompletionPrefix("PET, methyl methacr")
    offered = completer.completionModel()
    found = {completer.pathFromIndex(offered.index(row, 0)) for row in range(offered.rowCount())}
    assert "PET, PMMA" in found
    completer.setCompletionPrefix("PET, ")
    assert completer.completionCount() == 0


END = """
import os, threading, time
from qtpy import QtCore, QtWidgets
from xps_prefit_hooks import MenuAction, MenuOutcome
from xps_stn_plugin.hosts.host import trigger
from xps_stn_plugin.hosts.qt import QtHost

def say(line):
    # One call for a whole line, so that two threads do not write into each other's.
    os.write(1, f"{line}\\n".encode())

class Toy(QtHost):
    def selection(self, settings): ...
    def receive(self, result, regions): ...

def run(request):
    while not request.cancelled():
        time.sleep(0.01)
    say("cancelled")
    return MenuOutcome("never shown")

app = QtWidgets.QApplication([])
window = QtWidgets.QMainWindow()
host = Toy(lambda: window)
window.show()
for name in ("running", "waiting"):
    trigger(host, MenuAction(name, name, "", False, run))
QtCore.QTimer.singleShot(700, window.close)
app.exec()
say(f"end {[thread.name for thread in threading.enumerate() if thread.name == 'waiting']}")
"""


def test_an_application_ends_while_work_is_running(application):
    begin = time.monotonic()
    done = run(END)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["cancelled", "end []"]
    assert "Traceback" not in done.stderr and time.monotonic() - begin < 30


@pytest.mark.slow
def test_the_other_binding(application):
    import qtpy

    others = {"pyside6": "PySide6", "pyqt6": "PyQt6"}
    others.pop(qtpy.API, None)
    installed = [api for api, package in others.items() if find_spec(package)]
    if not installed:
        pytest.skip(f"no Qt binding is installed beside {qtpy.API_NAME}")
    command = [sys.executable, "-m", "pytest", "-q", "-k", "not other_binding", "-p", "no:cacheprovider", __file__]
    for api in installed:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env={**OFFSCREEN, "QT_API": api})
        assert done.returncode == 0, done.stdout[-4000:]
