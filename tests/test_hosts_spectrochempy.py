"""The plugin in the real SpectroChemPy, in a process of its own: it changes numpy's printing and the exception hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = """
import json, sys, warnings
sys.path.insert(0, {tests!r})
import numpy as np, fakes
import spectrochempy as scp
from spectrochempy.api.plugins import check_plugin_compatibility
from spectrochempy.plugins.manager import plugin_manager as host
from xps_stn_plugin.hosts.spectrochempy import XpsStnPlugin
from xps_stn_plugin.plugins import plugin_manager

plugin_manager().register(fakes.FakePlugin(), "fake")
spectrum = fakes.spectrum()

def dataset(region, kinetic=False, units="eV", title=None):
    energy = spectrum[region]["binding_energy"].values
    energy = 1486.6 - energy if kinetic else energy
    axis = scp.Coord(energy * (1000 if units == "meV" else 1), title=title or "binding energy", units=units)
    made = scp.NDDataset(spectrum[region]["counts"].values, coordset=[axis], name=region)
    if kinetic:
        made.meta["photon_energy"] = scp.Quantity(1.4866, "keV")
    return made

def refusal(make, **options):
    try:
        scp.xps_stn.prefit(make(), **options)
    except Exception as error:
        return f"{{type(error).__name__}} {{error}}"

c, o = dataset("C1s"), dataset("O1s")
before = c.x.data.copy()
result = scp.xps_stn.prefit(c, o)
seed = c.xps_stn.seed(o)
moved = c.xps_stn.calibrate(o)
milli = dataset("C1s", units="meV").xps_stn.calibrate()
kinetic = dataset("C1s", kinetic=True, title="kinetic energy")
other = scp.xps_stn.prefit(c, reference=scp.Quantity(284.8, "eV"))
print(json.dumps({{
    "torch": "torch" in sys.modules,
    "state": str(host._plugin_states["xps_stn"]),
    "issues": check_plugin_compatibility(XpsStnPlugin()),
    "regions": list(result.spectrum.children), "shift": result.shift, "source": result.source,
    "accessor": list(c.xps_stn.prefit().spectrum.children),
    "seed": [seed.region, seed.params["p1_center"].value],
    "fit": result.fit("C1s").params["p1_center"].value,
    "moved": (moved.x.data - before).tolist(), "units": str(moved.x.units), "title": moved.x.title,
    "unchanged": bool((c.x.data == before).all()), "counts": bool((moved.data == c.data).all()),
    "milli": [float(milli.x.data[0] - 1000 * before[0]), str(milli.x.units)],
    "kinetic": [float(kinetic.xps_stn.calibrate().x.data[0] - kinetic.x.data[0]),
                float(kinetic.xps_stn.prefit().spectrum["C1s"]["binding_energy"][0])],
    "reference": other.shift,
    "refusals": [
        refusal(lambda: dataset("C1s", title="energy")),
        refusal(lambda: scp.NDDataset(np.ones((2, 9)), name="stack")),
        refusal(lambda: scp.NDDataset(np.ones(9), coordset=[scp.Coord(np.arange(9.0), title="binding energy")],
                                      name="bare")),
        refusal(lambda: dataset("C1s", title="kinetic energy")),
        refusal(lambda: dataset("C1s"), reference=300.0),
    ],
}}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    if not find_spec("spectrochempy"):
        pytest.skip("SpectroChemPy is not installed (pip install -e '.[spectrochempy]')")
    home = str(tmp_path_factory.mktemp("scp"))
    script = SCRIPT.format(tests=str(Path(__file__).parent))
    environment = {**os.environ, "HOME": home, "USERPROFILE": home}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_host_loads_the_plugin_and_finds_nothing_amiss(seen):
    assert seen["state"].upper().endswith("ACTIVE")
    assert seen["issues"] == []
    assert not seen["torch"]


def test_regions_go_together(seen):
    assert seen["regions"] == ["C1s", "O1s"]
    assert seen["accessor"] == ["C1s"]
    assert seen["shift"] == 1.25
    assert seen["source"] == "C1s"


def test_seed_fits(seen):
    assert seen["seed"] == ["C1s", pytest.approx(285.1)]
    assert seen["fit"] == pytest.approx(285.0, abs=0.03)


def test_calibrated_copy_keeps_unit_title_and_counts(seen):
    assert seen["moved"] == pytest.approx([-1.25] * len(seen["moved"]), abs=2e-3)
    assert seen["units"] == "eV"
    assert seen["title"] == "binding energy"
    assert seen["unchanged"]
    assert seen["counts"]
    assert seen["milli"] == [pytest.approx(-1250.0, abs=2), "meV"]


def test_kinetic_axis_moves_the_other_way(seen):
    assert seen["kinetic"] == [pytest.approx(1.25, abs=2e-3), pytest.approx(280.25, abs=2e-3)]


def test_reference_with_its_unit(seen):
    assert seen["reference"] == pytest.approx(1.45)


def test_refusals_are_sentences(seen):
    title, stack, bare, photon, reference = seen["refusals"]
    assert "PrefitError C1s: the energy axis says neither 'kinetic' nor 'binding' (it says 'energy'" in title
    assert "PrefitError stack: it has shape (2, 9)" in stack
    assert "PrefitError bare: the energy axis has no unit" in bare
    assert "PrefitError C1s: the energies are kinetic and the file does not give the photon energy" in photon
    assert "PrefitError reference: 300 eV is no energy of aliphatic C 1s" in reference
