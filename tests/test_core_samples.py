"""Files with several samples: which they are, one of them, and all of them."""

from __future__ import annotations

import csv
import json

import fakes
import h5py
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import xps_stn_plugin as xps
from xps_prefit_hooks import MenuRequest, PrefitError, Settings
from xps_stn_plugin.batch.entry import Entry
from xps_stn_plugin.batch.record import decode, encode
from xps_stn_plugin.batch.summary import rows_of
from xps_stn_plugin.batch.tasks import make_record
from xps_stn_plugin.cli import main
from xps_stn_plugin.core.samples import SeveralSamples, joined_samples, sample_path
from xps_stn_plugin.menu import menu_actions
from xps_stn_plugin.readers.assembly import Condition, RawRegion
from xps_stn_plugin.readers.samples import by_sample

LEVELS = {"C1s": 278.0, "O1s": 526.0}


def raw(label, sample=None, **conditions):
    return RawRegion(
        "a.vms", np.arange(10.0), np.arange(10.0), False, (label,),
        attrs={"sample": sample}, conditions={name: Condition(value) for name, value in conditions.items()},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([raw("C 1s", "A"), raw("O 1s", "A"), raw("C 1s", "B")], {"A": 2, "B": 1}),
        ([raw("C 1s", "A"), raw("O 1s"), raw("C 1s", "B"), PrefitError("b", "damaged")], {"A": 2, "B": 2}),
        ([raw("C 1s"), raw("O 1s"), raw("C 1s"), raw("O 1s")], {"sample 1": 2, "sample 2": 2}),
        ([raw("C 1s", "A"), raw("O 1s", "A")] * 3, {"sample 1": 2, "sample 2": 2, "sample 3": 2}),
        ([raw("C 1s"), raw("O 1s"), raw("N 1s"), raw("C 1s"), raw("O 1s")], {"sample 1": 3, "sample 2": 2}),
        ([raw("C 1s"), raw("C 1s"), raw("O 1s"), raw("C 1s"), raw("O 1s")], {"sample 1": 3, "sample 2": 2}),
        # Regions that name one sample, of which some were measured again.
        ([raw("C 1s", "A"), raw("O 1s", "A"), raw("N 1s", "A"), raw("C 1s", "A"), raw("O 1s", "A")], {"": 5}),
        # Scans of one sample, a level once more, and levels in another order.
        ([raw("C 1s"), raw("C 1s"), raw("C 1s")], {"": 3}),
        ([raw("C 1s"), raw("C 1s"), raw("O 1s"), raw("O 1s")], {"": 4}),
        ([raw("C 1s"), raw("O 1s"), raw("C 1s")], {"": 3}),
        ([raw("C 1s"), raw("O 1s"), raw("O 1s"), raw("C 1s")], {"": 4}),
        # A depth profile.
        ([raw("C 1s", t=0.0), raw("O 1s", t=0.0), raw("C 1s", t=30.0), raw("O 1s", t=30.0)], {"": 4}),
    ],
)
def test_by_sample_goes_by_names_or_by_repeated_order(items, expected):
    assert {name: len(part) for name, part in by_sample(items).items()} == expected


def regions_of(shift):
    return {name: region.to_dataset() for name, region in fakes.spectrum(shift).children.items()}


@pytest.fixture
def file(tmp_path):
    """NeXus file with the samples "A/1" and "B"."""
    path = tmp_path / "two.nxs"
    with h5py.File(path, "w", track_order=True) as target:
        for sample, shift in (("A/1", 1.0), ("B", 2.0)):
            for name, region in regions_of(shift).items():
                entry = target.create_group(f"{name} {sample.replace('/', ' ')}", track_order=True)
                entry.attrs["NX_class"] = "NXentry"
                entry["definition"], entry["transitions"] = "NXmpes", [f"{name[0]} {name[1:]}"]
                entry.create_group("sample").attrs["NX_class"] = "NXsample"
                entry["sample/name"] = sample
                data = entry.create_group("data")
                data.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["energy"]})
                data["data"], data["energy"] = region["counts"].values, region["binding_energy"].values
                data["energy"].attrs.update({"units": "eV", "type": "binding"})
    return path


def test_read_gives_a_node_for_each_sample(file):
    tree = xps.read(file)
    assert list(tree.children) == ["A_1", "B"]
    assert tree.attrs["samples"] == ["A/1", "B"]
    assert list(tree["B"].children) == ["C1s", "O1s"]
    np.testing.assert_allclose(tree["B/C1s/binding_energy"] - tree["A_1/C1s/binding_energy"], 1.0)


def test_prefit_of_several_samples_names_them_and_the_ways_on(fake, file):
    for spectrum in (file, xps.read(file)):
        with pytest.raises(SeveralSamples) as error:
            xps.prefit(spectrum)
        assert str(error.value) == (
            f"{file}: holds 2 samples (A/1, B); take one of them (sample='A/1', --sample), or all (prefit_many(path)); "
            "xps.read(path) has a node for each."
        )


@pytest.mark.parametrize("names", [("A", "B"), (None, None)])
def test_prefit_of_regions_of_several_samples_in_one_tree_names_them(fake, names):
    spectrum = fakes.spectrum(1.0)
    for name, region in fakes.spectrum(2.0).children.items():
        spectrum[f"{name}_2"] = region.to_dataset().assign_attrs(sample=names[1])
    for name in ("C1s", "O1s"):
        spectrum[name].attrs["sample"] = names[0]
    with pytest.raises(SeveralSamples, match="holds 2 samples"):
        xps.prefit(spectrum)
    result = xps.prefit(spectrum, sample=names[1] or "sample 2")
    assert list(result.spectrum.children) == ["C1s", "O1s"]
    np.testing.assert_array_equal(result.spectrum["C1s"]["counts"], fakes.spectrum(2.0)["C1s"]["counts"])


def test_prefit_of_a_chosen_sample_is_titled_with_it(fake, file, tmp_path):
    result = xps.prefit(file, sample="B")
    assert result.source == f"{file}: B"
    np.testing.assert_array_equal(result.spectrum["C1s"]["counts"], fakes.spectrum(2.0)["C1s"]["counts"])
    assert xps.prefit(xps.read(file)["B"]).spectrum["C1s"].attrs["sample"] == "B"
    with pytest.raises(PrefitError, match=r"measured file"):
        result.save(file)


@pytest.mark.parametrize(("spectrum", "names"), [(None, "A/1, B"), (fakes.spectrum(), "one without a name")])
def test_prefit_of_an_unknown_sample_names_those_there_are(fake, file, spectrum, names):
    with pytest.raises(PrefitError, match=f"there is no sample C; there is {names}"):
        xps.prefit(file if spectrum is None else spectrum, sample="C")


def test_prefit_many_of_several_samples_gives_a_result_for_each(fake, file):
    assert [result.source for result in xps.prefit_many(file)] == [f"{file}: A/1", f"{file}: B"]
    assert [result.source for result in xps.prefit_many([file], sample="B")] == [f"{file}: B"]


def test_prefit_many_of_a_tree_with_several_samples_names_them(fake, file):
    with pytest.raises(SeveralSamples, match=r"holds 2 samples \(A/1, B\)"):
        xps.prefit_many(xps.read(file))


def test_command_line_works_on_all_samples(fake, file, tmp_path):
    outcome = CliRunner().invoke(main, ["prefit", str(file), "--json", str(tmp_path / "a.json")])
    assert outcome.exit_code == 0, outcome.output
    written = {path.name: json.loads(path.read_text())["source"] for path in tmp_path.glob("*.json")}
    assert written == {"a_A_1.json": f"{file}: A/1", "a_B.json": f"{file}: B"}
    one = CliRunner().invoke(main, ["prefit", str(file), "--json", "-", "--sample", "B"])
    assert json.loads(one.stdout)["source"] == f"{file}: B"
    both = CliRunner().invoke(main, ["prefit", str(file), "--json", "-"])
    assert both.exit_code == 1
    assert "holds 2 samples (A/1, B); --json - prints one; choose it with --sample." in both.output


def test_batch_has_rows_for_each_sample(fake, file):
    record = decode(encode(make_record([file], Settings(), True)))
    assert list(record.samples) == ["A/1", "B"]
    assert record.status == "ok"
    parts = list(Entry("two", "two.nxs", record).parts())
    assert [(part.name, part.source) for part in parts] == [("two_A_1", "two.nxs: A/1"), ("two_B", "two.nxs: B")]
    assert [(row.source, row.region) for part in parts for row in rows_of(part, 285.0)] == [
        ("two.nxs: A/1", "C1s"),
        ("two.nxs: A/1", "O1s"),
        ("two.nxs: B", "C1s"),
        ("two.nxs: B", "O1s"),
    ]


def test_batch_command_writes_samples_into_summary_and_sheet(file, tmp_path):
    outcome = CliRunner().invoke(main, ["batch", str(file), "--out", str(tmp_path / "out"), "--no-fit"])
    assert outcome.exit_code == 0, outcome.output
    with (tmp_path / "out" / "summary.csv").open(newline="") as table:
        assert {row["source"].removeprefix(str(file)) for row in csv.DictReader(table)} == {": A/1", ": B"}
    assert "two.nxs: B" in (tmp_path / "out" / "contact_sheet.html").read_text()


def test_menu_writes_a_file_for_each_sample(fake, file, tmp_path):
    (export,) = (action for action in menu_actions() if action.name == "export")
    outcome = export.run(MenuRequest(spectrum=xps.read(file), out=tmp_path / "a.csv"))
    assert [path.name for path in outcome.files] == ["a_A_1.csv", "a_B.csv"]
    assert all(path.exists() for path in outcome.files)
    (prefit,) = (action for action in menu_actions() if action.name == "prefit")
    with pytest.raises(SeveralSamples):
        prefit.run(MenuRequest(spectrum=xps.read(file)))
    assert prefit.run(MenuRequest(spectrum=xps.read(file), settings=Settings(sample="B"))).result.source.endswith(": B")


def test_sample_path_keeps_the_whole_suffix(tmp_path):
    assert sample_path(tmp_path / "a.lg4x.dat", "film 1", ".lg4x.dat").name == "a_film_1.lg4x.dat"
    assert sample_path(tmp_path / "a.json", "B", ".json").name == "a_B.json"


def test_node_of_a_sample_with_a_long_name_is_short_and_the_name_is_whole():
    names = ["P" * 2000, "P" * 2000 + "!", "B"]
    regions = xr.DataTree.from_dict({"/C1s": xr.Dataset()})
    tree = joined_samples("a.vms", dict.fromkeys(names, regions))
    assert all(len(node) < 110 for node in tree.children)
    assert [node.attrs["sample"] for node in tree.children.values()] == names
