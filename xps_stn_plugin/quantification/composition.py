"""Atomic percent of elements and components from fitted areas."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import PrefitError, Seed

from .areas import FloatArray
from .comparison import Comparison, Shares, comparisons
from .sensitivity import SensitivitySet, sensitivity_set
from .signals import Correction, Signal, given_by_file, signals

if TYPE_CHECKING:
    from lmfit.model import ModelResult

    from xps_stn_plugin.core.result import PrefitData

#: Exponents beyond this are slips: transmissions are known from -1 to 1, escape depths from 0.5 to 0.8.
_STEEPEST: Final = 3.0


@dataclass(frozen=True)
class ElementShare:
    """Share of one element.

    Parameters
    ----------
    symbol, region : str
        Element, and the region that counts it.
    atomic_percent : float
        Of all atoms that the fitted regions show.
    stderr : float or None
        Standard error from the fits.
    """

    symbol: str
    region: str
    atomic_percent: float
    stderr: float | None


@dataclass(frozen=True)
class ComponentShare:
    """Share of one component.

    Parameters
    ----------
    region, name : str
        Region and component (``C1s O-C=O``).
    groups : tuple of str
        Functional groups that bring it.
    assigned : bool
        Whether a group or another element brings it; others count for their element all the same.
    atomic_percent : float
        Of all atoms.
    stderr : float or None
        Its standard error; None where the fit has none or held the area, at a bound for instance.
    percent_of_region : float
        Of the atoms of its region.
    percent_of_region_stderr : float or None
        Its standard error.
    """

    region: str
    name: str
    groups: tuple[str, ...]
    assigned: bool
    atomic_percent: float
    stderr: float | None
    percent_of_region: float
    percent_of_region_stderr: float | None


@dataclass(frozen=True)
class Quantification:
    """What a sample consists of, by its fitted core levels.

    Parameters
    ----------
    elements : tuple of ElementShare
        In descending percentage.
    components : tuple of ComponentShare
        By element, ascending in binding energy.
    comparisons : tuple of Comparison
        Groups that two regions show.
    notes : tuple of str
        Sentences about what was assumed, left out, and should be doubted.
    sensitivity : SensitivitySet
        The factors.
    transmission, escape_depth : float
        Exponents of the kinetic energy that intensities were corrected with.
    """

    elements: tuple[ElementShare, ...]
    components: tuple[ComponentShare, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    sensitivity: SensitivitySet
    transmission: float = 0.0
    escape_depth: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Everything as finite numbers, texts, lists and None; its shape stands in the package's docstring."""
        return {
            "sensitivity": {"name": self.sensitivity.name, "citation": self.sensitivity.citation},
            "transmission": self.transmission,
            "escape_depth": self.escape_depth,
            "elements": [_plain(asdict(element)) for element in self.elements],
            "components": [_plain(asdict(component)) for component in self.components],
            "comparisons": [_plain(asdict(comparison)) for comparison in self.comparisons],
            "notes": list(self.notes),
        }

    def to_dataset(self) -> xr.Dataset:
        """Tables over ``element`` and ``component``; percentages and standard errors, NaN where there is none."""

        def column(rows: tuple[Any, ...], name: str) -> list[float]:
            return [math.nan if getattr(row, name) is None else getattr(row, name) for row in rows]

        percent = {"units": "at%"}
        return xr.Dataset(
            {
                "atomic_percent": ("element", column(self.elements, "atomic_percent"), percent),
                "atomic_percent_stderr": ("element", column(self.elements, "stderr"), percent),
                "component_atomic_percent": ("component", column(self.components, "atomic_percent"), percent),
                "component_atomic_percent_stderr": ("component", column(self.components, "stderr"), percent),
                "percent_of_region": ("component", column(self.components, "percent_of_region"), {"units": "%"}),
                "percent_of_region_stderr": (
                    "component",
                    column(self.components, "percent_of_region_stderr"),
                    {"units": "%"},
                ),
            },
            coords={
                "element": [element.symbol for element in self.elements],
                "component": [component.name for component in self.components],
                "region": ("component", [component.region for component in self.components]),
                "groups": ("component", ["; ".join(component.groups) for component in self.components]),
            },
            attrs={
                "sensitivity": self.sensitivity.name,
                "sensitivity_citation": self.sensitivity.citation,
                "transmission": self.transmission,
                "escape_depth": self.escape_depth,
                "notes": " ".join(self.notes),
            },
        )


def quantify(
    result: PrefitData,
    *,
    sensitivity: str | None = None,
    transmission: float | None = None,
    escape_depth: float = 0.0,
) -> Quantification:
    """Atomic percentages of a fitted result.

    Parameters
    ----------
    result : PrefitData
        With fits (`PrefitData.fitted`).
    sensitivity : str, optional
        Name of a set of sensitivity factors; that of the result's settings by default.
    transmission : float, optional
        Exponent of the kinetic energy in the analyser's transmission; that of the settings by default.
    escape_depth : float
        Exponent of the kinetic energy in the inelastic mean free path, such as `ESCAPE_DEPTH_EXPONENT`; 0 leaves it
        out.

    Raises
    ------
    PrefitError
        If there is no such set of factors, an exponent is none, or the result has no fits.
    """
    if not result.fits:
        raise PrefitError(result.source, "has no fits to take atomic percentages from; call fitted() first.")
    settings = result.settings
    return quantify_fits(
        result.axis,
        result.seeds,
        result.fits,
        sensitivity=settings.sensitivity if sensitivity is None else sensitivity,
        transmission=settings.transmission if transmission is None else transmission,
        escape_depth=escape_depth,
        photon_energy=settings.photon_energy,
    )


def quantify_fits(
    spectrum: xr.DataTree,
    seeds: Mapping[str, Seed],
    fits: Mapping[str, ModelResult],
    *,
    sensitivity: str = "scofield",
    transmission: float = 0.0,
    escape_depth: float = 0.0,
    photon_energy: float | None = None,
) -> Quantification:
    """Atomic percentages of fits of one's own; parameters as in `quantify`.

    Parameters
    ----------
    spectrum : xarray.DataTree
        The regions that were fitted, on the axis of the fits.
    seeds : mapping of str to Seed
        The models by region.
    fits : mapping of str to lmfit.model.ModelResult
        Their fits.
    sensitivity, transmission, escape_depth
        As in `quantify`.
    photon_energy : float, optional
        In eV; None takes what the regions say, else Al K-alpha.

    Raises
    ------
    PrefitError
        If there is no such set of factors, or an exponent is none.
    """
    factors = sensitivity_set(sensitivity)
    for what, exponent in (("transmission", transmission), ("escape depth", escape_depth)):
        if not abs(exponent) <= _STEEPEST:
            msg = f"{exponent:g} is not an exponent of the kinetic energy; give one within {_STEEPEST:g} of 0."
            raise PrefitError(what, msg)
    correction = Correction(factors, transmission, escape_depth, photon_energy)
    found, notes = signals(spectrum, seeds, fits, correction)
    by_file = given_by_file([spectrum[signal.region].to_dataset() for signal in found], correction)
    notes = _scale_notes(factors, transmission, escape_depth, by_file=by_file) + notes
    total = float(sum(signal.amounts.sum() for signal in found))
    if total <= 0:
        notes.append("No atomic percentages: no fitted region of a known core level has any area.")
        return Quantification((), (), (), tuple(notes), factors, transmission, escape_depth)
    found.sort(key=lambda signal: -float(signal.amounts.sum()))
    shares = _shares(found)
    if shares.covariance is None:
        lacking = ", ".join(signal.region for signal in found if signal.covariance is None)
        notes.append(f"No standard errors of atomic percentages: the fit of {lacking} has none.")
    elements = tuple(_element(signal, shares, only=len(found) == 1) for signal in found)
    components = tuple(row for signal in found for row in _components(signal, shares))
    compared, said = comparisons(shares)
    unassigned = sum(row.atomic_percent for row in components if not row.assigned)
    if unassigned > 0:
        notes.append(f"{unassigned:.1f} at% are in unassigned components, which count for their element all the same.")
    notes += [comparison.sentence for comparison in compared if comparison.agrees is False]
    notes += said
    return Quantification(elements, components, compared, tuple(notes), factors, transmission, escape_depth)


def _scale_notes(factors: SensitivitySet, transmission: float, escape_depth: float, *, by_file: bool) -> list[str]:
    notes = [f"Sensitivity factors: {factors.citation}."]
    if by_file:
        notes.append("Intensities are divided by the transmission of the analyser that the file gives.")
    elif transmission == 0:
        notes.append("Intensities are taken to be corrected for the transmission of the analyser (exponent 0).")
    else:
        notes.append(f"Transmission of the analyser taken as kinetic energy to the power of {transmission:g}.")
    if factors.transmission:
        notes.append(f"The factors contain a transmission with the exponent {factors.transmission:g}, which is undone.")
    if factors.escape_depth:
        notes.append("The factors contain the escape depth of the electrons.")
    elif escape_depth:
        notes.append(f"Inelastic mean free path taken as kinetic energy to the power of {escape_depth:g}.")
    else:
        notes.append("The escape depth is taken to be the same for all lines.")
    notes.append("The angular asymmetry of photoemission is not corrected.")
    notes.append(
        "Of 100 % without hydrogen and without what was not fitted; the standard errors are those of the fits, beside"
        " which factors, transmission and background make about 10 % of each value."
    )
    return notes


def _shares(found: list[Signal]) -> Shares:
    """Atomic percentages of all components; the sum of 100 % is part of their errors."""
    amounts = np.concatenate([signal.amounts for signal in found])
    covariance = None
    blocks = [signal.covariance for signal in found]
    if all(block is not None for block in blocks):
        covariance = np.zeros((amounts.size, amounts.size))
        start = 0
        for block in blocks:
            if block is not None:
                covariance[start : start + len(block), start : start + len(block)] = block
                start += len(block)
    percent, covariance = _normalised(amounts, covariance)
    if covariance is not None:
        # Nobody knows whether intensities at different pass energies were made comparable: both are possible.
        windows = np.concatenate([np.full(signal.amounts.size, signal.window) for signal in found])
        other, _ = _normalised(amounts / windows, None)
        covariance = covariance + np.outer(other - percent, other - percent)
    rows = [(signal, component) for signal in found for component in signal.areas.components]
    return Shares(
        regions=tuple(signal.region for signal, _ in rows),
        cores=tuple(signal.core for signal, _ in rows),
        components=tuple(component for _, component in rows),
        percent=percent,
        covariance=covariance,
    )


def _normalised(amounts: FloatArray, covariance: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
    """Percentages of the sum and their covariance; all zero where the sum is."""
    total = float(amounts.sum())
    if total <= 0:
        return np.zeros_like(amounts), None
    percent = 100.0 * amounts / total
    slopes = (100.0 * np.eye(amounts.size) - percent[:, None]) / total
    return percent, None if covariance is None else slopes @ covariance @ slopes.T


def _element(signal: Signal, shares: Shares, *, only: bool) -> ElementShare:
    places = zip(shares.regions, shares.cores, strict=True)
    own = np.array([place == (signal.region, signal.core) for place in places], dtype=float)
    # One element alone makes up 100 % whatever its area.
    error = 0.0 if only else None if shares.covariance is None else _root(own @ shares.covariance @ own)
    return ElementShare(signal.symbol, signal.region, float(own @ shares.percent), error)


def _components(signal: Signal, shares: Shares) -> list[ComponentShare]:
    start = list(zip(shares.regions, shares.cores, strict=True)).index((signal.region, signal.core))
    within, within_covariance = _normalised(signal.amounts, signal.covariance)
    free = np.zeros(within.size) if signal.covariance is None else np.diag(signal.covariance) > 0
    return [
        ComponentShare(
            region=signal.region,
            name=component.name,
            groups=component.groups,
            assigned=bool(component.groups or component.level),
            atomic_percent=float(shares.percent[start + i]),
            stderr=_root(shares.covariance[start + i, start + i])
            if shares.covariance is not None and free[i]
            else None,
            percent_of_region=float(within[i]),
            percent_of_region_stderr=_root(within_covariance[i, i])
            if within_covariance is not None and free[i]
            else None,
        )
        for i, component in sorted(
            enumerate(signal.areas.components), key=lambda item: float(signal.areas.centers[item[0]])
        )
    ]


def _root(variance: float) -> float:
    # Rounding may leave a tiny negative number.
    return float(np.sqrt(max(float(variance), 0.0)))


def _plain(value: Any) -> Any:
    """Tuples as lists, numbers that are not finite as None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
