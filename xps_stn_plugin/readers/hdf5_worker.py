"""Reading HDF5 in a process of its own, which may hang, crash or fill its memory without harm to anybody.

libhdf5 loops for ever in some damaged files, reads other files where one says so, and allocates what a file claims. So
this module runs as a script (``python -I -S hdf5_worker.py``), which `hdf5_process` starts and asks. It imports nothing
but h5py and numpy. Requests and replies are frames: four bytes of length, and JSON. The reply to a request for numbers
is a frame with shape and type, parts (eight bytes of length, and values), a part of length 0, and a frame that says how
it went.

The process limits itself where the system lets it: CPU time for each request, memory, no further open files, no files
to write to.
"""

from __future__ import annotations

import json
import math
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

#: Most values of one dataset, and of all datasets of a file that are read: 0.8 and 2 GB in double precision.
MAX_POINTS: Final = 100_000_000
MAX_FILE_POINTS: Final = 250_000_000

#: A file may hold so many values whatever it stores, and more only where it stores a byte for every `POINTS_PER_BYTE`:
#: compressed spectra take more, so what takes less is a claim without data, or was made to be unpacked for ever.
FREE_POINTS: Final = 2_000_000
POINTS_PER_BYTE: Final = 200

#: Most bytes of an attribute, of a text, and of a chunk of a dataset, and most names in a group.
MAX_ATTRIBUTE: Final = 65_536
MAX_TEXT: Final = 65_536
MAX_CHUNK: Final = 128 * 2**20
MAX_NAMES: Final = 20_000

#: Most texts that a dataset may have, and groups within groups.
MAX_TEXTS: Final = 100_000
MAX_DEPTH: Final = 32

#: Filters that libhdf5 and h5py have themselves (deflate, shuffle, Fletcher 32, szip, n-bit, scale-offset, LZF); others
#: are plugins, programs that a file would choose.
FILTERS: Final = frozenset({1, 2, 3, 4, 5, 6, 32000})

#: Bytes that are read at a time, and memory of the process beyond what it has at its start.
_SLAB: Final = 32 * 2**20
_MEMORY: Final = 400 * 2**20

#: Groups that stay open, for a file is asked for many nodes of few groups.
_GROUPS: Final = 256

#: After so many seconds without a request the process ends.
_IDLE: Final = 120.0


class Refusal(Exception):
    """Something in the file is not read; the text goes on after the name of the node."""


class Reader:
    """One file, read as far as the limits let it.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path: str) -> None:
        import h5py

        self._file = h5py.File(path, "r", rdcc_nbytes=_SLAB)
        self._points = 0
        self._stored: dict[int, int] = {}
        self._groups: dict[tuple[str, ...], Any] = {}

    def close(self) -> None:
        """Close the file."""
        self._groups.clear()
        self._file.close()

    def names(self, path: Sequence[str]) -> list[str]:
        """Names in a group, in the order of the file."""
        group = self._open(path)
        names: list[str] = []
        for name in group:
            if len(names) == MAX_NAMES:
                raise Refusal(f"holds more than {MAX_NAMES} names, which is the limit")
            names.append(_decoded(name))
        return names

    def node(self, path: Sequence[str]) -> dict[str, Any]:
        """Describe what lies at a path whose last part only may be a link.

        Returns
        -------
        dict
            ``kind`` ("missing", "soft", "group", "dataset"); of a link its ``target``, of the others ``address`` and
            ``attrs``, of a dataset ``shape`` (None if it is empty) and ``content`` ("numbers", "texts", "other").
        """
        from h5py import h5g, h5o

        if not path:
            return {"kind": "group", "address": 0, "attrs": {}}
        parent = self._open(path[:-1])
        if not isinstance(parent, h5g.GroupID):
            return {"kind": "missing"}
        node = self._followed(parent, path[-1])
        if not isinstance(node, dict):
            info = h5o.get_info(node)
            node = {**self._kind(node), "address": int(info.addr), "attrs": dict(_attributes(node))}
        return node

    def texts(self, path: Sequence[str]) -> list[str]:
        """Return the texts of a dataset, the last dimension first."""
        import h5py
        import numpy as np

        dataset = self._dataset(path, "texts")
        if math.prod(dataset.shape) > MAX_TEXTS:
            raise Refusal(f"holds {math.prod(dataset.shape)} texts; {MAX_TEXTS} are the most")
        values = np.ravel(np.asarray(h5py.Dataset(dataset)[()], dtype=object))
        texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]
        if any(len(text) > MAX_TEXT for text in texts):
            raise Refusal(f"holds a text of more than {MAX_TEXT} characters")
        return texts

    def slabs(
        self, path: Sequence[str], ranges: Sequence[Sequence[int]] | None = None
    ) -> tuple[tuple[int, ...], str, Iterator[np.ndarray[Any, Any]]]:
        """Shape and type of a dataset of numbers, and its values in C order, slab by slab.

        `ranges`, the first and the last place but one along each dimension, cut a part out of it.
        """
        import h5py
        import numpy as np

        dataset = self._dataset(path, "numbers")
        claimed = tuple(map(int, dataset.shape))
        begins = [0] * len(claimed) if ranges is None else [int(begin) for begin, _ in ranges]
        shape = claimed if ranges is None else tuple(int(end) - int(begin) for begin, end in ranges)
        if len(begins) != len(claimed) or not all(
            0 <= begin <= begin + size <= most for begin, size, most in zip(begins, shape, claimed, strict=True)
        ):
            raise Refusal(f"has shape {claimed}, so that this part of it is not there")
        self._count(dataset, claimed, shape)
        dtype = dataset.dtype
        plain = (
            np.dtype(f"f{min(dtype.itemsize, 8)}") if dtype.kind == "f" else np.dtype(f"{dtype.kind}{dtype.itemsize}")
        )
        high = h5py.Dataset(dataset)
        chunks = high.chunks

        def parts() -> Iterator[np.ndarray[Any, Any]]:
            for place in _places(shape, plain.itemsize, chunks):
                yield np.ascontiguousarray(high[_moved(place, begins, shape)], dtype=plain)

        return shape, plain.str, parts()

    def _open(self, path: Sequence[str]) -> Any:
        """Object at a path without links."""
        if len(path) > MAX_DEPTH:
            raise Refusal(f"lies more than {MAX_DEPTH} groups deep")
        from h5py import h5g

        if (kept := self._groups.get(tuple(path))) is not None:
            return kept
        at: Any = self._file.id
        for name in path:
            at = self._followed(at, name)
            if isinstance(at, dict):
                raise Refusal("is not there" if at["kind"] == "missing" else "is a link")
        node = h5g.open(self._file.id, b"/") if at is self._file.id else at
        if isinstance(node, h5g.GroupID) and len(self._groups) < _GROUPS:
            self._groups[tuple(path)] = node
        return node

    @staticmethod
    def _followed(group: Any, name: str) -> Any:
        """Object behind a hard link, or a description of another link."""
        from h5py import h5l, h5o

        code = name.encode("utf-8", "surrogateescape")
        if not code or b"\0" in code or not group.links.exists(code):
            return {"kind": "missing"}
        kind = group.links.get_info(code).type
        if kind == h5l.TYPE_SOFT:
            return {"kind": "soft", "target": _decoded(group.links.get_val(code))}
        if kind == h5l.TYPE_EXTERNAL:
            raise Refusal("is an external link, to another file; data are read from the file itself alone")
        if kind != h5l.TYPE_HARD:
            raise Refusal("is a link of a kind that is not known")
        return h5o.open(group, code)

    def _kind(self, node: Any) -> dict[str, Any]:
        from h5py import h5d, h5g

        if isinstance(node, h5g.GroupID):
            return {"kind": "group"}
        if not isinstance(node, h5d.DatasetID):
            raise Refusal("is a type; a group or a dataset is needed")
        shape = _shape(node)
        return {"kind": "dataset", "shape": shape, "content": "other" if shape is None else _content(node)}

    def _dataset(self, path: Sequence[str], content: str) -> Any:
        """Open a dataset whose values lie in this file and can be read, or refuse it."""
        from h5py import h5d

        node = self._open(path)
        if not isinstance(node, h5d.DatasetID) or _shape(node) is None or _content(node) != content:
            raise Refusal(f"is not a dataset of {content}")
        plist = node.get_create_plist()
        if plist.get_external_count():
            raise Refusal("keeps its values in another file; data are read from the file itself alone")
        layout = plist.get_layout()
        if layout == getattr(h5d, "VIRTUAL", 3):
            raise Refusal("is a virtual dataset, made of other files; data are read from the file itself alone")
        for number in range(plist.get_nfilters()):
            if (code := plist.get_filter(number)[0]) not in FILTERS:
                raise Refusal(f"is packed with the filter {code}, which is a plugin and not loaded; save it with gzip")
        if layout == h5d.CHUNKED:
            chunk = math.prod(map(int, plist.get_chunk())) * node.get_type().get_size()
            if chunk > MAX_CHUNK:
                raise Refusal(f"has chunks of {chunk} bytes; {MAX_CHUNK} are the most")
        size = math.prod(node.shape) * node.get_type().get_size()
        if content == "texts" and size > 64 * MAX_TEXT:
            raise Refusal(f"holds texts of {size} bytes; {64 * MAX_TEXT} are the most")
        return node

    def _count(self, dataset: Any, claimed: tuple[int, ...], shape: tuple[int, ...]) -> None:
        """Refuse more values than the limits allow before anything is read."""
        from h5py import h5o

        points = math.prod(shape)
        if points > MAX_POINTS:
            raise Refusal(f"claims {points} values; {MAX_POINTS} are the most")
        # Entries may share a dataset, which stores its bytes once.
        self._stored[int(h5o.get_info(dataset).addr)] = int(dataset.get_storage_size())
        self._points += points
        stored = sum(self._stored.values())
        all_points = self._points - points + math.prod(claimed)
        if all_points > FREE_POINTS and all_points > POINTS_PER_BYTE * stored:
            message = (
                f"claims {math.prod(claimed)} values, for which the file stores {dataset.get_storage_size()} bytes"
            )
            raise Refusal(message)
        if self._points > MAX_FILE_POINTS:
            raise Refusal(f"brings the file to {self._points} values; {MAX_FILE_POINTS} are the most")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _shape(node: Any) -> list[int] | None:
    from h5py import h5s

    space = node.get_space()
    return None if space.get_simple_extent_type() == h5s.NULL else [int(size) for size in space.shape]


def _content(node: Any) -> str:
    """Whether a dataset or an attribute holds "numbers" (real), "texts" or something "other"."""
    from h5py import h5t

    kind = node.get_type().get_class()
    if kind == h5t.STRING:
        return "texts"
    if kind not in (h5t.INTEGER, h5t.FLOAT, h5t.ENUM):
        return "other"
    dtype = node.dtype
    return "numbers" if dtype.kind in "fiub" and dtype.itemsize <= 16 else "other"


def _attributes(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Attributes, each with its ``value`` (text, number or a list of them) or the ``reason`` why it has none."""
    from h5py import h5a

    for number in range(min(h5a.get_num_attrs(node), 1000)):
        attribute = h5a.open(node, index=number)
        name = _decoded(attribute.name)
        try:
            yield name, {"value": _attribute_value(attribute)}
        except Refusal as refusal:
            yield name, {"reason": str(refusal)}
        # Whatever h5py raises where a type or a text of a damaged file cannot be understood.
        except Exception as error:  # noqa: BLE001
            yield name, {"reason": f"cannot be read ({_brief(error)})"}


def _attribute_value(attribute: Any) -> Any:
    import numpy as np
    from h5py import h5t

    shape = _shape(attribute)
    if shape is None:
        return None
    size = math.prod(shape) * attribute.get_type().get_size()
    if size > MAX_ATTRIBUTE:
        raise Refusal(f"has {size} bytes; {MAX_ATTRIBUTE} are the most")
    content = _content(attribute)
    if content == "other":
        raise Refusal("is neither text nor numbers")
    values = np.empty(shape, dtype=attribute.dtype)
    attribute.read(values, mtype=h5t.py_create(values.dtype))
    plain = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in np.ravel(values).tolist()
    ]
    if content == "texts" and sum(len(str(value)) for value in plain) > MAX_ATTRIBUTE:
        raise Refusal(f"has texts of more than {MAX_ATTRIBUTE} characters")
    return plain if shape else plain[0]


def _places(shape: tuple[int, ...], itemsize: int, chunks: tuple[int, ...] | None) -> Iterator[tuple[int | slice, ...]]:
    """Yield selections of about `_SLAB` bytes that make up a dataset in C order."""
    if not shape or math.prod(shape) * itemsize <= _SLAB:
        yield ()
        return
    axis = next(axis for axis in range(len(shape)) if math.prod(shape[axis + 1 :]) * itemsize <= _SLAB)
    step = max(1, _SLAB // max(1, math.prod(shape[axis + 1 :]) * itemsize))
    if chunks is not None and step > chunks[axis]:
        step -= step % chunks[axis]
    for before in product(*map(range, shape[:axis])):
        for start in range(0, shape[axis], step):
            yield (*before, slice(start, min(start + step, shape[axis])))


def _moved(place: tuple[int | slice, ...], begins: Sequence[int], shape: Sequence[int]) -> tuple[int | slice, ...]:
    """Place in a dataset of a place in a part of it."""
    whole = (*place, *(slice(0, size) for size in shape[len(place) :]))
    return tuple(
        slice(begin + at.start, begin + at.stop) if isinstance(at, slice) else begin + at
        for at, begin in zip(whole, begins, strict=True)
    )


def _brief(error: BaseException) -> str:
    text = " ".join(str(error).split()).strip("'\"")[:150]
    if isinstance(error, OSError | RuntimeError | KeyError) and text:
        # libhdf5 says what failed and, in parentheses, why.
        return text.rpartition(" (")[2].removesuffix(")") if text.endswith(")") else text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def send(stream: IO[bytes], content: dict[str, Any]) -> None:
    """Write a frame."""
    data = json.dumps(content).encode("ascii")
    stream.write(len(data).to_bytes(4, "little") + data)
    stream.flush()


def receive(stream: IO[bytes], most: int = 2**26) -> dict[str, Any] | None:
    """Read a frame; None at the end of the stream.

    Raises
    ------
    ValueError
        If the frame is cut off, longer than `most` bytes or not JSON.
    """
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = int.from_bytes(head, "little")
    if size > most:
        raise ValueError(f"a frame of {size} bytes")
    data = stream.read(size)
    if len(data) < size:
        return None
    content: dict[str, Any] = json.loads(data)
    return content


def answer(reader: Reader, request: dict[str, Any], write: Callable[[dict[str, Any]], None], stream: IO[bytes]) -> None:
    """Answer one request; what cannot be read is an answer with a reason."""
    start = time.process_time()
    in_array = False

    def reply(**content: Any) -> None:
        write({**content, "cpu": time.process_time() - start})

    try:
        if request["do"] == "numbers":
            shape, dtype, parts = reader.slabs(request["path"], request.get("ranges"))
            reply(shape=shape, dtype=dtype)
            in_array = True
            for part in parts:
                if part.size:
                    stream.write(part.nbytes.to_bytes(8, "little"))
                    stream.write(part.data.cast("B"))
            stream.write(bytes(8))
            reply()
        elif request["do"] == "texts":
            reply(texts=reader.texts(request["path"]))
        elif request["do"] == "names":
            reply(names=reader.names(request["path"]))
        else:
            reply(node=reader.node(request["path"]))
    except Refusal as refusal:
        reply(reason=str(refusal))
    # Whatever h5py and numpy raise in a damaged file.
    except Exception as error:  # noqa: BLE001
        if in_array:
            stream.write(bytes(8))
        reply(reason=f"cannot be read ({_brief(error)})", damaged=True)


def main() -> None:
    """Serve requests until the stream ends."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first = receive(incoming)
    if first is None:
        return
    sys.path[:] = first["sys_path"]
    try:
        # All that a request may need: once a file is open, modules cannot be opened any more.
        import encodings.ascii
        import encodings.latin_1
        import encodings.utf_8  # noqa: F401

        import h5py  # noqa: F401
    except Exception as error:  # noqa: BLE001
        send(outgoing, {"failed": _brief(error)})
        return
    _limit_memory()
    send(outgoing, {"ready": True})
    reader: Reader | None = None
    while (request := _next(incoming)) is not None:
        _limit_time(request["seconds"])
        if request["do"] == "open":
            try:
                reader = Reader(request["file"])
                send(outgoing, {})
            except Exception as error:  # noqa: BLE001
                send(outgoing, {"reason": _brief(error)})
            _limit_files(closed=True)
        elif request["do"] == "close":
            _limit_files(closed=False)
            if reader is not None:
                reader.close()
            reader = None
            send(outgoing, {})
        elif reader is not None:
            answer(reader, request, lambda content: send(outgoing, content), outgoing)
        _limit_time(0.0)


def _next(incoming: IO[bytes]) -> dict[str, Any] | None:
    if os.name == "posix" and not select.select([incoming], [], [], _IDLE)[0]:
        return None
    return receive(incoming)


def _limit_time(seconds: float) -> None:
    """Let the system end the process after so many seconds of CPU time; 0 for no limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # pathlib costs its import
            size = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, size + _MEMORY))
    # Systems without such limits, or with /proc elsewhere.
    except (ImportError, OSError, ValueError):
        return


def _limit_files(*, closed: bool) -> None:
    """Let no further file be opened while a file is read, whatever that file may ask for."""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0 if closed else hard, hard))
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    main()
