"""Cache key of a finished spectrum: the file's content and all that decides the result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from xps_prefit_hooks import Settings

#: Changes whenever records are made or kept in another way.
FORMAT: Final = "xps-stn/batch-record/6"

#: Hexadecimal digits of a key: 128 bits, so that no two are alike by chance.
_LENGTH: Final = 32


def work_identity(settings: Settings, fit: bool, share: str = "none") -> dict[str, Any]:
    """All that decides what is made of a file, but the file: what was asked for, and the versions of who does it.

    Returns
    -------
    dict
        Plain values, ready for JSON: those of `package_identity`, ``fit``, ``share``, ``settings``.
    """
    return {**package_identity(), "fit": fit, "share": share, "settings": settings_values(settings)}


def package_identity() -> dict[str, Any]:
    """Versions of all that does the work.

    Returns
    -------
    dict
        Plain values, ready for JSON: ``format``, ``package`` (version), ``weights`` (SHA-256 by file), ``plugins``
        (name, package and version of each active one).
    """
    from ..core.plugins import plugin_manager

    weights = sorted(
        (entry for entry in files("xps_stn_weights").iterdir() if entry.name.endswith(".safetensors")),
        key=lambda entry: entry.name,
    )
    return {
        "format": FORMAT,
        "package": version("xps-stn-plugin"),
        "weights": {entry.name: hashlib.sha256(entry.read_bytes()).hexdigest() for entry in weights},
        "plugins": [
            [report.name, report.distribution, report.version]
            for report in plugin_manager().reports
            if report.state == "active"
        ],
    }


def settings_values(settings: Settings) -> dict[str, Any]:
    """Plain values of settings, ready for JSON."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    values["states"] = [asdict(state) for state in settings.states]
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def content_digest(path: Path) -> str:
    """SHA-256 of a file's content.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def work_key(files: Iterable[tuple[str, str]], identity: Mapping[str, Any]) -> str:
    """Key of the work on a file, or on the files of a series.

    Parameters
    ----------
    files : iterable of (str, str)
        Digest of the content, and name without the folder, of each file in order: the suffix may decide how it is read,
        and the name what region it holds.
    identity : mapping
        From `work_identity`.

    Returns
    -------
    str
        Hexadecimal digits, to name a file with.
    """
    text = json.dumps([*map(list, files), identity], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
