"""Mutations of HDF5 files: of their structure, by h5py, and of their bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

import h5py
import numpy as np

from .text_mutators import mutated_bytes

Node = h5py.Group | h5py.Dataset
Mutator = Callable[[Random, h5py.File, list[Node], Path], None]

_TEXTS: Final = (
    "", "NXentry", "NXdata", "NXbeam", "NXmpes", "NXxps", "NXroot", "binding", "kinetic", "eV", "keV", "meV",
    "counts", "cps", "data", "energy", "C1s", "C 1s", "\x1b[31m", "a\nb", "\u2028", "é", "x" * 5000, ".", "..", "/",
    "/data/../data", "a/b",
)  # fmt: skip
_SHAPES: Final = ((), (0,), (1,), (7,), (20,), (21,), (2, 20), (20, 2), (1, 20), (0, 20), (2, 2, 20), (1,) * 10)
_CLAIMS: Final = ((200_000_000,), (10**12,), (2**40,), (3, 10**8), (10**4, 10**4), (10**6, 20), (20, 10**7))
_TYPES: Final = (
    "i1", "u1", "i2", "i8", "u8", "f2", "f4", "f8", ">f8", "c16", "?", "S5", "S1", "V3", "string", "vlen", "enum",
    "ref", "regionref", "compound", "longdouble", "array",
)  # fmt: skip
_VALUES: Final = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, 1e37, -50.0, 1e-15, 1e100, 285.0)
_ATTRIBUTES: Final = (
    "NX_class", "signal", "axes", "units", "type", "long_name", "energy_indices", "data_indices", "default", "NAME",
    "CLASS", "DIMENSION_LIST", "_FillValue", "calibrated_axis",
)  # fmt: skip
_NAMES: Final = (
    "definition", "title", "data", "energy", "transitions", "instrument", "sample", "energy_referencing",
    "calibrated_axis", "incident_energy", "beam_probe", "start_time", "counts", "binding_energy", "x\x1b[31m", "é",
    "a b", "n" * 3000,
)  # fmt: skip


def mutate_hdf5(
    random: Random, source: bytes, target: Path, corpus: Sequence[bytes], folder: Path, *, bytes_too: bool
) -> None:
    """Write a mutated HDF5 file.

    Parameters
    ----------
    random : random.Random
    source : bytes
        A valid file.
    target : Path
        Where the result goes.
    corpus : sequence of bytes
        Valid files, to splice with.
    folder : Path
        Folder with what external links and external storage may name: ``pipe``, a named pipe, and ``other.nxs``.
    bytes_too : bool
        Whether bytes are changed, too, for which libhdf5 may hang or crash.
    """
    kind = random.random() if bytes_too else 0.5
    if kind < 0.35:
        target.write_bytes(_mutated_bytes(random, source, corpus))
        return
    target.write_bytes(source)
    with h5py.File(target, "r+") as file:
        for _ in range(1 + min(int(random.expovariate(0.9)), 4)):
            nodes = _nodes(file)
            try:
                random.choice(_MUTATORS)(random, file, nodes, folder)
            except (KeyError, ValueError, TypeError, OSError, RuntimeError, OverflowError, AttributeError):
                # Not every change goes with every place; the next one may.
                continue
    if kind > 0.92:
        target.write_bytes(_mutated_bytes(random, target.read_bytes(), corpus))


def _mutated_bytes(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    if random.random() < 0.3:
        return mutated_bytes(random, data, corpus)
    # Where a size stays as it is, most of the structure can still be read, and damage lies deeper.
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place = random.randrange(len(changed))
        width = random.choice((1, 1, 2, 4, 8))
        value = random.choice(
            (0, 1, 255, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), random.randrange(2 ** (8 * width)))
        )
        changed[place : place + width] = (value % 2 ** (8 * width)).to_bytes(width, "little")
    return bytes(changed[: len(data)])


def _nodes(file: h5py.File) -> list[Node]:
    nodes: list[Node] = [file]

    def visit(name: str, node: Node) -> None:
        if len(nodes) < 200:
            nodes.append(node)

    # After other changes not all can be reached; then those that can.
    with suppress(KeyError, RuntimeError, OSError, UnicodeDecodeError, TypeError):
        file.visititems(visit)
    return nodes


def _leaf(random: Random, nodes: Sequence[Node]) -> h5py.Dataset:
    return random.choice([node for node in nodes if isinstance(node, h5py.Dataset)])


def _group(random: Random, nodes: Sequence[Node]) -> h5py.Group:
    return random.choice([node for node in nodes if isinstance(node, h5py.Group)])


def _taken(file: h5py.File, node: Node) -> str:
    """Delete a node; return its name, free for another."""
    name = str(node.name)
    if name != "/":
        del file[name]
    return name


def _delete(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    _taken(file, random.choice(nodes[1:]))


def _array(random: Random, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    start = random.choice((280.0, 1196.0, 0.0, -60.0, 1e5))
    return start + 0.5 * np.arange(int(np.prod(shape)), dtype=float).reshape(shape)


def _retype(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    """Make a dataset, or an attribute, one of another type and shape."""
    node = _leaf(random, nodes)
    shape = node.shape if node.shape is not None and random.random() < 0.6 else random.choice(_SHAPES)
    attrs = dict(node.attrs.items()) if random.random() < 0.8 else {}
    name = _taken(file, node)
    _create(random, file, name, shape)
    for key, value in attrs.items():
        file[name].attrs[key] = value


def _create(random: Random, file: h5py.File, name: str, shape: tuple[int, ...]) -> None:
    kind = random.choice(_TYPES)
    if kind == "string":
        file.create_dataset(name, shape, dtype=h5py.string_dtype(random.choice(("utf-8", "ascii"))))
        if random.random() < 0.5:
            file[name][...] = random.choice(_TEXTS)
    elif kind == "vlen":
        file.create_dataset(name, shape, dtype=h5py.vlen_dtype(np.float64))
    elif kind == "enum":
        file.create_dataset(name, shape, dtype=h5py.enum_dtype({"a": 0, "b": 1}))
    elif kind in ("ref", "regionref"):
        file.create_dataset(name, shape, dtype=h5py.ref_dtype if kind == "ref" else h5py.regionref_dtype)
    elif kind == "compound":
        file.create_dataset(name, shape, dtype=np.dtype([("a", "f8"), ("b", "S3")]))
    elif kind == "array":
        file.create_dataset(name, shape, dtype=np.dtype(("f8", (3,))))
    elif kind in ("S5", "S1", "V3"):
        file.create_dataset(name, shape, dtype=kind)
        if kind[0] == "S":
            file[name][...] = random.choice((b"\xff\xfe", b"a", b"nan", b"\xc3"))
    else:
        dtype = np.dtype(kind)
        with np.errstate(all="ignore"):
            file.create_dataset(name, data=_array(random, shape).astype(dtype))


def _empty(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    name = _taken(file, _leaf(random, nodes))
    file.create_dataset(name, data=h5py.Empty(random.choice(("f8", h5py.string_dtype(), "i4"))))


def _claim(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    """Claim more points than there is memory for; the file itself stays small."""
    shape = random.choice(_CLAIMS)
    chosen = [_leaf(random, nodes)]
    if random.random() < 0.5:
        chosen = [
            node for node in nodes if isinstance(node, h5py.Dataset) and str(node.name).endswith(("/data", "/energy"))
        ]
    dtype = random.choice(("f8", "i1", "f4", h5py.string_dtype()))
    for node in chosen:
        attrs = dict(node.attrs.items())
        name = _taken(file, node)
        chunks = tuple(min(size, 64) for size in shape)
        file.create_dataset(name, shape, dtype, chunks=chunks, compression=random.choice((None, "gzip")))
        file[name].attrs.update(attrs)
        if random.random() < 0.5:
            file[name][tuple(0 for _ in shape)] = 1 if dtype != h5py.string_dtype() else "a"


def _link(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    """Put a link in a node's place: nowhere, in a circle, into another file, to a pipe."""
    name = _taken(file, random.choice(nodes[1:]))
    match random.randrange(9):
        case 0:
            file[name] = h5py.SoftLink("/nowhere")
        case 1:
            file[name] = h5py.SoftLink(name)
        case 2:
            file[name] = h5py.SoftLink(random.choice(("/", "..", ".", name.rpartition("/")[0] or "/")))
        case 3:
            file[name] = h5py.ExternalLink(os.fspath(folder / "other.nxs"), random.choice(("/", name, "/nowhere")))
        case 4:
            file[name] = h5py.ExternalLink(os.fspath(folder / "pipe"), "/")
        case 5:
            file[name] = h5py.ExternalLink(random.choice(("/etc/passwd", "/dev/zero", "nowhere.h5", "", "/")), "/")
        case 6:
            file[name] = file["/"]
        case 7:
            file[name] = random.choice(nodes)
        case _:
            file[name] = h5py.SoftLink(str(random.choice(nodes).name))


def _external(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    """Keep a dataset's values in another file."""
    node = _leaf(random, nodes)
    shape, attrs = node.shape or (20,), dict(node.attrs.items())
    name = _taken(file, node)
    place = random.choice((os.fspath(folder / "other.nxs"), "/etc/passwd", "/dev/zero", "nowhere.raw"))
    file.create_dataset(name, shape, "f8", external=[(place, 0, random.choice((8 * 20, 160, h5py.h5f.UNLIMITED)))])
    file[name].attrs.update(attrs)


def _virtual(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    """Map a dataset onto those of other files."""
    node = _leaf(random, nodes)
    attrs = dict(node.attrs.items())
    name = _taken(file, node)
    size = random.choice((20, 20, 10**9))
    layout = h5py.VirtualLayout(shape=(size,), dtype="f8")
    place = random.choice((os.fspath(folder / "other.nxs"), "nowhere.h5", os.fspath(folder / "pipe"), "."))
    layout[:20] = h5py.VirtualSource(place, random.choice(("/sample__C1s/data/data", name, "/nowhere")), shape=(20,))
    file.create_virtual_dataset(name, layout, fillvalue=random.choice((0.0, np.nan)))
    file[name].attrs.update(attrs)


def _exchange(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    """Put a group where a dataset was, and the other way round, or a type."""
    node = random.choice(nodes[1:])
    is_group = isinstance(node, h5py.Group)
    attrs = dict(node.attrs.items())
    name = _taken(file, node)
    if random.random() < 0.2:
        file[name] = np.dtype("f8")
    elif is_group:
        file[name] = random.choice((1.0, "text", [1.0, 2.0], _array(random, (20,))))
    else:
        file.create_group(name)
    if random.random() < 0.7:
        for key, value in attrs.items():
            file[name].attrs[key] = value


def _attribute(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    node = random.choice(nodes)
    names = list(node.attrs)
    name = random.choice(names) if names and random.random() < 0.7 else random.choice(_ATTRIBUTES)
    match random.randrange(11):
        case 0:
            del node.attrs[name]
        case 1 | 2:
            node.attrs[name] = random.choice(_TEXTS)
        case 3:
            node.attrs[name] = random.choice((0, -1, 2**31, 2**63 - 1, 1.5, np.nan, True))
        case 4:
            node.attrs.create(name, np.bytes_(random.choice((b"\xff\xfe", b"NXentry\x00", b"\xc3"))))
        case 5:
            node.attrs[name] = np.array([random.choice(_TEXTS) or "a"] * random.choice((1, 2, 5)), dtype="S8")
        case 6:
            node.attrs[name] = h5py.Empty(random.choice(("f8", "S3")))
        case 7:
            node.attrs[name] = random.choice(([1, 2, 3], [], [[1.0]], [2**40]))
        case 8:
            node.attrs[name] = file.ref if random.random() < 0.5 else np.array([file.ref], dtype=h5py.ref_dtype)
        case 9:
            node.attrs.create(name, np.array([(1.0, b"a")], dtype=[("a", "f8"), ("b", "S3")]))
        case _:
            node.attrs.create(name, [random.choice(_TEXTS)] * 3, dtype=h5py.string_dtype())


def _values(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    node = _leaf(random, nodes)
    # What was changed before may claim more than there is, or lie in another file.
    if node.shape is None or not 0 < node.size <= 10_000 or not np.issubdtype(node.dtype, np.number):
        return
    if node.is_virtual or node.external:
        return
    values = np.array(node[()])
    with np.errstate(all="ignore"):
        match random.randrange(5):
            case 0:
                values[...] = random.choice(_VALUES)
            case 1:
                values.flat[random.randrange(values.size)] = random.choice(_VALUES)
            case 2:
                values = values * random.choice((1e-300, 1e300, -1.0, 1e3, 0.0))
            case 3:
                np.random.default_rng(random.randrange(2**32)).shuffle(values)
            case _:
                values.flat[random.randrange(values.size)] = values.flat[random.randrange(values.size)]
        node[...] = values


def _rename(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    name = str(random.choice(nodes[1:]).name)
    file.move(name, f"{name.rpartition('/')[0]}/{random.choice(_NAMES)}")


def _add(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    group = _group(random, nodes)
    name = f"{str(group.name).rstrip('/')}/{random.choice(_NAMES)}"
    if name in file:
        _taken(file, file[name])
    if random.random() < 0.3:
        file.create_group(name).attrs["NX_class"] = random.choice(_TEXTS)
    else:
        _create(random, file, name, random.choice(_SHAPES))


def _many(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    """Add many nodes, side by side or one in another."""
    group = _group(random, nodes)
    if random.random() < 0.5:
        for number in range(100):
            group.create_group(f"many_{number}").attrs["NX_class"] = "NXentry"
    else:
        group.create_group("/".join(["deep"] * random.choice((20, 200))))


def _copy(random: Random, file: h5py.File, nodes: list[Node], folder: Path) -> None:
    node = random.choice(nodes[1:])
    if isinstance(node, h5py.Dataset) and (node.size or 0) > 10_000:
        return
    file.copy(node, f"{str(random.choice(nodes).name).rstrip('/')}/copy_{random.randrange(10**6)}")


_MUTATORS: Final[tuple[Mutator, ...]] = (
    _delete, _retype, _retype, _retype, _empty, _claim, _link, _link, _external, _virtual, _exchange, _exchange,
    _attribute, _attribute, _attribute, _attribute, _values, _values, _rename, _add, _add, _many, _copy,
)  # fmt: skip
