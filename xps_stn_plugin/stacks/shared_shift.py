"""One charging shift for a series of spectra along one dimension, constant or slowly drifting.

Depth profile or time series: spectra of one sample, in order. What of a shift's error is common to all of them (the
positions of reference lines are known to about 0.1 eV, whatever the counts) does not average out; the rest does. The
method and its figures: docs/series.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import PrefitError

from ..stn.calibration import Calibration
from ..stn.stack_prediction import StackPrediction
from ..stn.verdict import SECOND_SHIFT, Reason
from ..stn.weights import TrainedNetwork
from .kalman import Costs, Models, Path, follow
from .shift_modes import JUMP, MODE_REACH, OUTLIER, Readings, read_modes

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Random walk in eV per square root of a level that is assumed where no spectrum carries the scale. A choice, not a
#: measurement: carbon that is gone cannot tell how the charging went on.
CARRIED_STEP = 0.05
#: Walks in eV per square root of a level, and standard deviation of a trend in eV per level, that are tried.
STEPS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
TREND = 0.05
#: Probability before the data of a shift that does not move.
CONSTANT = 0.5
#: Share of a spectrum's standard error that is its own (counting noise); all alike before the data. Measured on
#: simulated samples, each counted 12 times: medians from 0.49 at 100 to 0.07 at 100 000 counts, 80 % between 0.07 and
#: 0.72 from 100 to 10 000 counts (benchmarks.series --shares). The rest is common: it does not average out.
OWN_SHARES = (0.1, 0.2, 0.3, 0.45, 0.65)
#: So many neighbouring levels are worse than the best for the same reason (carbon that fades, an oxide that comes), so
#: that they count as one. Chosen on simulated profiles of other seeds than those reported.
NEIGHBOURS = 4
#: Rules of the verdict after which a spectrum does not carry the scale, and how that is told.
NO_SCALE = {
    Reason.NO_SHIFT: "no line stands above the noise",
    Reason.NO_CARBON: "no C 1s line",
    Reason.AT_EDGE: "its shift lies at the end of the network's range",
    Reason.FOREIGN: "the network cannot place its lines",
}


@dataclass(frozen=True)
class Drift:
    """How the charging went along the series.

    Parameters
    ----------
    probability : float
        That it moved, beyond jumps.
    step : float
        Root mean square random walk in eV per square root of a level.
    trend, trend_stderr : float
        Steady change in eV per level, and its standard error.
    jumps : tuple of int
        Rows from which on the charging is another, as of a sample that was grounded anew.
    common_stderr : float
        Part of the standard errors in eV that does not average out, root mean square of the rows that were followed.
    """

    probability: float
    step: float
    trend: float
    trend_stderr: float
    jumps: tuple[int, ...]
    common_stderr: float

    @property
    def constant(self) -> bool:
        """Whether the shift is more likely to have stayed than to have drifted."""
        return self.probability < 0.5


@dataclass(frozen=True)
class SeriesShift:
    """Shift of n spectra that belong together.

    Parameters
    ----------
    shift, stderr : ndarray, shape (n,)
        Measured minus true binding energy and its standard error in eV; NaN where no spectrum has a shift.
    carried : ndarray of bool, shape (n,)
        Rows whose spectrum was not followed: their shift rests on other rows.
    reasons : tuple of tuple of str, shape (n,)
        Sentences about single rows.
    notes : tuple of str
        Sentences about the series.
    drift : Drift
        How the charging went.
    """

    shift: FloatArray
    stderr: FloatArray
    carried: BoolArray
    reasons: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    drift: Drift

    def __len__(self) -> int:
        return self.shift.size


def share_shift(
    prediction: StackPrediction,
    trained: TrainedNetwork,
    *,
    step: float | None = None,
    dimension: str = "level",
    labels: Sequence[object] | None = None,
) -> SeriesShift:
    """Decide the shift of a series that the network has read.

    Parameters
    ----------
    prediction : StackPrediction
        Of the spectra in order, from ``predict_stack(..., keep_posterior=True)``.
    trained : TrainedNetwork
        Who said it.
    step, dimension, labels
        See `shared_shift`.

    Returns
    -------
    SeriesShift
        Groups are to be read again at ``.shift``: ``predict_stack(..., shift=...)``.

    Raises
    ------
    PrefitError
        If the distributions over shifts were not kept.
    """
    if prediction.distribution is None:
        msg = "the distributions over shifts are missing; predict the stack with keep_posterior=True."
        raise PrefitError("shared shift", msg)
    reasons = prediction.verdict.reasons
    causes = [next((text for rule, text in NO_SCALE.items() if rule & int(bits)), "") for bits in reasons]
    return shared_shift(
        prediction.distribution,
        trained.shift_bins,
        trained.calibration,
        causes=causes,
        step=step,
        dimension=dimension,
        labels=labels,
    )


def shared_shift(
    distribution: ArrayLike,
    bins: ArrayLike,
    calibration: Calibration,
    *,
    causes: Sequence[str] | None = None,
    step: float | None = None,
    dimension: str = "level",
    labels: Sequence[object] | None = None,
) -> SeriesShift:
    """Decide the shift of a series from the distributions over shifts of its spectra.

    Parameters
    ----------
    distribution : array_like, shape (n, bins)
        Of the network, in the order of the series, each summing to 1; NaN where a spectrum has none.
    bins : array_like, shape (bins,)
        Shifts in eV, evenly spaced.
    calibration : Calibration
        Of the network.
    causes : sequence of str, optional
        For each spectrum why it does not carry the scale, or nothing where it does. If none does, all that have a
        distribution are followed.
    step : float, optional
        Random walk in eV per square root of a level; 0 for one shift for all. By default constant, walk and trend are
        weighed by their evidence.
    dimension : str
        What the series runs along, for sentences.
    labels : sequence, optional
        Names of the levels, for sentences; by default their numbers.

    Returns
    -------
    SeriesShift

    Raises
    ------
    PrefitError
        If shapes do not fit, or `step` is negative.
    """
    table, axis = np.asarray(distribution, dtype=float), np.asarray(bins, dtype=float)
    if table.ndim != 2 or table.shape[1:] != axis.shape:
        msg = f"distributions of shape {table.shape} do not fit {axis.shape} bins; (n, bins) is needed."
        raise PrefitError("shared shift", msg)
    size = len(table)
    causes = [""] * size if causes is None else list(causes)
    names = [f"{dimension} {label}" for label in (range(size) if labels is None else labels)]
    if not len(causes) == len(names) == size:
        msg = f"{size} spectra have {len(causes)} causes and {len(names)} labels; one for each is needed."
        raise PrefitError("shared shift", msg)
    if step is not None and not (np.isfinite(step) and step >= 0):
        raise PrefitError("shared shift", f"{step} eV per level is not a step; give 0 or more.")
    is_measured = np.isfinite(table).all(axis=1)
    carries = is_measured & np.array([not cause for cause in causes], dtype=bool)
    notes: list[str] = []
    if not is_measured.any():
        return _nothing(size, is_measured, causes)
    if not carries.any():
        carries = is_measured
        notes.append("No spectrum of the series fixes the scale alone; all that show a line were used.")
    readings = read_modes(table, axis, carries, calibration)
    models = _models(step)
    square = np.where(carries, readings.stderr, 1.0) ** 2
    # What the best spectra share; what a spectrum is worse by is its own, and that of its neighbours.
    shared = np.minimum(square, carries.sum() / (carries / square).sum())
    variance = square - (1 - models.share[:, None] ** 2) * shared + (NEIGHBOURS - 1) * (square - shared)
    reach = axis.size * (axis[1] - axis[0])
    costs = Costs(float(np.log(JUMP / reach)), float(np.log(OUTLIER / reach)))
    path = follow(np.nan_to_num(readings.shift), variance, square, carries, models, costs)
    common = path.weight @ ((1 - models.share[:, None] ** 2) * path.common) + readings.doubt
    shift, spread = _averaged(path)
    square = spread + common
    shift, square = _carried(path, shift, square, CARRIED_STEP if step is None else step)
    stderr = np.sqrt(square)
    return SeriesShift(
        shift=shift,
        stderr=stderr,
        carried=~path.used,
        reasons=_reasons(names, causes, readings, path, shift, stderr),
        notes=(*notes, *_notes(names, readings, path, shift)),
        drift=_drift(path, models, float(np.sqrt(common[path.used].mean()))),
    )


def _nothing(size: int, is_measured: BoolArray, causes: Sequence[str]) -> SeriesShift:
    nan = float("nan")
    reasons = tuple((f"{_capital(cause)}.",) if cause else () for cause in causes)
    notes = ("No spectrum of the series has a shift.",)
    drift = Drift(nan, nan, nan, nan, (), nan)
    return SeriesShift(np.full(size, nan), np.full(size, nan), ~is_measured, reasons, notes, drift)


def _models(step: float | None) -> Models:
    """Every step, with and without a trend, with every share."""
    if step is None:
        moves = [(step, trend) for step in STEPS for trend in (0.0, TREND)]
        priors = [CONSTANT] + [(1 - CONSTANT) / (len(moves) - 1)] * (len(moves) - 1)
    else:
        moves, priors = [(step, 0.0)], [1.0]
    rows = [(*move, share, prior / len(OWN_SHARES)) for move, prior in zip(moves, priors, strict=True)
            for share in OWN_SHARES]  # fmt: skip
    steps, trends, shares, prior = (np.array(column) for column in zip(*rows, strict=True))
    return Models(steps, trends, shares, np.log(prior))


def _averaged(path: Path) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of all models together, shape (n,)."""
    shift = path.weight @ path.value
    return shift, path.weight @ (path.variance + (path.value - shift) ** 2)


def _neighbours(path: Path, row: int) -> tuple[int | None, int | None]:
    """Find the followed rows before and behind a row."""
    before, behind = np.flatnonzero(path.used[:row]), np.flatnonzero(path.used[row + 1 :])
    return (int(before[-1]) if before.size else None, int(behind[0]) + row + 1 if behind.size else None)


def _carried(path: Path, shift: FloatArray, square: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
    """Widen the errors where no spectrum carries the scale to a random walk from the nearest that does, at least."""
    shift, square = shift.copy(), square.copy()
    for row in map(int, np.flatnonzero(~path.used)):
        before, behind = _neighbours(path, row)
        ends = [end for end in (before, behind) if end is not None]
        distance = 1 / sum(1 / abs(end - row) for end in ends)
        least = max(square[end] for end in ends) + step**2 * distance
        if before is not None and behind is not None and any(before < jump <= behind for jump in path.jumps):
            # On which side of the jump it lies nobody knows.
            shift[row] = (shift[before] + shift[behind]) / 2
            square[row] = least + ((shift[before] - shift[behind]) / 2) ** 2
        else:
            square[row] = max(square[row], least)
    return shift, square


def _reasons(
    names: Sequence[str], causes: Sequence[str], readings: Readings, path: Path, shift: FloatArray, stderr: FloatArray
) -> tuple[tuple[str, ...], ...]:
    sentences: list[tuple[str, ...]] = []
    for row, name in enumerate(names):
        of_row = []
        if not path.used[row]:
            ends = " and ".join(names[end] for end in _neighbours(path, row) if end is not None)
            why = causes[row]
            if readings.used[row]:
                away = readings.shift[row] - shift[row]
                why = f"its own shift, {readings.shift[row]:+.2f} eV, lies {away:+.2f} eV from the series"
            source = f"the scale is carried over from {ends} (standard error {stderr[row]:.2f} eV)"
            of_row.append(f"{_capital(name)}: {why or 'no shift'}; {source}.")
        elif abs(readings.own[row] - readings.shift[row]) > MODE_REACH:
            of_row.append(
                f"{_capital(name)}: by itself it would have {readings.own[row]:+.1f} eV; the series decides for the "
                f"shift to which it gives a probability of {readings.support[row]:.0%}."
            )
        sentences.append(tuple(of_row))
    return tuple(sentences)


def _notes(names: Sequence[str], readings: Readings, path: Path, shift: FloatArray) -> tuple[str, ...]:
    sentences = []
    for jump in path.jumps:
        before, _ = _neighbours(path, jump)
        if before is not None:
            sentences.append(
                f"The charging jumps by {shift[jump] - shift[before]:+.2f} eV between {names[before]} and "
                f"{names[jump]}: the levels before and after are not smoothed over it."
            )
    away, probability = readings.second
    if probability > SECOND_SHIFT:
        sentences.append(
            f"With a probability of {probability:.0%} the true shifts of the whole series lie {away:+.1f} eV away."
        )
    return tuple(sentences)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _drift(path: Path, models: Models, common: float) -> Drift:
    weight = path.weight
    trend = float(weight @ path.trend)
    still = (models.step == 0) & (models.trend == 0)
    return Drift(
        probability=float(weight[~still].sum()),
        step=float(np.sqrt(weight @ models.step**2)),
        trend=trend,
        trend_stderr=float(np.sqrt(weight @ (path.trend_variance + (path.trend - trend) ** 2))),
        jumps=path.jumps,
        common_stderr=common,
    )
