"""Elements of a survey spectrum."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import xarray as xr

from ..core.element_lines import AL_K_ALPHA
from ..core.regions import SURVEY
from ..core.survey import LIKELY, Survey, SurveyElement, SurveyLine
from .amounts import SYSTEMATIC, Amounts, amounts_of
from .data import FloatArray, survey_data
from .fit import cost, fit
from .patterns import AUGER_SHARE, AUGER_WIDTH
from .search import Found, search

#: Evidence over the cost of an element at which it is as likely as not, and the power of this ratio in the odds: chosen
#: so that probabilities agree with the share of true claims in 60 simulated surveys (``benchmarks/surveys.py``).
_EVEN_ODDS, _POWER = 0.9, 2.3
#: Height over the uncertainty from which a line is named.
_VISIBLE: Final = 3.0
#: Weakest line that is named, as a share of the element's highest.
_NAMED: Final = 0.08
#: Standard deviation of the exponent of the kinetic energy where nothing is known of the transmission.
_EXPONENT_ERROR: Final = 0.3
_NO_SIGNAL: Final = "The survey shows no line above its background."


def survey_of(
    dataset: xr.Dataset,
    *,
    region: str = SURVEY,
    photon_energy: float | None = None,
    shift: float | None = None,
    transmission: float = 0.0,
) -> Survey | None:
    """Find the elements of one survey spectrum.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``counts`` over ``binding_energy``, measured, in eV.
    region : str
        Its name.
    photon_energy : float, optional
        In eV; None takes that of the dataset's attributes, else Al K-alpha.
    shift : float, optional
        Measured minus true binding energy in eV, where another region tells it.
    transmission : float
        Exponent of the kinetic energy in the transmission of the analyser.

    Returns
    -------
    Survey or None
        None where too little of the spectrum can be used.
    """
    given = photon_energy if photon_energy is not None else dataset.attrs.get("photon_energy")
    energy = np.asarray(dataset["binding_energy"].values, dtype=float)
    return survey_of_arrays(
        energy,
        np.asarray(dataset["counts"].values, dtype=float),
        AL_K_ALPHA if given is None else float(given),
        region=region,
        shift=shift,
        transmission=transmission,
        photon_energy_known=given is not None,
    )


def survey_of_arrays(
    energy: FloatArray,
    counts: FloatArray,
    photon_energy: float,
    *,
    region: str = SURVEY,
    shift: float | None = None,
    transmission: float = 0.0,
    photon_energy_known: bool = True,
) -> Survey | None:
    """Find the elements of one survey given as arrays, energies ascending; see `survey_of`."""
    moved = 0.0 if shift is None else shift
    data = survey_data(energy - moved, counts, photon_energy) if np.isfinite(counts).all() else None
    if data is None:
        return None
    found = search(data, None if shift is None else 0.0)
    total_shift = moved + found.problem.shift
    notes = _notes(transmission, shift is not None, photon_energy, photon_energy_known)
    if not found.fit.members:
        return Survey(region, (), (), {}, total_shift, photon_energy, (_NO_SIGNAL,))
    amounts = amounts_of(found, transmission)
    lines = _lines(found, moved)
    elements = _elements(found, amounts, lines)
    total = sum(amounts.amounts.values())
    limits = {symbol: 100.0 * limit / (total + limit) for symbol, limit in amounts.limits.items()}
    return Survey(region, elements, lines, limits, total_shift, photon_energy, notes)


def probability(symbol: str, evidence: float) -> float:
    """Probability that an element with this evidence is in the sample."""
    odds = (evidence / (_EVEN_ODDS * cost(symbol))) ** _POWER
    return float(odds / (1.0 + odds))


def _elements(found: Found, amounts: Amounts, lines: tuple[SurveyLine, ...]) -> tuple[SurveyElement, ...]:
    total = sum(amounts.amounts.values())
    kinetic = {
        element: found.kinetic_energy(found.fit.members[numbers[0]].pattern)
        for element, numbers in found.fit.elements.items()
    }
    mean_log = sum(amounts.amounts[symbol] * math.log(kinetic[symbol]) for symbol in kinetic) / total
    relative = {}
    for symbol, amount in amounts.amounts.items():
        by_fit = amounts.stderr[symbol] / amount if amount > 0.0 else 1.0
        by_exponent = _EXPONENT_ERROR * (math.log(kinetic[symbol]) - mean_log)
        relative[symbol] = math.sqrt(by_fit**2 + SYSTEMATIC**2 + by_exponent**2)
    variance = sum((relative[symbol] * amount / total) ** 2 for symbol, amount in amounts.amounts.items())
    elements = []
    for symbol, numbers in found.fit.elements.items():
        rest = tuple(member for n, member in enumerate(found.fit.members) if n not in numbers)
        without = fit(found.problem, rest, found.target)
        evidence = max(without.chi2 - found.fit.chi2, 0.0)
        share = amounts.amounts[symbol] / total
        # The sum of 100 % ties the errors.
        spread = share * math.sqrt(max(relative[symbol] ** 2 * (1.0 - 2.0 * share) + variance, 0.0))
        shown = sorted((line for line in lines if line.element == symbol), key=lambda line: -line.height)
        elements.append(
            SurveyElement(
                symbol,
                round(probability(symbol, evidence), 4),
                round(evidence, 1),
                100.0 * share,
                100.0 * spread,
                tuple(dict.fromkeys(line.label for line in shown)),
            )
        )
    likely = [element for element in elements if element.probability >= LIKELY]
    return tuple(sorted(likely or elements[:0], key=lambda element: -element.atomic_percent))


def _lines(found: Found, moved: float) -> tuple[SurveyLine, ...]:
    """Lines that stand out of the noise, with measured binding energies."""
    data, problem = found.problem.data, found.problem
    lines: dict[str, SurveyLine] = {}
    for member, amount in zip(found.fit.members, found.fit.amounts, strict=True):
        candidates = [
            (line, line.energy + member.offset, amount * line.strength * 0.94 / math.hypot(data.fwhm, line.width))
            for line in member.pattern.photo
            if not line.label.endswith(")")
        ]
        candidates += [
            (line, line.energy, amount * line.strength * AUGER_SHARE / AUGER_WIDTH) for line in member.pattern.auger
        ]
        highest = max((height for _, _, height in candidates), default=0.0)
        for line, energy, height in candidates:
            measured = energy + problem.shift
            if not data.energy[0] <= measured <= data.energy[-1]:
                continue
            channel = int(np.argmin(np.abs(data.energy - measured)))
            near = slice(max(channel - 3, 0), channel + 4)
            visible = height >= _VISIBLE * data.noise[channel] and data.peaks[near].max() >= 0.3 * height
            known = lines.get(line.label)
            if visible and height >= _NAMED * highest and (known is None or known.height < height):
                top = float(data.energy[near][int(data.counts[near].argmax())]) if line.auger else measured
                lines[line.label] = SurveyLine(member.pattern.element, line.label, top + moved, height, line.auger)
    return tuple(sorted(lines.values(), key=lambda line: line.energy))


def _notes(transmission: float, shift_known: bool, photon_energy: float, photon_energy_known: bool) -> tuple[str, ...]:
    notes = [
        "Atomic percentages of a survey come from cross sections and areas above a smooth background; they are good to "
        "10 to 20 % of each value, and to less where lines overlap or a layer covers the sample."
    ]
    if not photon_energy_known:
        notes.append(f"Photon energy unknown, taken as Al K-alpha, {photon_energy} eV.")
    if transmission == 0.0:
        notes.append("Intensities are taken to be corrected for the transmission of the analyser (exponent 0).")
    if not shift_known:
        notes.append("The shift of the survey is that by which its elements explain it best, good to about 1 eV.")
    return tuple(notes)
