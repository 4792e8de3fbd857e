import pytest

from xps_stn_plugin.core.core_levels import core_level, core_levels


def test_core_level_of_an_organic_level_is_that_of_the_table():
    assert all(core_level(name) == level for name, level in core_levels().items())


def test_core_level_of_other_elements_comes_from_the_table_of_lines():
    titanium = core_level("Ti2p")
    assert (titanium.label, titanium.ratio) == ("Ti 2p", 0.5)
    assert titanium.splitting == pytest.approx(5.7, abs=0.3)
    # Scofield 1976: Ti 2p 7.91 with Al K-alpha
    assert titanium.sensitivity == pytest.approx(7.91, rel=0.02)
    assert titanium.window[0] < 454 < 465 < titanium.window[1]
    assert titanium.fwhm[1] < titanium.fwhm[0] < titanium.fwhm[2]
    assert core_level("Na1s").splitting is None


def test_core_level_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        core_level("Survey")
