"""The package's own plugin: readers, predictor, explainer, seeder, exporters and menu actions.

It is loaded through its entry point, as any other plugin is. Its implementations are marked ``trylast``, so that other
plugins are asked first. Nothing heavy is imported before a hook is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xps_prefit_hooks import Exporter, GroupEvidence, MenuAction, Prediction, Reader, Seed, Settings, hookimpl

if TYPE_CHECKING:
    import xarray as xr


@hookimpl(trylast=True)
def xps_prefit_readers() -> list[Reader]:
    """Text, VAMAS and NeXus."""
    from .readers import builtin_readers

    return list(builtin_readers())


@hookimpl(trylast=True)
def xps_prefit_predict(spectrum: xr.DataTree, settings: Settings, shift: float | None) -> Prediction | None:
    """Shift and groups by the shipped network."""
    from .stn.predict import predict

    return predict(spectrum, settings, shift)


@hookimpl(trylast=True)
def xps_prefit_explain(
    spectrum: xr.DataTree, prediction: Prediction, settings: Settings
) -> Mapping[str, tuple[GroupEvidence, ...]] | None:
    """Evidence for the groups, by taking lines away and asking the shipped network again."""
    from .stn.attribution import explain

    return explain(spectrum, prediction, settings)


@hookimpl(trylast=True)
def xps_prefit_seed(spectrum: xr.DataTree, region: str, prediction: Prediction, settings: Settings) -> Seed | None:
    """Model of a region from the groups found and the data."""
    from .seeding import seed_region

    return seed_region(spectrum, region, prediction, settings)


@hookimpl(trylast=True)
def xps_prefit_exporters() -> list[Exporter]:
    """JSON, CSV and plots."""
    from .export import exporters

    return exporters()


@hookimpl(trylast=True)
def xps_prefit_menu() -> list[MenuAction]:
    """Prefit, calibrated copy, seeds, and what is known about the network."""
    from .menu import menu_actions

    return menu_actions()
