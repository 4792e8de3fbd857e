"""How probable chemical states are before a look at their region: from what samples usually show."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from xps_stn_plugin.chemistry.states import ChemicalState
from xps_stn_plugin.core.element_lines import photo_lines

#: How often a class of compounds is what a sample shows, over how often an element or an oxide is. Adventitious carbon,
#: which is on nearly all samples, has no values in the table: as one of forty.
_USUAL: Final = {
    "element": 1.0, "oxide": 1.0, "hydroxide": 0.3, "oxyhydroxide": 0.2, "mixed oxide": 0.05, "sulfide": 0.2,
    "nitride": 0.2, "carbide": 0.2, "carbonate": 0.05, "sulfate": 0.05, "phosphate": 0.05, "silicate": 0.05,
    "alloy": 0.02, "adventitious carbon": 40.0,
}  # fmt: skip
_UNUSUAL: Final = 0.003
#: The same for a state that the user gives for this sample: as one of forty values of the table.
_GIVEN: Final = 40.0
#: Classes of the element's that are metals or as good as, so that their lines have a tail.
METALLIC: Final = frozenset({"element", "alloy", "silicide", "boride", "carbide", "nitride"})
#: A region of this element in the spectrum makes the class of compounds so many times as probable.
_PARTNERS: Final = {
    "fluoride": "F", "chloride": "Cl", "bromide": "Br", "iodide": "I", "sulfide": "S", "sulfate": "S", "nitride": "N",
    "phosphate": "P", "phosphide": "P", "silicate": "Si", "silicide": "Si", "selenide": "Se", "telluride": "Te",
    "arsenide": "As", "boride": "B", "borate": "B", "nitrate": "N", "perchlorate": "Cl", "chlorate": "Cl",
}  # fmt: skip
_WITH_PARTNER: Final = 10.0
#: If more elements than so many were measured and this one was not, it is so many times as probable; if fewer were.
_FEW_ELEMENTS, _WITHOUT_PARTNER, _PARTNER_UNKNOWN = 2, 0.02, 0.2
#: Elements that are seldom seen bare, because they react with residual gas, and how often: without oxygen among the
#: regions, and with it.
_BARE, _BARE_WITH_OXYGEN = 0.05, 0.003
#: An alloy of which no other metal was measured is so many times as probable.
_ALLOYED_WITH_NOTHING: Final = 0.02
_REACTIVE: Final = frozenset({
    "Li", "Mg", "Na", "K", "Rb", "Cs", "Ca", "Sr", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy",
    "Ho", "Er", "Tm", "Yb", "Lu", "F", "Cl", "Br", "I",
})  # fmt: skip
#: Classes of carbon's and oxygen's compounds with metals other than the alkali and alkaline earth ones.
_OF_METALS: Final = frozenset({"carbide", "oxide", "mixed oxide", "hydroxide", "oxyhydroxide"})
#: Carbon of graphite, nearly all samples having adventitious carbon.
_GRAPHITE: Final = 0.3
#: Elements whose oxides and bare surfaces air turns into carbonates and hydroxides, and how often they are seen yet.
_BASIC: Final = frozenset({"Li", "Na", "K", "Rb", "Cs", "Ca", "Sr", "Ba"})
_BASIC_OXIDE, _BASIC_CARBONATE = 0.05, 0.3
#: How often samples with another metal show an oxide of both. Without oxygen there are oxides of any kind seldom.
_WITH_OTHER_METAL: Final = 0.5
_OXIDES: Final = frozenset({"oxide", "mixed oxide", "hydroxide", "oxyhydroxide"})
_WITHOUT_OXYGEN: Final = 0.1
_WITH_OXYGEN: Final = _OXIDES | {"carbonate", "sulfate", "phosphate", "silicate", "nitrate", "borate"}


def elements_of(regions: Collection[str]) -> frozenset[str]:
    """Elements that regions are of, from the names of their core levels."""
    matches = (re.match(r"[A-Z][a-z]?", name) for name in regions)
    return frozenset(match[0] for match in matches if match and match[0] in photo_lines())


def usual_share(state: ChemicalState, elements: Collection[str], absent: Collection[str] = ()) -> float:
    """How often samples show a state, over how often they show an oxide; more often if its other elements are there.

    Parameters
    ----------
    state : ChemicalState
    elements : collection of str
        Elements that regions show.
    absent : collection of str
        Elements that were measured and are not there.
    """
    if state.given:
        return _GIVEN
    usual = _USUAL.get(state.kind, _UNUSUAL)
    metals = any(_is_metal(other) for other in set(elements) - {state.element})
    if state.kind == "element" and state.element in _REACTIVE:
        return _BARE_WITH_OXYGEN if "O" in elements else _BARE
    if state.kind == "element" and state.element == "C":
        return _GRAPHITE
    if state.element in ("C", "O"):
        # All samples have them: a compound is named only where its other elements were measured.
        named = set(re.findall(r"[A-Z][a-z]?", state.name)) - {"C", "O", "H"}
        bound = any(_is_metal(other) for other in set(elements) - _BASIC)
        lacks = bool(named - set(elements)) or (state.kind in _OF_METALS and not bound)
        usual *= _WITHOUT_PARTNER if lacks else 1.0
        if state.kind == "mixed oxide":
            # Its oxygen lies where that of oxides does.
            return usual * _WITHOUT_PARTNER
    if state.kind == "alloy" and not metals:
        return usual * _ALLOYED_WITH_NOTHING
    if state.element in _BASIC:
        usual = {"oxide": _BASIC_OXIDE, "carbonate": _BASIC_CARBONATE}.get(state.kind, usual)
    if state.kind == "mixed oxide" and metals:
        usual = _WITH_OTHER_METAL
    if state.kind in _WITH_OXYGEN and "O" in absent:
        usual *= _WITHOUT_PARTNER
    elif state.kind in _OXIDES and len(elements) > _FEW_ELEMENTS and "O" not in elements:
        usual *= _WITHOUT_OXYGEN
    others = set(re.findall(r"[A-Z][a-z]?", state.name)) - {state.element, "O", "H"}
    partner = _PARTNERS.get(state.kind)
    if partner == state.element:
        # Of an anion's compounds the class is named, unless the metal is there.
        return usual * _WITHOUT_PARTNER if others - set(elements) else usual
    if partner in elements:
        return usual * _WITH_PARTNER
    if partner:
        return usual * (_WITHOUT_PARTNER if len(elements) > _FEW_ELEMENTS else _PARTNER_UNKNOWN)
    return usual


def _is_metal(element: str) -> bool:
    return any(line.metallic for line in photo_lines()[element])
