"""HTML of one prefit: a fragment for notebooks, and the same as a page of its own.

Neither has scripts or anything from elsewhere; text takes the colours of its surroundings, light or dark. Elements are
built as a tree, so that every text is escaped.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

from xps_prefit_hooks import shown

from ..chemistry.core_levels import core_levels
from ..files import write_text
from ..fitting import ComponentRow, background_table, component_table, fit_quality
from ..fitting.quality import value_text
from ..marks import MARK
from .composition import composition, shares
from .plot import LEAST_PROBABILITY, MOST_GROUPS, STATUS_COLOURS, figure
from .terminal import flags

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..quantification import ComponentShare, Quantification
    from ..result import PrefitResult

Element = ElementTree.Element

_STATUS: Final = {
    "ok": "the shift can be trusted",
    "uncertain": "check the shift before you rely on it",
    "out_of_domain": "this is not like the spectra that the network knows; do not rely on it",
}

# Greys are half transparent: they do on light and dark ground.
_STYLE: Final = """
.xps-prefit{font:13px/1.45 system-ui,sans-serif;max-width:75em}
.xps-prefit p,.xps-prefit ul{margin:.4em 0;padding-top:0}.xps-prefit ul{padding-left:1.4em}
.xps-prefit h3{font-size:1.1em;margin:0 0 .3em;overflow-wrap:anywhere}
.xps-prefit .status{color:#fff;border-radius:3px;padding:1px 7px;margin-left:.6em;white-space:nowrap}
.xps-prefit .shift{font-size:1.15em}
.xps-prefit .quiet{opacity:.75;overflow-wrap:anywhere}
.xps-prefit img{display:block;max-width:100%;height:auto;background:#fff;border-radius:4px;margin:.6em 0}
.xps-prefit .table{overflow-x:auto}
.xps-prefit table{border-collapse:collapse;margin:.3em 0;font-size:inherit;background:none;color:inherit}
.xps-prefit td,.xps-prefit th{padding:1px 10px 1px 0;border:0;border-bottom:1px solid rgba(128,128,128,.35);
text-align:left;vertical-align:baseline;background:none;color:inherit;white-space:nowrap}
.xps-prefit td.n,.xps-prefit th.n{text-align:right;font-variant-numeric:tabular-nums}
.xps-prefit td.w{white-space:normal;min-width:12em}
.xps-prefit .bar{display:inline-block;width:120px;height:9px;background:rgba(128,128,128,.25);border-radius:2px}
.xps-prefit .bar span{display:block;height:9px;background:#3b8fc2;border-radius:2px}
.xps-prefit details{margin:.35em 0}.xps-prefit summary{cursor:pointer}
"""

#: Dots per inch of the picture, more than it is shown with so that it is sharp on fine screens.
_DOTS: Final = 150.0
_SHOWN: Final = 80.0
#: Most dots and bytes of the picture, and the width in dots below which it is not made smaller.
_MOST_DOTS: Final = 2.0e6
_MOST_BYTES: Final = 150_000
_NARROWEST: Final = 400


def fragment(result: PrefitResult) -> str:
    """HTML of a result to stand in a notebook; below 300 kB as a rule.

    It shows fits that are there and start values where there are none; it makes no fits.
    """
    return _text(_content(result))


def page(result: PrefitResult) -> str:
    """Return the fragment as a page of its own."""
    document = Element("html", lang="en")
    head = _add(document, "head")
    _add(head, "meta", charset="utf-8")
    _add(head, "meta", name="viewport", content="width=device-width,initial-scale=1")
    # The browser's own colours, dark where the user has chosen so.
    _add(head, "meta", name="color-scheme", content="light dark")
    _add(head, "meta", name="generator", content=MARK)
    _add(head, "title", f"{_name(result)}: {result.shift_text}")
    _add(document, "body").append(_content(result))
    return f"<!DOCTYPE html>\n{_text(document)}\n"


def write(result: PrefitResult, path: Path) -> None:
    """Write the page.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_text(path, page(result))


def _content(result: PrefitResult) -> Element:
    root = Element("div", {"class": "xps-prefit"})
    _add(root, "style", _STYLE)
    head = _add(root, "h3", _name(result))
    colour = STATUS_COLOURS.get(result.status, "#555555")
    _add(head, "span", result.status.replace("_", " "), "status", style=f"background:{colour}")
    _add(root, "p", _shift_sentence(result), "shift")
    _add(root, "p", f"{result.status.replace('_', ' ').capitalize()}: {_STATUS.get(result.status, '')}.")
    _list(root, result.reasons)
    _groups(root, result)
    _picture(root, result)
    made = composition(result)
    percentages = shares(made)
    for region in result.seeds:
        _region(root, result, region, percentages)
    if made is not None and made.elements:
        _composition(root, made)
    model = result.prediction.model
    digest = f", SHA-256 {model.sha256[:12]}" if model.sha256 else ""
    _add(root, "p", f"{result.source}. Network {model.name}, version {model.version}{digest}.", "quiet")
    return root


def _shift_sentence(result: PrefitResult) -> str:
    if result.moved is None:
        return "No shift was found, so nothing is calibrated: energies are as measured."
    size = f"{abs(result.shift):.2f}"
    way = "too high" if result.shift >= 0 else "too low"
    found = (
        f"{size} ± {result.shift_stderr:.2f} eV {way}" if float(size) else f"right within {result.shift_stderr:.2f} eV"
    )
    reference = f"aliphatic C 1s is at {result.settings.reference:.2f} eV"
    return f"Binding energies were measured {found} (shift {result.shift:+.2f} eV); on the corrected scale {reference}."


def _groups(root: Element, result: PrefitResult) -> None:
    ranked = sorted(result.prediction.groups.items(), key=lambda item: -item[1])
    likely = [(name, value) for name, value in ranked if value > LEAST_PROBABILITY][:MOST_GROUPS]
    if not likely:
        _add(root, "p", f"Functional groups: none above {LEAST_PROBABILITY}.")
        return
    table = _table(root, ("functional group", "", "probability"), numbers=(2,))
    for name, value in likely:
        row = _add(table, "tr")
        _add(row, "td", name)
        bar = _add(_add(row, "td"), "span", "", "bar")
        _add(bar, "span", style=f"width:{100 * min(max(value, 0.0), 1.0):.0f}%")
        _add(row, "td", f"{value:.2f}", "n")
    if rest := len(ranked) - len(likely):
        _add(root, "p", f"{rest} more {'is' if rest == 1 else 'are'} less likely.", "quiet")


def _region(
    root: Element, result: PrefitResult, region: str, percentages: Mapping[tuple[str, str], ComponentShare]
) -> None:
    seed, fit = result.seeds[region], result.fits.get(region)
    quality = None if fit is None else fit_quality(seed, fit)
    state = "start values, not fitted" if quality is None else quality.line
    rows = component_table(seed, fit)
    details = _add(root, "details")
    summary = _add(details, "summary")
    level = core_levels().get(region)
    _add(summary, "b", level.label if level else region)
    count = f"{len(rows)} component{'' if len(rows) == 1 else 's'}"
    failed = "fit without success; " if fit is not None and not fit.success else ""
    _tail(summary, f"  {count}, {seed.background} background; {failed}{state}")
    columns = ["component", "groups", "center / eV", "measured / eV", "FWHM / eV", "area", "region %"]
    table = _table(details, [*columns, *(["atomic %"] if fit is not None else []), ""], numbers=range(2, 8))
    for row in rows:
        share = percentages.get((region, row.name))
        atomic = () if fit is None else (_value(share.atomic_percent, share.stderr, 1) if share else "-",)
        line = _add(table, "tr")
        _add(line, "td", result.short_name(region, row.name))
        _add(line, "td", ", ".join(row.groups) or "-", "w")
        for text in (*_numbers(result, row), *atomic):
            _add(line, "td", text, "n")
        _add(line, "td", flags(row))
    background = ", ".join(f"{row.name} {value_text(row.value, row.stderr)}" for row in background_table(seed, fit))
    doubts = quality.notes if quality is not None else ()
    _list(details, (*doubts, *seed.notes, *([f"Background: {background}."] if background else [])))


def _numbers(result: PrefitResult, row: ComponentRow) -> tuple[str, ...]:
    center, measured = result.positions(row.center)
    error = row.stderr.get("center")
    digits = 2 if error is None else 3
    return (
        _value(center, error, digits),
        _value(measured, None if math.isfinite(center) else error, digits),
        _value(row.fwhm, row.stderr.get("fwhm"), 2),
        value_text(row.area, row.stderr.get("area")),
        _value(100 * row.fraction_of_region, None, 1),
    )


def _composition(root: Element, found: Quantification) -> None:
    details = _add(root, "details")
    summary = _add(details, "summary")
    _add(summary, "b", "Atomic percent")
    elements = [f"{one.symbol} {_value(one.atomic_percent, one.stderr, 1)}" for one in found.elements]
    _tail(summary, f"  {', '.join(elements)}")
    table = _table(details, ("element", "", "atomic %", "from"), numbers=(2,))
    for one in found.elements:
        row = _add(table, "tr")
        _add(row, "td", one.symbol)
        bar = _add(_add(row, "td"), "span", "", "bar")
        _add(bar, "span", style=f"width:{one.atomic_percent:.0f}%")
        _add(row, "td", _value(one.atomic_percent, one.stderr, 1), "n")
        _add(row, "td", one.region)
    _list(details, dict.fromkeys([*(comparison.sentence for comparison in found.comparisons), *found.notes]))


def _picture(root: Element, result: PrefitResult) -> None:
    """Add the plot as a PNG in the address itself, with few colours so that notebooks stay small."""
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
    _add(root, "img", alt=f"Plot of {_name(result)}: {result.shift_text}", src=address, width=f"{_SHOWN * width:.0f}")


def _png(picture: Image) -> bytes:
    from PIL.Image import Quantize

    small = io.BytesIO()
    # An octree keeps rare colours, which the median cut gives up where most dots are grey.
    picture.quantize(128, method=Quantize.FASTOCTREE).save(small, format="png", optimize=True)
    return small.getvalue()


def _table(parent: Element, titles: Sequence[str], numbers: Iterable[int]) -> Element:
    table = _add(_add(parent, "div", "", "table"), "table")
    row = _add(_add(table, "thead"), "tr")
    right = set(numbers)
    for number, title in enumerate(titles):
        _add(row, "th", title, "n" if title and number in right else "")
    return _add(table, "tbody")


def _list(parent: Element, texts: Iterable[str]) -> None:
    if found := list(texts):
        items = _add(parent, "ul")
        for text in found:
            _add(items, "li", text)


def _value(value: float, error: float | None, digits: int) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.{digits}f}" + ("" if error is None or not math.isfinite(error) else f" ± {error:.{digits}f}")


def _name(result: PrefitResult) -> str:
    return Path(result.source).name or result.source


def _add(parent: Element, tag: str, text: str = "", kind: str = "", **attributes: str) -> Element:
    """Add an element with a text, a class and further attributes."""
    classes = {"class": kind} if kind else {}
    made = ElementTree.SubElement(parent, tag, {**classes, **{key: shown(one) for key, one in attributes.items()}})
    made.text = shown(text) or None
    return made


def _tail(parent: Element, text: str) -> None:
    """Add a text behind the last element."""
    parent[-1].tail = shown(text)


def _text(root: Element) -> str:
    return ElementTree.tostring(root, encoding="unicode", method="html")
