"""Templates of HTML pages, rendered with autoescape: a text from a file can never become markup."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xps_prefit_hooks import shown


def render(template: str, **values: Any) -> str:
    """Render a template of this package.

    Parameters
    ----------
    template : str
        File name of the template.
    **values
        Names that the template uses. Texts are escaped; only `markupsafe.Markup` stands as it is.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined, finalize=_shown
    )


def _shown(value: Any) -> Any:
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value
