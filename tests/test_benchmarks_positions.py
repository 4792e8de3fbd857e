from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.line_rules import read_library
from benchmarks.polymers import Polymer
from benchmarks.positions import (
    CONDITIONS,
    LineRow,
    assigned,
    cause,
    expected,
    guessed_fit,
    library_polymers,
    line_figures,
    main_lines,
    measured,
    misses,
    summary,
)
from benchmarks.prefits import Draw, drawn, evaluations, with_prediction
from xps_prefit_hooks import ModelInfo, Prediction, PrefitError, Settings
from xps_stn_plugin.api import PrefitResult
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.models.lineshapes import pseudo_voigt

X = np.arange(282.0, 293.0, 0.1)


def row(condition="network", library=286.0, fitted=286.1, region="C1s"):
    return LineRow(condition, "PMMA", 0, region, library, fitted, "C-O", 0.0, 0.05, "ok")


def test_main_lines_stand_alone_once_vibrational_members_are_gone():
    known = library_polymers()
    assert main_lines(known["HDPE"], "C1s", [285.0, 285.39, 285.78, 286.17]) == [285.0]
    assert main_lines(known["N6"], "C1s", [285.0, 285.31, 286.0, 288.01]) == [286.0, 288.01]
    # In a polymer with other elements 285.39 is a line of its own, and too near to tell from 285.0.
    assert main_lines(known["PMMA"], "C1s", [285.0, 285.39, 289.03]) == [289.03]


def test_no_component_serves_two_lines_and_a_far_one_serves_none():
    components = [("a", 285.1), ("b", 286.45), ("c", 292.0)]
    assert assigned([285.0, 286.5], components) == [("a", 285.1), ("b", 286.45)]
    # The missing line must not push the other one off its component.
    assert assigned([285.9, 286.5], [("b", 286.45), ("c", 292.0)]) == [None, ("b", 286.45)]
    assert assigned([286.2, 286.7], [("b", 286.45)]).count(None) == 1
    assert assigned([], components) == []
    assert assigned([285.0], []) == [None]


def test_library_is_looked_up_by_abbreviation(tmp_path):
    path = tmp_path / "lines.csv"
    path.write_text(
        "name,element,line,binding_energy_eV\npoly(methyl methacrylate),C,1s,285.0\n"
        "poly(methyl methacrylate),C,1s,289.03\npoly(methyl methacrylate),O,1s,532.21\n"
    )
    library = read_library(path)
    assert expected(library, "PMMA") == {"C1s": [285.0, 289.03], "O1s": [532.21], "N1s": []}
    with pytest.raises(PrefitError, match="PEG"):
        expected(library, "PEG")


def test_figures_and_causes_of_misses():
    assert row(fitted=286.15).hit
    assert not row(fitted=286.16).hit
    assert not row(fitted=None).hit
    figures = line_figures([row(), row(fitted=285.7), row(fitted=None)])
    assert figures["hits"] == pytest.approx(1 / 3)
    assert figures["without component"] == 1
    assert figures["bias"] == pytest.approx(-0.1)
    rows = [row(fitted=None), row("shift told"), row("groups told", fitted=None), row("both told")]
    (miss,) = misses(rows)
    assert miss["cause"] == "shift"
    assert cause(dict.fromkeys(CONDITIONS[1:], False)) == "seeding or data"
    assert cause({"shift told": False, "groups told": False, "both told": True}) == "shift and groups"


def test_numeric_jacobians_are_counted_once():
    assert evaluations(SimpleNamespace(nfev=70, njev=9, call_kws={"jac": "2-point"})) == 70
    assert evaluations(SimpleNamespace(nfev=10, njev=9, call_kws={"jac": len})) == 19
    assert evaluations(SimpleNamespace(nfev=10, njev=9, call_kws={"jac": "analytic"})) == 19
    assert evaluations(SimpleNamespace(nfev=33)) == 33


@pytest.mark.parametrize("tied", [False, True])
def test_guessed_start_finds_two_lines_that_stand_apart(tied):
    counts = 100 + 1000 * pseudo_voigt(X, 285.0, 1.1, 0.3) + 600 * pseudo_voigt(X, 289.0, 1.1, 0.3)
    counts = counts + np.random.default_rng(1).normal(0, 3, X.size)
    found = guessed_fit(region_dataset("test", X, counts, region="C1s"), 2, [285.0, 289.0], tied=tied)
    assert found["converged"]
    assert found["right"]
    assert found["relative_rms"] < 0.01
    assert not guessed_fit(region_dataset("test", X, counts, region="C1s"), 2, [285.0, 288.0], tied=tied)["right"]


def moved_polymer(shift=1.3):
    """PMMA as drawn from its lines on a moved axis, and what a network that errs by 0.1 eV makes of it."""
    lines = {285.0: 400, 285.72: 200, 286.79: 200, 289.03: 200}
    carbon = 50 + sum(10 * area * pseudo_voigt(X, center, 1.0, 0.3) for center, area in lines.items())
    carbon = np.random.default_rng(2).poisson(carbon).astype(float)
    polymer = Polymer("PMMA", {"C1s": np.column_stack([X, carbon])}, frozenset({"alkane", "ester (aliphatic)"}))
    groups = {"alkane": 0.97, "ester (aliphatic)": 0.96, "amide": 0.01}
    said = Prediction(shift + 0.1, 0.08, groups, "ok", (), {}, ModelInfo("by hand", "0", ""))
    spectrum = polymer.spectrum(shift)
    result = with_prediction(PrefitResult("test", spectrum, None, said, Settings(), {}), shift=shift + 0.1)
    return Draw(polymer, 0, shift, result)


def test_what_is_told_replaces_what_was_said():
    draw = moved_polymer()
    assert draw.shift_error == pytest.approx(0.1)
    exact = with_prediction(draw.result, shift=draw.shift, stderr=0.02, groups={"nitrile"})
    np.testing.assert_allclose(exact.axis["C1s"]["binding_energy"], X)
    assert exact.shift_stderr == 0.02
    assert exact.prediction.groups["nitrile"] > 0.9 > exact.prediction.groups["alkane"]
    assert draw.result.shift_stderr == 0.08
    assert exact.fit("C1s").success


def test_every_condition_is_measured_and_an_error_of_the_shift_shows():
    pairs = list(measured(moved_polymer(), {"C1s": [285.0, 289.03], "O1s": [], "N1s": []}, baseline=True))
    fits, lines = [pair[0] for pair in pairs], [line for pair in pairs for line in pair[1]]
    figures = summary(lines, fits)
    assert figures["lines"]["both told"]["C1s"]["hits"] == 1.0
    for line in lines:
        # The network reads the symmetric lines of this drawing for itself where only the substance is told.
        if line.library == 289.03 and line.condition != "substance expected":
            wanted = -0.1 if line.condition in ("network", "groups told") else 0.0
            assert line.error == pytest.approx(wanted, abs=0.03)
    assert {fit.condition for fit in fits} == {*CONDITIONS, "guess", "guess, widths tied"}
    assert figures["ratios of medians"]["guess"]["evaluations"] > 0
    assert all(fit.with_seeding > fit.evaluations for fit in fits if fit.condition in CONDITIONS)
    assert all(fit.with_seeding == fit.evaluations for fit in fits if fit.condition not in CONDITIONS)


@pytest.mark.data
@pytest.mark.slow
def test_network_finds_the_main_lines_of_measured_polymers(shared):
    from benchmarks.polymers import load

    library = read_library(shared / "notes" / "beamson_briggs_lines.csv")
    chosen = [polymer for polymer in load(shared / "measured") if polymer.name in ("PMMA", "PEG", "PAN", "PVME")]
    pairs = [
        pair
        for draw in drawn(chosen, 3.0, 1, 1)
        for pair in measured(draw, expected(library, draw.polymer.name), baseline=False)
    ]
    figures = summary([line for pair in pairs for line in pair[1]], [pair[0] for pair in pairs])
    assert figures["fits"]["network"]["converged"] == 1.0
    assert figures["lines"]["both told"]["all"]["hits"] >= 0.8
