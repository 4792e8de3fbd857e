"""Seeds whose lmfit objects are made when they are asked for."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import lmfit

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.drafts import ModelDraft


class DraftedSeed(Seed):
    """Seed of a draft: a fit that changes nothing of it needs neither ``model`` nor ``params``."""

    draft: ModelDraft

    @classmethod
    def of(
        cls,
        region: str,
        draft: ModelDraft,
        components: tuple[SeedComponent, ...],
        background: str,
        background_prefix: str,
        notes: tuple[str, ...] = (),
    ) -> DraftedSeed:
        """Make it; the draft must not change any more."""
        seed = object.__new__(cls)
        seed.__dict__.update(
            region=region,
            draft=draft,
            components=components,
            background=background,
            background_prefix=background_prefix,
            notes=notes,
            shift=0.0,
        )
        return seed

    @cached_property
    def model(self) -> lmfit.Model:
        """Lmfit's model."""
        return self.draft.lmfit_model()

    @cached_property
    def params(self) -> lmfit.Parameters:
        """Lmfit's parameters; once they are asked for, they are what is fitted."""
        return self.draft.lmfit_params()

    def changed(self, **changes: Any) -> Seed:
        """Seed with other notes or another shift."""
        seed = copy.copy(self)
        seed.__dict__.update(changes)
        return seed

    @property
    def untouched(self) -> bool:
        """Whether nobody has asked for the parameters, and so nobody can have changed them."""
        return "params" not in self.__dict__


def compiled_seed(seed: Seed) -> CompiledModel | None:
    """Compile the model of a seed; None where it is not a sum of components, or nothing of it is free."""
    if isinstance(seed, DraftedSeed) and seed.untouched:
        return seed.draft.compiled()
    return CompiledModel.compile(seed.model, seed.params)
