"""Seeded models as JSON, to be loaded again by `load_seeds` or read by other programs.

``{"schema": "xps-stn/seeds/2", "source", "convention", "shift", "shift_stderr", "status", "regions": {NAME: {...}}}``;
each region has ``models`` (class, prefix, options), ``params`` in their order (name, value, min, max, vary, expr,
brute_step), ``components`` (prefix, name, groups; ``level`` where it is that of another element), ``background``,
``background_prefix``, ``notes`` and ``shift`` (what ``x`` is less than the measured energy, in eV). Open bounds are
null.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lmfit

from xps_prefit_hooks import PrefitError, Seed

from .._util.files import Overwrite, refuse_special, write_json
from .checked_json import OPEN
from .seed_document import SCHEMA, made_model, read_document, seeds_of

if TYPE_CHECKING:
    from ..core.result import PrefitData


def write(result: PrefitData, path: Path) -> None:
    """Write the seeded models of a result.

    Where no shift is applied, which is null then, they are for the measured axis.

    Raises
    ------
    PrefitError
        If `path` is the measured file, the file cannot be written, or a model cannot be saved.
    """
    head = {
        "source": result.source,
        "convention": result.convention,
        "shift": None if result.moved is None else result.shift,
        "shift_stderr": None if result.moved is None else result.shift_stderr,
        "status": result.status,
    }
    _write(result.target(path), result.seeds, head)


def save_seeds(path: str | Path, seeds: Seed | Mapping[str, Seed], *, overwrite: bool = False) -> None:
    """Write one seed or seeds by region to a JSON file that `load_seeds` reads.

    Parameters
    ----------
    path : path
    seeds : Seed or mapping of str to Seed
    overwrite : bool
        Whether a file that this package did not write, or that was changed since, is replaced.

    Raises
    ------
    PrefitError
        If the file cannot be written or must not be replaced, or a model is of a class that is neither of this package
        nor of lmfit.
    """
    by_region = {seeds.region: seeds} if isinstance(seeds, Seed) else seeds
    _write(
        Path(path),
        by_region,
        {"source": "", "convention": "", "shift": None, "shift_stderr": None, "status": ""},
        overwrite,
    )


def load_seeds(path: str | Path) -> dict[str, Seed]:
    """Read a file that `save_seeds` or the exporter wrote.

    Nothing in the file is executed, whoever wrote it: models are of known classes, and a tie is refused if it holds
    more than numbers, parameters of the region, ``+ - * / **``, ``exp``, ``log``, ``sqrt``, ``abs``, and ``max`` and
    ``min`` of two.

    Returns
    -------
    dict of str to Seed
        By region: models, parameters with bounds and ties, components, background and notes as they were. The
        parameters are lmfit's with an interpreter that knows these functions only.

    Raises
    ------
    PrefitError
        If the file cannot be read, is not a file of seeds, names a model that is not known here, or holds a tie or a
        number that is refused.
    """
    path = Path(path)
    refuse_special(path)
    document = read_document(path)
    try:
        return seeds_of(document)
    except PrefitError as error:
        raise PrefitError(str(path), str(error)) from error


def _write(path: Path, seeds: Mapping[str, Seed], head: dict[str, Any], overwrite: Overwrite = False) -> None:
    document = {"schema": SCHEMA, **head, "regions": {region: _region(seed) for region, seed in seeds.items()}}
    try:
        seeds_of(document)
    except PrefitError as error:
        raise PrefitError(str(path), f"these seeds could not be loaded again: {error}") from error
    write_json(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False), overwrite=overwrite)


def _region(seed: Seed) -> dict[str, Any]:
    return {
        "models": [_model(seed, model) for model in _terms(seed, seed.model)],
        "background": seed.background,
        "background_prefix": seed.background_prefix,
        "components": [
            {"prefix": component.prefix, "name": component.name, "groups": list(component.groups)}
            | ({"level": component.level} if component.level else {})
            for component in seed.components
        ],
        "notes": list(seed.notes),
        "shift": seed.shift,
        "params": [_parameter(seed, parameter) for parameter in seed.params.values()],
    }


def _terms(seed: Seed, model: lmfit.Model) -> Iterator[lmfit.Model]:
    """Models of a sum."""
    if not isinstance(model, lmfit.model.CompositeModel):
        yield model
    elif model.op is operator.add:
        yield from _terms(seed, model.left)
        yield from _terms(seed, model.right)
    else:
        msg = f"joins models by {getattr(model.op, '__name__', model.op)}; only sums can be saved."
        raise PrefitError(f"seed of {seed.region}", msg)


def _model(seed: Seed, model: lmfit.Model) -> dict[str, Any]:
    name = type(model).__name__
    options = dict(model.opts)
    if hasattr(model, "poly_degree"):
        options["degree"] = model.poly_degree
    row = {"class": name, "prefix": model.prefix, "options": options}
    try:
        again = made_model(json.loads(json.dumps(row, allow_nan=False)))
    except (PrefitError, TypeError, ValueError):
        again = None
    if again is None or not _is_like(again, model):
        msg = f"model {name} (prefix {model.prefix!r}) cannot be saved: it is not of this package or of lmfit.models."
        raise PrefitError(f"seed of {seed.region}", msg)
    return row


def _is_like(again: lmfit.Model, model: lmfit.Model) -> bool:
    """Whether what comes out of the file is what went in: the same class, variables, options and parameters."""
    return (
        type(again) is type(model)
        and again.independent_vars == model.independent_vars
        and again.opts == model.opts
        # `make_params` of a Voigt line adds the derived parameters to the names.
        and set(again.param_names) <= set(model.param_names)
    )


def _parameter(seed: Seed, parameter: lmfit.Parameter) -> dict[str, Any]:
    value = parameter._val if parameter.expr is None else parameter.value
    numbers = {"value": value, "min": parameter.min, "max": parameter.max}
    if not all(math.isfinite(number) or number == OPEN[key] for key, number in numbers.items()):
        raise PrefitError(f"seed of {seed.region}", f"parameter {parameter.name} is {value}; give it a finite value.")
    return {
        "name": parameter.name,
        **{key: None if number == OPEN[key] else float(number) for key, number in numbers.items()},
        "vary": bool(parameter.vary),
        "expr": parameter.expr,
        "brute_step": parameter.brute_step,
    }
