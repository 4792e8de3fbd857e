from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from xps_prefit_hooks import (
    Exporter,
    GroupEvidence,
    MenuAction,
    MenuOutcome,
    ModelInfo,
    PluginManager,
    Prediction,
    PrefitError,
    Reader,
    Seed,
    Settings,
    hookimpl,
    specs,
)

TESTS = Path(__file__).parent
READER = Reader("house", "the house format", (".house",), lambda path, head: True, lambda path, settings: None)
PREDICTION = Prediction(1.0, 0.1, {"ester": 0.9}, "ok", (), {}, ModelInfo("third", "1", ""))
SEED = Seed("C1s", None, None, (), "linear")


@pytest.fixture
def manager():
    return PluginManager()


def test_every_hook_has_a_test():
    found = {
        name for path in TESTS.glob("test_*.py") for name in re.findall(r"^def test_hook_(\w+)", path.read_text(), re.M)
    }
    assert found >= {name.removeprefix("xps_prefit_") for name in PluginManager().hooks}


@pytest.mark.parametrize("name", PluginManager().hooks)
def test_every_hook_is_documented_with_its_signature(name):
    text = (TESTS.parent / "docs" / "hooks.md").read_text(encoding="utf-8")
    signature = str(inspect.signature(getattr(specs, name))).replace("'", "")
    assert f"### {name}\n\n```python\n{name}{signature}\n```\n" in text


def test_hook_readers(manager):
    class Plugin:
        @hookimpl
        def xps_prefit_readers(self):
            return [READER]

    manager.register(Plugin(), "house")
    assert manager.readers() == [READER]
    assert manager.hooks_of("house") == ("xps_prefit_readers",)


def test_hook_predict(manager):
    class First:
        @hookimpl
        def xps_prefit_predict(self, settings):
            return PREDICTION if settings.reference == 284.8 else None

    class Second:
        @hookimpl
        def xps_prefit_predict(self, spectrum):
            raise AssertionError("asked although the other has answered")

    manager.register(Second(), "second")
    manager.register(First(), "first")
    assert manager.predict(None, Settings(reference=284.8)) is PREDICTION
    with pytest.raises(PrefitError, match="plugin second: xps_prefit_predict failed: AssertionError: asked although"):
        manager.predict(None, Settings())


def test_no_predictor_is_one_sentence(manager):
    with pytest.raises(PrefitError, match="no predictor gave a result"):
        manager.predict(None, Settings())


def test_hook_seed(manager):
    class Plugin:
        @hookimpl
        def xps_prefit_seed(self, region):
            return SEED if region == "C1s" else None

    manager.register(Plugin(), "seeder")
    assert manager.seed(None, "C1s", PREDICTION, Settings()) is SEED
    assert manager.seed(None, "Survey", PREDICTION, Settings()) is None


def test_hook_explain(manager):
    found = {"ester": (GroupEvidence("C1s", 288.6, 289.5, 4.8),)}

    class Plugin:
        @hookimpl
        def xps_prefit_explain(self, prediction):
            return found if prediction.model.name == "third" else None

    manager.register(Plugin(), "explainer")
    assert manager.explain(None, PREDICTION, Settings()) is found
    other = replace(PREDICTION, model=ModelInfo("other", "1", ""))
    assert manager.explain(None, other, Settings()) == {}


def test_hook_exporters(manager, tmp_path):
    exporter = Exporter("word", "one word", ".word", lambda result, path: path.write_text(str(result)))

    class Plugin:
        @hookimpl
        def xps_prefit_exporters(self):
            return (exporter,)

    manager.register(Plugin(), "word")
    assert manager.exporters() == [exporter]


def test_hook_menu(manager):
    action = MenuAction("greet", "Greet", "Says hello", False, lambda request: MenuOutcome("hello"))

    class Plugin:
        @hookimpl
        def xps_prefit_menu(self):
            return [action]

    manager.register(Plugin(), "menu")
    assert manager.menu() == [action]


def test_hook_fitted(manager, caplog):
    heard = []

    class Broken:
        @hookimpl
        def xps_prefit_fitted(self, result):
            raise RuntimeError("no room\nleft")

    class Plugin:
        @hookimpl
        def xps_prefit_fitted(self, result, region, fit):
            heard.append((result, region, fit))

    manager.register(Plugin(), "listener")
    manager.register(Broken(), "broken")
    manager.fitted("result", "C1s", "fit")
    assert heard == [("result", "C1s", "fit")]
    assert caplog.messages == ["Plugin broken: xps_prefit_fitted failed: RuntimeError: no room left"]


class _WrongArgument:
    @hookimpl
    def xps_prefit_predict(self, spectra):
        return None


class _UnknownHook:
    @hookimpl
    def xps_prefit_prediction(self, spectrum):
        return None

    @hookimpl
    def xps_prefit_readers(self):
        return [READER]


class _NoHook:
    def xps_prefit_readers(self):
        return [READER]


class _Wrapper:
    @hookimpl(wrapper=True)
    def xps_prefit_predict(self):
        return (yield)


class _NeedsArgument:
    def __init__(self, what):
        pass


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (_WrongArgument, r"spectra"),
        (_UnknownHook, r"implements xps_prefit_prediction, which is not a hook; known are xps_prefit_explain, "),
        (_NoHook, r"implements no hook; mark its functions"),
        (_Wrapper, r"wraps xps_prefit_predict; wrappers are not supported"),
        (_NeedsArgument, r"TypeError: .*what"),
        (object(), r"implements no hook"),
    ],
)
def test_bad_plugin_is_reported_and_leaves_nothing_behind(manager, caplog, plugin, message):
    class Good:
        @hookimpl
        def xps_prefit_readers(self):
            return [READER]

    manager.register(Good, "good")
    report = manager.register(plugin, "bad")
    assert report.state == "failed"
    assert re.search(message, report.message)
    assert "\n" not in report.message
    assert [text.startswith("Plugin bad: ") for text in caplog.messages] == [True]
    assert manager.readers() == [READER]
    assert manager.hooks_of("bad") == ()
    assert [report.state for report in manager.reports] == ["active", "failed"]
    assert manager.register(Good(), "bad").state == "active"


def test_name_taken_twice_is_reported(manager):
    class Plugin:
        @hookimpl
        def xps_prefit_readers(self):
            return [READER]

    manager.register(Plugin(), "twin")
    assert manager.register(Plugin(), "twin").message == "another plugin has this name already."
    assert manager.readers() == [READER]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"a": 1}, "it returned dict; it must return a list of Reader."),
        ([READER, "b"], "its list holds str; it must hold Reader."),
    ],
)
def test_wrong_contribution_is_left_out(manager, caplog, answer, message):
    class Plugin:
        @hookimpl
        def xps_prefit_readers(self):
            return answer

    manager.register(Plugin(), "odd")
    assert manager.readers() == []
    assert caplog.messages == [f"Plugin odd: xps_prefit_readers failed: {message}"]


def test_wrong_answer_and_own_error(manager):
    class Odd:
        @hookimpl
        def xps_prefit_predict(self, spectrum):
            if spectrum == "bad":
                raise PrefitError("bad", "nothing in it.")
            return 1.0

    manager.register(Odd(), "odd")
    with pytest.raises(PrefitError, match="plugin odd: xps_prefit_predict returned float; it must return Prediction"):
        manager.predict("good", Settings())
    with pytest.raises(PrefitError, match=r"^bad: nothing in it\.$"):
        manager.predict("bad", Settings())


def test_contract_imports_nothing_heavy():
    code = "import sys, xps_prefit_hooks; print({'numpy', 'xarray', 'lmfit', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
