"""Options of the command line that follow from the fields of `Settings`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click

from xps_prefit_hooks import Settings


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for every field of `Settings`, in their order."""
    kinds = get_type_hints(Settings)
    for field in reversed(fields(Settings)):
        command = _option(field, kinds[field.name])(command)
    return command


def _option(field: Field[Any], kind: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    # The background is one word for all regions, or one for a region: texts here, as several values are.
    multiple = field.name == "background" or get_origin(kind) is tuple
    optional = multiple or bool(field.metadata.get("optional"))
    if field.default is None:
        (kind,) = set(get_args(kind)) - {type(None)}
    if get_origin(kind) is Literal:
        kind = click.Choice(get_args(kind))
    name = f"--{field.name.replace('_', '-')}"
    if kind is bool:
        return click.option(name, is_flag=True, default=field.default, help=field.metadata["help"])
    return click.option(
        name,
        type=str if multiple else kind,
        multiple=multiple,
        default=None if optional else field.default,
        show_default=not optional and field.default is not None,
        metavar=field.metadata.get("metavar"),
        help=field.metadata["help"],
    )


def background_of(given: tuple[str, ...]) -> str | dict[str, str]:
    """Background of all regions, or of each that is named."""
    named = dict(text.split("=", 1) for text in given if "=" in text)
    kinds = [text for text in given if "=" not in text]
    if len(kinds) > 1 or (kinds and named):
        raise click.UsageError("give --background once as KIND, or as REGION=KIND for each region.")
    return kinds[0] if kinds else named or "auto"
