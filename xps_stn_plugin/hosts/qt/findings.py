"""Content of the form, computed and drawn in the worker's thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xps_prefit_hooks import MenuAction, MenuRequest, Settings

from .canvas import Canvas
from .worker import Job

if TYPE_CHECKING:
    import xarray as xr

    from ...api import PrefitResult
    from .picture import Picture


@dataclass(frozen=True, eq=False)
class Findings:
    """Answer of a form's action, ready to be shown without further computing.

    Parameters
    ----------
    spectrum : xarray.DataTree
        What was asked about.
    settings : Settings
        What was asked for.
    message : str
        What the action says.
    result : PrefitResult or None
        With the seed of the region that is shown; None for an action that gives no result.
    picture : Picture or None
        Of the region that is shown; None without result.
    groups : tuple of (str, float)
        Groups that get a bar, with their probabilities.
    colour : str
        Colour of the status.
    """

    spectrum: xr.DataTree
    settings: Settings
    message: str
    result: PrefitResult | None = None
    picture: Picture | None = None
    groups: tuple[tuple[str, float], ...] = ()
    colour: str = ""


def find(
    action: MenuAction,
    spectrum: xr.DataTree,
    fields: Mapping[str, Any],
    job: Job,
    region: str | None,
    canvas: Canvas,
) -> Findings | None:
    """Run the action of a form; None if it was cancelled meanwhile.

    Parameters
    ----------
    action : MenuAction
    spectrum : xarray.DataTree
        Regions that take part.
    fields : mapping
        Keywords of `settings_of`.
    job : Job
        Tells when to stop.
    region : str or None
        Region that is shown; the first one where it does not take part.
    canvas : Canvas
        What the picture is for.

    Raises
    ------
    PrefitError
        From the settings or the action.
    """
    from ...settings import settings_of

    if job.cancelled():
        return None
    settings = settings_of(**fields)
    request = MenuRequest(spectrum=spectrum, settings=settings, progress=job.progress, cancelled=job.cancelled)
    outcome = action.run(request)
    findings = Findings(spectrum, settings, outcome.message, outcome.result)
    if outcome.result is None or job.cancelled():
        return None if job.cancelled() else findings
    from ...export.plot import INK, STATUS_COLOURS, likely_groups
    from .picture import draw

    result: PrefitResult = outcome.result
    names = list(result.spectrum.children)
    shown_region = region if region in names else names[0]
    # The seed of the region that is shown is made here, those of others when they are: that takes lmfit's time.
    return replace(
        findings,
        picture=draw(result, str(shown_region), canvas),
        groups=tuple(likely_groups(result)),
        colour=STATUS_COLOURS.get(result.status, INK),
    )


def redraw(result: PrefitResult, region: str, job: Job, canvas: Canvas, spectrum: xr.DataTree | None) -> Picture | None:
    """Draw another region, or another size; None if it was cancelled meanwhile. See `picture.draw`."""
    from .picture import draw

    return None if job.cancelled() else draw(result, region, canvas, spectrum)
