"""Shift against level, level by level and shared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.series_design import Profile
from xps_stn_plugin._util.files import write_whole
from xps_stn_plugin.stacks.shared_shift import SeriesShift
from xps_stn_plugin.stn.stack_prediction import StackPrediction

#: Part of the axis in eV about the true shifts; readings further away are drawn as arrows at the edge.
REACH = 1.3


def draw(rows: Sequence[tuple[Profile, StackPrediction, SeriesShift]], path: Path) -> None:
    """Draw one panel for each profile; bars are standard errors.

    Parameters
    ----------
    rows : sequence of tuple
        A profile, what each level says by itself, and what the series says.
    path : Path
        Picture file, written whole; its ending says the format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for axis, (profile, alone, shared) in zip(axes.flat, rows, strict=True):
        level = np.arange(len(profile.shift))
        low, high = profile.shift.min() - REACH, profile.shift.max() + REACH
        inside = (alone.shift > low) & (alone.shift < high)
        bars = {"fmt": "o", "capsize": 2, "lw": 1}
        axis.errorbar(level[inside] - 0.12, alone.shift[inside], alone.shift_stderr[inside],
                      color="tab:orange", ms=4, label="each level by itself", **bars)  # fmt: skip
        for beyond, mark, edge in ((alone.shift >= high, "^", high), (alone.shift <= low, "v", low)):
            axis.plot(
                level[beyond] - 0.12,
                np.full(beyond.sum(), edge - np.sign(edge - profile.shift.mean()) * 0.06),
                mark,
                color="tab:orange",
                ms=6,
            )
        own = ~shared.carried
        axis.errorbar(level[own] + 0.12, shared.shift[own], shared.stderr[own], color="tab:blue", ms=4,
                      label="shared", **bars)  # fmt: skip
        axis.errorbar(level[~own] + 0.12, shared.shift[~own], shared.stderr[~own], color="tab:blue", mfc="white", ms=4,
                      label="shared, carried over", **bars)  # fmt: skip
        axis.step(level, profile.shift, where="mid", color="black", lw=1.2, label="true", zorder=5)
        axis.set_ylim(low, high)
        axis.set_title(f"{profile.charging}: {profile.polymer} on an oxide, {profile.height:.0f} counts", fontsize=10)
        axis.set_ylabel("shift / eV")
        twin = axis.twinx()
        twin.fill_between(level, profile.polymer_left, color="0.5", alpha=0.13, lw=0)
        twin.set(ylim=(0, 1), yticks=[])
    for axis in axes[1]:
        axis.set_xlabel("level (grey: polymer left)")
        axis.set_xticks(range(0, 20, 2))
    axes[0, 0].legend(fontsize=8, loc="lower left")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, partial(figure.savefig, dpi=110, format=path.suffix[1:]), overwrite=True)
