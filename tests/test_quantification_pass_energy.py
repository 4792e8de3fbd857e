import numpy as np
import pytest
from quantified import PMMA, sample

from xps_stn_plugin.quantification import quantify_fits

FACTORS = {"C1s": 1.0, "O1s": 2.93}
#: O 1s at four times the pass energy of C 1s, so with four times the intensity.
AT_OTHER = {"C1s": 1.0, "O1s": 4 * 2.93}
PASS_ENERGIES = {"C1s": {"pass_energy": 20.0}, "O1s": {"pass_energy": 80.0}}
TRUE = {"C": 500 / 7, "O": 200 / 7}


def _percent(found):
    return {element.symbol: element.atomic_percent for element in found.elements}


def _sentence(found):
    return next((note for note in found.notes if note.startswith("Pass energies differ")), "")


def test_quantification_different_pass_energies_are_said_and_have_an_error_that_covers():
    rng = np.random.default_rng(1)
    found = quantify_fits(*sample(PMMA, AT_OTHER, attrs=PASS_ENERGIES, random=rng).arguments)
    assert "C1s 20 eV, O1s 80 eV" in _sentence(found)
    for element in found.elements:
        assert abs(element.atomic_percent - TRUE[element.symbol]) < 1.1 * element.stderr
        assert element.stderr > 20
    assert all(component.stderr > 2 for component in found.components)


def test_quantification_different_pass_energies_are_corrected_by_the_transmission_of_the_user():
    # The transmission hardly depends on the kinetic energy: intensities go with the pass energy.
    rng = np.random.default_rng(2)
    spectrum = sample(PMMA, AT_OTHER, attrs=PASS_ENERGIES, random=rng)
    found = quantify_fits(*spectrum.arguments, transmission=1e-6)
    assert _percent(found) == pytest.approx(TRUE, abs=1.0)
    assert all(element.stderr < 1 for element in found.elements)
    assert "proportional" in _sentence(found)


def test_quantification_different_pass_energies_are_corrected_by_the_transmission_of_the_file():
    spectrum = sample(PMMA, AT_OTHER, attrs=PASS_ENERGIES, random=np.random.default_rng(3))
    tree, seeds, fits = spectrum.arguments
    for name, level in (("C1s", 0.5), ("O1s", 2.0)):
        data = tree[name].to_dataset()
        tree[name] = data.assign(transmission=("binding_energy", np.full(data.sizes["binding_energy"], level)))
    found = quantify_fits(tree, seeds, fits)
    assert _percent(found) == pytest.approx(TRUE, abs=1.0)
    assert all(element.stderr < 1 for element in found.elements)
    assert "the transmission that the file gives" in _sentence(found)
    assert "Intensities are divided by the transmission of the analyser that the file gives." in found.notes


@pytest.mark.parametrize("attrs", [{}, {name: {"pass_energy": 20.0} for name in PMMA}, {"C1s": {"pass_energy": 20.0}}])
def test_quantification_pass_energies_alike_or_unknown_change_nothing(attrs):
    plain = quantify_fits(*sample(PMMA, FACTORS, random=np.random.default_rng(4)).arguments)
    found = quantify_fits(*sample(PMMA, FACTORS, attrs=attrs, random=np.random.default_rng(4)).arguments)
    assert found.elements == plain.elements
    assert not _sentence(found)


def test_quantification_says_that_the_angular_asymmetry_is_not_corrected():
    found = quantify_fits(*sample(PMMA, FACTORS).arguments)
    assert "The angular asymmetry of photoemission is not corrected." in found.notes
