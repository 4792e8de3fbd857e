"""HDF5 files from anybody: groups and datasets of one file, read by a guarded process within limits.

External links and storage, virtual datasets, plugins for compression, and sizes that the file does not bear out are
refused.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from .hdf5_process import BYTES_PER_SECOND, REQUEST_SECONDS, Hdf5Reader, Ranges, ReaderLost, opened

#: How often a process may be lost to one file before the file is given up.
_LOSSES: Final = 2

#: Seconds of CPU time that a file may take: at least, for each request, and beyond that by the size of its arrays.
_FILE_SECONDS: Final = 3.0
_SECONDS_OF_REQUEST: Final = 0.005

#: Soft links that may follow each other.
_LINKS: Final = 16


class UnusableNode(Exception):
    """A group or dataset cannot be used; the text is a clause that begins with its path."""


@dataclass(frozen=True)
class Attributes:
    """Attributes of a node.

    Parameters
    ----------
    path : str
        Of the node, for messages.
    content : mapping
        By name what `hdf5_worker` says of each.
    """

    path: str
    content: Mapping[str, Mapping[str, Any]]

    def __contains__(self, name: str) -> bool:
        return name in self.content

    def values(self, name: str) -> list[Any]:
        """Values of an attribute; none if it is missing or empty.

        Raises
        ------
        UnusableNode
            If it cannot be read.
        """
        described = self.content.get(name)
        if described is None:
            return []
        if "reason" in described:
            raise UnusableNode(f"{self.path}/@{shown(name)} {described['reason']}")
        value = described.get("value")
        return [] if value is None else value if isinstance(value, list) else [value]

    def text(self, name: str) -> str | None:
        """Text of an attribute, a number as its digits; the first of several, None if it is missing.

        Raises
        ------
        UnusableNode
            If it cannot be read.
        """
        return next((str(value) for value in self.values(name)), None)


@dataclass(frozen=True)
class Group:
    """A group.

    Parameters
    ----------
    file : Hdf5File
    parts : tuple of str
        Its path without links.
    attrs : Attributes
    """

    file: Hdf5File
    parts: tuple[str, ...]
    attrs: Attributes

    @property
    def path(self) -> str:
        """Path for messages."""
        return shown("/".join(self.parts)) or "/"

    @property
    def name(self) -> str:
        """Last part of the path, fit to be shown."""
        return shown(self.parts[-1]) if self.parts else ""

    def names(self) -> list[str]:
        """Names in the group.

        Raises
        ------
        UnusableNode
            If the group is damaged or holds too many.
        """
        return self.file.names(self.parts)

    def get(self, path: str) -> Group | Dataset | None:
        """Return the node at a path below, soft links followed; None if there is none.

        Raises
        ------
        UnusableNode
            If it is damaged, or lies in another file.
        """
        return self.file.find(self.parts, path)

    def child(self, name: str) -> Group | Dataset | None:
        """Return the node of one of `names`, which may hold any character but ``/``; as `get`."""
        return self.file.find(self.parts, name)

    def group(self, path: str) -> Group | None:
        """Return a group below; None if there is nothing.

        Raises
        ------
        UnusableNode
            As `get`, and if there is a dataset.
        """
        node = self.get(path)
        if isinstance(node, Dataset):
            raise UnusableNode(f"{node.path} is a dataset; a group is needed")
        return node

    def dataset(self, path: str) -> Dataset | None:
        """Return a dataset below; None if there is nothing.

        Raises
        ------
        UnusableNode
            As `get`, and if there is a group.
        """
        node = self.get(path)
        if isinstance(node, Group):
            raise UnusableNode(f"{node.path} is a group; a dataset is needed")
        return node


@dataclass(frozen=True)
class Dataset:
    """A dataset, whose values are read when they are asked for.

    Parameters
    ----------
    file : Hdf5File
    parts : tuple of str
        Its path without links.
    address : int
        Where it lies in the file; the same under all its names.
    shape : tuple of int or None
        None if it is empty.
    content : str
        "numbers", "texts" or "other".
    attrs : Attributes
    """

    file: Hdf5File
    parts: tuple[str, ...]
    address: int
    shape: tuple[int, ...] | None
    content: str
    attrs: Attributes

    @property
    def path(self) -> str:
        """Path for messages."""
        return shown("/".join(self.parts))

    @property
    def size(self) -> int:
        """Number of values."""
        return 0 if self.shape is None else math.prod(self.shape)

    def numbers(self, most: int | None = None) -> NDArray[Any]:
        """Return the values, at most `most`, with the shape of the dataset.

        Raises
        ------
        UnusableNode
            If they are not numbers, too many, damaged, or in another file.
        """
        if self.content != "numbers":
            raise UnusableNode(f"{self.path} does not hold real numbers")
        self._limit(most)
        return self.file.numbers(self.parts, self.size)

    def part(self, ranges: Sequence[tuple[int, int]]) -> NDArray[Any]:
        """Return the values of a part: the first place and the end along each dimension; errors as of `numbers`."""
        if self.content != "numbers":
            raise UnusableNode(f"{self.path} does not hold real numbers")
        return self.file.numbers(self.parts, math.prod(end - begin for begin, end in ranges), ranges)

    def texts(self, most: int = 1000) -> list[str]:
        """Return the texts, at most `most`, the last dimension first.

        Raises
        ------
        UnusableNode
            As `numbers`.
        """
        if self.content != "texts":
            raise UnusableNode(f"{self.path} does not hold text")
        self._limit(most)
        return self.file.texts(self.parts)

    def _limit(self, most: int | None) -> None:
        if most is not None and self.size > most:
            raise UnusableNode(f"{self.path} claims {self.size} values; at most {most} are read there")


class Hdf5File:
    """An open file; `opened_file` makes it.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._described: dict[tuple[str, ...], dict[str, Any]] = {}
        self._losses = 0
        self._damaged = False
        self._spent, self._allowed = 0.0, _FILE_SECONDS
        self._reader: Hdf5Reader | None = self._opened()

    @property
    def root(self) -> Group:
        """The group that holds all others."""
        return Group(self, (), Attributes("/", {}))

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close(reuse=not self._damaged)
        self._reader = None

    def names(self, parts: tuple[str, ...]) -> list[str]:
        """Names in a group; see `Group.names`."""
        names: list[str] = self._ask("names", parts)["names"]
        return names

    def texts(self, parts: tuple[str, ...]) -> list[str]:
        """Texts of a dataset; see `Dataset.texts`."""
        texts: list[str] = self._ask("texts", parts)["texts"]
        return texts

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    def numbers(self, parts: tuple[str, ...], size: int, ranges: Ranges = None) -> NDArray[Any]:
        """Values of a dataset, or of a part of it; see `Dataset.numbers` and `Dataset.part`."""
        extra = min(8.0 * size / BYTES_PER_SECOND, 60.0)

        def ask(reader: Hdf5Reader, seconds: float) -> tuple[dict[str, Any], NDArray[Any] | None]:
            return reader.numbers(parts, seconds + extra, ranges)

        values = self._guarded(parts, ask, extra)[1]
        assert values is not None  # a reply without them has a reason, which was raised
        return values

    def find(self, start: tuple[str, ...], path: str) -> Group | Dataset | None:
        """Follow a path from a group; see `Group.get`."""
        at = () if path.startswith("/") else start
        left = deque(_parts(path))
        node: dict[str, Any] = {"kind": "group", "attrs": {}}
        links = 0
        while left:
            if node["kind"] != "group":
                return None
            place = (*at, left.popleft())
            node = self._node(place)
            if node["kind"] == "missing":
                return None
            if node["kind"] == "soft":
                links += 1
                if links > _LINKS:
                    raise UnusableNode(f"{shown('/'.join(place))} is a link that leads to further links without end")
                target = str(node["target"])
                at = () if target.startswith("/") else at
                left.extendleft(reversed(_parts(target)))
                node = {"kind": "group", "attrs": {}}
                continue
            at = place
        if not at:
            return self.root
        node = self._node(at)
        attrs = Attributes(shown("/".join(at)), node["attrs"])
        if node["kind"] == "group":
            return Group(self, at, attrs)
        shape = None if node["shape"] is None else tuple(node["shape"])
        return Dataset(self, at, node["address"], shape, node["content"], attrs)

    def _node(self, parts: tuple[str, ...]) -> dict[str, Any]:
        if parts not in self._described:
            self._described[parts] = self._ask("node", parts)["node"]
        return self._described[parts]

    def _ask(self, what: str, parts: tuple[str, ...]) -> dict[str, Any]:
        def ask(reader: Hdf5Reader, seconds: float) -> tuple[dict[str, Any], None]:
            return reader.ask({"do": what, "path": list(parts)}, seconds), None

        return self._guarded(parts, ask, 0.0)[0]

    def _guarded(self, parts: tuple[str, ...], ask: Any, extra: float) -> tuple[dict[str, Any], NDArray[Any] | None]:
        """Ask the reader, and start another if it is lost, so that the file's other entries have their turn."""
        where = shown("/".join(parts)) or "the file"
        self._allowed += extra + _SECONDS_OF_REQUEST
        if self._losses >= _LOSSES or self._spent > self._allowed:
            raise UnusableNode(f"{where} is not read, for other parts of the file are damaged or took too long")
        try:
            if self._reader is None:
                self._reader = self._opened()
            reply, values = ask(self._reader, REQUEST_SECONDS / (1 + self._losses))
        except ReaderLost as error:
            self._reader = None
            self._losses += 1
            raise UnusableNode(f"{where} {error}") from error
        self._spent += float(reply.get("cpu", 0.0))
        if "reason" in reply:
            self._damaged = self._damaged or bool(reply.get("damaged"))
            raise UnusableNode(f"{where} {reply['reason']}")
        return reply, values

    def _opened(self) -> Hdf5Reader:
        return opened(str(self._path.absolute()))


@contextmanager
def opened_file(path: Path) -> Iterator[Hdf5File]:
    """Open an HDF5 file.

    Raises
    ------
    PrefitError
        If it cannot be opened.
    """
    try:
        file = Hdf5File(path)
    except ReaderLost as error:
        raise PrefitError(str(path), f"the file {error}.") from error
    try:
        yield file
    finally:
        file.close()


def shown(name: str) -> str:
    """Return a name of the file for a message: what cannot be printed escaped, cut where it is long."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    return text if len(text) <= 120 else f"{text[:117]}..."


def is_utf8(name: str) -> bool:
    """Tell whether a name is UTF-8 in the file; bytes that are not come as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]
