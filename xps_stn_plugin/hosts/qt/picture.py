"""Picture of one region, drawn outside the GUI thread; the only module here that loads matplotlib."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from xps_prefit_hooks import shown

from ...core.core_levels import core_levels
from ...export.make_report import region_report
from ...export.plot import GREY, INK, draw_components, draw_legend
from .canvas import Canvas

if TYPE_CHECKING:
    from ...api import PrefitResult

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
    ends : (float, float)
        Binding energies in eV at the left and the right end of the axis.
    notes : tuple of str
        Notes of the region's seed.
    """

    region: str
    canvas: Canvas
    width: int
    height: int
    pixels: bytes = field(repr=False)
    ends: tuple[float, float]
    notes: tuple[str, ...] = ()

    def energy_at(self, share: float) -> float:
        """Binding energy in eV at a share of the picture's width, from its left; beside the axis that of its end."""
        left, right = _LEFT / self.canvas.width, 1 - _RIGHT / self.canvas.width
        inside = min(max((share - left) / (right - left), 0.0), 1.0)
        return self.ends[0] + inside * (self.ends[1] - self.ends[0])


def draw(result: PrefitResult, region: str, canvas: Canvas, spectrum: xr.DataTree | None = None) -> Picture:
    """Draw data on both axes and the seeded model of one region; binding energies decrease to the right.

    Parameters
    ----------
    result : PrefitResult
    region : str
        Its name in the spectrum; one-dimensional.
    canvas : Canvas
    spectrum : xarray.DataTree, optional
        Holds a region that took no part in the result; its data are drawn alone.
    """
    figure = Figure(figsize=(canvas.width / _DPI, canvas.height / _DPI), dpi=_DPI * canvas.ratio)
    agg = FigureCanvasAgg(figure)
    left, right = _LEFT / canvas.width, 1 - _RIGHT / canvas.width
    bottom, top = _BOTTOM / canvas.height, 1 - _TOP / canvas.height
    figure.subplots_adjust(left=left, right=right, bottom=bottom, top=top)
    axes = figure.subplots()
    if spectrum is not None and region not in result.spectrum.children:
        _draw_left_out(axes, region, spectrum[region].to_dataset())
    else:
        _draw_region(axes, result, region)
    if canvas.span is not None:
        _look_closer(axes, *canvas.span)
    agg.draw()  # type: ignore[no-untyped-call]
    width, height = agg.get_width_height(physical=True)
    pixels = bytes(agg.buffer_rgba())  # type: ignore[no-untyped-call]
    seed = result.seeds.get(region)
    ends = (float(axes.get_xlim()[0]), float(axes.get_xlim()[1]))
    return Picture(region, canvas, width, height, pixels, ends, () if seed is None else seed.notes)


def _draw_region(axes: Axes, result: PrefitResult, region: str) -> None:
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
        draw_components(axes, result, seed, region_report(result, region), energy)
    draw_legend(axes, 9)
    axes.set_xlim(high, low)
    bottom, top = float(counts.min()), float(counts.max())
    # Room above the highest line for the legend.
    axes.set_ylim(bottom - 0.05 * (top - bottom), top + (0.12 if seed is None else 0.25) * (top - bottom))
    scale = "measured binding energy" if result.moved is None else "binding energy, corrected"
    _write_around(axes, region, data, scale, "no seeded model" if seed is None else "seeded model, not fitted")


def _look_closer(axes: Axes, low: float, high: float) -> None:
    """Show a span of energies alone, as high as what is drawn there."""
    drawn = [line.get_xydata() for line in axes.get_lines()]
    there = [points[(points[:, 0] >= low) & (points[:, 0] <= high), 1] for points in map(np.asarray, drawn)]
    heights = np.concatenate([np.empty(0), *there])
    axes.set_xlim(high, low)
    if heights.size:
        bottom, top = float(heights.min()), float(heights.max())
        room = (top - bottom) or 1.0
        # As high as `_draw_region` leaves room for the legend.
        axes.set_ylim(bottom - 0.05 * room, top + 0.25 * room)


def _draw_left_out(axes: Axes, region: str, data: xr.Dataset) -> None:
    energy = data["binding_energy"].values
    axes.plot(energy, data["counts"].values, "-", color=INK, lw=0.8)
    axes.set_xlim(float(energy[-1]), float(energy[0]))
    _write_around(axes, region, data, "measured binding energy", "not checked: takes no part")


def _write_around(axes: Axes, region: str, data: xr.Dataset, scale: str, state: str) -> None:
    level = core_levels().get(str(data.attrs.get("region")))
    name = level.label if level is not None and region == level.name else region
    # A dollar sign would start matplotlib's mathematics.
    axes.set_title(shown(name).replace("$", r"\$"), fontsize=12, fontweight="bold", loc="left")
    axes.set_title(state, fontsize=8.5, loc="right", color=GREY)
    axes.set_xlabel(f"{scale} / eV", fontsize=9)
    axes.set_ylabel(f"intensity / {data.attrs.get('intensity', 'arbitrary')}".replace("$", r"\$"), fontsize=9)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 5))
    axes.yaxis.get_offset_text().set_fontsize(8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
