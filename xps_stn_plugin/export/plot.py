"""Plot of a prefit: a panel for each region with its components and residual, groups as bars, shift as title.

Under a region thin bars mark what speaks for the groups that were found, one row and colour for each group.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from xps_prefit_hooks import GroupEvidence, Seed, shown

from .._util.files import write_whole
from .._util.marks import MARK
from ..core.core_levels import core_levels
from ..fitting import curves
from ..models.counts import fitted_sigma
from ..models.noise import noise_of
from .make_report import region_report, report_of
from .report import Component, Region, positions_for_people
from .survey_plot import draw_labels
from .texts import or_nan

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..core.result import PrefitData

#: Characters of the title in an inch.
_CHARACTERS: Final = 7.5

#: Least probability of a group that gets a bar, and most bars.
LEAST_PROBABILITY = 0.1
MOST_GROUPS = 12

# Okabe & Ito's colours that stay apart for colour-blind eyes, without black, then lighter and darker relatives.
_COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#B8A500",
    "#7A5195",
    "#5D7A3A",
    "#8C564B",
)
# Of groups: Tol's muted scheme, dark enough for text and apart from the components' colours.
_GROUP_COLOURS = (
    "#332288",
    "#882255",
    "#117733",
    "#AA4499",
    "#2E7F77",
    "#7A7A1F",
    "#B04A5A",
    "#3A7CA5",
    "#8A6A1F",
    "#555555",
)
#: Colours of status, text and what is of less weight.
STATUS_COLOURS = {
    "ok": "#00734F",
    "uncertain": "#B35900",
    **dict.fromkeys(("out_of_domain", "poor", "failed"), "#B00020"),
}
INK, GREY = "#222222", "#777777"

#: Where a format has room for the mark of this package; a PNG gets it when it is written.
_METADATA: Final = {"pdf": {"Keywords": MARK}, "svg": {"Description": MARK}}


def figure(result: PrefitData) -> Figure:
    """Draw a result.

    Binding energies decrease to the right. A region without a seeded model shows its data alone; a stack is left out.
    The axis is the measured one where no shift is applied.

    Returns
    -------
    matplotlib.figure.Figure
        A figure of its own; neither pyplot nor matplotlib's settings are touched.
    """
    spectrum = result.axis
    names = [name for name, child in spectrum.children.items() if child["counts"].ndim == 1]
    columns = min(len(names), 2 if len(names) <= 4 else 3) or 1
    rows = -(-len(names) // columns) or 1
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    drawing = Figure(figsize=(5.2 * columns + 2.9, 4.2 * rows + 0.9), layout=layout)
    _title(drawing, result)
    left, right = drawing.subfigures(1, 2, width_ratios=(5.2 * columns, 2.9), squeeze=False)[0]
    panels = left.subfigures(rows, columns, squeeze=False).ravel()
    colours = {group: _GROUP_COLOURS[n % len(_GROUP_COLOURS)] for n, group in enumerate(result.evidence)}
    for name, panel in zip(names, panels, strict=False):
        speaking = _speaking(result, name)
        heights = (4, 0.2 * len(speaking), 1) if speaking else (4, 1)
        main, *strip, residual = panel.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        _draw_region(main, residual, result, region_report(result, name), spectrum[name].to_dataset(), name)
        for axes in strip:
            _draw_evidence(axes, result, speaking, colours)
    # The bars keep their height however many rows of regions there are.
    _draw_groups(right.subfigures(rows, 1, squeeze=False)[0, 0].subplots(), result, colours)
    return drawing


def write(result: PrefitData, path: Path) -> None:
    """Write the plot as the suffix of `path` says (PNG with 150 dots per inch, PDF, SVG).

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    drawing = figure(result)
    kind = path.suffix[1:].lower()
    metadata = _METADATA.get(kind)
    write_whole(path, lambda temporary: drawing.savefig(temporary, format=kind, dpi=150, metadata=metadata))


def _shortened(name: str, most: int) -> str:
    """Name of at most so many characters; its end tells samples and regions apart."""
    most = max(most, 20)
    return name if len(name) <= most else f"{name[: most // 3]}...{name[-(most - most // 3 - 3) :]}"


def _title(drawing: Figure, result: PrefitData) -> None:
    verdicts = report_of(result).verdicts
    colour = STATUS_COLOURS.get(verdicts.worst, INK)
    name = Path(result.source).name or result.source
    verdict_text = ", ".join(f"{subject} {verdict.replace('_', ' ')}" for subject, verdict in verdicts.named)
    most = int(_CHARACTERS * drawing.get_figwidth())
    heading = f"{_shortened(name, most - len(result.shift_text) - 4)}    {result.shift_text}"
    text = "\n".join(_plain(line) for line in (heading, *wrap(verdict_text, most)))
    drawing.suptitle(text, fontsize=13, fontweight="bold", color=colour)
    note = ".  Bars under a spectrum: evidence for a group" if any(result.evidence.values()) else ""
    drawing.supxlabel(f"Shift: {result.convention}{note}", fontsize=8, color=GREY)


def _draw_region(main: Axes, residual: Axes, result: PrefitData, region: Region, data: xr.Dataset, name: str) -> None:
    energy, counts = data["binding_energy"].values, data["counts"].values
    seed = result.seeds.get(name)
    main.plot(energy, counts, "-" if seed is None else ".", color=INK, lw=0.8, markersize=2.5, zorder=3, label="data")
    if seed is None:
        residual.set_visible(False)
        main.tick_params(labelbottom=True)
        lowest = main
    else:
        _draw_model(main, residual, result, seed, region, data)
        lowest = residual
    level = core_levels().get(str(data.attrs.get("region")))
    state = "" if seed is None else _state(region)
    title = f"{level.label if level and name == level.name else name}{_trust(result, region)}{state}"
    main.set_title(_plain(title), fontsize=11, loc="left")
    main.set_title(_quality(region), fontsize=8, loc="right", color=GREY)
    main.set_ylabel(f"intensity / {data.attrs.get('intensity', 'arbitrary')}", fontsize=9)
    lowest.set_xlabel(f"{'measured ' if result.moved is None else ''}binding energy / eV", fontsize=9)
    main.set_xlim(float(energy[-1]), float(energy[0]))
    low, high = float(counts.min()), float(counts.max())
    # Room above the highest line for the legend.
    main.set_ylim(low - 0.05 * (high - low), high + (0.12 if seed is None else 0.30) * (high - low))
    if region.survey:
        moved = 0.0 if result.moved is None else result.applied_shift
        draw_labels(main, region.survey, energy, counts, moved)
    for axes in (main, residual):
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)


def _draw_model(main: Axes, residual: Axes, result: PrefitData, seed: Seed, region: Region, data: xr.Dataset) -> None:
    fit = result.fits.get(seed.region)
    energy, counts = data["binding_energy"].values, data["counts"].values
    draw_components(main, result, seed, region, energy)
    draw_legend(main)
    params = seed.params if fit is None else fit.params
    envelope, noise = curves(seed, params, energy)["envelope"], noise_of(data)
    difference = (counts - envelope) / fitted_sigma(envelope, noise.count_size, noise.sigma)
    residual.axhspan(-2, 2, color="#EEEEEE", lw=0)
    residual.axhline(0, color=GREY, lw=0.8)
    residual.plot(energy, difference, color=INK, lw=0.8)
    limit = max(4.0, 1.1 * float(np.abs(difference).max()))
    residual.set_ylim(-limit, limit)
    residual.set_ylabel("residual / σ", fontsize=8)


def draw_components(axes: Axes, result: PrefitData, seed: Seed, region: Region, energy: NDArray[np.float64]) -> None:
    """Draw components (filled, labelled for a legend), background and envelope of a seed, or of its fit.

    Parameters
    ----------
    axes : Axes
    result : PrefitData
        Its fit of the region is drawn where there is one.
    seed : Seed
    region : Region
        Report of the region.
    energy : ndarray, shape (n,)
        Binding energies of the data in eV, on the axis of the seed.
    """
    fit = result.fits.get(seed.region)
    fine = np.linspace(energy[0], energy[-1], max(4 * energy.size, 400))
    drawn = curves(seed, seed.params if fit is None else fit.params, fine)
    background = drawn["background"]
    colours = component_colours(region)
    mains: set[str] = set()
    for component in region.components:
        # A component that nothing explains is grey and dashed, so that nobody takes it for an assignment; a satellite
        # has the colour of its line.
        colour, of_line = colours[component.name], colours[component.name] in mains
        mains.add(colour)
        line, alpha = ("-", 0.15 if of_line else 0.35) if component.assigned else ("--", 0.2)
        position, measured = positions_for_people(result.settings.reference_at, component)
        place = measured if position is None else position
        label = _plain(f"{region.short_name(component)}  {place:.2f}{_bound_mark(component)}")
        curve = drawn[component.name]
        axes.fill_between(fine, background, background + curve, color=colour, alpha=alpha, lw=0, label=label)
        axes.plot(fine, background + curve, line, color=colour, lw=1.0)
    axes.plot(fine, background, "--", color=GREY, lw=1.0)
    axes.plot(fine, drawn["envelope"], color="#C00000", lw=1.3, zorder=4)


def component_colours(region: Region) -> dict[str, str]:
    """Choose the colour of each component: one for a state with its satellites, or for another element's doublet."""
    colours: dict[str, str] = {}
    of_family: dict[str, str] = {}
    for component in region.components:
        if not component.assigned:
            colours[component.name] = GREY
            continue
        family = component.level or component.state or component.name
        of_family.setdefault(family, _COLOURS[len(of_family) % len(_COLOURS)])
        colours[component.name] = of_family[family]
    return colours


def draw_legend(axes: Axes, size: float = 7.5) -> None:
    """Draw the legend of all that is labelled but the data, which come first, in two columns where there is much.

    Parameters
    ----------
    axes : Axes
    size : float
        Of the letters, in points.
    """
    handles, labels = axes.get_legend_handles_labels()
    few = len(handles) <= 7
    legend: dict[str, Any] = {"fontsize": size if few else size - 1, "frameon": False, "ncols": 1 if few else 2}
    axes.legend(handles[1:], labels[1:], loc="upper left", labelspacing=0.3, handlelength=1.2, **legend)


def _speaking(result: PrefitData, region: str) -> dict[str, list[GroupEvidence]]:
    """Parts of the region that speak for a group, by group; what speaks against one is left to the numbers."""
    parts_of_groups = {
        group: [part for part in parts if part.region == region and part.weight > 0]
        for group, parts in result.evidence.items()
    }
    return {group: parts for group, parts in parts_of_groups.items() if parts}


def _draw_evidence(
    axes: Axes, result: PrefitData, speaking: Mapping[str, list[GroupEvidence]], colours: Mapping[str, str]
) -> None:
    high, low = axes.get_xlim()
    for row, (group, parts) in enumerate(speaking.items()):
        strongest = max(part.weight for part in result.evidence[group])
        for part in parts:
            strength = 0.35 + 0.65 * part.weight / strongest
            axes.barh(row, part.high - part.low, 0.6, part.low, color=colours[group], alpha=strength, lw=0)
        # The name stands at the end that has more room.
        left = high - max(part.high for part in parts) >= min(part.low for part in parts) - low
        style: dict[str, Any] = {
            "color": colours[group],
            "fontsize": 7,
            "va": "center",
            "ha": "left" if left else "right",
        }
        axes.text(0.005 if left else 0.995, row, _plain(group), transform=axes.get_yaxis_transform(), **style)
    axes.set_ylim(len(speaking) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)


def _bound_mark(component: Component) -> str:
    if not component.at_bound:
        return ""
    return "  no signal" if component.at_bound == ("area",) else "  at bound"


def _state(region: Region) -> str:
    if region.fit is None:
        return "   start values, not fitted"
    return "" if region.fit.success else "   fit without success"


def _trust(result: PrefitData, region: Region) -> str:
    """Status of a region where it is another than that of the spectrum, which the title has."""
    return "" if region.status == result.status else f"   {region.status.replace('_', ' ')}"


def _quality(region: Region) -> str:
    """Quality of the fit in a few words."""
    fit = region.fit
    if fit is None or not fit.success:
        return ""
    noise = " (estimated noise)" if fit.weighting.startswith("estimated") else ""
    return f"reduced χ² {or_nan(fit.redchi):.3g}{noise}, Durbin-Watson {or_nan(fit.durbin_watson):.2f}"


def likely_groups(result: PrefitData) -> list[tuple[str, float]]:
    """List the groups that get a bar with their probabilities, the most probable first."""
    likely = [(name, value) for name, value in result.prediction.groups.items() if value > LEAST_PROBABILITY]
    return sorted(likely, key=lambda item: -item[1])[:MOST_GROUPS]


def _draw_groups(axes: Axes, result: PrefitData, colours: Mapping[str, str]) -> None:
    likely = likely_groups(result)
    axes.set_title("Functional groups", fontsize=11, loc="left")
    axes.set_xlim(0, 1)
    axes.set_ylim(MOST_GROUPS - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("probability", fontsize=9)
    if not likely:
        axes.text(0.0, 0.0, f"none above {LEAST_PROBABILITY}", fontsize=9, color=GREY, va="center")
    for place, (name, value) in enumerate(likely):
        colour = colours.get(name, _COLOURS[0] if value > 0.5 else "#A9C4DA")
        axes.barh(place + 0.18, value, height=0.34, color=colour)
        axes.text(0.0, place - 0.02, _plain(f"{name}  {value:.2f}"), fontsize=8.5, color=INK, va="bottom")


def _plain(text: str) -> str:
    """Text without matplotlib's mathematics, which a dollar sign in a file name would start."""
    return shown(text).replace("$", r"\$")
