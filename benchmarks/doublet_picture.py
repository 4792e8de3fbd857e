"""Cells of the doublet design as a grid of squares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.doublet_design import COUNTS, RATIOS, SEPARATIONS
from xps_stn_plugin._util.files import write_whole


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw share of doublets called doublets, and root mean square error of the centres, each with its limit below.

    Parameters
    ----------
    results : dict
        What `benchmarks.doublets.summary` makes.
    path : Path
        Picture file, written whole; its ending says the format.
    """
    from matplotlib.figure import Figure

    runs = [run for run in results if any(cell["separation"] for cell in results[run]["cells"])]
    figure = Figure(figsize=(11, 7.6 * len(runs)), layout="constrained")
    axes = figure.subplots(2 * len(runs), len(COUNTS), squeeze=False)
    for r, run in enumerate(runs):
        cells = {(c["counts"], c["separation"], c["ratio"]): c for c in results[run]["cells"]}
        center = "center" if run == "blind" else "center_told"
        for k, counts in enumerate(COUNTS):
            called, error = np.full((2, len(SEPARATIONS), len(RATIOS)), np.nan)
            for i, separation in enumerate(SEPARATIONS):
                for j, ratio in enumerate(RATIOS):
                    cell = cells[counts, separation, ratio]
                    method_figures, limit = cell["ours"], cell["limits"]
                    called[i, j] = 1 - method_figures["called singlets"] - method_figures["over-split"]
                    error_text = "none"
                    if method_figures["energy random"] is not None:
                        error[i, j] = np.hypot(method_figures["energy bias"], method_figures["energy random"])
                        error_text = f"{error[i, j]:.3f}"
                    split_text = f" +{method_figures['over-split']:.0%}" if method_figures["over-split"] else ""
                    for row, text in (
                        (0, f"{called[i, j]:.0%}{split_text}\n({limit['power']:.0%})"),
                        (1, f"{error_text}\n({limit[center]:.3f})"),
                    ):
                        axes[2 * r + row, k].text(j, i, text, ha="center", va="center", fontsize=8)
            axes[2 * r, k].imshow(called, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto", alpha=0.7)
            axes[2 * r + 1, k].imshow(
                np.log10(np.maximum(error, 1e-4)), vmin=-2.6, vmax=-0.4, cmap="RdYlGn_r", aspect="auto", alpha=0.7
            )
            axes[2 * r, k].set_title(
                f"{run}, {counts} counts: called doublets\n+ over-split (a test can tell)", fontsize=9
            )
            axes[2 * r + 1, k].set_title("error of the centres, eV\n(Cramer-Rao bound)", fontsize=9)
    for axis in axes.flat:
        axis.set_xticks(range(len(RATIOS)), [f"1:{ratio}" for ratio in RATIOS])
        axis.set_xlabel("ratio of the areas", fontsize=8)
        axis.set_yticks(range(len(SEPARATIONS)), [f"{separation} eV" for separation in SEPARATIONS])
    write_whole(
        path,
        lambda temporary: figure.savefig(temporary, dpi=110, format=path.suffix.lstrip(".") or "png"),
        overwrite=True,
    )
