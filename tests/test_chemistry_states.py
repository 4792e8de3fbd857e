"""Chemical states: known positions, levels without states of their own, files of the user's own."""

from __future__ import annotations

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry.states import auger_parameters, chemical_states, read_states, states_of, states_with
from xps_stn_plugin.core.element_lines import photo_lines

#: Moulder et al., Handbook of X-ray Photoelectron Spectroscopy (1992); Biesinger, Appl. Surf. Sci. 257 (2010) 887.
KNOWN = {
    ("Ti2p", "Ti"): 453.9, ("Ti2p", "TiO2"): 458.6, ("Ti2p", "TiN"): 455.0, ("Al2p", "Al2O3"): 74.2,
    ("Si2p", "Si"): 99.3, ("Si2p", "SiO2"): 103.4, ("Cu2p", "Cu2O"): 932.3, ("Cu2p", "CuO"): 933.6,
    ("Cu2p", "Cu(OH)2"): 934.7, ("Fe2p", "Fe2O3"): 710.8, ("Zn2p", "ZnO"): 1021.9, ("Sn3d", "SnO"): 486.0,
    ("Sn3d", "SnO2"): 486.6, ("W4f", "WO3"): 35.8, ("Pt4f", "Pt"): 71.1, ("In3d", "In2O3"): 444.4,
    ("O1s", "TiO2"): 529.9, ("S2p", "sulfate"): 168.6, ("C1s", "carbonate"): 289.4, ("N1s", "ammonium"): 401.9,
}  # fmt: skip


def state(level, name, states=None):
    return next(row for row in states_of(level, states) if row.name == name)


def written(folder, text):
    path = folder / "states.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("level", "name"), KNOWN)
def test_states_lie_where_handbooks_have_them(level, name):
    assert state(level, name).energy == pytest.approx(KNOWN[level, name], abs=0.3)


def test_states_cover_the_elements_that_are_measured():
    elements = {level[:-2] for level in chemical_states()}
    rare = {"Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Pa", "Ac", "Ne", "Ar", "Kr", "Xe"}
    assert photo_lines().keys() - rare <= elements
    assert sum(len(states) for states in chemical_states().values()) > 1000


def test_oxidation_states_follow_from_the_formula():
    assert [state("Ti2p", name).oxidation for name in ("Ti", "TiO", "Ti2O3", "TiO2")] == [0, 2, 3, 4]
    assert state("Cu2p", "CuCl").oxidation == 1
    assert state("S2p", "sulfate").oxidation == 6
    assert state("Fe2p", "Fe3O4").oxidation is None


def test_label_names_the_line_and_the_state():
    assert state("Ti2p", "TiO2").label == "Ti 2p3/2 TiO2"
    assert state("Ti2p", "Ti").label == "Ti 2p3/2 metal"
    assert state("Si2p", "Si").label == "Si 2p3/2 element"


def test_level_without_states_takes_those_of_the_main_level():
    shift = state("Ti2p", "TiO2").energy - state("Ti2p", "Ti").energy
    away = state("Ti3p", "TiO2").energy - state("Ti3p", "Ti").energy
    assert away == pytest.approx(shift)
    assert 31 < state("Ti3p", "Ti").energy < 34
    assert state("Ti3p", "TiO2").spread > state("Ti2p", "TiO2").spread
    assert states_of("Xx2p") == ()


def test_auger_parameters_are_those_of_the_lines_of_metals():
    from xps_stn_plugin.core.element_lines import auger_lines, level_lines

    for element, level, auger in [("Cu", "Cu2p", "L3M45M45"), ("Zn", "Zn2p", "L3M45M45"), ("Ag", "Ag3d", "M4N45N45")]:
        kinetic = next(line.energy for line in auger_lines()[element] if line.line == auger)
        assert auger_parameters()[element, element] == pytest.approx(kinetic + level_lines(level)[0].energy, abs=0.5)


def test_file_adds_and_replaces_states(tmp_path):
    path = written(
        tmp_path,
        """
        [[state]]
        element = "Ti"
        line = "2p3/2"
        name = "TiO2"
        energy = 458.9
        spread = 0.1
        [[state]]
        element = "Ti"
        line = "2p3/2"
        name = "my MXene"
        energy = 455.7
        """,
    )
    states = states_with(read_states(path))
    assert state("Ti2p", "my MXene", states).given and not state("Ti2p", "Ti", states).given
    assert state("Ti2p", "TiO2", states).energy == 458.9
    assert state("Ti2p", "my MXene", states).spread == 0.3
    assert state("Ti2p", "Ti", states) == state("Ti2p", "Ti")
    assert len(states["Ti2p"]) == len(chemical_states()["Ti2p"]) + 1
    assert [row.energy for row in states["Ti2p"]] == sorted(row.energy for row in states["Ti2p"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            2 * '[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "x"\nenergy = 458.0\n',
            r"the state Ti 2p3/2 x stands in it twice; drop one of the two\.",
        ),
        ("state = 3", r"in tables \[\[state\]\]"),
        ("[other]\na = 1", r"no table \[state\]"),
        ('[[state]]\nelement = "Ti"', "number 1 entry '.*' is missing"),
        ('[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "x"\nenergy = 458.0\ncolour = 1', "'colour' is unknown"),
        ('[[state]]\nelement = "Ti"\nline = "2p1/2"\nname = "x"\nenergy = 458.0', "whose line is 2p3/2"),
        ('[[state]]\nelement = "Xx"\nline = "2p3/2"\nname = "x"\nenergy = 458.0', "not the line of highest j"),
        ('[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "x"\nenergy = 45.8', "not within 30 eV"),
        ('[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "x"\nenergy = nan', "not within 30 eV"),
        ('[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "x"\nenergy = 458.0\nspread = 0', "not a positive number"),
        ('[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = ""\nenergy = 458.0', "a text that is empty"),
        (
            '[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "x"\nenergy = 458.0\noxidation = 1.5',
            "not a whole number",
        ),
        ('[[state]]\nelement = 1\nline = "2p3/2"\nname = "x"\nenergy = 458.0', "a text that is empty"),
    ],
)
def test_file_with_a_wrong_entry_is_refused_in_one_sentence(tmp_path, text, sentence):
    with pytest.raises(PrefitError, match=sentence) as error:
        read_states(written(tmp_path, text))
    assert "\n" not in str(error.value)
