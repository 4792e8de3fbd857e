"""Lines that can be named as charge reference."""

from __future__ import annotations

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.charge_references import charge_reference, charge_references, named_reference


def test_charge_references_are_those_of_iso_15472():
    assert dict(charge_references()) == {"Au 4f7/2": 83.96, "Ag 3d5/2": 368.21, "Cu 2p3/2": 932.62, "Fermi edge": 0.0}


@pytest.mark.parametrize(
    ("text", "name", "level", "energy", "written"),
    [
        ("Au 4f7/2", "Au 4f7/2", "Au4f", 83.96, "Au 4f7/2"),
        ("au4f", "Au 4f7/2", "Au4f", 83.96, "Au 4f7/2"),
        ("Ag 3d5/2 = 368.3", "Ag 3d5/2", "Ag3d", 368.3, "Ag 3d5/2=368.3"),
        ("fermi edge", "Fermi edge", "VB", 0.0, "Fermi edge"),
        ("Si 2p3/2=99.4", "Si 2p3/2", "Si2p", 99.4, "Si 2p3/2=99.4"),
        ("N 1s=397.6", "N 1s", "N1s", 397.6, "N 1s=397.6"),
        ("C-C", "C-C", "C1s", None, "C-C"),
        ("C 1s=284.8", "C-C", "C1s", 284.8, "C-C=284.8"),
    ],
)
def test_charge_reference_reads_what_people_write(text, name, level, energy, written):
    reference = charge_reference(text)
    assert (reference.name, reference.level, reference.energy, reference.text) == (name, level, energy, written)
    assert charge_reference(reference.text) == reference


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Si 2p3/2", "has no reference energy of its own; give it, as Si 2p3/2=99.4"),
        ("Au 4f5/2", "is not the line of highest j; name Au 4f7/2"),
        ("Au 4f=12", "is farther than 30 eV from Au 4f7/2, which lies at 84.0 eV"),
        ("Si 2p=high", "has an energy that is not a number; write it as Si 2p3/2=99.4"),
        ("Fermi edge=1", "puts the Fermi edge elsewhere than at 0 eV; leave the energy out"),
        ("Xx 1s=3", "names no line; take one of C-C, Au 4f7/2, Ag 3d5/2, Cu 2p3/2, Fermi edge, or a line with its"),
    ],
)
def test_charge_reference_that_is_none_is_refused_in_a_sentence(text, fault):
    with pytest.raises(PrefitError) as caught:
        charge_reference(text)
    assert f"{text!r} {fault}" in str(caught.value)


def test_named_reference_is_another_line_than_carbon():
    assert named_reference(None) is None
    assert named_reference("C-C") is None
    assert named_reference("Fermi edge").label == "Fermi edge = 0.00 eV"
