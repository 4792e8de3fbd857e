from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.batch.record import (
    DamagedRecordError,
    ParameterRecord,
    Record,
    RegionRecord,
    _first_line,
    decode,
    encode,
)
from xps_stn_plugin.batch.records import Records
from xps_stn_plugin.export.report import SCHEMA, Group, Model, Region, Report, Shift, Verdicts

_names = st.text(min_size=1, max_size=8)
_numbers = st.floats()
_curves = st.tuples(st.integers(3, 7), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(_numbers, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
        lambda values: np.array(values).reshape(shape)
    )
)
_parameters = st.builds(ParameterRecord, _names, _numbers, _numbers, _numbers, _numbers, st.booleans(), st.text())
_regions = st.builds(
    RegionRecord,
    st.dictionaries(_names, st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    _curves,
    st.lists(_parameters, max_size=3).map(tuple),
)
REPORT = Report(
    SCHEMA, "", "ok", (), Shift(1.0, 0.1, "eV", "", 285.0), (), {}, None, Model("", "", ""), Verdicts("ok", "ok", {})
)
_finite = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_reports = st.builds(
    Report,
    schema=st.just(SCHEMA),
    source=st.text(),
    status=st.sampled_from(["ok", "uncertain", "out_of_domain"]),
    reasons=st.lists(st.text(), max_size=2).map(tuple),
    shift=st.builds(Shift, _finite, _finite, st.just("eV"), st.text(), st.just(285.0)),
    groups=st.lists(st.builds(Group, st.text(), _finite), max_size=2).map(tuple),
    regions=st.dictionaries(
        _names, st.builds(Region, st.none(), st.none(), st.just(()), st.just(()), st.none(), st.text()), max_size=2
    ),
    quantification=st.none(),
    model=st.builds(Model, st.text(), st.text(), st.text()),
)
_records = st.builds(
    Record,
    st.none() | _reports,
    st.text(),
    st.dictionaries(_names, st.text(), max_size=2),
    st.dictionaries(_names, _regions, max_size=2),
    st.booleans(),
    st.text(),
)


def _texts(parameter):
    # NaN is not equal to itself; its text is.
    return tuple(map(repr, vars(parameter).values()))


@given(_records)
def test_bytes_give_the_same_record(record):
    data = encode(record)
    back = decode(data)
    assert encode(back) == data
    assert (back.report, back.reason, back.failures, back.final, back.details) == (
        record.report,
        record.reason,
        record.failures,
        record.final,
        record.details,
    )
    assert list(back.regions) == list(record.regions)
    for name, region in record.regions.items():
        np.testing.assert_array_equal(back.regions[name].curves, region.curves)
        assert back.regions[name].attrs == region.attrs
        assert list(map(_texts, back.regions[name].parameters)) == list(map(_texts, region.parameters))


@given(_records, st.data())
def test_damage_is_noticed(record, data):
    whole = encode(record)
    place = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DamagedRecordError):
        decode(whole[:place])
    flipped = bytearray(whole)
    flipped[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedRecordError):
        decode(bytes(flipped))
    with pytest.raises(DamagedRecordError):
        decode(whole + b"x")


@pytest.mark.parametrize(
    "body",
    [
        b"\n", b"[]\n", b"{}\n", b"[" * 100_000 + b"\n", b"", b"\xff\n", b'{"regions": 1, "stack": null}\n',
        b'{"regions": {"C1s": {"shape": [-1, 9], "attrs": {}, "parameters": []}}, "stack": null}\n',
        b'{"regions": {"C1s": {"shape": [1000000000000], "attrs": {}, "parameters": []}}, "stack": null}\n',
        b'{"regions": {}, "stack": null, "code": "x"}\n', b'{"regions": {}, "stack": {"data": 1}}\n',
    ],
)  # fmt: skip
def test_decode_of_a_foreign_record_with_the_right_digest_is_damaged(body):
    with pytest.raises(DamagedRecordError):
        decode(_first_line(body) + body)


def test_status_is_failed_where_anything_failed():
    assert Record(reason="no").status == "failed"
    assert Record(REPORT).status == "ok"
    assert Record(REPORT, failures={"C1s": "no"}).status == "failed"


def test_a_region_without_model_says_so():
    assert not RegionRecord({}, np.zeros((3, 9))).has_model
    assert RegionRecord({}, np.zeros((5, 9))).has_model


def test_folder_keeps_what_is_whole_and_drops_what_is_not(tmp_path):
    record = Record(reason="because", final=False)
    with Records(tmp_path / "out") as records:
        records.put("k", encode(record))
        assert records.get("k").reason == "because"
        assert records.get("k").final is False
        assert records.get("other") is None
        path = records.folder / "k.record"
        path.write_bytes(path.read_bytes()[:-1])
        assert records.get("k") is None
        assert [p.name for p in records.folder.glob("[!.]*")] == ["k.record"]


def test_leftovers_of_a_killed_run_are_cleared(tmp_path):
    folder = Records(tmp_path).folder
    (tmp_path / "json").mkdir()
    folder.mkdir()
    # As `write_whole` names them, in all places that a batch writes to.
    names = {f".k-{'0' * 32}.record": folder, f".spectra-{'1' * 32}.h5": tmp_path}
    names[f".level-1-{'2' * 32}.json"] = tmp_path / "json"
    left = [place / name for name, place in names.items()]
    # What others call so, and what another program of ours is writing beside the results.
    kept = [tmp_path / ".spectra-of-mine.h5", tmp_path / "json" / ".mine.json", tmp_path / f".plot-{'3' * 32}.png"]
    for path in (*left, *kept):
        path.write_bytes(b"half")
    with Records(tmp_path):
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in kept)


def test_a_folder_is_for_one_batch_at_a_time(tmp_path):
    half = Records(tmp_path).folder / f".k-{'0' * 32}.record"
    with Records(tmp_path):
        half.write_bytes(b"half")
        with pytest.raises(PrefitError, match="another batch is writing its results there"), Records(tmp_path):
            pass
        assert half.exists()
    with Records(tmp_path):
        assert not half.exists()


def test_a_folder_is_free_again_when_its_batch_is_killed(tmp_path):
    code = (
        "import sys, time, pathlib; from xps_stn_plugin.batch.records import Records\n"
        "with Records(pathlib.Path(sys.argv[1])): print('taken', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "taken\n"
    with pytest.raises(PrefitError, match="another batch"), Records(tmp_path):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    with Records(tmp_path) as records:
        assert records.get("k") is None


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path):
    (tmp_path / "out").write_text("x")
    sentence = r"out: cannot hold the results: (Not a directory|File exists)"
    with pytest.raises(PrefitError, match=sentence), Records(tmp_path / "out"):
        pass


def test_parameters_keep_infinite_bounds():
    free = ParameterRecord("a", 1.0, math.nan, -math.inf, math.inf, True)
    record = Record(regions={"C1s": RegionRecord({}, np.ones((5, 2)), (free,))})
    (parameter,) = decode(encode(record)).regions["C1s"].parameters
    assert (parameter.min, parameter.max) == (-math.inf, math.inf)
    assert math.isnan(parameter.stderr)


@pytest.mark.parametrize(
    "change",
    [
        {"regions": []},
        {"regions": {"C1s": {"attrs": {}, "shape": [3, -1], "parameters": []}}},
        {"regions": {"C1s": {"attrs": {}, "shape": [10**9, 10**9], "parameters": []}}},
        {"regions": {"C1s": {"attrs": {}, "shape": [3, 0], "parameters": [["p1_center"]]}}},
        {"report": []},
        {"report": {"schema": "xps-stn/prefit/1"}},
        {"failures": {"C1s": None}},
        {"final": "yes"},
        {"stack": {"status": "ok"}},
        {"unknown": 1},
    ],
)
def test_whole_bytes_of_something_else_are_no_record(change):
    form, head, _ = encode(Record(reason="because")).split(b"\n", 2)
    body = json.dumps({**json.loads(head), **change}).encode() + b"\n"
    first = form.rpartition(b" ")[0] + b" " + hashlib.sha256(body).hexdigest().encode()
    with pytest.raises(DamagedRecordError):
        decode(first + b"\n" + body)


def test_records_let_go_of_the_folder_when_it_cannot_be_cleared(tmp_path, monkeypatch):
    half = Records(tmp_path).folder / f".k-{'0' * 32}.record"
    half.parent.mkdir()
    half.write_bytes(b"half")

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", refuse)
        with pytest.raises(PrefitError, match="cannot hold the results: Permission denied"), Records(tmp_path):
            pass
    with Records(tmp_path):
        assert not half.exists()


def test_record_keeps_the_limit_that_was_not_enough():
    assert decode(encode(Record(reason="late", limit=2.5))).limit == 2.5
    assert decode(encode(Record())).limit is None
