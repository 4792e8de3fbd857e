from __future__ import annotations

import dataclasses
import hashlib
import json
import warnings

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.stn.calibration import Calibration
from xps_stn_plugin.stn.network import ShiftTransformer
from xps_stn_plugin.stn.network_config import NetworkConfig
from xps_stn_plugin.stn.weights import SHIPPED, load_weights, save_weights, shipped_weights, stamp_weights
from xps_stn_plugin.stn.weights_file import metadata_of, sealed

CALIBRATION = Calibration(0.06, (0.05, 0.5), (0.06, 0.7), 1.0, 0.0, 2.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Bytes of a small network's weights."""
    torch.manual_seed(0)
    grid = Grid()
    size = NetworkConfig(
        9,
        grid.points,
        len(group_names()),
        grid.step,
        8.0,
        localiser_width=4,
        dilations=(1,),
        classifier_width=2,
        hidden=4,
    )
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    network = ShiftTransformer(size).eval()
    save_weights(path, network, name="n", version="v", groups=group_names(), grid=grid, calibration=CALIBRATION)
    return path.read_bytes()


def unsealed(data):
    """Return weights as they were saved before there was a checksum."""
    metadata = {key: value for key, value in metadata_of("", data).items() if key != "sha256"}
    return safetensors.torch.save(safetensors.torch.load(data), {**metadata, "format": "xps-stn/weights/2"})


def refusal(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PrefitError) as raised:
            load_weights(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ") and text.isprintable() and len(text) < len(str(path)) + 250
    return text


def test_load_weights_of_any_flipped_bit_refuses_the_file(whole, tmp_path):
    path = tmp_path / "w.safetensors"

    @given(bit=st.integers(0, 8 * len(whole) - 1))
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    def anywhere(bit):
        check(bit)

    @given(bit=st.integers(0, 8 * (8 + int.from_bytes(whole[:8], "little")) - 1))
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    def in_the_header(bit):
        check(bit)

    def check(bit):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        refusal(path)

    path.write_bytes(whole)
    load_weights(path)
    anywhere()
    in_the_header()
    check(8 * whole.index(b'"sha256"') + 8)  # the name of the checksum
    for bit in range(8):  # the version: weights/2 need no checksum
        check(8 * (whole.index(b"weights/4") + 8) + bit)
    check(8 * len(whole) - 1)


@pytest.mark.parametrize("cut", [0, 4, 8, 100, -1])
def test_load_weights_of_a_part_of_the_file_refuses_it(whole, tmp_path, cut):
    (tmp_path / "w").write_bytes(whole[:cut])
    assert "the weights are damaged (" in refusal(tmp_path / "w")
    (tmp_path / "w").write_bytes(whole + b"x")
    assert "its checksum is not that of its content" in refusal(tmp_path / "w")


def test_load_weights_without_a_checksum_warns_and_loads(whole, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(unsealed(whole))
    with pytest.warns(UserWarning, match="w.safetensors: the weights have no checksum"):
        trained = load_weights(path)
    checksum = stamp_weights(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load_weights(path)
    assert again.info.sha256 == checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (again.grid, again.groups, again.calibration) == (trained.grid, trained.groups, trained.calibration)
    for key, value in trained.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[key])
    # A second stamp changes nothing.
    assert stamp_weights(path) == checksum


def test_stamp_weights_of_damaged_weights_leaves_the_file_as_it_is(whole, tmp_path):
    path = tmp_path / "w.safetensors"
    data = bytearray(whole)
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(PrefitError, match="its checksum is not that of its content"):
        stamp_weights(path)
    assert path.read_bytes() == bytes(data)


def changed(key, **values):
    def change(metadata):
        return {**metadata, key: json.dumps({**json.loads(metadata[key]), **values})}

    return change


def put(key, value):
    return lambda metadata: {**metadata, key: value}


HEADERS = {
    "no format": (put("format", "other"), "the weights have format 'other'"),
    "long format": (put("format", "x" * 10**5), "the weights have format 'xxx"),
    "no grid": (lambda metadata: {k: v for k, v in metadata.items() if k != "grid"}, "its header lacks a valid"),
    "deep json": (put("network", "[" * 50_000), "its header lacks a valid"),
    "no json": (put("calibration", "{"), "its header lacks a valid"),
    "list for object": (put("grid", "[1]"), "its header lacks a valid"),
    "unknown field": (changed("network", code="x"), "its header lacks a valid"),
    "other regions": (put("regions", '["C1s"]'), "the weights were made for other core levels"),
    "groups missing": (put("groups", '["alkene"]'), "sizes or numbers that make no sense"),
    "group not a text": (put("groups", json.dumps([1] * 40)), "sizes or numbers that make no sense"),
    "name with an escape": (put("name", "\x1b[2J"), "sizes or numbers that make no sense"),
    "huge layer": (changed("network", hidden=10**12), "sizes or numbers that make no sense"),
    "large layer": (changed("network", hidden=65_536), "do not fit the network that their header describes"),
    "wide layers": (changed("network", localiser_width=4096), "do not fit the network that their header describes"),
    "many blocks": (changed("network", dilations=[1] * 10**5), "sizes or numbers that make no sense"),
    "size as a float": (changed("network", hidden=4.0), "sizes or numbers that make no sense"),
    "size as true": (changed("network", hidden=True), "sizes or numbers that make no sense"),
    "nan step": (changed("network", step=float("nan")), "sizes or numbers that make no sense"),
    "no step": (changed("network", step=0), "sizes or numbers that make no sense"),
    "wide shifts": (changed("network", max_shift=1e300), "sizes or numbers that make no sense"),
    "huge grid": (changed("grid", points=10**12), "sizes or numbers that make no sense"),
    "infinite limit": (changed("calibration", outside_limit=float("inf")), "sizes or numbers that make no sense"),
    "huge number": (changed("calibration", blur=10**400), "sizes or numbers that make no sense|lacks a valid"),
    "text for a number": (changed("calibration", blur="x"), "sizes or numbers that make no sense"),
    "knots that fall": (changed("calibration", spread=[2.0, 1.0]), "sizes or numbers that make no sense"),
    "level without a name": (changed("grid", levels=[["", 288.0]] * 9), "sizes or numbers that make no sense"),
    "levels twice": (changed("grid", levels=[["C1s", 288.0]] * 9), "sizes or numbers that make no sense"),
    "level nowhere": (changed("grid", levels=[["C1s", float("nan")]]), "sizes or numbers that make no sense"),
    "level without an energy": (changed("grid", levels=[["C1s"]]), "its header lacks a valid"),
    "materials without outputs": (put("materials", '["oxide"]'), "sizes or numbers that make no sense"),
    "lines not a truth value": (changed("network", lines=1), "sizes or numbers that make no sense"),
    "knots of unequal number": (changed("calibration", spread=[1.0]), "sizes or numbers that make no sense"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_load_weights_of_a_foreign_header_is_one_sentence(whole, tmp_path, case):
    change, sentence = HEADERS[case]
    metadata = {key: value for key, value in metadata_of("", whole).items() if key != "sha256"}
    (tmp_path / "w").write_bytes(sealed("", whole, change(metadata)))
    text = refusal(tmp_path / "w")
    assert any(part in text for part in sentence.split("|")), text


@pytest.mark.parametrize(
    "header",
    [
        b"", b"[]", b"null", b"[" * 100_000, b'{"__metadata__": 1}', b'{"__metadata__": {"format": 1}}', b'{"a": 1}',
        b'{"__metadata__": {}, "__metadata__": {}}', b"\xff",
        b'{"__metadata__": {"sha256": "x", "format": "xps-stn/weights/4"}}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [None, 2**63, 2**21])
def test_load_weights_of_a_broken_header_is_one_sentence(tmp_path, header, size):
    (tmp_path / "w").write_bytes((len(header) if size is None else size).to_bytes(8, "little") + header)
    refusal(tmp_path / "w")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_load_weights_of_tensors_that_are_not_numbers_refuses_them(whole, tmp_path, value):
    tensors = safetensors.torch.load(whole)
    name = next(key for key, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name] = torch.full_like(tensors[name], value)
    metadata = {key: text for key, text in metadata_of("", whole).items() if key != "sha256"}
    (tmp_path / "w").write_bytes(sealed("", safetensors.torch.save(tensors), metadata))
    assert f"{name} holds values that are not numbers" in refusal(tmp_path / "w")


@pytest.mark.parametrize("change", ["missing", "further", "shape", "type"])
def test_load_weights_of_other_tensors_refuses_them(whole, tmp_path, change):
    tensors = safetensors.torch.load(whole)
    name = next(key for key, value in tensors.items() if value.is_floating_point())
    if change == "missing":
        del tensors[name]
    elif change == "further":
        tensors["x"] = torch.zeros(2)
    else:
        tensors[name] = tensors[name].double() if change == "type" else torch.zeros(3)
    metadata = {key: text for key, text in metadata_of("", whole).items() if key != "sha256"}
    (tmp_path / "w").write_bytes(sealed("", safetensors.torch.save(tensors), metadata))
    assert "do not fit the network that their header describes" in refusal(tmp_path / "w")


def test_load_weights_of_what_is_not_a_file_is_one_sentence(tmp_path):
    assert "cannot be read (there is no such file)" in refusal(tmp_path)
    assert "cannot be read (there is no such file)" in refusal(tmp_path / "none")


def test_shipped_weights_carry_a_checksum():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained = shipped_weights()
    assert SHIPPED.startswith(trained.info.name)
    assert dataclasses.asdict(trained.grid) == {"points": 288, "step": 0.1, "levels": ()}


def test_network_made_within_inference_mode_lets_gradients_pass(tmp_path, whole):
    path = tmp_path / "w.safetensors"
    path.write_bytes(whole)
    with torch.inference_mode():
        network = load_weights(path).network
    assert not any(parameter.is_inference() for parameter in network.parameters())
