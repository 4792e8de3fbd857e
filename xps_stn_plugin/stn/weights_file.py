"""Files of weights: safetensors whose header carries a checksum over every byte of the file.

The checksum is the SHA-256 of the whole file with 64 zeros in the place of the checksum itself, so that a flipped bit
in a tensor, in the header or in the checksum is noticed. It guards against damage and not against forgery.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from xps_prefit_hooks import PrefitError
from xps_stn_plugin._util.checksums import ZEROS, digest_with_blank
from xps_stn_plugin._util.strict_json import without_repetition

#: Key of the checksum in the metadata.
CHECKSUM: Final = "sha256"

#: Key of the metadata in a header of safetensors.
_METADATA: Final = "__metadata__"

#: Largest file and largest header in bytes; the shipped weights have 8.4 MB and 13 kB.
_MAX_BYTES: Final = 2**30
_MAX_HEADER: Final = 2**20


def read_file(path: Path) -> bytes:
    """Read a file of weights.

    Raises
    ------
    PrefitError
        If it cannot be read or is too large.
    """
    try:
        if not path.is_file():
            raise PrefitError(
                str(path), "the weights cannot be read (there is no such file); install the package again."
            )
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise PrefitError(str(path), f"the weights have {size} bytes; {_MAX_BYTES} are the most.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise PrefitError(str(path), f"the weights cannot be read ({error}); install the package again.") from error


def metadata_of(source: str, data: bytes) -> Mapping[str, str]:
    """Read the metadata in the header.

    Raises
    ------
    PrefitError
        If the header is damaged, or it is not that of weights.
    """
    return _texts(source, _header(source, data))


def is_sealed(source: str, data: bytes) -> bool:
    """Tell whether a file carries a checksum, and verify it.

    Raises
    ------
    PrefitError
        If the checksum is not that of the file.
    """
    checksum = metadata_of(source, data).get(CHECKSUM)
    if checksum is None:
        return False
    start, end = 8, 8 + int.from_bytes(data[:8], "little")
    token = _token(checksum)
    if data.count(token, start, end) != 1 or len(checksum) != len(ZEROS):
        raise damaged(source, "its checksum does not stand where it should")
    if digest_with_blank(data, data.index(token, start, end), _token(ZEROS)) != checksum:
        raise damaged(source, "its checksum is not that of its content")
    return True


def sealed(source: str, data: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a file with other metadata and its checksum; every tensor keeps its bytes.

    Parameters
    ----------
    source : str
        For messages.
    data : bytes
        A file of safetensors.
    metadata : mapping of str to str
        Without a checksum.

    Raises
    ------
    PrefitError
        If the header is damaged.
    """
    header = {**_header(source, data), _METADATA: {**metadata, CHECKSUM: ZEROS}}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    # The tensors begin at a multiple of eight bytes.
    text += b" " * (-len(text) % 8)
    body = memoryview(data)[8 + int.from_bytes(data[:8], "little") :]
    whole = b"".join([len(text).to_bytes(8, "little"), text, body])
    place = whole.index(_token(ZEROS))
    checksum = hashlib.sha256(whole).hexdigest()
    return b"".join([whole[:place], _token(checksum), memoryview(whole)[place + len(_token(ZEROS)) :]])


def damaged(source: str, reason: str) -> PrefitError:
    """Make the error of a file that is not as it was written."""
    return PrefitError(source, f"the weights are damaged ({reason}); install the package again or train them again.")


def _token(checksum: str) -> bytes:
    return f'"{CHECKSUM}":"{checksum}"'.encode("ascii", "replace")


def _header(source: str, data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(len(data) - 8, _MAX_HEADER):
        raise damaged(source, f"a header of {size} bytes in a file of {len(data)}")
    try:
        header = json.loads(data[8 : 8 + size], object_pairs_hook=without_repetition)
    except (ValueError, RecursionError) as error:
        raise damaged(source, "its header cannot be understood") from error
    if not isinstance(header, dict):
        raise damaged(source, "its header is not an object")
    return header


def _texts(source: str, header: Mapping[str, Any]) -> Mapping[str, str]:
    metadata = header.get(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise damaged(source, "its metadata are not texts")
    return metadata
