"""VAMAS blocks that are a depth profile or a map arrive as one region with labelled dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_readers_vamas import COUNTS, block, header, read, written

import xps_stn_plugin as xps

ETCH = (("Etch Level", "d"), ("Etch Time", "s"))
PLACE = (("Index", "d"), ("PositionX [mm]", "n"), ("PositionY [mm]", "n"))


def counts(factor):
    return [factor * value for value in COUNTS]


@pytest.mark.parametrize("irregular", [False, True])
def test_a_depth_profile_of_two_regions_and_a_survey(tmp_path, irregular):
    blocks = [block("Survey", "", start=400, step=50, at=(0, 0), irregular=irregular)]
    for level in range(5):
        at = (level, 30 * level)
        blocks += [
            block(
                counts=counts(1 + level), at=at, date=["2024", "5", "6", "7", str(level), "9", "0"], irregular=irregular
            ),
            block("O", start=943.6, counts=counts(6 - level), at=at, irregular=irregular),
        ]
    scan = "IRREGULAR" if irregular else "REGULAR"
    tree = read(written(tmp_path / "profile.vms", header(11, conditions=ETCH, scan=scan), *blocks))
    assert list(tree.children) == ["Survey", "C1s", "O1s"]
    assert tree["Survey"]["counts"].dims == ("binding_energy",)
    carbon = tree["C1s"].to_dataset()
    assert carbon["counts"].dims == ("etch_time", "binding_energy")
    # The variable with a unit is the dimension, and the other goes along.
    assert carbon["etch_time"].values.tolist() == [0, 30, 60, 90, 120]
    assert carbon["etch_time"].attrs["units"] == "s"
    assert carbon["etch_level"].dims == ("etch_time",) and carbon["etch_level"].values.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(carbon["counts"], np.arange(1, 6)[:, None] * np.array(COUNTS[::-1]))
    np.testing.assert_array_equal(tree["O1s/counts"], np.arange(6, 1, -1)[:, None] * np.array(COUNTS[::-1]))
    assert carbon["transmission"].dims == ("binding_energy",)
    assert carbon["start_time"].dims == ("etch_time",)
    assert carbon["start_time"].values[3] == "2024-05-06T07:03:09+00:00"
    assert carbon["block"].values.tolist() == [2, 4, 6, 8, 10]
    assert (carbon.attrs["sample"], carbon.attrs["scans"], carbon.attrs["label"]) == ("PET", 3, "C 1s")
    assert "skipped" not in tree.attrs


def test_a_map_in_any_order(tmp_path):
    points = [(x, y) for y in range(3) for x in range(4)]
    order = np.random.default_rng(0).permutation(12)
    blocks = [
        block(counts=counts(1 + points[n][0] + 10 * points[n][1]), at=(k, 0.5 * points[n][0], 0.25 * points[n][1]))
        for k, n in enumerate(order)
    ]
    tree = read(written(tmp_path / "map.vms", header(12, conditions=PLACE), *blocks))
    region = tree["C1s"].to_dataset()
    assert list(tree.children) == ["C1s"] and region["counts"].dims == ("y", "x", "binding_energy")
    assert region["x"].values.tolist() == [0, 0.5, 1, 1.5] and region["y"].values.tolist() == [
        0,
        0.25,
        0.5,
    ]
    assert region["x"].attrs["units"] == "mm"
    factors = region["counts"].values[..., -1] / COUNTS[0]
    np.testing.assert_allclose(factors, 1 + np.arange(4) + 10 * np.arange(3)[:, None])
    # The whole way, with a shift for every pixel.
    assert xps.prefit_many(tree)["shift"].shape == (3, 4)


def test_a_map_file_names_its_places_itself(tmp_path):
    pixels = []
    for place in ((1, 1), (2, 1), (1, 2), (2, 2)):
        pixel = block(position=map(str, place), counts=counts(place[0] + 2 * place[1]))
        field = pixel.index("1e37")  # after the beam widths, a map has a field of view
        pixel[field + 2 : field + 2] = ["100", "100"]
        pixels.append(pixel)
    region = read(written(tmp_path / "map.vms", header(4, mode="MAP"), *pixels))["C1s"]
    assert region["counts"].dims == ("y", "x", "binding_energy")
    np.testing.assert_array_equal(region["counts"].values[..., -1] / COUNTS[0], [[3, 4], [5, 6]])


def test_levels_of_a_depth_profile_without_a_variable_are_counted(tmp_path):
    sputter = ["500", "1", "1", "1", "45", "0", "continuous"]
    levels = [block(ion=["18", "1", "1"], sputter=sputter, counts=counts(n), at=()) for n in (1, 2, 3)]
    region = read(written(tmp_path / "sdp.vms", header(3, mode="SDP", conditions=()), *levels))["C1s"]
    assert region["counts"].dims == ("level", "binding_energy") and region["level"].values.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"start": 1196.7}, "their axes differ"),
        ({"counts": COUNTS[:-1]}, "their axes differ"),
        ({"scans": 4}, "their numbers of scans differ"),
        ({"hv": "1486.7"}, "their photon energies differ"),
        ({"at": (2, 30)}, None),
    ],
)
def test_blocks_that_do_not_go_together_stay_separate_and_say_why(tmp_path, other, reason):
    blocks = [block(at=(0, 0)), block(at=(1, 30)), block(**{"at": (2, 60), **other})]
    tree = read(written(tmp_path / "a.vms", header(3, conditions=ETCH), *blocks))
    if reason is None:
        # Two blocks at one time: the level tells them apart.
        assert tree["C1s/counts"].dims == ("etch_level", "binding_energy")
        return
    assert list(tree.children) == ["C1s", "C1s_2", "C1s_3"]
    (said,) = tree.attrs["skipped"]
    assert said.endswith(f"3 blocks of C 1s differ in Etch Level, Etch Time, but {reason}: they stay separate regions.")


@pytest.mark.parametrize(
    "changes",
    [
        [{}, {}],
        [{"at": (1, 5.0, 3.0)}, {"at": (2, 5.0, 3.0)}],
        [{"at": (0, 1e37, 0.0)}, {"at": (0, 1.0, 0.0)}],
        [{"species": "02-C1s", "transition": ""}, {"species": "05-C1s", "transition": "", "at": (1, 1.0, 0.0)}],
    ],
    ids=["repeated", "counted", "unknown", "names"],
)
def test_regions_that_are_separate_by_intent_stay_so_without_a_word(tmp_path, changes):
    blocks = [block(**{"at": (0, 0.0, 0.0), **change}) for change in changes]
    tree = read(written(tmp_path / "a.vms", header(2, conditions=PLACE), *blocks))
    assert list(tree.children) == ["C1s", "C1s_2"] and "skipped" not in tree.attrs


def test_spots_are_no_map(tmp_path):
    blocks = [block(at=(n, x, y)) for n, (x, y) in enumerate([(0, 0), (1, 3), (2, 1)])]
    tree = read(written(tmp_path / "a.vms", header(3, conditions=PLACE), *blocks))
    assert list(tree.children) == ["C1s", "C1s_2", "C1s_3"]
    assert "not a complete grid" in tree.attrs["skipped"][0]


def test_a_level_that_cannot_be_read_leaves_a_gap(tmp_path):
    blocks = []
    for level in range(3):
        at, oxygen = (level, 10 * level), [1] if level == 1 else counts(1 + level)
        blocks += [block(counts=counts(1 + level), at=at), block("O", start=943.6, counts=oxygen, at=at)]
    tree = read(written(tmp_path / "a.vms", header(6, conditions=ETCH), *blocks))
    assert tree["O1s"]["etch_time"].values.tolist() == [0, 20]
    (said,) = tree.attrs["skipped"]
    assert "block 4" in said
    found = xps.prefit_many(tree)
    assert found["shift"].sizes == {"etch_time": 3}
    assert found.attrs["notes"] == "O1s has 2 of 3 labels along etch_time: it counts as not measured at the others."
    missing = (found["reasons"].values & 1024) > 0
    assert missing.tolist() == [False, True, False]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(shape=st.tuples(st.integers(2, 4), st.integers(2, 4)), seed=st.integers(0, 99))
def test_every_grid_is_found_again(tmp_path, shape, seed):
    rng = np.random.default_rng(seed)
    x, y = (np.sort(rng.choice(50, size, replace=False)) / 4 for size in shape)
    values = rng.integers(1, 1000, (*shape, 20))
    points = [(i, j) for i in range(shape[0]) for j in range(shape[1])]
    rng.shuffle(points)
    blocks = [block(counts=values[i, j].tolist(), at=(n, x[i], y[j])) for n, (i, j) in enumerate(points)]
    tree = read(written(tmp_path / "map.vms", header(len(points), conditions=PLACE), *blocks))
    region = tree["C1s"].to_dataset().transpose("x", "y", ...)
    np.testing.assert_array_equal(region["x"], x)
    np.testing.assert_array_equal(region["y"], y)
    np.testing.assert_array_equal(region["counts"].values[..., ::-1], values)
