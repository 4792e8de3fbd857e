"""The list of what should be refused, and how it is drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.cases import Conditions, columns, detected, doniach_sunjic, drawn, tree
from benchmarks.foreign import (
    Case,
    clipped,
    doubled,
    featureless,
    mirrored,
    real_cases,
    simulated_cases,
    swapped,
    table,
    with_dead_time,
)
from benchmarks.out_of_domain import Answer, answers, baseline, headline, line_height, shares
from benchmarks.polymers import Polymer, load
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.stn.weights import shipped_weights

PLAIN = Conditions(charge=2.0, counts=1e4, width=0.0, step=0.1, margin=4.0, background=0.1, slope=0.0, inelastic=0.0)


def polymers() -> tuple[Polymer, ...]:
    """Stand-ins for the measured ones: a line at 285 eV in C 1s, at 532 eV in O 1s, at 400 eV in N 1s."""
    names = {name for entry in table()["altered"] for name in entry["polymers"]}
    lines = {"C1s": drawn([[285.0, 1.0, 1.0, 0.0]]), "O1s": drawn([[532.0, 0.5, 1.2, 0.0]])}
    return tuple(Polymer(name, lines, frozenset()) for name in sorted(names))


def test_the_list_is_varied_and_says_what_it_wants():
    cases = simulated_cases(polymers())
    refused = [case for case in cases if case.verdict in ("outside", "doubtful")]
    assert len(refused) >= 60
    assert len({case.kind for case in refused}) >= 15
    assert all(case.why for case in cases)
    assert len({(case.kind, case.name) for case in cases}) == len(cases)


def test_list_samples_that_the_simulator_draws_are_inside():
    verdicts = {case.kind: case.verdict for case in simulated_cases(polymers())}
    insiders = {kind for kind, verdict in verdicts.items() if verdict == "inside"}
    assert insiders == {
        "oxide with adventitious carbon",
        "graphite",
        "half-organic carbon",
        "carbide with adventitious carbon",
    }
    # Charging that the simulator draws as an insider ends at 1.2 eV between two domains.
    distances = [amount for entry in table()["altered"] if entry["change"] == "doubled" for amount in entry["amounts"]]
    assert min(distances) > 1.2


def test_every_case_can_be_drawn_or_is_refused_with_a_sentence():
    rng = np.random.default_rng(1)
    refused = set()
    for case in simulated_cases(polymers()):
        try:
            spectrum = case.build(Conditions.draw(rng), rng)
        except PrefitError:
            refused.add(case.name)
        else:
            assert spectrum.children
    assert refused == {"constant in C1s"}


def test_a_material_lies_at_its_positions_plus_charge():
    counts = detected({"O1s": drawn([[530.0, 1.0, 1.0, 0.0]])}, PLAIN, np.random.default_rng(2))["O1s"]
    top = counts[:, 1] - 1000
    assert np.average(counts[:, 0], weights=top.clip(min=300)) == pytest.approx(532.0, abs=0.05)
    assert top.max() == pytest.approx(1e4, rel=0.05)


def test_doniach_sunjic_is_a_lorentzian_without_asymmetry_and_leans_to_higher_binding_energy_with_it():
    energy = np.linspace(-6, 6, 1201)
    plain = doniach_sunjic(energy, 0.0, 1.0, 0.0)
    np.testing.assert_allclose(plain / plain.max(), 1 / (1 + 4 * energy**2), rtol=1e-9)
    metal = doniach_sunjic(energy, 0.0, 1.0, 0.15)
    assert metal[-1] > 3 * metal[0]
    assert 0 < energy[metal.argmax()] < 0.3


def test_areas_are_those_of_the_table():
    rows = drawn([[284.4, 1.0, 0.5, 0.1], [300.0, 2.0, 1.0, 0.0]])
    step = rows[1, 0] - rows[0, 0]
    near = (rows[:, 0] > 297) & (rows[:, 0] < 303)
    alone = drawn([[284.4, 1.0, 0.5, 0.1]])
    within = np.abs(alone[:, 0] - 284.4) < 6.01
    assert alone[within, 1].sum() * step == pytest.approx(1.0, rel=0.01)
    assert rows[near, 1].sum() * step == pytest.approx(2.0, rel=0.06)


def test_what_can_go_wrong():
    axis = np.arange(280.0, 291.0, 0.1)
    line = columns(axis, np.exp(-0.5 * ((axis - 285) / 0.5) ** 2))
    twice = doubled({"C1s": line}, 3.0)["C1s"]
    height = np.interp([285.0, 286.5, 288.0], twice[:, 0], twice[:, 1])
    np.testing.assert_allclose(height, [0.5, 0.011, 0.5], atol=0.01)
    counts = {"C1s": columns(axis, 1000 * line[:, 1]), "O1s": columns(axis + 247, np.full(axis.size, 7.0))}
    other = swapped(counts)
    assert other["C1s"][0, 0] == axis[0]
    assert set(other["C1s"][:, 1]) == {7.0}
    assert clipped(counts, 0.4)["C1s"][:, 1].max() == 400
    assert with_dead_time(counts, 0.5)["C1s"][:, 1].max() == pytest.approx(500, abs=2)
    assert mirrored(counts)["C1s"][0, 1] == counts["C1s"][-1, 1]


def test_baseline_sees_a_line_and_no_noise():
    rng = np.random.default_rng(4)
    spectrum = tree("line", detected({"C1s": drawn([[285.0, 1.0, 1.0, 0.0]])}, PLAIN, rng))
    assert baseline(spectrum) == "ok"
    assert baseline(featureless("flat", ["C1s"], PLAIN, rng)) == "out_of_domain"
    assert baseline(tree("oxide", detected({"O1s": drawn([[530.0, 1.0, 1.0, 0.0]])}, PLAIN, rng))) == "out_of_domain"
    assert line_height(rng.poisson(1000, 200).astype(float)) < 5


def row(kind: str, status: str, verdict: str = "outside") -> Answer:
    return Answer(kind, kind, verdict, 0.0, 1e3, status, 0.0, math.nan, "ok")


def test_headline_counts_refusals_and_averages_over_kinds():
    rows = [row("a", "ok"), row("a", "uncertain"), row("a", "out_of_domain"), row("a", "refused")]
    rows += [row("b", "ok"), row("c", "ok", "debatable"), row("d", "uncertain", "doubtful")]
    found = headline(rows)
    assert found["outside, network"]["not ok"] == pytest.approx(3 / 5)
    assert found["outside, network"]["out_of_domain"] == pytest.approx(2 / 5)
    assert found["outside, network"]["not ok, mean over kinds"] == pytest.approx((3 / 4 + 0) / 2)
    assert found["outside and doubtful, network"]["spectra"] == 6
    assert found["outside, baseline"]["not ok"] == 0
    assert shares(rows[:4])["not ok"] == pytest.approx(3 / 4)


def test_a_case_is_asked_in_its_own_charge_and_reproducibly():
    lines = {"C1s": drawn([[285.0, 3.0, 1.0, 0.0], [289.0, 1.0, 1.0, 0.0]]), "O1s": drawn([[532.2, 2.0, 1.2, 0.0]])}

    def build(conditions, rng):
        return tree("case", detected(lines, replace(conditions, counts=1e4), rng))

    case = Case("kind", "name", "outside", "because", build, scaled=True, charge=12.0)
    first, second = (list(answers([case], shipped_weights(), 2, seed=5)) for _ in range(2))
    assert [found.charge for found in first] == [12.0, 12.0]
    assert first == second or all(a.shift == b.shift or math.isnan(a.shift) for a, b in zip(first, second, strict=True))


@pytest.mark.data
def test_files_of_real_instruments_are_all_there(shared):
    cases = real_cases(shared / "real")
    assert {case.verdict for case in cases} == {"outside", "doubtful", "debatable", "inside"}
    names = {polymer.name for polymer in load(shared / "measured")}
    assert {name for entry in table()["altered"] for name in entry["polymers"]} <= names
    spectrum = next(case for case in cases if case.name == "Pt4f.vms").build(PLAIN, np.random.default_rng(0))
    assert float(spectrum["Pt4f"]["binding_energy"][0]) == pytest.approx(64.0, abs=0.3)
