from __future__ import annotations

import math
from dataclasses import fields

import pytest

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError, Settings, UserState
from xps_stn_plugin.settings import SettingsOptions, settings_of


def test_defaults_are_those_of_the_contract():
    assert settings_of() == Settings()


def test_keywords_are_the_fields_of_the_contract():
    assert list(SettingsOptions.__annotations__) == [field.name for field in fields(Settings)]
    with pytest.raises(TypeError, match="charge"):
        xps.prefit("a.vms", charge=1.0)


def test_one_name_for_several_and_any_case():
    made = settings_of(expect=" PMMA ", present="Ester (Aliphatic)", absent=["amine", "amide", "amine"])
    assert made.expect == ("PMMA",)
    assert made.present == ("ester (aliphatic)",)
    assert made.absent == ("amine", "amide")


def test_settings_pass_through_unchanged():
    made = settings_of(background={"C 1s": "shirley"}, ties="hard", expect=["PET", "hydrocarbon"], transmission=-0.7)
    assert made.background_of("C1s") == "shirley"
    assert made.background_of("O1s") == "auto"
    assert settings_of(**vars(made)) == made


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"present": "esters"}, r"present: there is no functional group 'esters'; similar: .*ester \(aliphatic\)"),
        ({"absent": "ester"}, r"absent: .*; similar: .*ester \(aromatic\)"),
        ({"present": "ketone (aliphatic)", "absent": "ketone (aliphatic)"}, "both present and absent"),
        ({"expect": "PMMA", "absent": "alkane"}, r"poly\(methyl methacrylate\) \(PMMA\) is expected and has alkane"),
        ({"expect": "PMMAA"}, "no substance 'PMMAA' is known"),
        ({"expect": ["PMMA", 3]}, "expect: 3 is not a name"),
        ({"expect": " "}, "expect: ' ' is not a name"),
        ({"ties": "loose"}, "ties: 'loose' is unknown; take one of soft, hard, free"),
        ({"background": {"C1s": "cubic"}}, "background: 'cubic' is unknown"),
        ({"transmission": math.inf}, "transmission: inf is not an exponent"),
        ({"transmission": 40}, "transmission: 40 is not an exponent"),
    ],
)
def test_bad_settings_are_one_sentence(options, message):
    with pytest.raises(PrefitError, match=message) as raised:
        settings_of(**options)
    assert "\n" not in str(raised.value)


def test_prefit_takes_every_setting(fake):
    import fakes

    asked = {
        "reference": 284.8,
        "reference_at": "first-member",
        "photon_energy": 1486.6,
        "background": {"C1s": "linear"},
        "ties": "free",
        "expect": ("PMMA",),
        "present": ("alkene",),
        "absent": ("amine",),
        "sensitivity": "scofield",
        "transmission": 0.5,
        "sample": None,
        "shift": 1.0,
        "calibrate_on": None,
        "apply_anyway": True,
        "states": (UserState("Ti", "2p3/2", "MXene", 455.1, 0.2, "carbide", 2),),
    }
    assert set(asked) == set(vars(Settings()))
    assert xps.prefit(fakes.spectrum(), **asked).settings == Settings(**asked)
    (row,) = xps.prefit_many([fakes.spectrum()], **asked)
    assert row.settings == Settings(**asked)
    with pytest.raises(PrefitError, match="ties"):
        xps.prefit_many([], ties="loose")


@pytest.mark.parametrize(
    "options",
    [
        {"reference": "285"},
        {"reference": [285]},
        {"apply_anyway": 1},
        {"reference_at": "top"},
        {"reference": 10**400},
        {"reference": 285 + 1j},
        {"photon_energy": "1486.6"},
        {"photon_energy": [1486.6]},
        {"transmission": "steep"},
        {"background": 3},
        {"expect": 3},
        {"present": 3.0},
    ],
)
def test_settings_of_another_type_are_one_short_sentence(options):
    with pytest.raises(PrefitError) as error:
        settings_of(**options)
    assert len(str(error.value)) < 200
    assert str(error.value).endswith(".")


def test_states_are_read_from_files_once(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[[state]]\nelement = "Ti"\nline = "2p3/2"\nname = "MXene"\nenergy = 455.1\n')
    expected = (UserState("Ti", "2p3/2", "MXene", 455.1, 0.3, "MXene"),)
    assert settings_of(states=path).states == settings_of(states=[str(path)]).states == expected
    assert settings_of(states=expected).states == expected
    with pytest.raises(PrefitError, match="states: 3 is not a path; give that of a TOML file"):
        settings_of(states=3)
