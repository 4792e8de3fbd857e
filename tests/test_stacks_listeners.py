"""Seeders of plugins and listeners for fits, for the spectra of a stack as for single ones."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import stacked
from lmfit.models import LinearModel, PseudoVoigtModel

import xps_stn_plugin as xps
from xps_prefit_hooks import Seed, SeedComponent, hookimpl
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.fitting.fit_rows import NOT_FITTED
from xps_stn_plugin.stacks.stack import stack_of


class Plugin:
    """Seeds O 1s with one line, passes on the other regions, and hears of all fits."""

    def __init__(self):
        self.heard = []

    @hookimpl
    def xps_prefit_seed(self, region):
        if region != "O1s":
            return None
        model = LinearModel(prefix="bg_") + PseudoVoigtModel(prefix="p1_")
        params = model.make_params(bg_slope=0.0, bg_intercept=100.0)
        params["p1_center"].set(532.8, min=531.0, max=535.0)
        params["p1_sigma"].set(0.9, min=0.3, max=2.0)
        params["p1_amplitude"].set(500.0, min=0.0)
        params["p1_fraction"].set(0.3, vary=False)
        return Seed(region, model, params, (SeedComponent("p1_", "O1s plugin"),), "linear")

    @hookimpl
    def xps_prefit_fitted(self, result, region, fit):
        self.heard.append((result, region, fit))


@pytest.fixture
def plugin():
    plugin_manager.cache_clear()
    plugin = Plugin()
    assert plugin_manager().register(plugin, "listener").state == "active"
    yield plugin
    plugin_manager.cache_clear()


@pytest.fixture(scope="module")
def spectra():
    kinds = ["ester"] * 10 + ["ether"] * 2
    values = stacked.counts(kinds, np.linspace(-1, 1, 12), [400] * 12, seed=4)
    values["O1s"][3] = np.nan
    # One that no other spectrum is like is seeded singly.
    values["C1s"][11] += np.roll(values["C1s"][11], 12)
    return stacked.tree(values, (4, 3))


@pytest.mark.parametrize("share", ["none", "components"])
def test_plugin_seeds_a_stack_and_hears_of_every_fit(plugin, spectra, share):
    if share == "components":
        spectra = spectra.isel(x=1)
    result = xps.prefit_many(spectra, fit=True, share=share)
    assert "O1s plugin" in result["O1s"]["component"].values
    flat = result["shift"].dims
    labels = list(product(*(stack_of(spectra).labels(dim) for dim in flat)))
    sources = [f"map.h5, {', '.join(map('='.join, zip(flat, row, strict=True)))}" for row in labels]
    fitted = {
        (source, name)
        for name in ("C1s", "O1s")
        for source, status in zip(sources, result[name]["fit_status"].values.ravel(), strict=True)
        if status != NOT_FITTED
    }
    assert len(fitted) == len(plugin.heard) < 2 * len(sources) + (share == "components")
    assert {(heard.source, region) for heard, region, _ in plugin.heard} == fitted
    for heard, region, fit in plugin.heard:
        place = np.unravel_index(sources.index(heard.source), result["shift"].shape)
        assert isinstance(heard, xps.PrefitResult)
        assert set(heard.seeds) == set(heard.fits) == {region}
        assert heard.shift == pytest.approx(float(result["shift"].values[place]))
        variables = {name: result[region][name].values[place] for name in ("redchi", "nfev", "parameter_value")}
        # Weights are those of the model found, in the fit those of the step before. A series lets each axis be
        # displaced a little, too, which lmfit's model has no parameter for.
        assert fit.redchi == pytest.approx(variables["redchi"], rel=2e-3 if share == "none" else 0.2)
        assert fit.nfev == variables["nfev"]
        assert fit.best_fit == pytest.approx(fit.eval(x=fit.userkws["x"]), rel=1e-9)
        if region == "O1s":
            column = list(result[region]["parameter"].values).index("p1_center")
            assert fit.params["p1_center"].value == variables["parameter_value"][column]
            assert fit.params["p1_center"].vary == (share == "none")
            if share == "none":
                stderr = float(result[region]["parameter_stderr"].values[place][column])
                assert fit.params["p1_center"].stderr == pytest.approx(stderr, rel=5e-3)


def test_listener_that_fails_does_not_stop_the_stack(spectra, caplog):
    class Broken:
        @hookimpl
        def xps_prefit_fitted(self, fit):
            raise RuntimeError("no room")

    plugin_manager.cache_clear()
    plugin_manager().register(Broken(), "broken")
    try:
        result = xps.prefit_many(spectra.isel(x=0), fit=True)
    finally:
        plugin_manager.cache_clear()
    assert (result["C1s"]["fit_status"] == 0).all()
    assert set(caplog.messages) == {"Plugin broken: xps_prefit_fitted failed: RuntimeError: no room"}
