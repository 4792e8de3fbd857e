import sys

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry.structure import read_structure
from xps_stn_plugin.simulate.structures import generate_structures


def test_reads_a_repeat_unit():
    pytest.importorskip("rdkit")
    assert read_structure("*CCO*").GetNumAtoms() == 5


@pytest.mark.parametrize("smiles", ["", "C(", "no molecule"])
def test_what_is_no_structure_is_named_and_nothing_is_printed(smiles, capfd):
    pytest.importorskip("rdkit")
    with pytest.raises(PrefitError, match="SMILES"):
        read_structure(smiles)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("call", [lambda: read_structure("C"), lambda: generate_structures(1, 1)])
def test_without_rdkit_the_extra_is_named(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(PrefitError, match=r"xps-stn-plugin\[train\]"):
        call()
