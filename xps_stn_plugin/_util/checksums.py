"""Checksums of files that hold their own checksum."""

from __future__ import annotations

import hashlib
import mmap
from typing import Final

#: Digits of a SHA-256, and what stands for them while it is computed.
DIGITS: Final = 64
ZEROS: Final = "0" * DIGITS

#: Bytes hashed at a time.
_CHUNK: Final = 1 << 20


def digest_with_blank(content: bytes | mmap.mmap, start: int, blank: bytes = ZEROS.encode()) -> str:
    """SHA-256 of a file with `blank` in place of as many bytes from `start` on."""
    digest = hashlib.sha256()
    end = start + len(blank)
    for first, last in ((0, start), (end, len(content))):
        if first == end:
            digest.update(blank)
        for offset in range(first, last, _CHUNK):
            digest.update(content[offset : min(offset + _CHUNK, last)])
    return digest.hexdigest()
