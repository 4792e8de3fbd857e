"""Spectra of NeXpy's tree; needs nexusformat, which comes with NeXpy, but no window."""

from __future__ import annotations

import fakes
import numpy as np
import pytest
from nexpy_session import PHOTON_ENERGY, ester_of_benzene, write_nexus

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.hosts.nexpy_selection import nexus_root, selected_spectrum

nexus = pytest.importorskip("nexusformat.nexus", reason="nexusformat (with NeXpy) is not installed")
X = np.arange(280.0, 295.0, 0.1)
Y = np.round(100 + 900 * np.exp(-((X - 286.0) ** 2)))


def entry(values=X, counts=Y, **axis):
    axis = {"name": "energy", "units": "eV", **axis}
    data = nexus.NXdata(nexus.NXfield(counts, name="counts"), nexus.NXfield(values, **axis))
    root = nexus.NXroot(nexus.NXentry(data, name="sample"))
    return root["sample"]


def test_kinetic_file_is_read_like_the_binding_one(tmp_path):
    regions = ester_of_benzene()
    write_nexus(tmp_path / "a.nxs", regions)
    before = (tmp_path / "a.nxs").read_bytes()
    root = nexus.nxload(tmp_path / "a.nxs")
    energy, counts = regions["C1s"]
    for node in (root, root["C1s"], root["C1s/data"], root["C1s/data/counts"]):
        spectrum = selected_spectrum(node, Settings())
        assert list(spectrum.children) == ["C1s"]
        assert spectrum.attrs["source"] == str(tmp_path / "a.nxs")
        np.testing.assert_allclose(spectrum["C1s"]["binding_energy"], energy, atol=1e-5)
        np.testing.assert_array_equal(spectrum["C1s"]["counts"], counts)
        assert spectrum["C1s"].attrs["photon_energy"] == PHOTON_ENERGY
    assert (tmp_path / "a.nxs").read_bytes() == before


def test_what_is_imported_is_read_back():
    spectrum = fakes.spectrum()
    back = selected_spectrum(nexus_root(spectrum), Settings())
    assert list(back.children) == ["C1s", "O1s"]
    for name in back.children:
        np.testing.assert_allclose(back[name]["binding_energy"], spectrum[name]["binding_energy"], rtol=1e-15)
        np.testing.assert_array_equal(back[name]["counts"], spectrum[name]["counts"])


@pytest.mark.parametrize("told", [{"type": "binding"}, {"long_name": "Binding energy"}, {"name": "binding_energy"}])
def test_region_is_recognised_by_its_energies(told):
    assert list(selected_spectrum(entry(**told), Settings()).children) == ["C1s"]


def test_kilo_electronvolts():
    spectrum = selected_spectrum(entry(values=X / 1000, units="keV", type="binding"), Settings())
    np.testing.assert_allclose(spectrum["C1s"]["binding_energy"], X)


def test_photon_energy_of_the_settings():
    node = entry(values=1253.6 - X, type="kinetic")
    with pytest.raises(PrefitError, match=r"kinetic and the file does not give the photon energy"):
        selected_spectrum(node, Settings())
    spectrum = selected_spectrum(node, Settings(photon_energy=1253.6))
    np.testing.assert_allclose(spectrum["C1s"]["binding_energy"], X, atol=1e-5)


def test_axis_that_the_file_calls_calibrated_goes_first():
    node = entry(values=X + 2, type="binding")
    node["energy_referencing"] = nexus.NXcalibration(calibrated_axis=nexus.NXfield(X, units="eV", type="binding"))
    np.testing.assert_allclose(selected_spectrum(node, Settings())["C1s"]["binding_energy"], X)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (lambda: None, "selection: nothing is selected"),
        (lambda: nexus.NXroot(nexus.NXentry(nexus.NXprocess())), r"there is no spectrum in it \(NXroot\)"),
        (lambda: entry(), "says neither 'kinetic' nor 'binding'"),
        (lambda: entry(units="K", type="binding"), "the energies are in 'K'"),
        (lambda: entry(counts=np.full(X.shape, np.nan), type="binding"), "not numbers"),
        (lambda: nexus.NXdata(nexus.NXfield(np.ones((2, 9)), name="a")), r"data of shape \(2, 9\)"),
        (lambda: nexus.NXdata(), "no signal"),
    ],
)
def test_what_is_no_spectrum_is_one_sentence(node, message):
    with pytest.raises(PrefitError, match=message):
        selected_spectrum(node(), Settings())
