"""Functional groups that a survey rules out: no nitrogen in the survey, no amide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import xarray as xr

from xps_prefit_hooks import Prediction

from ..chemistry.group_lines import group_lines
from ..core.survey import Survey

#: Probability from which a group is looked at, and the one that a group gets that is ruled out.
_PRESENT: Final = 0.3
_RULED_OUT: Final = 0.02
#: Atomic percentage of a group's element that a survey must be able to show.
_SHOWS: Final = 1.0


def without_what_surveys_lack(
    prediction: Prediction, spectrum: xr.DataTree, surveys: Mapping[str, Survey]
) -> Prediction:
    """Prediction without groups whose element the surveys lack, where its own level was not measured.

    Parameters
    ----------
    prediction : Prediction
    spectrum : xarray.DataTree
        What it is for; the network has looked at the levels that were measured.
    surveys : mapping of str to Survey
        The surveys by region; looked at only if a group depends on them.
    """
    measured = {str(child.attrs.get("region", name)) for name, child in spectrum.children.items()}
    doubtful = {
        group: missing
        for group, probability in prediction.groups.items()
        if probability >= _PRESENT and (missing := set(group_lines().get(group, ())) - measured)
    }
    if not doubtful:
        return prediction
    found = list(surveys.values())
    ruled_out: dict[str, list[str]] = {}
    for group, missing in doubtful.items():
        for symbol in sorted({level[:-2] for level in missing}):
            if found and all(survey.lacks(symbol, _SHOWS) for survey in found):
                ruled_out.setdefault(symbol, []).append(group)
                break
    if not ruled_out:
        return prediction
    absent = {group for groups in ruled_out.values() for group in groups}
    reasons = tuple(
        f"The survey shows no {symbol}, of which {max(survey.limits[symbol] for survey in found):.1f} at% would show: "
        f"{', '.join(groups)} {'is' if len(groups) == 1 else 'are'} ruled out."
        for symbol, groups in ruled_out.items()
    )
    groups = {group: min(value, _RULED_OUT) if group in absent else value for group, value in prediction.groups.items()}
    return replace(prediction, groups=groups, reasons=(*prediction.reasons, *reasons))
