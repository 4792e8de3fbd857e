"""From groups and data to a seeded lmfit model of one region."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import ALIPHATIC_C1S, Prediction, PrefitError, Seed, Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.chemistry.substances import find_substance
from xps_stn_plugin.core.element_lines import AL_K_ALPHA
from xps_stn_plugin.core.regions import has_core_level
from xps_stn_plugin.models import TOUGAARD
from xps_stn_plugin.stn.signal import NO_LINE, line_to_noise

from .areas import Areas, estimate_areas, find_lines
from .background import Kind, kinds, reason, shows_step
from .drafted import DraftedSeed
from .foreign import Candidate, candidates, foreign_notes, shown_elements
from .levels import level_shape
from .lines import GROUP_THRESHOLD, Line, expected_lines, merge_distance, merge_lines
from .parameters import assembled
from .prior import hold
from .region import SURVEY_WIDTH, RegionData, bad_channels, coarser, region_data
from .selection import Tail, select
from .states import known_states, with_states
from .substance_lines import substance_lines

#: Parameters that the doublets of a region share.
_OF_DOUBLET: Final[Mapping[str, str]] = MappingProxyType(
    {
        "splitting": "spin-orbit splitting",
        "branching": "area ratio of the doublet",
        "broadening": "width ratio of the doublet",
    }
)

#: Levels whose lines the groups name; states of oxygen, nitrogen and fluorine are those of all metals. Carbon without
#: groups is adventitious, a carbonate or a carbide.
_NAMED_BY_GROUPS: Final = frozenset({"N1s", "F1s"})

#: Lines that the data may add where no group explains any.
_MOST_UNASSIGNED: Final = 6

#: Lines with less than this share of the region's area are dropped: expected ones, and those that a group may lack.
_LEAST_SHARE: Final = 0.004
_LEAST_OPTIONAL_SHARE: Final = 0.015

#: Channels in the width of a line, with which trial fits of elements' regions tell models apart.
_CHANNELS_IN_A_LINE: Final = 6.0

#: Distance in eV from the reference within which a line of C 1s may be hydrocarbon.
_HYDROCARBON: Final = 0.4

#: Least share that a line starts from.
_START_SHARE: Final = 0.02

#: The same for a line whose group shows no line of its own: a beta carbon without its carbonyl.
_LEAST_ORPHAN_SHARE: Final = 0.05


def seed_region(spectrum: xr.DataTree, region: str, prediction: Prediction, settings: Settings) -> Seed | None:
    """Make the model of one region from the groups found and from the data where groups are silent.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the calibrated axis.
    region : str
        Name of the region in it.
    prediction : Prediction
        Probabilities of the groups, and the shift's standard error, which widens the windows.
    settings : Settings
        Background, and reference of the scale.

    Returns
    -------
    Seed or None
        None for surveys, valence bands, Auger lines, and regions wider than 60 eV.

    Raises
    ------
    PrefitError
        If there is no such region, or it holds a stack.
    """
    if region not in spectrum.children:
        raise PrefitError(f"region {region}", f"is not in the spectrum, which has {', '.join(spectrum.children)}.")
    dataset = spectrum[region].to_dataset()
    energies = dataset["binding_energy"].values
    if not has_core_level(str(dataset.attrs.get("region") or region)) or np.ptp(energies) > SURVEY_WIDTH:
        return None
    data = region_data(region, dataset)
    shape = level_shape(data)
    doublet, fwhm = shape.doublet, shape.fwhm
    notes = bad_channels(data)
    lines, said = _chemistry(data, prediction, settings)
    notes += said
    most = _MOST_UNASSIGNED if not lines else _MOST_UNASSIGNED - 2
    wanted = settings.background_of(region)
    allowed = kinds(wanted, data)
    stepped = allowed[0].background not in ("offset", "linear") and shows_step(data)
    found, said = _estimated(
        data, lines, partial(estimate_areas, data, doublet=doublet, fwhm=fwhm, stepped=stepped), fwhm
    )
    notes += said
    build = partial(assembled, data, doublet=doublet, fwhm=fwhm, ties=settings.ties)
    trial_data = data if shape.known or found is None else coarser(data, min(found.fwhm, fwhm[0]) / _CHANNELS_IN_A_LINE)
    if found is None or not found.areas.any():
        return _silent(build, _one_line(data, fwhm, allowed[-1]), notes)
    if allowed[0].background in TOUGAARD:
        found = replace(found, strength=TOUGAARD[allowed[0].background]["loss"])
    # Graphitic carbon is often taken for a polymer; where the user says what the sample is, it is that.
    tail: Tail = "suspected" if data.core == "C1s" and not settings.expect else "none"
    if not shape.known or prediction.status == "out_of_domain":
        tail = "tried"
    clean = partial(_without_empty, core=data.core)
    unnamed = bool(lines) or data.core in _NAMED_BY_GROUPS
    shown, empty = _cores(spectrum, region)
    high_end = float(data.energy[-1])
    states = known_states(data.core, prediction, settings, shown, high_end, empty=empty, given_only=unnamed)
    highest = float(data.energy[np.argmax(data.counts - data.chord())])
    if states and not shape.known and not states.may_be_metal(highest):
        tail = "none"
    name = partial(with_states, known=states) if states else None
    losses = partial(with_states, known=states, losses=True) if states else None
    singles = None if shape.known else shape.single
    foreign = _foreign(spectrum, region, data, prediction, settings)
    found, held, said = select(
        trial_data,
        _started(found),
        build,
        allowed,
        most,
        clean,
        tail=tail,
        foreign=foreign,
        name=name,
        losses=losses,
        singles=singles,
    )
    why = reason(wanted, Kind(found.background, found.sloping))
    seed = build(found)
    fixed = _held(seed, held, found.lines)
    broad = _broad(found.fwhm, fwhm[2]) if shape.known else []
    others = foreign_notes(found, data.core, foreign)
    free = _unassigned(found, data.core, settings.reference)
    return seed.changed(notes=(why, *notes, *others, *said, *broad, *fixed, *free))


def _foreign(
    spectrum: xr.DataTree, region: str, data: RegionData, prediction: Prediction, settings: Settings
) -> tuple[Candidate, ...]:
    """Lines of other elements that may lie in a region; none where no shift is known."""
    if not math.isfinite(prediction.shift_stderr):
        return ()
    offset = settings.first_member - ALIPHATIC_C1S
    photon_energy = settings.photon_energy or float(spectrum[region].attrs.get("photon_energy") or AL_K_ALPHA)
    shown = shown_elements(spectrum, region, offset)
    trusted = prediction.status == "ok"
    return candidates(data.core, data.energy, photon_energy, shown, offset, trusted=trusted)


def _estimated(
    data: RegionData, lines: list[Line], estimate: Callable[..., Areas], fwhm: tuple[float, float, float]
) -> tuple[Areas | None, list[str]]:
    """Merge lines that the data cannot tell apart, at their usual width and then at that of the data, and size them."""
    satellites = [line for line in lines if line.satellite]
    mains = [line for line in lines if not line.satellite]
    limit = merge_distance(fwhm[0], data.peak_counts)
    merged, notes = merge_lines(mains, limit)
    if not mains:
        merged = find_lines(data, data.counts - data.chord(), fwhm[0], (), 1)
    if not merged:
        return None, notes
    found = estimate(lines=[*merged, *satellites])
    broader = merge_distance(max(found.fwhm, fwhm[0]), data.peak_counts)
    again, said = merge_lines(mains, broader)
    if len(again) < len(merged) and mains:
        return estimate(lines=[*again, *satellites]), said
    return found, notes


def _chemistry(data: RegionData, prediction: Prediction, settings: Settings) -> tuple[list[Line], list[str]]:
    """Lines of the expected substances, and of the groups that they do not have; none where no shift is known."""
    if not math.isfinite(prediction.shift_stderr):
        return [], []
    groups, said = prediction.groups, []
    if prediction.status == "out_of_domain":
        # What the user knows has a probability of 1; what the network sees in such a spectrum names nothing.
        seen = [group for group, probability in groups.items() if GROUP_THRESHOLD <= probability < 1.0]
        groups = {group: probability for group, probability in groups.items() if probability == 1.0}
        said = ["The predicted groups name no component: the spectrum is out of domain."] if seen else []
    offset = settings.first_member - ALIPHATIC_C1S
    extent = (float(data.energy[0]), float(data.energy[-1]))
    expected = [find_substance(text) for text in settings.expect]
    # Groups of a substance that the spectrum contradicts keep the network's probabilities.
    substances = [one for one in expected if all(prediction.groups.get(group, 1.0) == 1.0 for group in one.groups)]
    own = substance_lines(data.core, substances, prediction.shift_stderr, extent, offset)
    lines, notes = expected_lines(data.core, groups, prediction.shift_stderr, extent, offset)
    notes = [*said, *notes]
    if not own:
        return lines, notes
    explained = frozenset().union(*(substance.groups for substance in substances))
    mains = {line.key for line in own}
    rest = [line for line in lines if not (line.satellite or line.key in mains or explained & set(line.groups))]
    mains |= {line.key for line in rest}
    satellites = [line for line in lines if line.satellite and line.satellite.relative_to in mains]
    return sorted([*own, *rest, *satellites], key=lambda line: line.position), notes


def _silent(build: Callable[..., DraftedSeed], found: Areas, notes: list[str]) -> Seed:
    """Seed for nothing but noise: a free width would end on the narrowest spike."""
    said = "No significant signal: one component of fixed width, free within the region."
    seed = build(found, notes=[*notes, said])
    for name in ("sigma", "fraction"):
        seed.draft.params[f"{found.lines[0].key}_{name}"].set(vary=False)
    return seed


def _held(seed: DraftedSeed, names: Sequence[str], lines: Sequence[Line]) -> list[str]:
    """Fix parameters, and say which; lines that went since, or a line that others are tied to now, change the names."""
    free = {name: parameter for name, parameter in seed.draft.params.items() if not parameter.expr}
    share = next(name for name in free if name.endswith("_fraction"))
    now = [share if name.endswith("_fraction") else name for name in names]
    held = [name for name in now if name in free]
    for name in held:
        hold(free[name])
    words = ", ".join(_in_words(name, lines) for name in held)
    return [f"Fixed at typical values because the data do not constrain them: {words}."] if held else []


def _in_words(name: str, lines: Sequence[Line]) -> str:
    key, _, what = name.rpartition("_")
    if what == "slope":
        return "slope of the background"
    if what == "fraction":
        return "Lorentzian fraction"
    if what in _OF_DOUBLET:
        return _OF_DOUBLET[what]
    line = next(line.name for line in lines if line.key == key)
    return {"gap": f"position of {line}", "center": f"position of {line}", "ratio": f"area of {line}"}[what]


def _broad(width: float, usual: float) -> list[str]:
    if width <= usual:
        return []
    return [
        f"The lines are {width:.1f} eV wide, organic ones at most {usual:.1f} eV: a source without monochromator, "
        "uneven charging, conductive carbon or unresolved lines."
    ]


def _unassigned(found: Areas, core: str, reference: float) -> list[str]:
    """Say where components lie that nothing explains, and that one at the place of hydrocarbon may be contamination."""
    free = [line.position for line in found.lines if not line.assigned]
    if not free:
        return []
    places = ", ".join(f"{position:.1f}" for position in free)
    notes = [
        f"{len(free)} unassigned component{'' if len(free) == 1 else 's'} at {places} eV: "
        f"no predicted group accounts for this intensity."
    ]
    near = [position for position in free if abs(position - reference) <= _HYDROCARBON]
    if core == "C1s" and near and any(line.groups for line in found.lines):
        notes.append(f"The component at {near[0]:.1f} eV lies where adventitious hydrocarbon does.")
    return notes


def _one_line(data: RegionData, fwhm: tuple[float, float, float], kind: Kind) -> Areas:
    """Put a line at the highest point, free between the ends."""
    position = float(data.energy[np.argmax(data.counts - data.chord())])
    line = Line("unassigned_1", "unassigned 1", (), position, float(data.energy[0]), float(data.energy[-1]))
    area = np.array([data.height * fwhm[0]])
    return Areas((line,), area, fwhm[0], 0.0, data.chord(), background=kind.background, sloping=kind.sloping)


def _started(found: Areas) -> Areas:
    """Lines in order, each with some area to start from: an estimate of zero may be the neighbour's fault."""
    areas = np.maximum(found.areas, _START_SHARE * found.areas.sum())
    order = np.argsort([line.position for line in found.lines], kind="stable")
    return replace(found, lines=tuple(found.lines[i] for i in order), areas=areas[order])


def _cores(spectrum: xr.DataTree, region: str) -> tuple[list[str], list[str]]:
    """Core levels of the regions that show a line, the one that is seeded among them, and of those that do not."""
    shown: list[str] = []
    empty: list[str] = []
    for name, child in spectrum.children.items():
        counts = child.to_dataset()["counts"].values
        seen = name == region or counts.ndim != 1 or line_to_noise(counts) >= NO_LINE
        (shown if seen else empty).append(str(child.attrs.get("region") or name))
    return shown, empty


def _own_lines(group: str, core: str) -> set[str]:
    return {line.key for line in group_lines()[group].get(core, ()) if not line.optional and not line.satellite}


def _without_empty(found: Areas, core: str) -> tuple[Areas, list[str]]:
    """Drop lines without area whose family has none either, small orphans, and satellites without their line."""
    total = max(float(found.areas.sum()), np.finfo(float).tiny)
    share = found.areas / total
    least = np.array([_LEAST_SHARE if line.weight >= 1 else _LEAST_OPTIONAL_SHARE for line in found.lines])
    present = share >= least
    families = {line.family for line, here in zip(found.lines, present, strict=True) if here and line.weight >= 1}
    present |= np.array([line.family in families and bool(line.family) for line in found.lines])
    if not present.any():
        present[int(np.argmax(share))] = True
    candidates = {key for line in found.lines for key in line.members}
    mains = {key for line, here in zip(found.lines, present, strict=True) if here for key in line.members}
    for i, line in enumerate(found.lines):
        if line.groups and line.weight < 1 and share[i] < _LEAST_ORPHAN_SHARE:
            own = [_own_lines(group, core) & candidates for group in line.groups]
            present[i] &= any(not lines or lines & mains for lines in own)
    mains = {key for line, here in zip(found.lines, present, strict=True) if here for key in line.members}
    for i, line in enumerate(found.lines):
        if line.satellite:
            present[i] = line.satellite.relative_to in mains
    gone = [line.name for line, here in zip(found.lines, present, strict=True) if not here]
    lines = tuple(line for line, here in zip(found.lines, present, strict=True) if here)
    return replace(found, lines=lines, areas=np.maximum(found.areas[present], _LEAST_SHARE * total)), gone
