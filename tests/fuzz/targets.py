"""What becomes of an input: the call that reads it, and whether the outcome is one that a user may meet."""

from __future__ import annotations

import hashlib
import json
import struct
import traceback
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np

from xps_prefit_hooks import LONGEST, PrefitError, Settings

from .text_mutators import mutated_bytes, mutated_text
from .tree_mutators import mutated_json, mutated_tree

#: Longest message in characters: what it is about, and the sentence.
LONGEST_SENTENCE: Final = 2 * LONGEST + 2
_UNFORESEEN: Final = "failed on this file ("
# Folders whose frames say where an error arose; the harness's frames do not.
_PACKAGES: Final = ("xps_stn_plugin", "xps_prefit_hooks", "xps_stn_weights")


class BrokenResultError(Exception):
    """A file was read without complaint, and what came of it is not a spectrum."""


@dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Parameters
    ----------
    kind : str
        ``loaded`` or ``refused``; else a fault: ``raw`` (another error than PrefitError), ``unforeseen`` (a PrefitError
        made of another error), ``sentence`` (a PrefitError that is not a single sentence), ``broken`` (a result that is
        not a spectrum), ``code`` (text of the file was run).
    signature : str
        What equal faults have in common: type of the error and the line where it arose.
    detail : str
        The message.
    """

    kind: str
    signature: str = ""
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether a user must not meet this."""
        return self.kind not in ("loaded", "refused")


@dataclass(frozen=True)
class Target:
    """A format: how its inputs are made and read.

    Parameters
    ----------
    suffixes : tuple of str
        Of files; the first one for most.
    write : callable
        ``write(random, source, target, corpus, folder)`` writes a mutated file.
    read : callable
        ``read(path)`` reads it.
    is_text : bool
        Whether a reproducer can be reduced line by line.
    """

    suffixes: tuple[str, ...]
    write: Callable[[Random, bytes, Path, Sequence[bytes], Path], None]
    read: Callable[[Path], None]
    is_text: bool = True


def outcome_of(read: Callable[[Path], None], path: Path, canary: Path) -> Outcome:
    """Read a file and judge what came of it."""
    try:
        read(path)
        outcome = Outcome("loaded")
    except PrefitError as error:
        outcome = _of_refusal(error)
    except BrokenResultError as error:
        outcome = Outcome("broken", f"broken: {str(error)[:60]}", str(error))
    except (Exception, RecursionError) as error:  # noqa: BLE001 (which errors there are is what is asked)
        outcome = Outcome("raw", _signature(error), f"{type(error).__name__}: {str(error)[:300]}")
    if canary.exists():
        canary.rmdir() if canary.is_dir() else canary.unlink()
        return Outcome("code", "code of the file was run", outcome.detail)
    return outcome


def _of_refusal(error: PrefitError) -> Outcome:
    text = str(error)
    if error.__cause__ is not None and _UNFORESEEN in text:
        return Outcome("unforeseen", _signature(error.__cause__), text[-400:])
    fault = sentence_fault(text)
    if fault:
        return Outcome("sentence", f"sentence: {fault} {_signature(error)}", repr(text[-400:]))
    return Outcome("refused", detail=text)


def sentence_fault(text: str) -> str:
    """Why a message is not one sentence for a terminal; empty where it is."""
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") for character in text):
        return "control characters or line ends"
    if any(character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for character in text):
        return "characters that turn the direction of text"
    if len(text) > LONGEST_SENTENCE:
        return "longer than anybody reads"
    return "" if text.endswith((".", "?", ")")) else "no full stop"


def _signature(error: BaseException) -> str:
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if any(package in Path(frame.filename).parts for package in _PACKAGES)
    ]
    return f"{type(error).__name__} at {frames[-1] if frames else 'unknown'}"


def _read_spectrum(path: Path) -> None:
    from xps_stn_plugin.readers import builtin_readers, read_file

    tree = read_file(path, builtin_readers(), Settings())
    if not tree.children:
        raise BrokenResultError("there is no region.")
    for child in tree.leaves:
        name = child.path[1:]
        energy = np.asarray(child["binding_energy"].values)
        if (
            child["counts"].dims[-1] != "binding_energy"
            or not np.isfinite(energy).all()
            or (np.diff(energy) <= 0).any()
        ):
            raise BrokenResultError(f"the region {name[:40]!a} has no ascending axis of finite energies.")
        if any(sentence_fault(f"{part}.") for part in name.split("/")):
            raise BrokenResultError("the name of a region holds control characters.")
    for text in tree.attrs.get("skipped", ()):
        if fault := sentence_fault(text):
            raise BrokenResultError(f"a sentence in skipped: {fault}.")


def _read_seeds(path: Path) -> None:
    from xps_stn_plugin.export.seeds import load_seeds

    for seed in load_seeds(path).values():
        seed.model.eval(seed.params, x=np.linspace(280.0, 290.0, 5))


def _read_weights(path: Path) -> None:
    from xps_stn_plugin.stn.weights import load_weights

    load_weights(path)


def _read_record(path: Path) -> None:
    from xps_stn_plugin.batch.records import Records

    records = Records(path.parent)
    records.folder = path.parent
    if records.get(path.stem) is None:
        raise PrefitError("record", "is damaged, so its work is done again.")


def _read_configuration(path: Path) -> None:
    from xps_stn_plugin._util.toml import read_tables

    read_tables(path, "simulation")


def _write_text(random: Random, source: bytes, target: Path, corpus: Sequence[bytes], folder: Path) -> None:
    mutate = mutated_text if random.random() < 0.93 else mutated_bytes
    target.write_bytes(mutate(random, source, corpus))


def _write_bytes(random: Random, source: bytes, target: Path, corpus: Sequence[bytes], folder: Path) -> None:
    target.write_bytes(mutated_bytes(random, source, corpus))


def _write_json(random: Random, source: bytes, target: Path, corpus: Sequence[bytes], folder: Path) -> None:
    target.write_bytes(mutated_json(random, source, corpus, str(folder / CANARY)))


def _write_hdf5(
    random: Random, source: bytes, target: Path, corpus: Sequence[bytes], folder: Path, *, bytes_too: bool
) -> None:
    from .hdf5_mutators import mutate_hdf5

    mutate_hdf5(random, source, target, corpus, folder, bytes_too=bytes_too)


def _read_structure(path: Path) -> None:
    """Read HDF5 in this process, as frozen programs do; it is faster by the time of some fifty exchanges."""
    from xps_stn_plugin.readers import hdf5_process

    guarded, hdf5_process.interpreter = hdf5_process.interpreter, lambda: None
    try:
        _read_spectrum(path)
    finally:
        hdf5_process.interpreter = guarded


def _write_weights(random: Random, source: bytes, target: Path, corpus: Sequence[bytes], folder: Path) -> None:
    """Change the header of a safetensors file, its tables that are text, its length or its tensors."""
    kind = random.random()
    (length,) = struct.unpack("<Q", source[:8])
    header, tensors = json.loads(source[8 : 8 + length]), source[8 + length :]
    if kind < 0.2:
        target.write_bytes(mutated_bytes(random, source, corpus))
        return
    if kind < 0.6:
        metadata = header["__metadata__"]
        key = random.choice(sorted(metadata))
        try:
            value = json.loads(metadata[key])
        except ValueError:
            value = metadata[key]
        changed = mutated_tree(random, [value], str(folder / CANARY))
        text = json.dumps(changed[0] if isinstance(changed, list) and changed else changed)
        metadata[key] = text.encode("utf-8", errors="replace").decode()
        if random.random() < 0.1:
            del metadata[key]
    else:
        header = mutated_tree(random, header, str(folder / CANARY))
    target.write_bytes(_sealed(random, header, tensors, length))


def _sealed(random: Random, header: Any, tensors: bytes, length: int) -> bytes:
    """Put a file together; for most, make the checksum that of the changed content."""
    from xps_stn_plugin.stn.weights_file import CHECKSUM, sealed

    text = json.dumps(header).encode("utf-8", errors="replace")
    data = struct.pack("<Q", len(text)) + text + tensors
    kind = random.random()
    if kind < 0.7:
        with suppress(PrefitError, ValueError, TypeError, AttributeError):
            metadata = {key: value for key, value in header["__metadata__"].items() if key != CHECKSUM}
            return sealed("input", data, metadata)
    if kind < 0.8:
        return struct.pack("<Q", random.choice((0, 2**63, 2**64 - 1, 10**9, length + 1))) + data[8:]
    return data


def _write_record(random: Random, source: bytes, target: Path, corpus: Sequence[bytes], folder: Path) -> None:
    """Change a record; for most, make the checksum that of the changed content."""
    if random.random() < 0.3:
        target.write_bytes(mutated_bytes(random, source, corpus))
        return
    first, head, curves = source.split(b"\n", 2)
    if random.random() < 0.8:
        changed = mutated_tree(random, json.loads(head), str(folder / CANARY))
        head = json.dumps(changed).encode("utf-8", errors="replace")
    else:
        curves = mutated_bytes(random, curves, corpus)
    body = head + b"\n" + curves
    form = first.rpartition(b" ")[0]
    target.write_bytes(form + b" " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


#: Name of what code in a file would make, if it were run.
CANARY: Final = "canary"

_spectrum: Final = partial(Target, write=_write_text, read=_read_spectrum)
_binary: Final = partial(Target, write=_write_bytes, read=_read_spectrum, is_text=False)

TARGETS: Final[dict[str, Target]] = {
    "columns": _spectrum((".csv", ".txt", ".dat", ".asc", ".xy")),
    "long-columns": _spectrum((".csv", ".txt", ".dat", ".asc", ".xy")),
    "archive": _binary((".zip",)),
    "table": _spectrum((".csv", ".txt")),
    "dialects": _spectrum((".csv", ".txt", ".dat", ".asc", ".xy")),
    "multipak": _spectrum((".txt",)),
    "thermo-avg": _spectrum((".avg",)),
    "igor-text": _spectrum((".itx",)),
    "specs-xml": _spectrum((".xml",)),
    "phi": _binary((".spe", ".pro")),
    "vgd": _binary((".vgd",)),
    "excel": _binary((".xlsx", ".xls", ".zip")),
    "igor-binary": _binary((".ibw", ".pxt")),
    "scienta": _spectrum((".txt",)),
    "specs": _spectrum((".xy",)),
    "vamas": _spectrum((".vms", ".npl")),
    "nexus": Target((".nxs", ".h5"), partial(_write_hdf5, bytes_too=False), _read_structure, is_text=False),
    "hdf5": Target((".nxs", ".h5"), partial(_write_hdf5, bytes_too=True), _read_spectrum, is_text=False),
    "seeds": Target((".json",), _write_json, _read_seeds),
    "seeds-1": Target((".json",), _write_json, _read_seeds),
    "weights": Target((".safetensors",), _write_weights, _read_weights, is_text=False),
    "records": Target((".record",), _write_record, _read_record, is_text=False),
    "configuration": Target((".toml",), _write_text, _read_configuration),
}


def facts(value: Any) -> Any:
    """Value as JSON can hold it."""
    return json.loads(json.dumps(value, default=str))
