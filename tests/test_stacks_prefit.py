"""Prefits of stacks: the same as one spectrum after the other, on the stack's own dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import stacked
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xps_stn_plugin as xps
from xps_prefit_hooks import ModelInfo, Prediction, PrefitError, RegionShift, hookimpl
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.settings import settings_of
from xps_stn_plugin.stacks.fields import STACK_STATUSES
from xps_stn_plugin.stacks.prefit import calibrated_pixel, prefit_stack
from xps_stn_plugin.stacks.stack import stack_of
from xps_stn_plugin.stn.verdict import Reason

PATHS = ("shift", "shift_stderr", "status", "reasons", "probability", "C1s/region_shift", "O1s/disagreement")


def _same(one, other):
    for path in PATHS:
        assert one[path].dims == other[path].dims
        np.testing.assert_allclose(one[path].values, other[path].values, atol=1e-5, err_msg=path)


@pytest.fixture(scope="module")
def values():
    return stacked.varied(60)


@pytest.fixture(scope="module")
def found(values):
    return xps.prefit_many(stacked.tree(values, (6, 10)))


def test_a_stack_says_what_one_spectrum_after_the_other_says(values, found):
    spectra = stacked.tree(values, (6, 10))
    stack = stack_of(spectra)
    statuses = set()
    for y, x in np.ndindex(6, 10):
        place = {"y": y, "x": x}
        at = {path: found[path].isel(place) for path in PATHS}
        statuses.add(status := STACK_STATUSES[int(at["status"])])
        if status == "no_data":
            with pytest.raises(PrefitError, match="nothing was measured at y="):
                stack.spectrum(place)
            assert np.isnan(at["shift"]) and np.isnan(at["probability"]).all()
            assert at["reasons"] == Reason.NO_SHIFT | Reason.NOT_MEASURED
            continue
        alone = xps.prefit(stack.spectrum(place))
        assert status == alone.status
        assert float(at["shift"]) == pytest.approx(alone.shift, abs=1e-5, nan_ok=True)
        assert float(at["shift_stderr"]) == pytest.approx(alone.shift_stderr, abs=1e-5, nan_ok=True)
        np.testing.assert_allclose(at["probability"].values, alone.groups.values, atol=1e-5)
        assert list(at["probability"]["group"].values) == list(alone.groups["group"].values)
        for name in ("C1s", "O1s"):
            one = alone.region_shifts.get(name)
            assert float(found[f"{name}/region_shift"][y, x]) == pytest.approx(
                one.value if one else np.nan, abs=1e-5, nan_ok=True
            )
    # The cases are there.
    assert statuses == set(STACK_STATUSES)


def test_dimensions_labels_and_units_stay(values, found):
    spectra = stacked.tree(values, (6, 10))
    assert found["shift"].dims == ("y", "x")
    assert found["probability"].dims == ("y", "x", "group")
    for dim in ("y", "x"):
        xr.testing.assert_identical(found[dim], spectra["C1s"][dim].reset_coords(drop=True))
    assert found.attrs["source"] == "map.h5"
    assert found["status"].attrs["flag_meanings"].split() == list(STACK_STATUSES)
    meanings = found["reasons"].attrs["flag_meanings"].split()
    masks = found["reasons"].attrs["flag_masks"]
    assert dict(zip(meanings, masks, strict=True)) == {
        **{reason.name.lower(): int(reason) for reason in Reason},
        "carried": 2048,
        "told": 4096,
        "plugin": 32768,
        "no_reference": 65536,
    }
    np.testing.assert_array_equal(found["C1s/binding_energy"], stacked.AXES["C1s"])


@pytest.mark.parametrize("chunks", [(6, 10, 91), (2, 3, 91), (4, 10, 20)])
def test_dask_computes_the_same_when_it_is_asked(values, found, chunks):
    array = pytest.importorskip("dask.array")
    computed = []

    def counted(block):
        computed.append(block.size)
        return block

    def change(counts):
        return array.from_array(counts, chunks=chunks).map_blocks(counted, dtype=float, meta=np.empty((0, 0, 0)))

    lazy = xps.prefit_many(stacked.tree(values, (6, 10), change=change))
    assert lazy["shift"].chunks is not None and not computed
    # A part of the map asks for a part of the counts.
    lazy["shift"][0, 0].compute()
    assert sum(computed) <= 2 * max(chunks[0] * chunks[1], 1) * 91
    _same(lazy.compute(), found)


@settings(max_examples=10)
@given(shape=st.lists(st.integers(1, 4), min_size=0, max_size=3), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_every_shape_gives_the_same_numbers(shape, size, seed):
    number = int(np.prod(shape, dtype=int))
    values = stacked.counts(["ester"] * number, np.linspace(-2, 2, number), [300] * number, seed)
    flat = xps.prefit_many(stacked.tree(values, (number,), ("row",)))
    dims = tuple("abc"[: len(shape)])
    stack = stack_of(stacked.tree(values, tuple(shape), dims))
    blocks = list(stack.blocks(size))
    assert all(np.prod([part.stop - part.start for part in block], dtype=int) <= size for block in blocks)
    filled = np.zeros(shape, dtype=int)
    for block in blocks:
        filled[block] += 1
    assert (filled == 1).all()
    shaped = xps.prefit_many(stacked.tree(values, tuple(shape), dims))
    assert shaped["shift"].dims == dims and shaped["shift"].shape == tuple(shape)
    np.testing.assert_allclose(shaped["shift"].values.ravel(), flat["shift"], atol=1e-5)
    np.testing.assert_allclose(shaped["probability"].values.reshape(number, -1), flat["probability"], atol=1e-5)


def test_one_region_as_an_array_and_dimensions_in_any_order(values, found):
    alone = xps.prefit_many(stacked.tree({"C1s": values["C1s"]}, (6, 10)))
    array = stacked.tree({"C1s": values["C1s"]}, (6, 10))["C1s/counts"].rename("C1s")
    for given_ in (
        array,
        array.transpose("binding_energy", "y", "x"),
        array[..., ::-1],
        array.to_dataset(name="counts"),
    ):
        one = xps.prefit_many(given_)
        assert set(one.children) == {"C1s"}
        np.testing.assert_allclose(one["shift"], alone["shift"], atol=1e-5)
    turned = stacked.tree(values, (6, 10))
    turned["O1s"] = turned["O1s"].to_dataset().transpose("binding_energy", "x", "y")
    _same(xps.prefit_many(turned), found)


def test_the_reference_moves_the_scale(values, found):
    other = xps.prefit_many(stacked.tree(values, (6, 10)), reference=284.8)
    np.testing.assert_allclose(other["shift"], found["shift"] + 0.315, atol=1e-9)
    np.testing.assert_allclose(other["C1s/region_shift"], found["C1s/region_shift"] + 0.315, atol=1e-9)
    np.testing.assert_array_equal(other["O1s/disagreement"], found["O1s/disagreement"])


@pytest.mark.parametrize("options", [{"expect": "PMMA"}, {"present": "ketone (aliphatic)", "absent": "alkane"}])
def test_what_is_known_counts_as_for_single_spectra(values, options):
    array = pytest.importorskip("dask.array")
    few = {name: own[:20] for name, own in values.items()}
    spectra = stacked.tree(few, (20,), ("x",))
    found, plain = xps.prefit_many(spectra, **options), xps.prefit_many(spectra)
    stack = stack_of(spectra)
    for x in range(20):
        if found["status"][x] == STACK_STATUSES.index("no_data"):
            continue
        alone = xps.prefit(stack.spectrum({"x": x}), **options)
        assert STACK_STATUSES[int(found["status"][x])] == alone.status
        assert float(found["shift"][x]) == pytest.approx(alone.shift, abs=1e-4, nan_ok=True)
        np.testing.assert_allclose(found["probability"][x].values, alone.groups.values, atol=1e-4)
    told = (found["reasons"].values & 4096) > 0
    assert told.any()
    np.testing.assert_array_equal(found["shift"].values[~told], plain["shift"].values[~told])
    lazy = stacked.tree(few, (20,), ("x",), change=lambda own: array.from_array(own, chunks=(7, -1)))
    _same(xps.prefit_many(lazy, **options).compute(), found)


class Halves:
    """A third-party predictor: answers for strong C 1s lines, fails at the strongest, passes on the others."""

    def __init__(self, strong, strongest):
        self.strong, self.strongest, self.shifts, self.sources = strong, strongest, [], set()

    @hookimpl
    def xps_prefit_predict(self, spectrum, shift):
        self.sources.add(spectrum.attrs["source"])
        height = 0.0 if "C1s" not in spectrum.children else float(spectrum["C1s"]["counts"].max())
        if height > self.strongest:
            raise RuntimeError("too strong")
        if height < self.strong:
            return None
        self.shifts.append(shift)
        groups = {"alkane": 0.75, "unheard of": 1.0}
        regions = {"C1s": RegionShift(0.5, 0.1, 0.0)}
        return Prediction(0.5, 0.1, groups, "uncertain", ("Guessed.",), regions, ModelInfo("halves", "1", ""))


def _with_plugin(plugin):
    plugin_manager.cache_clear()
    assert plugin_manager().register(plugin, "halves").state == "active"


@pytest.fixture
def halves(values):
    heights = np.nan_to_num(values["C1s"]).max(axis=1)
    plugin = Halves(np.quantile(heights, 0.5), np.quantile(heights, 0.95))
    _with_plugin(plugin)
    yield plugin
    plugin_manager.cache_clear()


@pytest.mark.parametrize("lazy", [False, True])
def test_predictor_of_a_plugin_answers_in_a_map_as_for_single_spectra(halves, values, found, lazy, caplog):
    change = pytest.importorskip("dask.array").from_array if lazy else lambda array: array
    spectra = stacked.tree(values, (6, 10), change=change)
    result = xps.prefit_many(spectra).compute()
    stack = stack_of(stacked.tree(values, (6, 10)))
    counted = {"plugin": 0, "network": 0, "failed": 0, "no_data": 0}
    for y, x in np.ndindex(6, 10):
        at = {path: result[path][y, x] for path in PATHS}
        try:
            alone = xps.prefit(stack.spectrum({"y": y, "x": x}))
        except PrefitError as error:
            failed = "too strong" in str(error)
            counted["failed" if failed else "no_data"] += 1
            assert STACK_STATUSES[int(at["status"])] == ("out_of_domain" if failed else "no_data")
            assert np.isnan(at["shift"]) and np.isnan(at["probability"]).all()
            continue
        assert STACK_STATUSES[int(at["status"])] == alone.status
        assert float(at["shift"]) == pytest.approx(alone.shift, abs=1e-5, nan_ok=True)
        by_plugin = alone.prediction.model.name == "halves"
        counted["plugin" if by_plugin else "network"] += 1
        assert bool(int(at["reasons"]) & 32768) == by_plugin
        if by_plugin:
            assert float(at["probability"].sel(group="alkane")) == 0.75
            assert np.isnan(at["probability"].sel(group="ketone (aliphatic)"))
            assert float(at["C1s/region_shift"]) == 0.5
        else:
            np.testing.assert_array_equal(at["probability"], found["probability"][y, x])
    assert min(counted.values()) > 2
    assert halves.shifts and set(halves.shifts) == {None}
    assert "Predictors of plugins (halves) were called before" in result.attrs["notes"]
    assert "plugin halves: xps_prefit_predict failed: RuntimeError: too strong" in caplog.messages[0]


def test_predictor_of_a_plugin_takes_part_in_a_shared_shift(values):
    few = stacked.counts(["ester"] * 6, [0.5] * 6, [300] * 6)
    spectra = stacked.tree(few, (6,), ("level",))
    plugin = Halves(0.0, np.inf)
    _with_plugin(plugin)
    try:
        result = xps.prefit_many(spectra, share="shift")
    finally:
        plugin_manager.cache_clear()
    np.testing.assert_allclose(result["shift"], 0.5, atol=0.03)
    assert [STACK_STATUSES[int(status)] for status in result["status"]] == ["uncertain"] * 6
    # Read once without, and once at the shared shift.
    assert plugin.shifts[:6] == [None] * 6
    np.testing.assert_allclose(plugin.shifts[6:], result["shift"], atol=1e-6)


def test_a_calibrated_pixel_is_that_of_a_prefit(values, found):
    spectra = stacked.tree(values, (6, 10))
    moved = calibrated_pixel(spectra, found, y=0, x=1)
    alone = xps.prefit(stack_of(spectra).spectrum({"y": 0, "x": 1})).calibrated
    np.testing.assert_allclose(moved["C1s/binding_energy"], alone["C1s/binding_energy"], atol=1e-5)
    np.testing.assert_array_equal(moved["C1s/counts"], alone["C1s/counts"])
    nowhere = np.argwhere(np.isnan(found["shift"].values) & (found["status"].values != STACK_STATUSES.index("no_data")))
    with pytest.raises(PrefitError, match="no shift, so nothing is calibrated"):
        calibrated_pixel(spectra, found, y=int(nowhere[0][0]), x=int(nowhere[0][1]))
    with pytest.raises(PrefitError, match="needs y, x; given were x"):
        calibrated_pixel(spectra, found, x=1)


def test_a_stack_out_of_domain_stays_as_measured_unless_asked_for(values, found):
    outside = found["status"].values == STACK_STATUSES.index("out_of_domain")
    shifted = np.isfinite(found["shift"].values)
    assert (outside & shifted).any()
    assert (found["applied_shift"].values[outside] == 0.0).all()
    moved = ~outside & shifted
    np.testing.assert_array_equal(found["applied_shift"].values[moved], found["shift"].values[moved])
    spectra = stacked.tree(values, (6, 10))
    y, x = np.argwhere(outside & shifted)[0].tolist()
    with pytest.raises(PrefitError, match="not applied, so nothing is calibrated"):
        calibrated_pixel(spectra, found, y=y, x=x)
    anyway = xps.prefit_many(spectra, apply_anyway=True)
    np.testing.assert_array_equal(anyway["applied_shift"].values[shifted], anyway["shift"].values[shifted])


def test_what_does_not_go_together_is_said():
    values = stacked.counts(["ester"] * 6, np.zeros(6), [300] * 6)
    spectra = stacked.tree(values, (2, 3))
    single = spectra.copy()
    single["O1s"] = spectra["O1s"].to_dataset().isel(y=0, x=0, drop=True)
    assert xps.prefit_many(single).attrs["notes"] == "O1s was measured once and not along the stack: it is left out."
    fewer = spectra.copy()
    fewer["O1s"] = spectra["O1s"].to_dataset().isel(x=slice(2)).drop_vars("x")
    with pytest.raises(
        PrefitError, match=r"map\.h5: the regions of a stack need the same dimensions: C1s has y 2 x x 3"
    ):
        xps.prefit_many(fewer)
    gap = spectra.copy()
    gap["C1s"] = spectra["C1s"].to_dataset().isel(x=[0, 2])
    found = xps.prefit_many(gap)
    assert found["shift"].sizes == {"y": 2, "x": 3} and found.attrs["notes"].startswith(
        "C1s has 2 of 3 labels along x:"
    )
    assert np.isnan(found["C1s/region_shift"].values).tolist() == [[False, True, False]] * 2
    moved = spectra.copy()
    moved["O1s"] = spectra["O1s"].to_dataset().assign_coords(x=[7.0, 8.0, 9.0])
    with pytest.raises(PrefitError, match="C1s and O1s have different labels along x"):
        xps.prefit_many(moved)
    with pytest.raises(PrefitError, match="no counts over binding_energy"):
        xps.prefit_many(xr.DataArray(np.zeros((3, 20)), dims=("x", "energy")))


def test_a_stack_without_any_known_region_has_no_shift():
    values = stacked.counts(["ester"] * 4, np.zeros(4), [300] * 4)["C1s"]
    values[1] = np.nan
    axis = np.linspace(60, 90, values.shape[1])
    found = xps.prefit_many(
        xr.DataArray(values, dims=("level", "binding_energy"), coords={"binding_energy": axis}, name="Pt4f")
    )
    assert found["status"].values.tolist() == [2, 3, 2, 2]
    assert np.isnan(found["shift"]).all()
    assert "None of the regions (Pt4f) is one that the network knows" in found.attrs["notes"]


def test_progress_and_cancel(values):
    said = []
    stack = stack_of(stacked.tree(values, (6, 10)))
    prefit_stack(stack, settings_of(), progress=lambda *told: said.append(told))
    assert said == [(60, 60, "shifts and groups of 60 of 60 spectra")]
    with pytest.raises(PrefitError, match=r"map.h5: cancelled after shifts and groups of 0 of 60 spectra\."):
        prefit_stack(stack, settings_of(), cancelled=lambda: True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"share": "all"}, "share: 'all' is unknown; take one of none, shift, components"),
        ({"share": "components"}, "components are shared by fits"),
        ({"share": "shift"}, "a shared shift is for a series along one dimension; this stack has y, x"),
        ({"expect": "PMMA", "share": "shift"}, "apply to each shift separately"),
        ({"colour": "red"}, None),
    ],
)
def test_options_that_make_no_sense(values, options, sentence):
    with pytest.raises(PrefitError if sentence else TypeError, match=sentence):
        xps.prefit_many(stacked.tree(values, (6, 10)), **options)


def test_a_file_that_is_opened_lazily_is_read_block_by_block(values, found, tmp_path):
    pytest.importorskip("h5netcdf")
    stacked.tree(values, (6, 10)).to_netcdf(tmp_path / "map.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "map.nc", engine="h5netcdf") as spectra:
        stack = stack_of(spectra)
        assert stack.read("C1s", (slice(1, 2), slice(2, 5))).shape == (3, 91)
        _same(xps.prefit_many(spectra), found)
        # Nothing was kept in memory.
        assert not spectra["C1s"]["counts"].variable._in_memory


def test_prefit_many_potassium_beside_carbon_has_its_own_name_in_a_stack():
    rng = np.random.default_rng(11)
    axes = {"C1s": np.arange(279.0, 300.0, 0.1), "O1s": np.arange(526.0, 542.0, 0.1)}
    lines = {
        "C1s": ((285.0, 3.0), (285.7, 1.0), (286.8, 1.0), (289.0, 1.0), (292.9, 0.8), (295.67, 0.4)),
        "O1s": ((532.2, 3.0), (533.7, 3.0)),
    }
    counts = {
        name: rng.poisson(
            200
            + sum(
                1500 * size * np.exp(-4 * np.log(2) * ((axis - place - 1.0) / 1.2) ** 2) for place, size in lines[name]
            ),
            (12, axis.size),
        ).astype(float)
        for name, axis in axes.items()
    }
    # A hot channel of one spectrum is nothing to be fitted.
    counts["C1s"][5, 180] = 60000.0
    results = xps.prefit_many(
        xr.DataTree.from_dict(
            {
                f"/{name}": xr.Dataset(
                    {"counts": (("number", "binding_energy"), counts[name])},
                    {"binding_energy": axes[name]},
                    {"region": name},
                )
                for name in axes
            }
        ),
        fit=True,
    )
    carbon = results["C1s"]
    names = list(carbon["component"].values)
    assert {"C1s K 2p3/2", "C1s K 2p1/2"} <= set(names)
    area = carbon["area"].values[:, [names.index("C1s K 2p3/2"), names.index("C1s K 2p1/2")]]
    assert area[:, 0] == pytest.approx(0.8 * 1500 * 1.2 * 1.0645, rel=0.15)
    assert area[:, 1] / area[:, 0] == pytest.approx(0.5, abs=0.1)
    assert (carbon["assigned"].values[:, names.index("C1s K 2p3/2")] == 1).all()
    assert float(carbon["redchi"][5]) < 2.0
    hot = (results["reasons"].values & Reason.BAD_CHANNELS) > 0
    assert np.flatnonzero(hot).tolist() == [5]
