from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import fakes
import numpy as np
import pytest

import xps_stn_plugin as xps
from xps_prefit_hooks import ModelInfo, Prediction, hookimpl
from xps_stn_plugin.export.plot import GREY, component_colours
from xps_stn_plugin.export.report import Component


def _axes(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.get_axes() if axes.get_title(loc="left")}


def test_plot_shows_what_was_found(fake):
    result = xps.prefit(fakes.spectrum(source="pet_$1.vms")).fitted()
    figure = result.plot()
    verdicts = "shift ok, groups ok, fit of C1s ok, fit of O1s ok"
    assert figure.get_suptitle() == rf"pet_\$1.vms    shift +1.25 ± 0.06 eV{chr(10)}{verdicts}"
    axes = _axes(figure)
    (title,) = (title for title in axes if title.startswith("C 1s"))
    low, high = axes[title].get_xlim()
    assert low > high
    labels = [text.get_text() for text in axes[title].get_legend().get_texts()]
    assert [label.split("  ")[0] for label in labels] == ["line 1", "line 2"]
    data = axes[title].lines[0]
    np.testing.assert_array_equal(data.get_ydata(), result.spectrum["C1s"]["counts"])
    np.testing.assert_allclose(data.get_xdata(), result.calibrated["C1s"]["binding_energy"])
    envelope = axes[title].lines[-1]
    best = np.interp(data.get_xdata(), envelope.get_xdata(), envelope.get_ydata())
    np.testing.assert_allclose(best, result.fits["C1s"].best_fit, rtol=0.02)
    bars = [bar.get_width() for bar in axes["Functional groups"].patches]
    assert bars == [0.98, 0.25]


def test_plot_says_how_good_a_fit_is_and_what_to_doubt(fake):
    result = xps.prefit(fakes.spectrum())
    seed = result.seeds["C1s"]
    unassigned = replace(seed, components=(seed.components[0], replace(seed.components[1], groups=())))
    unassigned.params["p1_center"].set(value=284.7, min=284.5, max=284.8)
    result = replace(result, seeds={"C1s": unassigned})
    fitted = result.fitted()
    axes = _axes(fitted.plot())["C 1s"]
    assert axes.get_title(loc="right").startswith(f"reduced χ² {fitted.fits['C1s'].redchi:.3g}, Durbin-Watson ")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0].endswith("  at bound")
    assert labels[1].split("  ")[-1] == f"{fitted.fits['C1s'].params['p2_center'].value:.2f}"
    styles = [line.get_linestyle() for line in axes.lines[1:3]]
    assert styles == ["-", "--"]
    assert "start values" in next(title for title in _axes(result.plot()) if title.startswith("C 1s"))
    fitted.fits["C1s"].weighting = "estimated from the scatter"
    assert "(estimated noise)" in _axes(fitted.plot())["C 1s"].get_title(loc="right")


def test_plot_marks_what_speaks_for_a_group(fake):
    figure = xps.prefit(fakes.spectrum()).plot()
    (strip,) = (a for a in figure.get_axes() if [text.get_text() for text in a.texts] == ["ester (aliphatic)"])
    # 289 eV in C 1s; O 1s speaks against it, which has no bar.
    (bar,) = strip.patches
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((288.5, 289.5))
    groups = _axes(figure)["Functional groups"]
    assert bar.get_facecolor()[:3] == groups.patches[0].get_facecolor()[:3]
    assert bar.get_facecolor()[:3] != groups.patches[1].get_facecolor()[:3]
    assert "evidence for a group" in figure.get_supxlabel()


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG\r\n"), (".pdf", b"%PDF"), (".svg", b"<?xml"), (".PNG", b"\x89PNG")]
)
def test_every_format_is_written(fake, tmp_path, suffix, magic):
    path = tmp_path / f"a{suffix}"
    xps.prefit(fakes.spectrum()).save(path)
    assert path.read_bytes().startswith(magic)
    assert path.stat().st_size > 5000


class _Groups:
    """Many likely groups, and no shift."""

    @hookimpl
    def xps_prefit_predict(self):
        groups = {f"group {n}": 0.99 - 0.01 * n for n in range(20)}
        return Prediction(math.nan, math.nan, groups, "out_of_domain", ("No line.",), {}, ModelInfo("many", "1", ""))


def test_no_shift_draws_the_measured_axis_and_twelve_groups(fake, tmp_path):
    xps.plugin_manager().register(_Groups(), "many")
    result = xps.prefit(fakes.spectrum())
    figure = result.plot()
    assert "no shift" in figure.get_suptitle()
    axes = _axes(figure)
    labels = [panel.get_xlabel() for panel in figure.get_axes() if "energy" in panel.get_xlabel()]
    assert labels
    assert set(labels) == {"measured binding energy / eV"}
    assert len(axes["Functional groups"].patches) == 12
    result.save(tmp_path / "a.png")


def test_matplotlib_state_is_left_alone():
    code = (
        "import sys; sys.path.insert(0, 'tests'); import matplotlib; before = dict(matplotlib.rcParams)\n"
        "import fakes, xps_stn_plugin as xps\n"
        "xps.plugin_manager().register(fakes.FakePlugin(), 'fake')\n"
        "xps.prefit(fakes.spectrum()).plot()\n"
        "import matplotlib.pyplot as pyplot\n"
        "print(pyplot.get_fignums(), dict(matplotlib.rcParams) == before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[] True\n", done.stderr


def test_component_colours_state_and_its_satellite_have_one_and_unassigned_ones_are_grey():
    def component(name, **others):
        return Component(name, (), 458.8, 458.8, 1.0, 1.0, {}, (), None, f"{name}_", 0.3, **others)

    parts = (
        component("Ti2p TiO2", state="TiO2"),
        component("Ti2p TiO2 satellite", state="TiO2"),
        component("Ti2p metal", state="Ti"),
        component("Ti2p K 2p3/2", level="K2p"),
        component("Ti2p K 2p1/2", level="K2p"),
        component("Ti2p unassigned 1"),
    )
    colours = component_colours(SimpleNamespace(components=parts))
    oxide, satellite, metal, first, second, unassigned = (colours[part.name] for part in parts)
    assert oxide == satellite
    assert first == second
    assert len({oxide, metal, first, unassigned}) == 4
    assert unassigned == GREY
