from __future__ import annotations

import math
from dataclasses import replace

import pytest
from test_expectation_pattern import ESTER, PTFE, drawn

import xps_stn_plugin as xps
from xps_prefit_hooks import ModelInfo, Prediction, RegionShift
from xps_stn_plugin.expectation import steered
from xps_stn_plugin.expectation.steering import CONTRADICTED
from xps_stn_plugin.settings import settings_of

SHIFT = 1.2
GROUPS = {"alkane": 0.9, "ester (aliphatic)": 0.95, "amide": 0.03, "ketone (aliphatic)": 0.2}


def said(shift=SHIFT, stderr=0.06, status="ok", groups=GROUPS, reasons=()):
    regions = {"C1s": RegionShift(shift, stderr, 0.0), "O1s": RegionShift(shift + 0.05, 0.1, 0.05)}
    return Prediction(shift, stderr, groups, status, reasons, regions, ModelInfo("made", "1", ""))


def steer(prediction, spectrum=None, seen=None, **options):
    asked = []

    def read_at(shift):
        asked.append(shift)
        return replace(prediction, groups=prediction.groups if seen is None else seen)

    spectrum = drawn(ESTER, SHIFT) if spectrum is None else spectrum
    return steered(prediction, spectrum, settings_of(**options), read_at), asked


def test_known_groups_are_certain_and_the_others_stay():
    found, asked = steer(said(), present="amine", absent="ketone (aliphatic)")
    assert found.groups == {**GROUPS, "amine": 1.0, "ketone (aliphatic)": 0.0}
    assert (found.shift, found.shift_stderr, found.status) == (SHIFT, 0.06, "ok")
    assert asked == []
    assert found.reasons == ()


def test_a_sure_network_and_the_lines_are_weighed():
    found, asked = steer(said(shift=SHIFT + 0.1), expect="PMMA")
    assert found.shift not in (SHIFT, SHIFT + 0.1)
    assert abs(found.shift - SHIFT - 0.1) < 0.15
    assert found.shift_stderr == 0.06
    assert found.status == "ok"
    assert asked == [found.shift]
    assert "weighted mean of the network's, +1.30 ± 0.06 eV, and that of the lines of" in found.reasons[0]
    assert found.groups["ester (aliphatic)"] == 1.0
    assert found.region_shifts["O1s"].value == pytest.approx(found.shift + 0.05)
    assert found.region_shifts["O1s"].stderr == pytest.approx(0.1)


def test_an_uncertain_network_gives_way_to_the_lines():
    before = said(-1.9, 0.9, "uncertain", reasons=("One line fits every shift.",))
    found, _ = steer(before, seen={**GROUPS, "amide": 0.02}, expect="PMMA")
    assert found.shift == pytest.approx(SHIFT, abs=0.2)
    assert 0.1 <= found.shift_stderr < 0.15
    assert found.status == "ok"
    assert found.reasons[0].startswith("The shift was taken from the lines of poly(methyl methacrylate) (PMMA)")
    assert found.reasons[0].endswith("the network alone said -1.90 ± 0.90 eV, uncertain.")
    assert found.reasons[-1] == "The network alone: One line fits every shift."


def test_reasons_are_on_the_scale_of_the_reference():
    found, _ = steer(said(-1.9, 0.9, "uncertain"), expect="PMMA", reference=284.8)
    assert "said -1.59 ± 0.90 eV" in found.reasons[0]


def test_a_sure_network_is_not_overruled():
    found, asked = steer(said(SHIFT + 1.0), expect="PMMA")
    _assert_unsteered(found, said(SHIFT + 1.0), "but the network is sure of +2.20 ± 0.06 eV")
    assert asked == []


def _assert_unsteered(found, before, reason):
    """A contradiction leaves the network's answer, which is not ok."""
    assert (found.shift, found.shift_stderr, found.groups) == (before.shift, before.shift_stderr, before.groups)
    assert found.status == ("uncertain" if before.status == "ok" else before.status)
    place = found.reasons.index(CONTRADICTED)
    assert any(reason in text for text in found.reasons[:place])
    assert "weighted mean" not in " ".join(found.reasons)


@pytest.mark.parametrize("status", ["ok", "uncertain", "out_of_domain"])
def test_lines_that_do_not_fit_contradict_the_expectation(status):
    spectrum, before = drawn({"C1s": ((285.0, 1), (291.0, 1))}, SHIFT), said(status=status)
    found, _ = steer(before, spectrum, expect="PEG")
    _assert_unsteered(found, before, "do not fit at any shift: they leave")
    assert found.reasons[-1].startswith("Not expected, but the spectrum shows it: alkane")


@pytest.mark.parametrize("status", ["ok", "uncertain"])
def test_expected_group_that_is_hardly_seen_contradicts_the_expectation(status):
    before = said(SHIFT, 0.06 if status == "ok" else 0.9, status)
    found, asked = steer(before, seen={**GROUPS, "ester (aliphatic)": 0.03}, expect="PMMA")
    _assert_unsteered(found, before, "does not show it: ester (aliphatic) (probability 0.03).")
    assert asked


def test_present_and_absent_groups_that_the_network_contradicts_keep_their_probabilities():
    found, _ = steer(said(), present="amide", absent="ester (aliphatic)")
    assert found.reasons == (
        "Said to be present, but the spectrum does not show it: amide (probability 0.03).",
        "Said to be absent, but the spectrum shows it: ester (aliphatic) (probability 0.95).",
        CONTRADICTED,
    )
    assert found.status == "uncertain"
    assert found.groups == GROUPS


def test_region_without_an_expected_line_contradicts_the_expectation():
    found, _ = steer(said(), drawn({"N1s": ((400.0, 1),)}, SHIFT), expect="PMMA")
    _assert_unsteered(found, said(), "No measured region shows a line where poly(methyl methacrylate) (PMMA) has")


def test_region_with_a_further_line_is_said_and_moves_nothing():
    found, _ = steer(said(), drawn({**ESTER, "N1s": ((400.0, 1),)}, SHIFT), expect="PMMA")
    assert any(reason.startswith("N1s shows a line, where poly(methyl methacrylate)") for reason in found.reasons)
    assert (found.shift, found.status) == (SHIFT, "ok")
    assert found.groups["ester (aliphatic)"] == 1.0


@pytest.mark.parametrize("element", ["O1s", "N1s", "Si2p"])
def test_adventitious_carbon_beside_lines_of_other_elements_gives_the_scale(element):
    centers = {"O1s": 530.0, "N1s": 398.0, "Si2p": 103.5}
    # A symmetric line for one with vibrational members has its maximum about 0.1 eV above the first of them.
    carbon = ((285.1, 8), (286.5, 1), (288.9, 0.7))
    spectrum = drawn({"C1s": carbon, element: ((centers[element], 3),)}, SHIFT)
    inorganic = dict.fromkeys(GROUPS, 0.02)
    for status, stderr in (("ok", 0.1), ("uncertain", 0.6)):
        found, _ = steer(said(SHIFT + 0.1, stderr, status, inorganic), spectrum, expect="adventitious carbon")
        assert found.status == "ok"
        assert abs(found.shift - SHIFT) < 0.12
        assert found.groups["alkane"] == 1.0
        assert not any("shows a line, where" in reason or reason == CONTRADICTED for reason in found.reasons)


def test_adventitious_carbon_without_a_carbon_line_is_contradicted():
    spectrum = drawn({"O1s": ((530.0, 3),)}, SHIFT)
    found, _ = steer(said(), spectrum, expect="adventitious carbon")
    _assert_unsteered(found, said(), "No measured region shows a line where saturated hydrocarbon")


def test_a_substance_of_which_nothing_is_seen_is_named():
    found, _ = steer(said(), expect=["PMMA", "PTFE"])
    _assert_unsteered(found, said(), "Nothing of poly(tetrafluoroethylene) (PTFE)")


def test_mistakable_abbreviations_are_said():
    found, _ = steer(said(), expect="PVP")
    assert found.reasons[0] == (
        "PVP was taken for poly(vinyl propionate); others mean poly(N-vinylpyrrolidone), PNVP by it."
    )
    found, _ = steer(said(), expect="poly(vinyl propionate)")
    assert "was taken for" not in found.reasons[0]


def test_without_a_shift_only_what_is_known_is_known():
    nan = math.nan
    blind = Prediction(nan, nan, dict.fromkeys(GROUPS, nan), "out_of_domain", ("No.",), {}, ModelInfo("", "", ""))
    found, _ = steer(blind, drawn(PTFE), expect="PMMA")
    assert math.isnan(found.shift)
    assert found.status == "out_of_domain"
    assert found.groups["alkane"] == 1.0
    assert math.isnan(found.groups["amide"])


def test_a_repeat_unit_does_what_its_name_does():
    pytest.importorskip("rdkit")
    spectrum = drawn({"C1s": ((286.5, 1),)}, 2.0)
    name, structure = (xps.prefit(spectrum, expect=text) for text in ("PEG", "*CCO*"))
    assert structure.shift == pytest.approx(name.shift)
    assert structure.groups.identical(name.groups)
    assert "lines of *CCO*, expected" in structure.reasons[0]


def test_the_result_keeps_what_the_network_said():
    spectrum = drawn({"C1s": ((286.5, 1),)}, 2.0)
    alone = xps.prefit(spectrum)
    result = xps.prefit(spectrum, expect="PEG", absent="amine")
    assert result.shift == pytest.approx(2.0, abs=0.25)
    assert result.unsteered.groups == alone.prediction.groups
    assert result.unsteered.shift == alone.shift
    assert float(result.groups.sel(group="ether (aliphatic)")) == 1.0
    assert float(result.groups.sel(group="amine")) == 0.0
    assert "expected" in result.reasons[0]
    assert alone.unsteered == alone.prediction
