"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# A loaded machine is not a defect. In CI the examples are the same in every run; at a desk they are new ones.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a fuzz campaign go on where an earlier one was."""
    parser.addoption("--fuzz-state", type=Path, help="state of a fuzz campaign (docs/contributing.md)")


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist take files in the order of `pytest_collection_modifyitems`, not by their numbers of tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that no process works alone on one of them at the end."""
    slow = Counter(item.path for item in items if {mark.name for mark in item.iter_markers()} & {"slow", "fuzz"})
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with measured and raw data beside the project, or the one that XPS_SHARED names."""
    folder = Path(os.environ.get("XPS_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"the measured data are not at {folder} (XPS_SHARED names another place)")
    return folder


@pytest.fixture
def fake():
    """The process's plugin manager with `fakes.FakePlugin` in front of the network; forgotten afterwards."""
    from fakes import FakePlugin

    from xps_stn_plugin.core.plugins import plugin_manager

    plugin_manager.cache_clear()
    plugin = FakePlugin()
    assert plugin_manager().register(plugin, "fake").state == "active"
    yield plugin
    plugin_manager.cache_clear()
