"""Seeds from the content of a JSON file that may come from anybody.

Nothing of the file is executed. Values are checked one by one; the classes of the models are on a list; ties are
refused unless `models.expressions` knows all that is in them. `lmfit.Parameters.loads`, which unpickles, is not used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import lmfit
import lmfit.models
import numpy as np

from xps_prefit_hooks import PrefitError, Seed, SeedComponent

from .. import models
from .._util.strict_json import repeated, shown
from ..models.expressions import names_in
from .checked_json import MAX_NAME, MAX_TEXT, NAME, OPEN, Record, parsed, shortened
from .seed_parameters import SeedParameters

SCHEMA: Final = "xps-stn/seeds/2"
FIRST_SCHEMA: Final = "xps-stn/seeds/1"

#: Largest file, in bytes, and how many of each a file or a region may hold. A sample of ten regions with ten components
#: each takes 200 kB, 110 models and 800 parameters.
MAX_BYTES: Final = 4_000_000
MAX_REGIONS: Final = 500
MAX_MODELS_OF_REGION: Final = 100
MAX_MODELS: Final = 2000
MAX_PARAMETERS: Final = 10_000

#: Most characters of all ties of a file together.
MAX_TIES: Final = 200_000

#: How many ties may follow from each other in a chain; lmfit resolves them by recursion.
MAX_CHAIN: Final = 50

#: Models of `lmfit.models` that a file may name: real functions of ``x`` alone, without free formulae.
_LMFIT_MODELS: Final = (
    "ConstantModel", "LinearModel", "QuadraticModel", "ParabolicModel", "PolynomialModel", "SineModel",
    "GaussianModel", "LorentzianModel", "SplitLorentzianModel", "VoigtModel", "PseudoVoigtModel", "MoffatModel",
    "Pearson4Model", "Pearson7Model", "StudentsTModel", "BreitWignerModel", "LognormalModel",
    "DampedOscillatorModel", "DampedHarmonicOscillatorModel", "ExponentialGaussianModel", "SkewedGaussianModel",
    "SkewedVoigtModel", "ThermalDistributionModel", "BoseModel", "FermiModel", "DoniachModel", "PowerLawModel",
    "ExponentialModel", "StepModel", "RectangleModel",
)  # fmt: skip
_OWN_MODELS: Final = (
    "SteppedPseudoVoigtModel", "HydrocarbonModel", "GraphiticModel",
    "TougaardPseudoVoigtModel", "TougaardHydrocarbonModel", "TougaardGraphiticModel",
)  # fmt: skip

_STEPS: Final = ("linear", "atan", "arctan", "erf", "logistic")

#: The one option that some models have, and its values.
_OPTIONS: Final[Mapping[str, tuple[str, tuple[Any, ...]]]] = {
    "StepModel": ("form", _STEPS),
    "RectangleModel": ("form", _STEPS),
    "ThermalDistributionModel": ("form", ("bose", "maxwell", "fermi")),
    "PolynomialModel": ("degree", tuple(range(8))),
}

#: Classes of the models that the first schema's files hold, by the name that lmfit's text gives them.
_FIRST: Final = {
    "hydrocarbon": "HydrocarbonModel",
    "stepped_pseudo_voigt": "SteppedPseudoVoigtModel",
    "pvoigt": "PseudoVoigtModel",
    "linear": "LinearModel",
}
_FIRST_TERM: Final = re.compile(r"Model\((\w{1,100})(?:, prefix='(\w{0,100})')?\)", re.ASCII)


def read_document(path: Path) -> Mapping[str, Any]:
    """Read a JSON object that says that it holds seeds.

    Raises
    ------
    PrefitError
        If the file cannot be read, is too large, is not JSON, or is of another schema.
    """
    where = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PrefitError(where, f"cannot be read: {reason}.") from error
    if len(data) > MAX_BYTES:
        raise PrefitError(where, f"is larger than {MAX_BYTES // 1_000_000} MB, the limit for a file of seeds.")
    document = parsed(where, data)
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or schema not in (SCHEMA, FIRST_SCHEMA):
        raise PrefitError(where, f"is not a file of seeds: its schema is {shown(schema)} and should be {SCHEMA!r}.")
    return document


def seeds_of(document: Mapping[str, Any]) -> dict[str, Seed]:
    """Make the seeds of a document.

    Parameters
    ----------
    document : mapping
        From `read_document`.

    Returns
    -------
    dict of str to Seed
        By region.

    Raises
    ------
    PrefitError
        If anything in it is not what a file of seeds holds; it names the region and the place.
    """
    regions = Record(document, "the file").record("regions")
    if len(regions.content) > MAX_REGIONS:
        raise PrefitError("regions", f"there are {len(regions.content)}; {MAX_REGIONS} are the most.")
    budget = _Budget()
    make = _seed if document["schema"] == SCHEMA else _first_seed
    seeds = {}
    for region in regions.content:
        if not region.strip() or len(region) > MAX_NAME or not region.isprintable():
            raise PrefitError("regions", f"{shown(region)} is not a name of a region.")
        try:
            seeds[region] = make(region, regions.record(region), budget)
        except PrefitError as error:
            raise PrefitError(f"region {region}", str(error)) from error
    return seeds


class _Budget:
    """How much a file may still hold."""

    _LIMITS: Final = {
        "models": (MAX_MODELS, "models"),
        "params": (MAX_PARAMETERS, "parameters"),
        "ties": (MAX_TIES, "characters of ties"),
    }

    def __init__(self) -> None:
        self._left = {kind: limit for kind, (limit, _) in self._LIMITS.items()}

    def take(self, kind: str, number: int) -> None:
        self._left[kind] -= number
        if self._left[kind] < 0:
            limit, things = self._LIMITS[kind]
            raise PrefitError(kind, f"the file holds more than {limit} {things}, which is the limit.")


def _seed(region: str, row: Record, budget: _Budget) -> Seed:
    terms = [(made.text("class", MAX_NAME), made) for made in row.records("models", MAX_MODELS_OF_REGION)]
    budget.take("models", len(terms))
    made_models = [_made(kind, record.prefix("prefix"), _options(record, kind)) for kind, record in terms]
    rows = list(row.records("params", MAX_PARAMETERS))
    return _assembled(region, row, made_models, rows, budget, row.prefix("background_prefix"), row.number("shift"))


def _first_seed(region: str, row: Record, budget: _Budget) -> Seed:
    """Seed of the first schema, which has lmfit's text for the model and lmfit's own form of the parameters."""
    model = row.text("model", 20_000)
    terms = [(function, prefix or "") for function, prefix in _FIRST_TERM.findall(model)]
    if not terms or any(function not in _FIRST for function, _ in terms):
        raise PrefitError("model", f"{shown(model)} is not known here any more; seed the spectrum again.")
    if len(terms) > MAX_MODELS_OF_REGION:
        raise PrefitError("model", f"has {len(terms)} terms; {MAX_MODELS_OF_REGION} are the most.")
    budget.take("models", len(terms))
    rows = [_of_lmfit(item) for item in row.record("params").items("params", MAX_PARAMETERS)]
    made_models = [
        _made(_FIRST[function], Record({"prefix": prefix}, "model").prefix("prefix"), {}) for function, prefix in terms
    ]
    return _assembled(region, row, made_models, rows, budget, "bg_", 0.0)


def _of_lmfit(item: object) -> Record:
    """Record of one parameter from the list of attributes as which lmfit saves it; the rest of lmfit's text is left."""
    keys = ("name", "value", "vary", "expr", "min", "max", "brute_step")
    if not isinstance(item, list) or len(item) < len(keys):
        raise PrefitError("params", f"{shown(item)} is not a parameter as lmfit saves it.")
    return Record(dict(zip(keys, item, strict=False)), "params")


def _assembled(
    region: str,
    row: Record,
    made_models: Sequence[lmfit.Model],
    rows: Sequence[Record],
    budget: _Budget,
    background_prefix: str,
    shift: float,
) -> Seed:
    if not made_models:
        raise PrefitError("models", "there are none.")
    prefixes = [model.prefix for model in made_models]
    names = [name for model in made_models for name in model.param_names]
    if twice := repeated(names):
        raise PrefitError("models", f"two of them have the parameter {twice!r}; give them different prefixes.")
    budget.take("params", len(rows))
    params = _params(rows, made_models, budget)
    if lacking := [name for name in names if name not in params]:
        raise PrefitError("params", f"{lacking[0]!r} is missing.")
    # lmfit would take the energies for the value of such a parameter.
    if taken := sorted({name for model in made_models for name in model.independent_vars}.intersection(params)):
        raise PrefitError("params", f"{taken[0]!r} is what the models depend on; give the parameter another name.")
    components = []
    for record in row.records("components", MAX_MODELS_OF_REGION):
        level = record.text("level", MAX_NAME) if "level" in record.content else ""
        component = SeedComponent(record.prefix("prefix"), record.text("name", MAX_NAME), record.texts("groups"), level)
        if component.prefix not in prefixes:
            raise PrefitError(record.where, f"no model has its prefix {component.prefix!r}.")
        components.append(component)
    model = models.RegionModel(made_models) if len(made_models) > 1 else made_models[0]
    background, notes = row.text("background", MAX_NAME), row.texts("notes")
    return Seed(region, model, params, tuple(components), background, background_prefix, notes, shift)


def made_model(row: Mapping[str, Any]) -> lmfit.Model:
    """Make a model from its class, prefix and options.

    Raises
    ------
    PrefitError
        If the class is not on the list, or it has no such options.
    """
    record = Record(row, "model")
    kind = record.text("class", MAX_NAME)
    return _made(kind, record.prefix("prefix"), _options(record, kind))


def _options(record: Record, kind: str) -> dict[str, Any]:
    options = record.record("options").content
    name, values = _OPTIONS.get(kind, ("", ()))
    for key, value in options.items():
        # For Python, true and 1.0 are 1.
        if key != name or isinstance(value, bool | float) or value not in values:
            raise PrefitError(record.where, f"{kind} has no option {shown(key)} of value {shown(value)}.")
    return dict(options)


def _made(kind: str, prefix: str, options: Mapping[str, Any]) -> lmfit.Model:
    made = model_classes().get(kind)
    if made is None:
        raise PrefitError("model", f"{shown(kind)} is neither of this package nor of lmfit.models.")
    try:
        return made(prefix=prefix, **options)
    except (TypeError, ValueError) as error:
        raise PrefitError("model", f"{kind} cannot be made with the options {dict(options)}.") from error


def model_classes() -> dict[str, type[lmfit.Model]]:
    """Classes that a file may name, by name: this package's, and those of `lmfit.models` that this lmfit has."""
    listed = [(models, name) for name in _OWN_MODELS] + [(lmfit.models, name) for name in _LMFIT_MODELS]
    return {name: getattr(module, name) for module, name in listed if hasattr(module, name)}


def _params(rows: Sequence[Record], made_models: Iterable[lmfit.Model], budget: _Budget) -> lmfit.Parameters:
    names = [row.name("name") for row in rows]
    if twice := repeated(names):
        raise PrefitError("params", f"{twice!r} is there twice.")
    params = SeedParameters()
    ties: dict[str, str] = {}
    for name, row in zip(names, rows, strict=True):
        record = Record(row.content, f"parameter {name}")
        value, low, high = (record.open_number(key) for key in OPEN)
        # As lmfit sees it; it exchanges bounds in the wrong order and moves values between them without a word.
        if low >= high or math.isclose(low, high, rel_tol=1e-13, abs_tol=1e-13):
            raise PrefitError(record.where, f"its min {low:g} is not below its max {high:g}.")
        if record.content.get("value") is not None and not low <= value <= high:
            raise PrefitError(record.where, f"its value {value:g} is not between its bounds {low:g} and {high:g}.")
        step = None if record.content.get("brute_step") is None else record.number("brute_step")
        params.add(name, value=value, vary=record.flag("vary"), min=low, max=high, brute_step=step)
        if "expr" not in record.content:
            raise PrefitError(record.where, "'expr' is missing.")
        if record.content["expr"] is not None:
            ties[name] = record.text("expr", MAX_TEXT)
            budget.take("ties", len(ties[name]))
    _check_ties(ties, set(names), made_models)
    _tie(params, ties)
    return params


def _check_ties(ties: Mapping[str, str], names: set[str], made_models: Iterable[lmfit.Model]) -> None:
    """Refuse ties that hold more than numbers, parameters and known functions, or depend on each other in a circle.

    A derived parameter of a model, such as the height of a Voigt line, may have the very expression that lmfit's model
    gives it: that text is lmfit's and not the file's.
    """
    needed: dict[str, frozenset[str]] = {}
    derived: dict[str, str] | None = None
    for name, expression in ties.items():
        inside = names_in(expression) if expression.isascii() else None
        if inside is None:
            if derived is None:
                derived = {key: p.expr for model in made_models for key, p in model.make_params().items() if p.expr}
            if derived.get(name) != expression:
                raise PrefitError(
                    f"parameter {name}",
                    f"its tie {shown(expression)} is refused; a tie may hold numbers, parameters of the region, "
                    "+ - * / **, exp, log, sqrt, abs, and max and min of two.",
                )
            inside = frozenset(re.findall(NAME, expression)) & names
        if unknown := sorted(inside - names):
            raise PrefitError(f"parameter {name}", f"its tie names {unknown[0]!r}, which is not one of the parameters.")
        needed[name] = inside & ties.keys()
    _refuse_circles(needed)


def _refuse_circles(needed: Mapping[str, frozenset[str]]) -> None:
    waiting, resolved = dict(needed), set[str]()
    for _ in range(MAX_CHAIN):
        ready = [name for name, others in waiting.items() if others <= resolved]
        for name in ready:
            del waiting[name]
        resolved.update(ready)
        if not waiting:
            return
        if not ready:
            shown = ", ".join(sorted(waiting)[:4])
            raise PrefitError("params", f"the ties of {shown} depend on each other in a circle.")
    raise PrefitError("params", f"more than {MAX_CHAIN} ties follow from each other in a chain.")


def _tie(params: lmfit.Parameters, ties: Mapping[str, str]) -> None:
    """Set ties that have been checked, after all parameters are there: a tie may refer to later ones."""
    name = ""
    try:
        with np.errstate(all="ignore"):
            for name, expression in ties.items():
                params[name].set(expr=expression)
            for name in ties:
                value = params[name].value
                if not (math.isfinite(value) or value == OPEN["value"]):
                    raise ArithmeticError(f"it gives {value}")
            params.update_constraints()
    # What lmfit's interpreter raises where arithmetic fails, and complex numbers when they are compared.
    except (ArithmeticError, ValueError, TypeError, RuntimeError, NameError, LookupError, AttributeError) as error:
        raise PrefitError(f"parameter {name}", f"its tie cannot be computed: {shortened(error)}.") from error
