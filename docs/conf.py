"""Sphinx configuration: ``sphinx-build -W docs docs/_build``."""

from importlib.metadata import version as installed

project = "xps_stn_plugin"
author = "the xps_stn_plugin developers"
version = release = installed("xps-stn-plugin")
extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "alabaster"
