"""Structures by RDKit, which is needed for simulation and training only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xps_prefit_hooks import PrefitError

if TYPE_CHECKING:
    from rdkit import Chem


def need_rdkit() -> None:
    """Say what to install where RDKit is absent.

    Raises
    ------
    PrefitError
        If RDKit cannot be imported.
    """
    try:
        import rdkit  # noqa: F401
    except ImportError as error:
        raise PrefitError("rdkit", "it is needed to read structures: install xps-stn-plugin[train].") from error


def read_structure(smiles: str) -> Chem.Mol:
    """Read a SMILES without RDKit's messages on standard error.

    Raises
    ------
    PrefitError
        If RDKit is absent, or cannot read it, or there is no atom in it.
    """
    need_rdkit()
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise PrefitError("structure", f"{smiles!r} is not a SMILES that RDKit can read: correct the repeat unit.")
    return molecule
