"""Plain values that pass through the hooks.

Energies are in eV. A *shift* is the measured minus the true binding energy, on the scale on which saturated hydrocarbon
C 1s is 285.00 eV. Regions are named like ``C1s`` or ``Cl2p``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import xarray as xr

#: The scale's zero: binding energy of saturated hydrocarbon C 1s in eV (Beamson & Briggs 1992).
ALIPHATIC_C1S = 285.00

#: By how much the maximum of the aliphatic C 1s line lies above its first vibrational member in eV: members 0.39 to
#: 0.41 eV apart with Poisson weights of mean 0.4 (Beamson et al., J. Electron Spectrosc. 57 (1991) 79) at a member's
#: FWHM of 1.0 to 1.3 eV give 0.10 to 0.13 eV.
MAXIMUM_ABOVE_FIRST_MEMBER = 0.115

#: Standard error in eV that a shift which the user gives counts with; analysts read a reference line to about 0.1 eV.
GIVEN_SHIFT_STDERR = 0.1

Status = Literal["ok", "uncertain", "out_of_domain"]
Background = Literal["auto", "offset", "linear", "shirley", "tougaard-u2", "tougaard-u3"]
Ties = Literal["soft", "hard", "free"]
ReferenceAt = Literal["maximum", "first-member"]


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


@dataclass(frozen=True)
class UserState:
    """A chemical state that the user adds to the table, or that replaces the one of its name.

    Parameters
    ----------
    element, line, name : str
        ``Ti``, ``2p3/2`` (the line of highest j of a core level), ``TiO2``.
    energy : float
        Binding energy in eV on the scale hydrocarbon C 1s = 284.8 eV.
    spread : float
        Standard deviation of `energy` in eV.
    kind : str
        Class of compounds: ``element``, ``oxide``, ...
    oxidation : int or None
        Oxidation state of the element.
    """

    element: str
    line: str
    name: str
    energy: float
    spread: float
    kind: str
    oxidation: int | None = None


@dataclass(frozen=True)
class Settings:
    """Settings of a prefit, as the user gave them.

    The metadata of a field (``help``, ``metavar``) are those of its command line option.

    Parameters
    ----------
    reference : float
        Binding energy in eV that the reported scale gives to aliphatic C 1s. It moves the reported scale only.
    reference_at : {"maximum", "first-member"}
        Whether `reference` is the energy of the line's maximum or of its first vibrational member. `settings_of` takes
        a reference that is given for the maximum.
    photon_energy : float or None
        Photon energy in eV for files with a kinetic energy axis that do not tell it; overrides the file where given.
    background : str, or mapping of str to str
        Background in the seeded models: "auto", "offset", "linear", "shirley", "tougaard-u2" or "tougaard-u3"; or one
        by region, where regions that are not named take "auto".
    ties : {"soft", "hard", "free"}
        Areas of the lines of one group: within bounds about their stoichiometric ratio, at it, or independent.
    expect : tuple of str
        Substances that the sample is expected to hold: names or abbreviations (``PMMA``) or SMILES.
    present, absent : tuple of str
        Functional groups that are known to be there, or not to be there.
    sensitivity : str
        Name of the set of sensitivity factors for atomic percentages.
    transmission : float
        Exponent of the kinetic energy in the analyser's transmission function; 0 for intensities that are corrected
        for it or where it does not depend on the energy.
    sample : str or None
        Name of the sample that is meant, where a file holds several.
    shift : float or None
        Measured minus true binding energy in eV on the reported scale, where the user knows it; it counts with a
        standard error of 0.1 eV.
    calibrate_on : str or None
        What is put at its reference energy. "C-C" takes the shift from the aliphatic component of a fit of C 1s;
        "Au 4f7/2", "Ag 3d5/2", "Cu 2p3/2" and "Fermi edge" have the energies of ISO 15472; "Si 2p3/2=99.4" names any
        other line with its energy in eV.
    apply_anyway : bool
        Whether energies are moved by a shift that is out of domain, too; by default they stay as measured.
    states : tuple of UserState
        Chemical states of the user's own; `settings_of` reads them from TOML files.
    """

    reference: float = field(
        default=ALIPHATIC_C1S,
        metadata={
            "optional": True,
            "help": "Energy of the maximum of aliphatic C 1s in eV; if absent, its first member is at 285.00.",
        },
    )
    photon_energy: float | None = field(
        default=None, metadata={"help": "Photon energy in eV, for kinetic energy axes."}
    )
    background: Background | Mapping[str, Background] = field(
        default="auto",
        metadata={
            "metavar": "[REGION=]KIND",
            "help": f"{_or(get_args(Background))}, for all regions or for one; repeatable.",
        },
    )
    ties: Ties = field(
        default="soft",
        metadata={"help": "Areas of one group's lines: near their stoichiometric ratio, at it, or independent."},
    )
    expect: tuple[str, ...] = field(
        default=(),
        metadata={"metavar": "TEXT", "help": "Expected substance: PMMA, a name, or SMILES; repeatable."},
    )
    present: tuple[str, ...] = field(
        default=(), metadata={"metavar": "GROUP", "help": "Functional group known to be present; repeatable."}
    )
    absent: tuple[str, ...] = field(
        default=(), metadata={"metavar": "GROUP", "help": "Functional group known to be absent; repeatable."}
    )
    sensitivity: str = field(default="scofield", metadata={"help": "Sensitivity factors for atomic percent."})
    transmission: float = field(default=0.0, metadata={"help": "Exponent of the analyser's transmission."})
    reference_at: ReferenceAt = field(
        default="first-member",
        metadata={
            "optional": True,
            "help": "Point of the line that --reference refers to: maximum (the default) or first member.",
        },
    )
    sample: str | None = field(
        default=None, metadata={"metavar": "NAME", "help": "Sample of a file with several; all of them if absent."}
    )
    shift: float | None = field(
        default=None, metadata={"help": "Measured minus true binding energy in eV, where it is known."}
    )
    calibrate_on: str | None = field(
        default=None,
        metadata={
            "metavar": "LINE[=EV]",
            "help": "Line that gives the shift: C-C, Au 4f7/2, Ag 3d5/2, Cu 2p3/2, Fermi edge, or LINE=ENERGY.",
        },
    )
    apply_anyway: bool = field(default=False, metadata={"help": "Apply a shift that is out of domain, too."})
    states: tuple[UserState, ...] = field(
        default=(), metadata={"metavar": "FILE", "help": "TOML file with chemical states of your own; repeatable."}
    )

    @property
    def first_member(self) -> float:
        """Binding energy in eV of the first vibrational member of aliphatic C 1s on the reported scale.

        Tables of lines give it as 285.00 eV; what they list is moved by the difference.
        """
        return self.reference - (MAXIMUM_ABOVE_FIRST_MEMBER if self.reference_at == "maximum" else 0.0)

    def background_of(self, region: str) -> Background:
        """Background that was asked for in a region."""
        return self.background if isinstance(self.background, str) else self.background.get(region, "auto")


@dataclass(frozen=True)
class Reader:
    """A file format.

    Parameters
    ----------
    name, description : str
        Short name (``vamas``) and one line for lists.
    suffixes : tuple of str
        Usual file name endings, lower case with the dot.
    accepts : callable
        ``accepts(path, head)``: whether the file, whose first 4096 bytes are `head`, is of this format.
    read : callable
        ``read(path, settings)`` returns the spectrum, an `xarray.DataTree` with one child per region. Raises
        `PrefitError` for what it cannot read.
    """

    name: str
    description: str
    suffixes: tuple[str, ...]
    accepts: Callable[[Path, bytes], bool]
    read: Callable[[Path, Settings], xr.DataTree]


@dataclass(frozen=True)
class RegionShift:
    """Shift of one region beside the common shift of the sample.

    Parameters
    ----------
    value, stderr : float
        Shift of the region and its standard error in eV.
    disagreement : float
        `value` minus the common shift in eV: what the region is expected to be charged by more than C 1s, which
        carries the scale.
    """

    value: float
    stderr: float
    disagreement: float


@dataclass(frozen=True)
class ReferenceCheck:
    """Comparison of the line that a shift was taken from with an independent reading of the same shift.

    Parameters
    ----------
    line : str
        The line: ``C-C``, ``Au 4f7/2``, ``Fermi edge``.
    energy : float
        Binding energy in eV that the line was put at.
    measured, stderr : float
        Where it was fitted on the measured axis, and the standard error of that, in eV.
    against : {"C 1s", "network", ""}
        What the shift is compared with; empty where there is nothing.
    disagreement, disagreement_stderr : float
        By how much the other reads the shift higher, and the standard error of that, in eV; NaN where nothing does.
    """

    line: str
    energy: float
    measured: float
    stderr: float
    against: Literal["C 1s", "network", ""]
    disagreement: float
    disagreement_stderr: float


@dataclass(frozen=True)
class ModelInfo:
    """Identity of a trained network: name, version and SHA-256 of its weights."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Prediction:
    """Prediction for one spectrum: shift, groups and status.

    Parameters
    ----------
    shift, shift_stderr : float
        Measured minus true binding energy and its standard error in eV, on the 285.00 eV scale.
    groups : mapping of str to float
        Probability of each functional group, all of the vocabulary.
    status : {"ok", "uncertain", "out_of_domain"}
        Whether the shift can be trusted.
    reasons : tuple of str
        Plain sentences that explain a status other than "ok", or warn.
    region_shifts : mapping of str to RegionShift
        Per region.
    model : ModelInfo
        The network's identity.
    regions_read : tuple of str or None
        Names of the regions that the shift rests on, those without a line among them; None for those of
        `region_shifts`.
    reference_check : ReferenceCheck or None
        Where the shift was taken from a line that the user named: how that agrees with carbon or the network.
    materials : mapping of str to float
        Probability of each class of materials (oxide, carbonate, adventitious carbon, ...); empty from a predictor that
        does not tell.
    elements : mapping of str to float
        Probability that the regions show a line of each element, by its symbol; empty from a predictor that does not
        tell.
    """

    shift: float
    shift_stderr: float
    groups: Mapping[str, float]
    status: Status
    reasons: tuple[str, ...]
    region_shifts: Mapping[str, RegionShift]
    model: ModelInfo
    regions_read: tuple[str, ...] | None = None
    reference_check: ReferenceCheck | None = None
    materials: Mapping[str, float] = field(default_factory=dict)
    elements: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupEvidence:
    """A part of the spectrum that speaks for or against a functional group.

    Parameters
    ----------
    region : str
        Name of the region in the spectrum.
    low, high : float
        The part in eV, on the calibrated axis.
    weight : float
        By how much the log odds of the group (natural logarithm) fall without this part; positive speaks for the group,
        negative against it.
    """

    region: str
    low: float
    high: float
    weight: float


@dataclass(frozen=True)
class Exporter:
    """Exporter of results to one format.

    Parameters
    ----------
    name, description, suffix : str
        Short name (``json``), one line for lists, usual file name ending with the dot.
    write : callable
        ``write(result, path)`` writes the file whole or not at all. Raises `PrefitError`.
    """

    name: str
    description: str
    suffix: str
    write: Callable[[Any, Path], None]
