"""Seeded models of one region."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ._errors import PrefitError

if TYPE_CHECKING:
    import lmfit

#: How names of satellites end; a second one has a number.
_SATELLITE = re.compile(r" (satellite|shake-up|energy loss)( \d+)?$")


@dataclass(frozen=True)
class SeedComponent:
    """One component of a seeded model.

    Parameters
    ----------
    prefix : str
        lmfit prefix, ending in ``_``.
    name : str
        Name for people, region first: ``C1s O-C=O``.
    groups : tuple of str
        Functional groups that bring it; empty where the data alone ask for it.
    level : str
        Core level of another element that it belongs to (``K2p`` in a region of C 1s); empty for the region's own.
    state : str
        Chemical state of the element that brings it (``TiO2``); empty where none does.
    """

    prefix: str
    name: str
    groups: tuple[str, ...] = ()
    level: str = ""
    state: str = ""

    @property
    def assigned(self) -> bool:
        """Whether a group, another element or a chemical state brings it."""
        return bool(self.groups or self.level or self.state)

    @property
    def is_satellite(self) -> bool:
        """Whether it is a shake-up satellite or an energy loss of another component, which does not count as atoms."""
        return _SATELLITE.search(self.name) is not None

    @property
    def counts(self) -> bool:
        """Whether its area counts for the element of its region."""
        return not (self.level or self.is_satellite)


@dataclass(frozen=True)
class Seed:
    """A model of one region, ready to fit on the calibrated axis.

    Parameters
    ----------
    region : str
        Name of the region in the spectrum.
    model : lmfit.Model
        Composite of components and background; its only independent variable is ``x``, binding energy in eV.
    params : lmfit.Parameters
        Start values, bounds and ties.
    components : tuple of SeedComponent
        The peaks, without the background.
    background : str
        Kind of background in the model.
    background_prefix : str
        lmfit prefix of the background.
    notes : tuple of str
        Sentences about what was merged, dropped or added.
    shift : float
        What the calibrated axis differs by from the measured one, in eV: ``x`` is the measured binding energy less
        this. The workflow fills it in.
    """

    region: str
    model: lmfit.Model
    params: lmfit.Parameters
    components: tuple[SeedComponent, ...]
    background: str
    background_prefix: str = "bg_"
    notes: tuple[str, ...] = ()
    shift: float = 0.0

    def changed(self, **changes: Any) -> Seed:
        """Seed with other fields, such as ``notes`` or ``shift``."""
        return replace(self, **changes)

    def joined(self, model: lmfit.Model, params: lmfit.Parameters | None = None, name: str = "") -> Seed:
        """Seed with a further model added to its own.

        Parameters
        ----------
        model : lmfit.Model
            Over ``x``; a single one or a sum, with other prefixes than those of the seed.
        params : lmfit.Parameters, optional
            Of `model`, which may refer to the seed's; its own start values by default.
        name : str
            Name for people; with it, `model` counts as a component of the spectrum (it needs ``amplitude``, ``center``
            and ``sigma``), without it as part of the background.

        Raises
        ------
        PrefitError
            If a parameter is in both, or a component lacks one of its three.
        """
        added = model.make_params() if params is None else params
        if shared_names := [key for key in added if key in self.params]:
            msg = f"has {shared_names[0]!r} already; give the model that is joined another prefix."
            raise PrefitError(f"seed of {self.region}", msg)
        components = self.components
        if name:
            required = [f"{model.prefix}{part}" for part in ("amplitude", "center", "sigma")]
            if missing := [key for key in required if key not in added]:
                raise PrefitError(f"seed of {self.region}", f"{name!r} is not a component: it has no {missing[0]!r}.")
            components = (*components, SeedComponent(model.prefix, name))
        merged = self.params.copy()
        merged.update(added)
        return replace(self, model=self.model + model, params=merged, components=components)
