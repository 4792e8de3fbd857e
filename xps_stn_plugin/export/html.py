"""HTML of one prefit: a fragment for notebooks, and the same as a page of its own.

Neither has scripts or anything from elsewhere; text takes the colours of its surroundings, light or dark. Templates are
rendered with autoescape, so that every text is escaped.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from .._util.files import write_text
from .._util.marks import MARK
from ..core.core_levels import core_levels
from ..core.energy_scale import reference_text
from ..fitting.quality import value_text
from .make_report import report_of
from .plot import LEAST_PROBABILITY, MOST_GROUPS, STATUS_COLOURS, figure
from .report import Element, Region, Report, Value
from .survey_report import SurveyElement
from .templates import render
from .terminal import numbers
from .texts import or_nan, with_error

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..core.result import PrefitData

_STATUS: Final = {
    "ok": "the shift can be trusted",
    "uncertain": "check the shift before you rely on it",
    "out_of_domain": "the spectrum is unlike those that the network knows; do not rely on the shift",
}

#: Dots per inch of the picture, more than it is shown with so that it is sharp on fine screens.
_DOTS: Final = 150.0
_SHOWN: Final = 80.0
#: Most dots and bytes of the picture, and the width in dots below which it is not made smaller.
_MOST_DOTS: Final = 2.0e6
_MOST_BYTES: Final = 150_000
_NARROWEST: Final = 400


@dataclass(frozen=True)
class _Picture:
    """A picture as the address of its data, and the width that it is shown with."""

    address: str
    width: int


def fragment(result: PrefitData) -> str:
    """HTML of a result to stand in a notebook; below 300 kB as a rule.

    It shows fits that are there and start values where there are none; it makes no fits.
    """
    report = report_of(result)
    return render(
        "prefit.html.j2",
        words=_words,
        title=_title,
        numbers=numbers,
        amount=_amount,
        share=_share,
        report=report,
        style=Markup(_style()),
        colour=_colour,
        shift_sentence=_shift_sentence(report),
        status_sentence=_STATUS.get(report.status, ""),
        likely=report.likely(LEAST_PROBABILITY, MOST_GROUPS),
        least=LEAST_PROBABILITY,
        picture=_picture(result),
        notes=_notes,
    )


def page(result: PrefitData) -> str:
    """Return the fragment as a page of its own."""
    return render("page.html.j2", report=report_of(result), mark=MARK, content=Markup(fragment(result))) + "\n"


def write(result: PrefitData, path: Path) -> None:
    """Write the page.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_text(path, page(result))


def _shift_sentence(report: Report) -> str:
    shift = report.shift
    if not shift.is_applied:
        subject = "No shift was found" if shift.value is None else f"The {shift.text}"
        return f"{subject}, so nothing is calibrated: energies are as measured."
    assert shift.value is not None  # it is applied
    error = or_nan(shift.stderr)
    size = f"{abs(shift.value):.2f}"
    way = "too high" if shift.value >= 0 else "too low"
    measured = f"{size} ± {error:.2f} eV {way}" if float(size) else f"right within {error:.2f} eV"
    scale = reference_text(shift.reference, shift.reference_at, shift.calibrated_on or None)
    return f"Binding energies were measured {measured} (shift {shift.value:+.2f} eV); on the corrected scale {scale}."


def _notes(region: Region) -> tuple[str, ...]:
    """Sentences below the table of a region: doubts about the fit, notes of the seed, the background."""
    background = region.background
    assert background is not None  # regions without a model have no table
    values = [
        f"{name} {value_text(or_nan(value), background.stderr[name])}" for name, value in background.parameters.items()
    ]
    return (
        *(region.fit.notes if region.fit else ()),
        *region.notes,
        *([f"Background: {', '.join(values)}."] if values else []),
    )


def _title(region: str) -> str:
    """Name of a region for people: ``C 1s``."""
    level = core_levels().get(region)
    return level.label if level else region


def _colour(verdict: str) -> str:
    return STATUS_COLOURS.get(verdict, "#555555")


def _words(status: str) -> str:
    return status.replace("_", " ")


def _amount(share: Value | None) -> str:
    return "-" if share is None else with_error(share.value, share.stderr, 1)


def _share(element: Element | SurveyElement) -> str:
    return with_error(element.atomic_percent, element.stderr, 1)


def _style() -> str:
    return files(__package__).joinpath("templates", "prefit.css").read_text(encoding="utf-8")


def _picture(result: PrefitData) -> _Picture:
    """Draw the plot as a PNG in the address itself, with few colours so that notebooks stay small."""
    from PIL import Image as Images

    drawing = figure(result)
    width, height = drawing.get_size_inches()
    drawn = io.BytesIO()
    drawing.savefig(drawn, format="png", dpi=min(_DOTS, math.sqrt(_MOST_DOTS / (width * height))))
    with Images.open(drawn) as opened:
        picture = opened.convert("RGB")
    data = _png(picture)
    # Made smaller rather than drawn again, which takes seconds where there are many regions.
    while len(data) > _MOST_BYTES and picture.width > _NARROWEST:
        share = 0.9 * math.sqrt(_MOST_BYTES / len(data))
        picture = picture.resize((round(share * picture.width), round(share * picture.height)))
        data = _png(picture)
    address = "data:image/png;base64," + base64.b64encode(data).decode("ascii")
    return _Picture(address, round(_SHOWN * width))


def _png(picture: Image) -> bytes:
    from PIL.Image import Quantize

    small = io.BytesIO()
    # An octree keeps rare colours, which the median cut gives up where most dots are grey.
    picture.quantize(128, method=Quantize.FASTOCTREE).save(small, format="png", optimize=True)
    return small.getvalue()
