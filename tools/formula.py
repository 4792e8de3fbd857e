"""Classes of inorganic compounds from their formulas: oxide, sulfate, fluoride ..., and oxidation states."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xps_stn_plugin.core.element_lines import photo_lines

#: Anions of several atoms in the order in which they are looked for: pattern, class of the compound.
_GROUPS = (
    (r"S2O3", "thiosulfate"), (r"SO4", "sulfate"), (r"SO3", "sulfite"),
    (r"PO4|HPO4", "phosphate"), (r"P2O7|PO3|P3O10|P3O9|P4O12", "polyphosphate"),
    (r"NO3", "nitrate"), (r"NO2", "nitrite"),
    (r"CO3", "carbonate"), (r"ClO4", "perchlorate"), (r"ClO3", "chlorate"), (r"IO3", "iodate"), (r"IO4", "periodate"),
    (r"PF6|BF4|SiF6|AsF6|SbF6|TiF6|ZrF6|AlF6", "complex fluoride"), (r"CNS|SCN", "thiocyanate"), (r"CN", "cyanide"),
    (r"N3$|N3\)", "azide"),
)  # fmt: skip
#: Elements that form the anion, the most electronegative first, and the class of their binary compounds.
_ANIONS = {
    "F": "fluoride", "O": "oxide", "Cl": "chloride", "N": "nitride", "Br": "bromide", "I": "iodide", "S": "sulfide",
    "Se": "selenide", "C": "carbide", "Te": "telluride", "As": "arsenide", "P": "phosphide", "Sb": "antimonide",
    "B": "boride", "Si": "silicide",
}  # fmt: skip
#: Of these one compound has one only; with two it is an oxysulfide, an oxychloride ..., which have no class here.
_HARD = frozenset({"F", "O", "Cl", "N", "Br", "I", "S", "Se"})
#: Compounds of these alone are molecules.
_MOLECULES = frozenset({"H", "C", "N", "O", "F", "S", "Cl", "Br", "I"})
#: Metal, oxygen and one of these: salts of oxoacids.
_OXOACIDS = {"Si": "silicate", "P": "phosphate", "B": "borate", "As": "arsenate"}
_CHARGE = {"F": -1, "O": -2, "Cl": -1, "Br": -1, "I": -1, "S": -2, "Se": -2, "Te": -2, "N": -3, "H": 1}
_CATIONS = {
    1: "Li Na K Rb Cs", 2: "Be Mg Ca Sr Ba Zn Cd", 4: "Si Zr Hf Ge Ti",
    3: "Al Ga Sc Y La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu", 5: "Nb Ta P",
}  # fmt: skip
#: Metals whose compounds MS2 hold S2 ions.
_DISULFIDES = frozenset({"Mn", "Fe", "Co", "Ni", "Cu", "Ru"})
_FIXED = {symbol: charge for charge, symbols in _CATIONS.items() for symbol in symbols.split()}
#: Oxidation states of elements that have one only in compounds with nonmetals.
ALWAYS = {
    symbol: charge
    for symbol, charge in _FIXED.items()
    if charge < 4 and symbol not in {"Ce", "Pr", "Sm", "Eu", "Tb", "Yb"}
}
_SALTS = {
    "sulfate": ("S", 6), "sulfite": ("S", 4), "phosphate": ("P", 5), "nitrate": ("N", 5), "nitrite": ("N", 3),
    "carbonate": ("C", 4), "perchlorate": ("Cl", 7), "chlorate": ("Cl", 5), "silicate": ("Si", 4), "borate": ("B", 3),
}  # fmt: skip
_ONE_METAL = {"hydroxide", "oxyhydroxide", *_OXOACIDS.values(), *(name for _, name in _GROUPS)}
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*(?:\.\d+)?)|\(|\)(\d*(?:\.\d+)?)")
_PLAIN = re.compile(r"[A-Za-z0-9.()]+")


@dataclass(frozen=True)
class Compound:
    """Composition and class of a compound."""

    formula: str
    atoms: Mapping[str, float]
    kind: str

    @property
    def is_simple(self) -> bool:
        """Whether whole numbers of atoms of two elements (of one metal in salts and hydroxides) make it up."""
        whole = all(count == round(count) for count in self.atoms.values())
        metals = [symbol for symbol in self.atoms if symbol not in _ANIONS and symbol != "H"]
        return whole and (len(self.atoms) <= 2 or (len(metals) == 1 and self.kind in _ONE_METAL))

    def is_centre(self, element: str) -> bool:
        """Whether the element is in the middle of the anion of a salt, as sulfur is in a sulfate."""
        return _SALTS.get(self.kind, ("",))[0] == element

    def is_anion(self, element: str) -> bool:
        """Whether the element is (part of) the anion: oxygen, or the most electronegative element."""
        first = next((symbol for symbol in _ANIONS if symbol in self.atoms), None)
        return self.kind not in {"element", "alloy"} and (element == "O" or element == first)

    def oxidation(self, element: str) -> int | None:
        """Oxidation state of an element, from the usual charges of the others; None where they do not tell."""
        if self.kind == "element":
            return 0
        centre, charge = _SALTS.get(self.kind, ("", 0))
        if element == centre:
            return charge
        if self.is_anion(element) or self.kind == "alloy":
            return None
        if element in ALWAYS:
            return ALWAYS[element]
        total = 0.0
        for symbol, count in self.atoms.items():
            if symbol == element:
                continue
            value = charge if symbol == centre else _FIXED.get(symbol)
            if symbol in _CHARGE and (self.is_anion(symbol) or symbol == "H"):
                value = _CHARGE[symbol]
            if value is None:
                return None
            total += value * count
        state = -total / self.atoms[element]
        if "S" in self.atoms and element in _DISULFIDES and state >= 4:
            return None
        return round(state) if abs(state - round(state)) < 0.02 and 0 < state <= 8 else None


def compound(text: str) -> Compound | None:
    """Compound of a formula; None for surfaces, mixtures, organic and complex compounds and without a class."""
    formula = re.sub(r"\.\d*\.?\d*H2O$", "", text.strip())
    if not _PLAIN.fullmatch(formula) or (atoms := _atoms(formula)) is None:
        return None
    kind = _kind(formula, atoms)
    return Compound(formula, atoms, kind) if kind else None


def _kind(formula: str, atoms: Mapping[str, float]) -> str | None:
    if len(atoms) == 1:
        return "element"
    if "C" in atoms and "H" in atoms:
        return None
    if atoms.keys() <= _MOLECULES:
        return None
    groups = [(name, match[0]) for pattern, name in _GROUPS if (match := re.search(pattern, formula))]
    hydroxide = re.search(r"OH", formula) is not None
    if groups:
        others = (_HARD | _OXOACIDS.keys()) & (atoms.keys() - set(re.findall(r"[A-Z][a-z]?", groups[0][1])))
        others -= {"N"} if "NH4" in formula else set()
        return groups[0][0] if len(groups) == 1 and not hydroxide and not others else None
    metals = [symbol for symbol in atoms if symbol not in _ANIONS and symbol != "H"]
    if hydroxide:
        if len(metals) != 1 or set(atoms) != {metals[0], "O", "H"}:
            return None
        return "hydroxide" if atoms["O"] == atoms["H"] else "oxyhydroxide"
    if "H" in atoms:
        return None
    nonmetals = [symbol for symbol in _ANIONS if symbol in atoms]
    if not nonmetals:
        return "alloy"
    if len(_HARD & set(nonmetals)) > 1:
        return None
    anion = nonmetals[0]
    if anion == "O" and metals:
        acids = [symbol for symbol in _OXOACIDS if symbol in atoms]
        if acids:
            return _OXOACIDS[acids[0]] if len(acids) == 1 else None
        return "oxide" if len(atoms) == 2 else "mixed oxide"
    return _ANIONS[anion]


def _atoms(formula: str) -> dict[str, float] | None:
    """Atoms of each element; None for text that is not a formula."""
    stack: list[Counter[str]] = [Counter()]
    position = 0
    for match in _TOKEN.finditer(formula):
        if match.start() != position:
            return None
        position = match.end()
        if match[0] == "(":
            stack.append(Counter())
        elif match[0].startswith(")"):
            if len(stack) == 1:
                return None
            group = stack.pop()
            for symbol, count in group.items():
                stack[-1][symbol] += count * float(match[3] or 1)  # type: ignore[assignment]
        else:
            try:
                stack[-1][match[1]] += float(match[2] or 1)  # type: ignore[assignment]
            except ValueError:
                return None
    if position != len(formula) or len(stack) != 1 or not stack[0] or not all(stack[0].values()):
        return None
    if stack[0].keys() - photo_lines().keys() - {"H", "He"}:
        return None
    return dict(stack[0])
