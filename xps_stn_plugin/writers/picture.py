"""Picture of the spectra of a file: a panel for each region."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from xps_prefit_hooks import PrefitError, shown

from .._util.files import Overwrite, write_whole
from .._util.marks import MARK
from .regions import Region, each_spectrum, regions_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from matplotlib.axes import Axes

#: Most regions in a picture, and most spectra of a stack in a panel.
MOST_REGIONS: Final = 48
MOST_SPECTRA: Final = 60
_INK, _MEAN = "#222222", "#D55E00"
_SUFFIXES: Final = ("png", "pdf", "svg")
_METADATA: Final = {"pdf": {"Keywords": MARK}, "svg": {"Description": MARK}}


def figure(spectrum: xr.DataTree) -> Figure:
    """Draw all regions, binding energies decreasing to the right; of a stack its spectra, and their mean.

    Returns
    -------
    matplotlib.figure.Figure
        A figure of its own, outside pyplot.
    """
    regions = regions_of(spectrum)
    drawn = regions[:MOST_REGIONS]
    columns = min(len(drawn), 4 if len(drawn) > 9 else 3 if len(drawn) > 4 else 2)
    rows = math.ceil(len(drawn) / columns)
    drawing = Figure(figsize=(3.6 * columns, 2.7 * rows + 0.5), layout=ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.05))
    panels = drawing.subplots(rows, columns, squeeze=False).ravel()
    several = len({region.sample for region in regions}) > 1
    for region, axes in zip(drawn, panels, strict=False):
        _draw(axes, region, f"{region.sample}: {region.name}" if several and region.sample else region.name)
    for axes in panels[len(drawn) :]:
        axes.set_visible(False)
    name = Path(str(spectrum.attrs.get("source", ""))).name
    more = f"  ({len(drawn)} of {len(regions)} regions)" if len(drawn) < len(regions) else ""
    drawing.suptitle(_plain(f"{name}{more}"), fontsize=11, fontweight="bold", color=_INK)
    return drawing


def write(spectrum: xr.DataTree, path: Path, *, overwrite: Overwrite = False, inputs: Iterable[Path] = ()) -> None:
    """Write the picture as the suffix says (PNG with 150 dots per inch, PDF, SVG).

    Raises
    ------
    PrefitError
        If it is another suffix, or the file cannot be written or must not be replaced.
    """
    kind = path.suffix[1:].lower()
    if kind not in _SUFFIXES:
        raise PrefitError(str(path), f"a picture has the suffix .png, .pdf or .svg, not {path.suffix!r}.")
    drawing = figure(spectrum)
    metadata = _METADATA.get(kind)
    write_whole(
        path,
        lambda temporary: drawing.savefig(temporary, format=kind, dpi=150, metadata=metadata),
        overwrite=overwrite,
        inputs=inputs,
    )


def _draw(axes: Axes, region: Region, title: str) -> None:
    energy = region.energy
    spectra = [quantities["counts"] for _, quantities in each_spectrum(region)]
    if len(spectra) == 1:
        axes.plot(energy, spectra[0], color=_INK, lw=0.8)
    elif spectra:
        step = math.ceil(len(spectra) / MOST_SPECTRA)
        for counts in spectra[::step]:
            axes.plot(energy, counts, color=_INK, lw=0.5, alpha=0.35)
        axes.plot(energy, np.mean(spectra, axis=0), color=_MEAN, lw=1.2, label=f"mean of {len(spectra)}")
        axes.legend(fontsize=7, frameon=False)
    axes.set_xlim(energy[-1], energy[0])
    axes.set_title(_plain(title), fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    axes.ticklabel_format(axis="y", scilimits=(-3, 5))
    axes.yaxis.get_offset_text().set_fontsize(7)
    axes.set_xlabel("binding energy / eV", fontsize=7)
    kind = str(region.attrs.get("intensity") or "intensity")
    axes.set_ylabel("intensity" if kind == "arbitrary" else kind, fontsize=7)


def _plain(text: str) -> str:
    """Text in which no dollar sign begins a formula."""
    return shown(text, 120).replace("$", r"\$")
