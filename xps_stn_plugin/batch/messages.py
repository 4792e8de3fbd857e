"""Messages between a batch and its processes: the length in eight bytes, and a pickle.

Both ends are this package in the same Python; nothing else can write to these pipes.
"""

from __future__ import annotations

import pickle
from typing import IO, Any, Final

_LENGTH: Final = 8


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message.

    Raises
    ------
    OSError
        If nobody reads it any more.
    """
    data = pickle.dumps(message)
    stream.write(len(data).to_bytes(_LENGTH, "little"))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read a message.

    Raises
    ------
    EOFError
        If there is none any more, or not all of it.
    """
    length = int.from_bytes(_exactly(stream, _LENGTH), "little")
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = stream.read(length - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
