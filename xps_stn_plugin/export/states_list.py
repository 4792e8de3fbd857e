"""List of chemical states for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xps_prefit_hooks import PrefitError, shown

from ..chemistry.states import ChemicalState, states_of
from ..core.element_lines import level_lines, photo_lines
from ..core.regions import region_name


def show_states(element: str, states: Mapping[str, tuple[ChemicalState, ...]], console: Console) -> None:
    """Print the states of an element's levels, or of one level, by energy.

    Parameters
    ----------
    element : str
        ``Ti``, or a core level: ``Ti2p``, ``Ti 2p``.
    states : mapping of str to tuple of ChemicalState
        By core level.
    console : Console

    Raises
    ------
    PrefitError
        If there is no such element or level, or no state of it is known.
    """
    symbol = element.strip().capitalize()
    level = region_name(element)
    if symbol in photo_lines():
        levels = [name for name in states if name[:-2] == symbol]
    elif level is not None and level_lines(level):
        levels = [level]
    else:
        raise PrefitError("states", f"{shown(repr(element), 60)} is not an element or core level; give Ti or Ti2p.")
    rows = [state for name in levels for state in states_of(name, states)]
    if not rows:
        raise PrefitError("states", f"no chemical state of {shown(element, 60)} is known; add some with --states FILE.")
    table = Table("line", "state", "class", "oxidation", "eV", "spread / eV", "source", box=None, pad_edge=False)
    for state in rows:
        cells = (
            f"{state.element} {state.line}",
            state.name,
            state.kind,
            "" if state.oxidation is None else f"{state.oxidation:+d}",
            f"{state.energy:.2f}",
            f"{state.spread:.2f}",
            _source(state),
        )
        table.add_row(*(Text(shown(cell)) for cell in cells))
    console.print(table)
    console.print(Text("Energies of the maximum on the scale hydrocarbon C 1s = 284.8 eV.", "dim"))


def _source(state: ChemicalState) -> str:
    if state.given:
        return "given by you"
    return f"{state.values} value{'' if state.values == 1 else 's'}" if state.values else "handbook"
