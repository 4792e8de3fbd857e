"""Hook specifications: the points at which other packages extend the prefit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._markers import hookspec
from ._menu import MenuAction
from ._seed import Seed
from ._types import Exporter, GroupEvidence, Prediction, Reader, Settings

if TYPE_CHECKING:
    import lmfit
    import xarray as xr


@hookspec
def xps_prefit_readers() -> list[Reader]:
    """Offer file formats."""
    return []


@hookspec(firstresult=True)
def xps_prefit_predict(spectrum: xr.DataTree, settings: Settings, shift: float | None) -> Prediction | None:
    """Read shift and functional groups from a spectrum, the groups at `shift` where it is known; None passes on."""


@hookspec(firstresult=True)
def xps_prefit_explain(
    spectrum: xr.DataTree, prediction: Prediction, settings: Settings
) -> Mapping[str, tuple[GroupEvidence, ...]] | None:
    """Say which parts of the spectrum speak for the groups that were found; None passes on to the next plugin."""


@hookspec(firstresult=True)
def xps_prefit_seed(spectrum: xr.DataTree, region: str, prediction: Prediction, settings: Settings) -> Seed | None:
    """Make a seeded lmfit model for one region of the calibrated spectrum; None passes on to the next seeder."""


@hookspec
def xps_prefit_exporters() -> list[Exporter]:
    """Offer output formats."""
    return []


@hookspec
def xps_prefit_menu() -> list[MenuAction]:
    """Offer actions for the menus of host applications."""
    return []


@hookspec
def xps_prefit_fitted(result: Any, region: str, fit: lmfit.model.ModelResult) -> None:
    """Hear of a finished fit."""
