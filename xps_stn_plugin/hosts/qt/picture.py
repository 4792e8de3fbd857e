"""Picture of one region of a result, drawn outside the GUI thread; the only module here that loads matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ...chemistry.core_levels import core_levels
from ...export.plot import GREY, INK, draw_components, draw_legend
from .findings import Canvas

if TYPE_CHECKING:
    from ...result import PrefitResult

# Dots per inch at which a dot is a pixel of a usual screen, and margins about the axes in such pixels.
_DPI = 100
_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 14, 30, 46


@dataclass(frozen=True)
class Picture:
    """A drawn region.

    Parameters
    ----------
    region : str
        Its name in the spectrum.
    canvas : Canvas
        What it was drawn for.
    width, height : int
        Size in the screen's pixels.
    pixels : bytes
        Red, green, blue and opacity, row by row from the top.
    """

    region: str
    canvas: Canvas
    width: int
    height: int
    pixels: bytes


def draw(result: PrefitResult, region: str, canvas: Canvas) -> Picture:
    """Draw data on both axes and the seeded model of one region; binding energies decrease to the right.

    Parameters
    ----------
    result : PrefitResult
    region : str
        Its name in the spectrum; one-dimensional.
    canvas : Canvas
    """
    figure = Figure(figsize=(canvas.width / _DPI, canvas.height / _DPI), dpi=_DPI * canvas.ratio)
    agg = FigureCanvasAgg(figure)
    figure.subplots_adjust(
        left=_LEFT / canvas.width,
        right=1 - _RIGHT / canvas.width,
        bottom=_BOTTOM / canvas.height,
        top=1 - _TOP / canvas.height,
    )
    axes = figure.subplots()
    data = result.axis[region].to_dataset()
    energy, counts = data["binding_energy"].values, data["counts"].values
    seed = result.seeds.get(region)
    axes.plot(energy, counts, "-" if seed is None else ".", color=INK, lw=0.8, markersize=3, zorder=3, label="data")
    low, high = float(energy[0]), float(energy[-1])
    if result.moved is not None:
        measured = result.spectrum[region].to_dataset()["binding_energy"].values
        axes.plot(measured, counts, "-", color="#AAAAAA", lw=0.8, zorder=1, label="as measured")
        low, high = min(low, float(measured[0])), max(high, float(measured[-1]))
    if seed is not None:
        draw_components(axes, result, seed, energy)
    draw_legend(axes)
    axes.set_xlim(high, low)
    bottom, top = float(counts.min()), float(counts.max())
    # Room above the highest line for the legend.
    axes.set_ylim(bottom - 0.05 * (top - bottom), top + (0.12 if seed is None else 0.25) * (top - bottom))
    _write_around(figure, result, region, seeded=seed is not None)
    agg.draw()  # type: ignore[no-untyped-call]
    width, height = agg.get_width_height(physical=True)
    return Picture(region, canvas, width, height, bytes(agg.buffer_rgba()))  # type: ignore[no-untyped-call]


def _write_around(figure: Figure, result: PrefitResult, region: str, *, seeded: bool) -> None:
    (axes,) = figure.axes
    attrs = result.axis[region].attrs
    level = core_levels().get(str(attrs.get("region")))
    name = level.label if level is not None and region == level.name else region
    axes.set_title(name.replace("$", r"\$"), fontsize=12, fontweight="bold", loc="left")
    state = "seeded model, not fitted" if seeded else "no seeded model"
    axes.set_title(state, fontsize=8.5, loc="right", color=GREY)
    scale = "measured binding energy" if result.moved is None else "binding energy, corrected"
    axes.set_xlabel(f"{scale} / eV", fontsize=9)
    axes.set_ylabel(f"intensity / {attrs.get('intensity', 'arbitrary')}".replace("$", r"\$"), fontsize=9)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 5))
    axes.yaxis.get_offset_text().set_fontsize(8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
