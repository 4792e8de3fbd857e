import numpy as np
import pytest

from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.signal import channel_noise, line_maximum, plain_peak, saturated_channels, signal_to_noise

ENERGY = np.arange(278.0, 296.0, 0.1)


def _region(*lines, level=100.0, slope=0.0, seed=0, fwhm=1.1):
    curve = level + slope * (ENERGY - 278) + sum(area * pseudo_voigt(ENERGY, at, fwhm, 0.2) for at, area in lines)
    return region_dataset("test", ENERGY, np.random.default_rng(seed).poisson(curve).astype(float), region="C1s")


def _is_plain(region):
    return bool(plain_peak(region["binding_energy"].values, region["counts"].values))


@pytest.mark.parametrize("area", [200, 2000, 50_000])
def test_one_peak__is_plain(area):
    assert _is_plain(_region((285.0, area)))


def test_the_vibrational_tail_of_polyethylene_is_no_feature():
    assert _is_plain(_region((285.0, 7000), (285.39, 2300), (285.78, 400)))


@pytest.mark.parametrize("second", [286.5, 287.9, 289.0, 291.6])
def test_a_second_line_is_seen(second):
    assert not _is_plain(_region((285.0, 20_000), (second, 2500)))


def test_a_second_line_below_the_noise_is_not_seen():
    assert _is_plain(_region((285.0, 2000), (291.6, 20), level=1000.0))


def test_two_lines_that_merge_are_too_wide_for_one():
    assert not _is_plain(_region((285.0, 20_000), (286.8, 20_000)))


def test_a_peak_at_the_end_of_the_window_is_not_called_one_line():
    assert not _is_plain(_region((278.1, 20_000)))


def test_height_over_noise():
    assert signal_to_noise(_region()) < 5
    # 1.1 eV wide, 1000 counts area: height 1000 * 0.85 / 1.1 over the noise of 100 counts
    assert signal_to_noise(_region((285.0, 1000))) == pytest.approx(790 / 10, rel=0.4)
    assert signal_to_noise(_region((285.0, 1000), slope=5.0)) > 30


def test_a_saturated_detector_repeats_its_maximum():
    good = _region((285.0, 20_000), fwhm=2.0)
    clipped = good.assign(counts=good["counts"].clip(max=0.7 * float(good["counts"].max())))
    assert saturated_channels(good) <= 2
    assert saturated_channels(clipped) > 8


def test_noise_of_nearly_empty_channels_is_not_none():
    counts = np.random.default_rng(0).poisson(0.1, 2000).astype(float)
    assert np.median(np.abs(np.diff(counts, 2))) == 0
    assert channel_noise(counts) == pytest.approx(np.sqrt(0.1), rel=0.1)


@pytest.mark.parametrize("centre", [285.02, 286.37])
def test_line_maximum_is_the_centre_of_the_highest_line_of_each_spectrum(centre):
    energy = np.arange(280.0, 292.0, 0.1)
    curve = np.exp(-0.5 * ((energy - centre) / 0.5) ** 2) + 0.4 * np.exp(-0.5 * ((energy - 289.0) / 0.5) ** 2)
    rows = np.random.default_rng(3).poisson(200 + np.array([[1000.0], [20000.0]]) * curve + 10 * (energy - 280))
    maxima = line_maximum(energy, rows.astype(float))
    assert maxima.shape == (2,)
    np.testing.assert_allclose(maxima, centre, atol=0.06)


def test_line_maximum_of_nothing_is_a_channel():
    energy = np.arange(280.0, 290.0, 0.5)
    assert line_maximum(energy, np.zeros(energy.size)) in energy
