"""Elements of survey spectra: simulated compositions with known answers."""

import numpy as np
import pytest
import xarray as xr

import xps_stn_plugin as xps
from xps_prefit_hooks import ModelInfo, Prediction, PrefitError
from xps_stn_plugin.core.element_lines import photo_lines
from xps_stn_plugin.core.survey import Survey
from xps_stn_plugin.surveys import probability, stack_survey, survey_of, survey_of_arrays
from xps_stn_plugin.surveys.groups import without_what_surveys_lack

AL = 1486.6


def counts_of(percent, *, shift=0.0, height=2e4, seed=1, end=1200.0, offsets=None):
    """Count electrons of photoelectron lines (2 eV wide) with steps behind them, Poisson noise."""
    energy = np.arange(0.0, end + 0.5, 1.0)
    total = np.zeros(energy.size)
    for element, share in percent.items():
        for line in photo_lines()[element]:
            strength = line.cross_section(AL)
            if strength is None or line.energy < 10.0:
                continue
            centre = line.energy + shift + (offsets or {}).get(element, 0.0)
            width = np.hypot(2.0, line.width or 0.5)
            peak = np.exp(-4.0 * np.log(2.0) * ((energy - centre) / width) ** 2) / width
            total += share * strength * (peak + 0.01 * (energy > centre))
    expected = height * (total / total.max() + 0.05)
    return energy, np.random.default_rng(seed).poisson(expected).astype(float)


def test_survey_of_an_oxide_names_its_elements_and_amounts():
    energy, counts = counts_of({"C": 20.0, "O": 53.0, "Ti": 27.0}, offsets={"Ti": 4.6, "C": 0.3})
    survey = survey_of_arrays(energy, counts, AL)
    assert set(survey.symbols) == {"C", "O", "Ti"}
    percent = {element.symbol: element.atomic_percent for element in survey.elements}
    assert percent == pytest.approx({"C": 20.0, "O": 53.0, "Ti": 27.0}, rel=0.12)
    assert all(element.probability > 0.9 for element in survey.elements)
    assert sum(percent.values()) == pytest.approx(100.0)


def test_survey_of_a_charged_sample_finds_the_shift():
    energy, counts = counts_of({"C": 70.0, "O": 25.0, "N": 5.0}, shift=4.0, offsets={"C": 0.5})
    survey = survey_of_arrays(energy, counts, AL)
    assert set(survey.symbols) == {"C", "N", "O"}
    # No Auger lines are simulated, which fix the shift better.
    assert survey.shift == pytest.approx(4.0, abs=1.6)


def test_survey_with_a_known_shift_beyond_those_that_are_tried_finds_the_elements():
    energy, counts = counts_of({"C": 70.0, "O": 30.0}, shift=40.0)
    survey = survey_of_arrays(energy, counts, AL, shift=40.0)
    assert set(survey.symbols) == {"C", "O"}
    carbon = next(line for line in survey.lines if line.label == "C 1s")
    assert carbon.energy == pytest.approx(324.5, abs=1.0)


def test_survey_claims_no_element_whose_line_another_explains():
    # Mo 3p3/2 lies where N 1s does, S 2s where Mo 3d does.
    energy, counts = counts_of({"Mo": 40.0, "O": 60.0}, height=1e5)
    assert set(survey_of_arrays(energy, counts, AL).symbols) == {"Mo", "O"}


def test_survey_names_the_lines_that_show_an_element():
    energy, counts = counts_of({"Ag": 100.0})
    survey = survey_of_arrays(energy, counts, AL)
    (silver,) = survey.elements
    assert silver.symbol == "Ag"
    assert silver.lines[:2] == ("Ag 3d5/2", "Ag 3d3/2")
    assert {"Ag 3p3/2", "Ag 3p1/2"} <= set(silver.lines)
    assert silver.atomic_percent == 100.0


def test_survey_lacks_an_element_that_it_would_show():
    energy, counts = counts_of({"C": 75.0, "O": 25.0}, height=1e5)
    survey = survey_of_arrays(energy, counts, AL)
    assert survey.lacks("N", 2.0)
    assert not survey.lacks("N", 0.01)
    assert not survey.lacks("C", 2.0)


def test_survey_of_noise_has_no_elements():
    energy = np.arange(0.0, 1200.0)
    counts = np.random.default_rng(0).poisson(1000.0, energy.size).astype(float)
    survey = survey_of_arrays(energy, counts, AL)
    assert survey.elements == ()
    assert survey.notes == ("The survey shows no line above its background.",)


@pytest.mark.parametrize("counts", [np.zeros(400), np.full(400, np.nan), np.r_[np.ones(200), np.full(200, np.inf)]])
def test_survey_that_cannot_be_used_is_none(counts):
    assert survey_of_arrays(np.arange(400.0), counts, AL) is None


def test_survey_does_not_depend_on_the_unit_of_intensity():
    energy, counts = counts_of({"C": 60.0, "O": 40.0})
    first, second = survey_of_arrays(energy, counts, AL), survey_of_arrays(energy, 1e-3 * counts, AL)
    assert first.symbols == second.symbols
    assert [e.atomic_percent for e in first.elements] == pytest.approx(
        [e.atomic_percent for e in second.elements], rel=1e-4
    )


def test_probability_grows_with_evidence_and_is_smaller_for_rare_elements():
    assert probability("C", 20.0) < probability("C", 60.0)
    assert probability("Er", 30.0) < probability("C", 30.0)


def test_survey_notes_say_that_the_photon_energy_is_assumed():
    energy, counts = counts_of({"C": 60.0, "O": 40.0})
    data = xr.Dataset({"counts": ("binding_energy", counts)}, coords={"binding_energy": energy})
    assert any("Photon energy unknown" in note for note in survey_of(data).notes)


def test_stack_of_surveys_has_a_row_for_each_spectrum():
    energy, clean = counts_of({"C": 70.0, "O": 30.0})
    _, metal = counts_of({"C": 30.0, "O": 30.0, "Cu": 40.0})
    stack = np.stack([clean, metal, np.full(energy.size, np.nan)])
    data = xr.Dataset(
        {"counts": (("step", "binding_energy"), stack)}, {"step": [10, 20, 30], "binding_energy": energy}
    ).assign_attrs(photon_energy=AL)
    found = stack_survey(data)
    assert list(found["element"].values) == ["C", "Cu", "O"]
    assert found["atomic_percent"].sel(element="Cu").values[0] == 0.0
    assert found["atomic_percent"].sel(element="Cu").values[1] == pytest.approx(40.0, rel=0.15)
    assert np.isnan(found["atomic_percent"].values[2]).all()
    assert list(found["step"].values) == [10, 20, 30]


def test_front_door_finds_the_survey_among_regions(tmp_path):
    energy, counts = counts_of({"C": 60.0, "O": 40.0})
    path = tmp_path / "survey.csv"
    path.write_text("binding_energy_eV,counts\n" + "\n".join(f"{e},{c}" for e, c in zip(energy, counts, strict=True)))
    assert set(xps.survey(path).symbols) == {"C", "O"}


def test_front_door_without_a_survey_says_what_is_there():
    energy = np.linspace(280.0, 295.0, 151)
    counts = 100.0 + 1000.0 * np.exp(-((energy - 285.0) ** 2))
    region = xr.DataArray(counts, {"binding_energy": energy}, ("binding_energy",), name="C1s")
    with pytest.raises(PrefitError, match="there is no survey; its regions are C1s"):
        xps.survey(region)


def test_survey_of_a_narrow_range_leaves_lines_outside_alone():
    # Auger lines of the elements, and many photoelectron lines, lie outside.
    energy, counts = counts_of({"C": 70.0, "O": 30.0})
    part = (energy > 200.0) & (energy < 600.0)
    assert set(survey_of_arrays(energy[part], counts[part], AL).symbols) == {"C", "O"}


def _prediction(**groups):
    return Prediction(0.0, 0.1, groups, "ok", (), {}, ModelInfo("test", "1", ""))


def _spectrum(*regions):
    energy = np.linspace(0.0, 20.0, 41)
    data = xr.Dataset({"counts": ("binding_energy", energy)}, {"binding_energy": energy})
    return xr.DataTree.from_dict({f"/{name}": data.assign_attrs(region=name) for name in regions})


def _lacking(limit):
    return {"Survey": Survey("Survey", (), (), {"N": limit}, 0.0, AL, ())}


def test_group_without_its_element_in_the_survey_is_ruled_out():
    prediction = _prediction(amide=0.9, **{"ester (aliphatic)": 0.8})
    told = without_what_surveys_lack(prediction, _spectrum("C1s", "O1s", "Survey"), _lacking(0.4))
    assert told.groups["amide"] < 0.1
    assert told.groups["ester (aliphatic)"] == 0.8
    assert told.reasons == ("The survey shows no N, of which 0.4 at% would show: amide is ruled out.",)


@pytest.mark.parametrize(("regions", "limit"), [(("C1s", "N1s", "O1s", "Survey"), 0.4), (("C1s", "Survey"), 5.0)])
def test_group_stays_where_its_level_was_measured_or_the_survey_is_too_weak(regions, limit):
    prediction = _prediction(amide=0.9)
    assert without_what_surveys_lack(prediction, _spectrum(*regions), _lacking(limit)) is prediction
