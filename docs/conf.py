"""Sphinx configuration: ``sphinx-build -n -W --keep-going docs docs/_build``."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "xps_stn_plugin"
author = "the xps_stn_plugin developers"
project_copyright = "the xps_stn_plugin developers, BSD 3-Clause licence"
version = release = installed_version("xps-stn-plugin")
exclude_patterns = ["_build"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]

# The pages are also read where the repository is hosted: plain Markdown, and few directives.
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True}
# The docstrings give the types; hints in the signature would repeat them.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# Host applications are not needed to document their adapters.
autodoc_mock_imports = ["qtpy"]
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_rtype = False
# Parameters that share a line in a docstring ("low, high : float") share it on the page, too.
napoleon_use_param = False
napoleon_preprocess_types = True
# Single backquotes in the docstrings name Python objects.
default_role = "py:obj"
# Objects of other packages, and words in the types of parameters ("path", "callable"), have no page of this project.
nitpick_ignore_regex = [("py:.*", r"(?!xps_).*")]

html_theme = "furo"
html_title = f"xps_stn_plugin {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {"navigation_with_keys": True}
pygments_style = "default"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"

#: Kinds of Python objects that are linked by their name alone.
_LINKED = ("class", "exception", "function")


def resolve_short_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Link a name without its module (``Settings``) to the object of the public interface that bears it.

    Parameters
    ----------
    app : sphinx.application.Sphinx
    env : sphinx.environment.BuildEnvironment
    node : sphinx.addnodes.pending_xref
        The reference that Sphinx could not resolve.
    content : docutils.nodes.TextElement
        Its text.

    Returns
    -------
    docutils.nodes.reference or None
        None where no documented object, or more than one page, bears the name.
    """
    if node.get("refdomain") != "py":
        return None
    ending = "." + str(node["reftarget"]).lstrip(".")
    objects = env.domains.python_domain.objects.items()
    # Not attributes: a parameter of the same name is not a reference to them.
    matches = [item for item in objects if item[0].endswith(ending) and item[1].objtype in _LINKED]
    # The package's own name of a class comes before the name in the contract that it is imported from.
    matches.sort(key=lambda item: (not item[0].startswith("xps_stn_plugin."), item[0].count("."), item[0]))
    if not matches:
        return None
    name, entry = matches[0]
    return make_refnode(app.builder, str(node["refdoc"]), entry.docname, entry.node_id, content, name)


def setup(app: Sphinx) -> None:
    """Register the resolver with Sphinx."""
    app.connect("missing-reference", resolve_short_name)
