"""Drafts of lmfit models: components and parameters, from which lmfit's objects are made when needed.

lmfit's `Parameters` bring an interpreter, in which every tie is parsed again: making a model of one region takes longer
than fitting it. Seeding tries several models for each region and needs lmfit for none of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import lmfit
import numpy as np

from .compiled import CompiledModel
from .components import Component
from .shapes import RegionModel
from .ties import Ties

#: Stands for the prefix in the expressions of a template.
_PREFIX: Final = "prefix_"


@dataclass(slots=True)
class Parameter:
    """One parameter, with the attributes of lmfit's.

    Parameters
    ----------
    name : str
    value : float
        Of a tied parameter nothing is known before the ties are compiled.
    vary : bool
    min, max : float
    expr : str or None
        Tie to other parameters.
    user_data : object
        Whatever is known of the parameter beside its bounds.
    """

    name: str
    value: float = -math.inf
    vary: bool = True
    min: float = -math.inf
    max: float = math.inf
    expr: str | None = None
    user_data: Any = None

    def set(
        self,
        value: float | None = None,
        vary: bool | None = None,
        min: float | None = None,
        max: float | None = None,
        expr: str | None = None,
    ) -> None:
        """Change attributes as `lmfit.Parameter.set` does: a value or freedom unties, a tie takes freedom."""
        if min is not None:
            self.min = float(min)
        if max is not None:
            self.max = float(max)
        if vary is not None:
            self.vary = vary
        if value is not None or vary:
            self.expr = None
        if value is not None:
            self.value = float(value)
        if self.value < self.min:
            self.value = self.min
        elif self.value > self.max:
            self.value = self.max
        if expr is not None:
            self.expr, self.vary = expr or None, self.vary and not expr


class ParameterSet(dict[str, Parameter]):
    """Parameters by name, in lmfit's order."""

    def add(self, name: str, **attributes: Any) -> None:
        """Add a parameter, or replace it in place."""
        parameter = Parameter(name)
        parameter.set(**attributes)
        self[name] = parameter


@dataclass(frozen=True, eq=False)
class ModelDraft:
    """A sum of components, and its parameters.

    Parameters
    ----------
    components : tuple of (str, type)
        Prefix and class of the lmfit model of each component; at least two.
    params : ParameterSet
        Start values, bounds and ties, to be changed until a model is made of them.
    hints : mapping of str to mapping of str to float
        By prefix, parameters that lmfit's model holds fixed at other values than its own: what its ``make_params`` will
        give. They are not applied to `params`.
    """

    components: tuple[tuple[str, type[lmfit.Model]], ...]
    params: ParameterSet
    hints: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        components: Iterable[tuple[str, type[lmfit.Model]]],
        hints: Mapping[str, Mapping[str, float]] | None = None,
    ) -> ModelDraft:
        """Make it with the parameters that lmfit's ``make_params`` would give, in their order."""
        parts = tuple(components)
        # lmfit has no type hints; its classes are hashable.
        templates = [(prefix, *_template(kind)) for prefix, kind in parts]  # type: ignore[arg-type]
        params = ParameterSet()
        for derived in (False, True):
            for prefix, function_parameters, derived_parameters in templates:
                for template in derived_parameters if derived else function_parameters:
                    name = prefix + template.name
                    expr = template.expr and template.expr.replace(_PREFIX, prefix)
                    params[name] = Parameter(name, template.value, template.vary, template.min, template.max, expr)
        for prefix, values in (hints or {}).items():
            for bare, value in values.items():
                params[prefix + bare].set(value=value, vary=False)
        return cls(parts, params, hints or {})

    def compiled(self) -> CompiledModel | None:
        """Compile the model as it is now; None where no parameter is free."""
        ties = Ties.compile(self.params)
        if not ties.free:
            return None
        components = [self._component(prefix, kind) for prefix, kind in self.components]
        low, high = np.array([(self.params[name].min, self.params[name].max) for name in ties.free]).T
        return CompiledModel.of(components, ties, low, high)

    def lmfit_model(self) -> lmfit.Model:
        """Make lmfit's model."""
        models = []
        for prefix, kind in self.components:
            model = kind(prefix=prefix)
            for name, value in self.hints.get(prefix, {}).items():
                model.set_param_hint(name, value=value, vary=False)
            models.append(model)
        model = RegionModel(models)
        # lmfit notes derived parameters in a model when it makes its parameters.
        model.make_params()
        return model

    def lmfit_params(self) -> lmfit.Parameters:
        """Make lmfit's parameters."""
        params = lmfit.Parameters()
        params.add_many(
            *(
                lmfit.Parameter(
                    p.name,
                    value=None if p.expr else p.value,
                    vary=p.vary,
                    min=p.min,
                    max=p.max,
                    expr=p.expr,
                    user_data=p.user_data,
                )
                for p in self.params.values()
            )
        )
        return params

    def _component(self, prefix: str, kind: type[lmfit.Model]) -> Component:
        templates, _ = _template(kind)  # type: ignore[arg-type]
        return Component.of_kind(prefix, kind, [template.name for template in templates], self.params)


@lru_cache(maxsize=64)
def _template(kind: type[lmfit.Model]) -> tuple[tuple[Parameter, ...], tuple[Parameter, ...]]:
    """Parameters of a model as lmfit makes them, names without prefix: those of its function, and those derived."""
    model = kind(prefix=_PREFIX)
    direct = [name.removeprefix(_PREFIX) for name in model.param_names]
    templates = {
        name.removeprefix(_PREFIX): Parameter(
            name.removeprefix(_PREFIX),
            -math.inf if p.expr else float(p.value),
            bool(p.vary),
            float(p.min),
            float(p.max),
            p.expr,
        )
        for name, p in model.make_params().items()
    }
    return tuple(templates[name] for name in direct), tuple(p for name, p in templates.items() if name not in direct)
