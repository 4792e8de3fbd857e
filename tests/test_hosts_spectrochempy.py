"""The plugin in the real SpectroChemPy, in a process of its own: it changes numpy's printing and the exception hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

# Another package with actions of its own, one of them with the name of a SpectroChemPy function.
OTHER = """
from xps_prefit_hooks import MenuAction, MenuOutcome, hookimpl

def count(request):
    request.out.write_text("counted")
    return MenuOutcome(f"{len(request.spectrum.children)} regions", request.settings, (request.out,))

@hookimpl
def xps_prefit_menu():
    return [
        MenuAction("count_regions", "Count", "Count the regions", True, count, ".txt"),
        MenuAction("read_dir", "Greet", "Greet", False, lambda request: MenuOutcome(f"hello {request.folder.name}")),
    ]
"""

SCRIPT = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import numpy as np
import spectrochempy as scp
namespace = dir(scp.xps_stn)
torch, own = "torch" in sys.modules, [scp.read.__module__, scp.read_dir.__module__]
import fakes
from spectrochempy.api.plugins import check_plugin_compatibility
from spectrochempy.plugins.manager import plugin_manager as host
from xps_stn_plugin.hosts.spectrochempy import XpsStnPlugin
from xps_stn_plugin.core.plugins import plugin_manager

plugin_manager().register(fakes.FakePlugin(), "fake")
spectrum = fakes.spectrum()
work = Path({work!r})

def dataset(region, kinetic=False, units="eV", title=None, counts=None, order=1):
    energy = spectrum[region]["binding_energy"].values[::order]
    counts = spectrum[region]["counts"].values[::order] if counts is None else counts
    energy = 1486.6 - energy if kinetic else energy
    axis = scp.Coord(energy * (1000 if units == "meV" else 1), title=title or "binding energy", units=units)
    made = scp.NDDataset(counts, coordset=[axis], name=region, units="counts", title="intensity")
    if kinetic:
        made.meta["photon_energy"] = scp.Quantity(1.4866, "keV")
    return made

def refusal(call):
    try:
        call()
    except Exception as error:
        return f"{{type(error).__name__}} {{error}}"

c, o = dataset("C1s"), dataset("O1s")
before = c.x.data.copy()
result = scp.xps_stn.prefit(c, o)
seed = c.xps_stn.seed(o)
moved = c.xps_stn.calibrate(o)
milli = dataset("C1s", units="meV").xps_stn.calibrate()
kinetic = dataset("C1s", kinetic=True, title="kinetic energy")
row = scp.NDDataset(c.data[None, :], coordset=[scp.Coord([0.0]), c.x], name="C1s")

def fitted(dataset):
    fit = dataset.xps_stn.fit(o)
    residual = dataset.data - fit["envelope"].data[0]
    return [list(fit.y.labels), str(fit.units), str(fit.x.units), bool((fit.x.data == dataset.x.data).all()),
            float(np.sqrt(np.mean(residual**2))), float(fit.x.data[np.argmax(fit["C1s line 1"].data[0])]), fit.title,
            fit.name, len(fit.history), fit.meta["components"]["C1s line 1"], fit.meta["shift"], fit.meta["success"]]

masked = dataset("C1s", counts=spectrum["C1s"]["counts"].values + 1e5 * (np.arange(before.size) == 7))
masked[7] = scp.MASKED
saved = work / "fit.scp"
c.xps_stn.fit().save_as(saved)

csv = work / "pet.csv"
with csv.open("w") as file:
    file.write("region,binding_energy_eV,counts\\n")
    for region in ("C1s", "O1s"):
        data = spectrum[region]
        for x, y in zip(data["binding_energy"].values, data["counts"].values):
            file.write(f"{{region}},{{x:.6f}},{{y}}\\n")
read = scp.xps_stn.read(csv)
copy = c.xps_stn.calibrated_copy(work / "copy.nxs")
export = c.xps_stn.export(o, out=work / "all.json", reference=scp.Quantity(284.8, "eV"))
counted = c.xps_stn.count_regions(o, work / "counted.txt")

print(json.dumps({{
    "torch": torch, "scp.read": own, "dir": namespace,
    "state": str(host._plugin_states["xps_stn"]),
    "issues": check_plugin_compatibility(XpsStnPlugin()),
    "accessors": sorted(dir(c.xps_stn)),
    "regions": list(result.spectrum.children), "shift": result.shift, "source": result.source,
    "accessor": list(c.xps_stn.prefit().spectrum.children),
    "row": list(row.xps_stn.prefit().spectrum.children),
    "seed": [seed.region, seed.params["p1_center"].value],
    "fit": result.fit("C1s").params["p1_center"].value,
    "moved": (moved.x.data - before).tolist(), "units": str(moved.x.units), "title": moved.x.title,
    "history": moved.history[-1],
    "unchanged": bool((c.x.data == before).all()), "counts": bool((moved.data == c.data).all()),
    "milli": [float(milli.x.data[0] - 1000 * before[0]), str(milli.x.units)],
    "kinetic": [float(kinetic.xps_stn.calibrate().x.data[0] - kinetic.x.data[0]),
                float(kinetic.xps_stn.prefit().spectrum["C1s"]["binding_energy"][0])],
    "fits": [fitted(c), fitted(dataset("C1s", order=-1)), fitted(dataset("C1s", units="meV")), fitted(kinetic)],
    "saved": list(scp.load(saved).y.labels),
    "masked": [masked.xps_stn.prefit().spectrum["C1s"]["counts"].shape[0], masked.xps_stn.fit().shape[1],
               masked.xps_stn.fit().meta["redchi"]],
    "read": [[one.name, str(one.units), one.x.title, str(one.x.units), one.shape[0]] for one in read],
    "reread": scp.read_xps(csv)[0].xps_stn.prefit(read[1]).source,
    "copy": [copy.message, (work / "copy.nxs").exists()],
    "export": json.loads((work / "all.json").read_text())["shift"],
    "counted": [counted.message, (work / "counted.txt").read_text()],
    "greeting": scp.xps_stn.read_dir(folder="to/lab").message,
    "reference": scp.xps_stn.prefit(c, reference=scp.Quantity(284.8, "eV")).shift,
    "settings": vars(c.xps_stn.count_regions(
        o, work / "again", background={{"C 1s": "linear"}}, ties="hard", expect="PMMA", present="Ketone (aliphatic)",
        sensitivity="wagner", transmission=0.5, photon_energy=scp.Quantity(1.4866, "keV")).result),
    "refusals": [
        refusal(lambda: dataset("C1s", title="energy").xps_stn.prefit()),
        refusal(lambda: scp.xps_stn.prefit(scp.NDDataset(np.ones((2, 9)), name="stack"))),
        refusal(lambda: scp.xps_stn.prefit(scp.NDDataset(
            np.ones(9), coordset=[scp.Coord(np.arange(9.0), title="binding energy")], name="bare"))),
        refusal(lambda: dataset("C1s", title="kinetic energy").xps_stn.seed()),
        refusal(lambda: c.xps_stn.fit(reference=300.0)),
        refusal(lambda: dataset("C1s", units="s").xps_stn.calibrate()),
        refusal(lambda: c.xps_stn.prefit(photon_energy=scp.Quantity(3, "s"))),
        refusal(lambda: c.xps_stn.export()),
        refusal(lambda: scp.xps_stn.export(out=work / "b.json")),
        refusal(lambda: scp.xps_stn.prefit([1, 2])),
        refusal(lambda: scp.xps_stn.read(work / "none.vms")),
        refusal(lambda: read[0].xps_stn.export(csv)),
    ],
}}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    if not find_spec("spectrochempy"):
        pytest.skip("SpectroChemPy is not installed (pip install -e '.[spectrochempy]')")
    home = str(tmp_path_factory.mktemp("scp"))
    site = tmp_path_factory.mktemp("site")
    (site / "other_actions.py").write_text(OTHER, encoding="utf-8")
    info = site / "other_actions-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-actions\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[xps_prefit]\nother = other_actions\n", encoding="utf-8")
    script = SCRIPT.format(tests=str(Path(__file__).parent), work=str(tmp_path_factory.mktemp("work")))
    environment = {**os.environ, "HOME": home, "USERPROFILE": home, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_host_loads_the_plugin_and_finds_nothing_amiss(seen):
    assert seen["state"].upper().endswith("ACTIVE")
    assert seen["issues"] == []
    assert not seen["torch"]


def test_functions_of_the_host_stay_its_own(seen):
    # SpectroChemPy looks into the plugins' functions before its own.
    assert all(module.startswith("spectrochempy.") for module in seen["scp.read"])


def test_every_action_is_offered_those_of_others_too(seen):
    own = {"prefit", "send_seed", "calibrated_copy", "export", "seed", "calibrate", "fit"}
    assert own | {"read", "about_model", "count_regions", "read_dir"} <= set(seen["dir"])
    assert own | {"count_regions"} <= set(seen["accessors"])
    assert not {"read", "read_dir", "about_model"} & set(seen["accessors"])
    assert seen["counted"] == ["2 regions", "counted"]
    assert seen["greeting"] == "hello lab"


def test_regions_go_together(seen):
    assert seen["regions"] == ["C1s", "O1s"]
    assert seen["accessor"] == ["C1s"]
    assert seen["row"] == ["C1s"]
    assert seen["shift"] == 1.25
    assert seen["source"] == "C1s"


def test_seed_fits(seen):
    assert seen["seed"] == ["C1s", pytest.approx(285.1)]
    assert seen["fit"] == pytest.approx(285.0, abs=0.03)


def test_calibrated_dataset_keeps_unit_title_and_counts(seen):
    assert seen["moved"] == pytest.approx([-1.25] * len(seen["moved"]), abs=2e-3)
    assert seen["units"] == "eV"
    assert seen["title"] == "binding energy"
    assert (
        "shift +1.25 ± 0.06 eV (ok; measured minus true; aliphatic C 1s = 285.00 eV (first vibrational member))"
        in seen["history"]
    )
    assert seen["unchanged"]
    assert seen["counts"]
    assert seen["milli"] == [pytest.approx(-1250.0, abs=2), "meV"]


def test_kinetic_axis_moves_the_other_way(seen):
    assert seen["kinetic"] == [pytest.approx(1.25, abs=2e-3), pytest.approx(280.25, abs=2e-3)]


@pytest.mark.parametrize(
    ("number", "unit", "top"), [(0, "eV", 286.25), (1, "eV", 286.25), (2, "meV", 286250), (3, "eV", 1200.35)]
)
def test_fit_lies_over_the_dataset_as_it_is(seen, number, unit, top):
    labels, units, axis, same, rms, found, title, name, history, line, shift, success = seen["fits"][number]
    assert labels == ["background", "envelope", "C1s line 1", "C1s line 2"]
    assert (units, axis, same) == ("count", unit, True)
    # Counting noise of 50 to 850 counts is 7 to 29.
    assert rms < 15
    assert found == pytest.approx(top, rel=3e-4)
    assert (title, name, history, success) == ("intensity", "C1s_fit", 1, True)
    assert line[0] == pytest.approx(285.0, abs=0.03)
    assert line[1] == pytest.approx(1.2, abs=0.05)
    assert shift == 1.25


def test_fit_can_be_saved(seen):
    assert seen["saved"] == ["background", "envelope", "C1s line 1", "C1s line 2"]


def test_masked_points_are_left_out_of_the_fit_and_not_of_its_curves(seen):
    used, drawn, redchi = seen["masked"]
    assert drawn == used + 1
    assert redchi < 1.5


def test_files_come_as_one_dataset_a_region_that_knows_its_file(seen):
    sizes = [row.pop() for row in seen["read"]]
    assert seen["read"] == [
        ["C1s", "count", "binding energy", "eV"],
        ["O1s", "count", "binding energy", "eV"],
    ]
    assert sizes == [len(seen["moved"]), 120]
    assert Path(seen["reread"]).name == "pet.csv"


def test_actions_that_write_take_a_place(seen):
    message, there = seen["copy"]
    assert message.startswith("C1s: shift +1.25 ± 0.06 eV subtracted, written to ")
    assert there
    assert seen["export"]["value"] == pytest.approx(1.565)


def test_settings_with_their_units(seen):
    assert seen["reference"] == pytest.approx(1.565)
    assert seen["settings"] == {
        "reference": 285.0,
        "photon_energy": pytest.approx(1486.6),
        "background": {"C1s": "linear"},
        "ties": "hard",
        "expect": ["PMMA"],
        "present": ["ketone (aliphatic)"],
        "absent": [],
        "sensitivity": "wagner",
        "transmission": 0.5,
        "reference_at": "first-member",
        "sample": None,
        "shift": None,
        "calibrate_on": None,
        "apply_anyway": False,
        "states": [],
    }


def test_refusals_are_sentences(seen):
    expected = [
        "PrefitError C1s: the energy axis says neither 'kinetic' nor 'binding' (it says 'energy'",
        "PrefitError stack: it has shape (2, 9)",
        "PrefitError bare: the energy axis has no unit",
        "PhotonEnergyMissing C1s: the energies are kinetic and the file does not give the photon energy",
        "PrefitError reference: 300 eV is not an energy of aliphatic C 1s",
        "PrefitError C1s: 's' is not a unit of energy; give the axis in eV",
        "PrefitError photon_energy: 's' is not a unit of energy; give the axis in eV",
        "PrefitError selection: there is no place to write to; name a file.",
        "PrefitError selection: nothing is given; give a dataset for each region.",
        "PrefitError list: it is not a dataset",
        "PrefitError ",
        "PrefitError ",
    ]
    for said, start in zip(seen["refusals"], expected, strict=True):
        assert said.startswith(start)
    assert "none.vms" in seen["refusals"][-2]
    assert "pet.csv: this is the measured file itself" in seen["refusals"][-1]
