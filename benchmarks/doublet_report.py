"""Tables of the doublet benchmark for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_HEADINGS = "singlets  over-split  BE bias random  sep bias  share bias random  FWHM bias random  singlets split"


def report(results: dict[str, Any], methods: Sequence[str]) -> str:
    """Tables for the terminal: cells of each run, then the whole design.

    Parameters
    ----------
    results : dict
        What `benchmarks.doublets.summary` makes.
    methods : list of str
        Which methods are in it.
    """
    lines: list[str] = []
    for run, part in results.items():
        whole_design, by_counts = part["whole design"], part["by counts"]
        if not whole_design["ours"]["doublets"]:
            lines.append(f"\n{run}: singlets called doublets (by counts at the maximum)")
            for method in methods:
                values_text = ", ".join(
                    f"{n}: {_percent(v[method]['singlets split']).strip()}" for n, v in by_counts.items()
                )
                lines.append(f"  {method:20} {_percent(whole_design[method]['singlets split'])} ({values_text})")
            continue
        lines += _cells(run, part["cells"])
        lines.append(f"{run + ', whole design':22} {_HEADINGS}")
        lines += [f"  {method:20} {_total(whole_design[method])}" for method in methods]
        for method in ("ours", "ideal"):
            lines += [f"  {f'{method}, {n} counts':20} {_total(values[method])}" for n, values in by_counts.items()]
        limit, suffix = whole_design["limits"], _suffix(run)
        lines.append(
            f"  limit: told apart by likelihood ratio {limit['power']:.1%}, by any at most {limit['ceiling']:.1%}; "
            f"Cramer-Rao, weighted with that: {limit[f'center{suffix}, if told apart']:.3f} eV, "
            f"share {limit[f'share{suffix}, if told apart']:.3f}"
        )
        if part["thresholds"]:
            values_text = ", ".join(
                f"{t['fall of chi-square']:g}: {_percent(t['doublets called singlets']).strip()} and "
                f"{_percent(t['singlets called doublets']).strip()}"
                for t in part["thresholds"]
            )
            lines.append(f"  ideal, doublets missed and singlets split if chi-square must fall by {values_text}")
    lines += [
        "",
        "experts: BE bias -0.055..+0.34, random 0.012..0.13 eV; share bias -0.33..+0.17, random 0.016..0.18; "
        "up to 50 % called singlets",
        "targets: BE |bias| <= 0.03, random <= 0.05 eV; share |bias| <= 0.05, random <= 0.08; "
        "<= 15 % called singlets; <= 5 % of singlets split",
    ]
    return "\n".join(lines)


def _cells(run: str, cells: Sequence[dict[str, Any]]) -> list[str]:
    cell_of = {(cell["separation"], cell["ratio"], cell["counts"]): cell for cell in cells if cell["separation"]}
    counts = sorted({key[2] for key in cell_of})
    lines = [
        f"\n{run}: % called singlets/over-split, BE bias and random (Cramer-Rao) in eV, % that a test can tell apart",
        "eV   areas " + "".join(f"| {n:<6d} counts at the maximum        " for n in counts),
    ]
    for separation, ratio in sorted({key[:2] for key in cell_of}):
        row = "".join(f"| {_cell(cell_of[separation, ratio, n], run)} " for n in counts)
        lines.append(f"{separation:.1f}  1:{ratio}   {row}")
    return lines


def _cell(cell: dict[str, Any], run: str) -> str:
    method_figures, limit = cell["ours"], cell["limits"]
    bound = min(limit["center" + _suffix(run)], 9.99)
    called = f"{100 * method_figures['called singlets']:3.0f}/{100 * method_figures['over-split']:<3.0f}"
    return (
        f"{called} {_signed(method_figures['energy bias'])} "
        f"{_plain(method_figures['energy random'])} ({bound:.3f}) {100 * limit['power']:3.0f}"
    )


def _suffix(run: str) -> str:
    return "" if run == "blind" else "_told"


def _total(values: dict[str, Any]) -> str:
    return (
        f"{_percent(values['called singlets'])}    {_percent(values['over-split'])}      "
        f"{_signed(values['energy bias'])} {_plain(values['energy random'])}  {_signed(values['separation bias'])}    "
        f"{_signed(values['share bias'])} {_plain(values['share random'])}      "
        f"{_signed(values['fwhm bias'])} {_plain(values['fwhm random'])}    {_percent(values['singlets split'])}"
    )


def _percent(value: float | None) -> str:
    return "     -" if value is None else f"{100 * value:5.1f}%"


def _signed(value: float | None) -> str:
    return "   -  " if value is None else f"{value:+.3f}"


def _plain(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"
