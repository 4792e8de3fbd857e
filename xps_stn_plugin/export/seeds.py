"""Seeded models as JSON, to be loaded again by `load_seeds` or read by other programs.

``{"schema": "xps-stn/seeds/2", "source", "convention", "shift", "shift_stderr", "regions": {NAME: {...}}}``; each
region has ``models`` (class, prefix, options), ``params`` in their order (name, value, min, max, vary, expr,
brute_step), ``components`` (prefix, name, groups), ``background``, ``background_prefix``, ``notes`` and ``shift`` (what
``x`` is less than the measured energy, in eV). Bounds that are open are null.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Iterator, Mapping
from inspect import isclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lmfit

from xps_prefit_hooks import PrefitError, Seed, SeedComponent

from ..files import write_text

if TYPE_CHECKING:
    from ..result import PrefitData

SCHEMA = "xps-stn/seeds/2"

#: Classes of the models that the first schema's files hold, by the name that lmfit's text gives them.
_FIRST = {
    "hydrocarbon": "HydrocarbonModel",
    "stepped_pseudo_voigt": "SteppedPseudoVoigtModel",
    "pvoigt": "PseudoVoigtModel",
    "linear": "LinearModel",
}

#: Values that JSON has not, in a parameter that was never given one or has open bounds: what null stands for.
_OPEN = {"value": -math.inf, "min": -math.inf, "max": math.inf}


def write(result: PrefitData, path: Path) -> None:
    """Write the seeded models of a result.

    Without a shift, which is null then, they are for the measured axis.

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
    }
    _write(result.target(path), result.seeds, head)


def save_seeds(path: str | Path, seeds: Seed | Mapping[str, Seed]) -> None:
    """Write one seed or seeds by region to a JSON file that `load_seeds` reads.

    Raises
    ------
    PrefitError
        If the file cannot be written, or a model is of a class that is neither of this package nor of lmfit.
    """
    by_region = {seeds.region: seeds} if isinstance(seeds, Seed) else seeds
    _write(Path(path), by_region, {"source": "", "convention": "", "shift": None, "shift_stderr": None})


def load_seeds(path: str | Path) -> dict[str, Seed]:
    """Read a file that `save_seeds` or the exporter wrote.

    Returns
    -------
    dict of str to Seed
        By region: models, parameters with bounds and ties, components, background and notes as they were.

    Raises
    ------
    PrefitError
        If the file cannot be read, is no file of seeds, or names a model that is not known here.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PrefitError(str(path), f"cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise PrefitError(str(path), f"is no JSON: {error}.") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in (SCHEMA, "xps-stn/seeds/1"):
        raise PrefitError(str(path), f"is no file of seeds: its schema is {schema!r} and should be {SCHEMA!r}.")
    read = _seed if schema == SCHEMA else _first_seed
    found = {}
    for region, row in document.get("regions", {}).items():
        try:
            found[region] = read(region, row)
        except PrefitError as error:
            raise PrefitError(str(path), f"region {region}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError, NameError) as error:
            text = " ".join(str(error).split())
            raise PrefitError(str(path), f"region {region} is damaged: {type(error).__name__} {text}.") from error
    return found


def _write(path: Path, seeds: Mapping[str, Seed], head: dict[str, Any]) -> None:
    document = {"schema": SCHEMA, **head, "regions": {region: _region(seed) for region, seed in seeds.items()}}
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _region(seed: Seed) -> dict[str, Any]:
    return {
        "models": [_model(seed, model) for model in _terms(seed, seed.model)],
        "background": seed.background,
        "background_prefix": seed.background_prefix,
        "components": [
            {"prefix": component.prefix, "name": component.name, "groups": list(component.groups)}
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
    # What comes out of the file must be what went in: the same class, parameters and variables.
    try:
        again = _made(json.loads(json.dumps(row, allow_nan=False)))
    except (PrefitError, TypeError, ValueError):
        again = None
    if again is None or _kind(again) != _kind(model):
        msg = f"model {name} (prefix {model.prefix!r}) cannot be saved: it is not of this package or of lmfit.models."
        raise PrefitError(f"seed of {seed.region}", msg)
    return row


def _kind(model: lmfit.Model) -> tuple[Any, ...]:
    return type(model), model.param_names, model.independent_vars, model.opts


def _parameter(seed: Seed, parameter: lmfit.Parameter) -> dict[str, Any]:
    value = parameter._val if parameter.expr is None else parameter.value
    numbers = {"value": value, "min": parameter.min, "max": parameter.max}
    if not all(math.isfinite(number) or number == _OPEN[key] for key, number in numbers.items()):
        raise PrefitError(f"seed of {seed.region}", f"parameter {parameter.name} is {value}; give it a finite value.")
    return {
        "name": parameter.name,
        **{key: None if number == _OPEN[key] else float(number) for key, number in numbers.items()},
        "vary": bool(parameter.vary),
        "expr": parameter.expr,
        "brute_step": parameter.brute_step,
    }


def _seed(region: str, row: Mapping[str, Any]) -> Seed:
    models = [_made(model) for model in row["models"]]
    params = _params(row["params"])
    return _assembled(region, row, models, params, row["background_prefix"], row["shift"])


def _params(rows: list[dict[str, Any]]) -> lmfit.Parameters:
    params = lmfit.Parameters()
    for row in rows:
        numbers = {key: default if row[key] is None else float(row[key]) for key, default in _OPEN.items()}
        params.add(row["name"], vary=row["vary"], brute_step=row["brute_step"], **numbers)
    # Ties last, for they may refer to parameters that come later.
    for row in rows:
        if row["expr"] is not None:
            params[row["name"]].set(expr=row["expr"])
    params.update_constraints()
    return params


def _first_seed(region: str, row: Mapping[str, Any]) -> Seed:
    """Seed of the first schema, which has lmfit's text for the model and lmfit's own form of the parameters."""
    terms = re.findall(r"Model\((\w+)(?:, prefix='(\w*)')?\)", row["model"])
    if not terms or any(function not in _FIRST for function, _ in terms):
        raise PrefitError("model", f"{row['model']!r} is not known here any more; seed the spectrum again.")
    models = [_made({"class": _FIRST[function], "prefix": prefix, "options": {}}) for function, prefix in terms]
    params = lmfit.Parameters().loads(json.dumps(row["params"]))
    return _assembled(region, row, models, params, "bg_", 0.0)


def _assembled(
    region: str,
    row: Mapping[str, Any],
    models: list[lmfit.Model],
    params: lmfit.Parameters,
    background_prefix: str,
    shift: float,
) -> Seed:
    from ..models import RegionModel

    model = RegionModel(models) if len(models) > 1 else models[0]
    if lacking := [name for name in model.param_names if name not in params]:
        raise PrefitError("params", f"{lacking[0]} is missing.")
    components = tuple(SeedComponent(one["prefix"], one["name"], tuple(one["groups"])) for one in row["components"])
    return Seed(
        region, model, params, components, row["background"], background_prefix, tuple(row["notes"]), float(shift)
    )


def _made(row: Mapping[str, Any]) -> lmfit.Model:
    made = _classes().get(row["class"])
    if made is None:
        raise PrefitError("model", f"{row['class']!r} is neither of this package nor of lmfit.models.")
    return made(prefix=row["prefix"], **row["options"])


def _classes() -> dict[str, type[lmfit.Model]]:
    """Classes by name, this package's before lmfit's; sums and free formulae are none."""
    import lmfit.models

    from .. import models

    others = (lmfit.model.CompositeModel, lmfit.models.ExpressionModel)
    abstract = (lmfit.Model, models.LineModel)
    found: dict[str, type[lmfit.Model]] = {}
    for module in (lmfit.models, models):
        for name, value in vars(module).items():
            if not isclass(value) or not issubclass(value, lmfit.Model):
                continue
            if value not in abstract and not issubclass(value, others):
                found[name] = value
    return found
