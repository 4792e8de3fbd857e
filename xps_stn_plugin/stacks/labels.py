"""Labels of what fits find, across the model structures of a region: components, and lmfit's parameters in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from xps_prefit_hooks import Seed
from xps_stn_plugin.fitting.parameter_names import BACKGROUND, doublets, owner_of, parameter_name, words


@dataclass(frozen=True, eq=False)
class FitLabels:
    """Labels of the variables of a region.

    Parameters
    ----------
    components : tuple of str
        Names of the components of all structures.
    groups : tuple of str
        Functional groups that bring each of them in any structure, ``; `` between them.
    parameters : mapping of str to str
        What each parameter is in words, by label. The label is lmfit's name; where a name stands for different things
        in different structures, it belongs to that of the commonest one, and the others' is ``name (words)``.
    levels : tuple of str
        Core level of another element that each component belongs to (``K2p``); empty for those of the region's own.
    """

    components: tuple[str, ...]
    groups: tuple[str, ...]
    parameters: Mapping[str, str]
    levels: tuple[str, ...] = ()

    @classmethod
    def of(cls, seeds: Sequence[Seed], components: Sequence[str]) -> FitLabels:
        """Label what is found with seeds, the commonest first.

        Parameters
        ----------
        seeds : sequence of Seed
        components : sequence of str
            Names of their components, in the order that is wanted, and others.
        """
        groups: dict[str, dict[str, None]] = {}
        levels: dict[str, str] = {}
        known: dict[str, str] = {}
        for seed in seeds:
            for component in seed.components:
                groups.setdefault(component.name, {}).update(dict.fromkeys(component.groups))
                levels.setdefault(component.name, component.level)
            for name, meaning in parameter_meanings(seed).items():
                known.setdefault(name, meaning)
                known.setdefault(_label(known, name, meaning), meaning)
        texts = tuple("; ".join(groups.get(name, ())) for name in components)
        of_level = tuple(levels.get(name, "") for name in components)
        return cls(tuple(components), texts, MappingProxyType(known), of_level)

    def columns(self, seed: Seed) -> list[int]:
        """Places of a seed's parameters, in lmfit's order."""
        place = {label: number for number, label in enumerate(self.parameters)}
        return [place[_label(self.parameters, *item)] for item in parameter_meanings(seed).items()]

    def with_seeds(self, seeds: Iterable[Seed]) -> FitLabels:
        """Add what the parameters of further seeds need; a label that no structure has is ``name (words)``."""
        found = [parameter_meanings(seed) for seed in seeds]
        return self._with({_label(self.parameters, *item): item[1] for own in found for item in own.items()})

    def joined(self, others: Iterable[FitLabels]) -> FitLabels:
        """Add the parameters of labels that began as these."""
        return self._with({label: meaning for other in others for label, meaning in other.parameters.items()})

    def _with(self, parameters: Mapping[str, str]) -> FitLabels:
        # In an order that does not depend on that in which they are found.
        new = {label: parameters[label] for label in sorted(parameters.keys() - self.parameters.keys())}
        return replace(self, parameters=MappingProxyType({**self.parameters, **new}))


def parameter_meanings(seed: Seed) -> dict[str, str]:
    """Say in words what each parameter of a seed's model is: ``position of C1s O-C=O``; by lmfit's name."""
    second = {line.prefix for lines in doublets(seed) for line in lines[1:]}
    return {name: _meaning(seed, name, second) for name in seed.params}


def _meaning(seed: Seed, name: str, second: Iterable[str]) -> str:
    whole = name.removeprefix("shared_")
    if whole != name and whole in seed.params:
        return f"{_meaning(seed, whole, second)}, in the whole series"
    what, owner = parameter_name(seed, name), owner_of(seed, name)
    if owner is None or what.owner == BACKGROUND:
        return str(what)
    text = f"sigma of {what.owner}" if name.removeprefix(owner.prefix) == "sigma" else str(what)
    if what.quantity == "distance from its neighbour":
        text = f"distance of {what.owner} from {_relative_to(seed, name)}"
    elif what.quantity == "area ratio":
        text = f"area of {what.owner} over that of {_relative_to(seed, name)}"
    return f"{text}, second line" if owner.prefix in second else text


def _relative_to(seed: Seed, name: str) -> str:
    """Name of the component that a distance or ratio is taken from: the expression that it stands in says so."""
    for parameter in seed.params.values():
        others = words(parameter.expr or "")
        if name in others:
            owners = [owner_of(seed, other) for other in sorted(others - {name})]
            return next((owner.name for owner in owners if owner is not None), "another line")
    return "another line"


def _label(known: Mapping[str, str], name: str, meaning: str) -> str:
    return name if known.get(name) == meaning else f"{name} ({meaning})"
