from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import Settings, UserState
from xps_stn_plugin.batch.cache_key import content_digest, work_identity, work_key
from xps_stn_plugin.settings import settings_of

_CHANGED = {
    "reference": 284.8,
    "photon_energy": 1253.6,
    "background": {"C1s": "linear"},
    "ties": "hard",
    "expect": ("PMMA",),
    "present": ("ketone",),
    "absent": ("ketone",),
    "sensitivity": "kratos",
    "transmission": -1.0,
    "reference_at": "maximum",
    "sample": "B",
    "shift": 2.0,
    "calibrate_on": "C-C",
    "apply_anyway": True,
    "states": (UserState("Ti", "2p3/2", "MXene", 455.1, 0.2, "carbide"),),
}


def _key(settings=None, fit=True, digest="0" * 64, name="a.csv"):
    return work_key([(digest, name)], work_identity(settings or settings_of(), fit))


def test_the_same_work_has_the_same_key():
    assert _key() == _key()
    one = replace(settings_of(), background={"C1s": "linear", "O1s": "shirley"})
    other = replace(settings_of(), background={"O1s": "shirley", "C1s": "linear"})
    assert _key(one) == _key(other)


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_counts(name):
    assert _key(replace(settings_of(), **{name: _CHANGED[name]})) != _key()


def test_fit_name_and_content_count():
    assert len({_key(), _key(fit=False), _key(name="a.txt"), _key(digest="1" * 64)}) == 4


def test_every_file_of_a_series_and_their_order_count():
    one, other, third = ("0" * 64, "a.csv"), ("1" * 64, "b.csv"), ("2" * 64, "c.csv")
    identity = work_identity(settings_of(), True)
    series = ([one, other], [other, one], [one, third], [one], [one, other, third], [one, ("1" * 64, "c.csv")])
    assert len({work_key(files, identity) for files in series}) == len(series)
    assert work_key(iter([one, other]), identity) == work_key([one, other], identity)


def test_versions_count(monkeypatch):
    before = _key()
    monkeypatch.setattr("xps_stn_plugin.batch.cache_key.version", lambda package: "99.0")
    assert _key() != before


def test_plugins_count(fake):
    with_fake = work_identity(settings_of(), True)["plugins"]
    assert ["fake", "", ""] in with_fake


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_content_decides(tmp_path_factory, one, other):
    folder = tmp_path_factory.mktemp("content")
    (folder / "one").write_bytes(one)
    (folder / "other").write_bytes(other)
    assert (content_digest(folder / "one") == content_digest(folder / "other")) == (one == other)
