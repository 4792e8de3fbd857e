"""Fixtures that all tests share."""

from __future__ import annotations

import os
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
