"""Files with several samples: a tree with a node for each sample, and the choice of one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import xarray as xr

from xps_prefit_hooks import PrefitError, shown

from .spectrum import unique_name

#: Attribute of the root of a tree of several samples: their names, in the order of the nodes.
SAMPLES: Final = "samples"
#: Attributes of a tree of one sample of several: its name, and the file that it comes from.
SAMPLE, FILE = "sample", "file"
#: Longest name of a node; the attribute has the whole name.
_LONGEST_NAME: Final = 100


class SeveralSamples(PrefitError):
    """A file with several samples of which none is chosen; asking the user for one helps."""


def sample_keys(labels: Sequence[str], names: Sequence[str]) -> list[str]:
    """Name the sample of each region of a file, in the order of the file; one name for all where there is one sample.

    They are told apart by the names of their samples where these differ, a region without a name being of the sample
    before it; else by the same labels that come again in the same order. A label that is repeated by itself was
    measured several times.

    Parameters
    ----------
    labels, names : sequence of str
        What each region is, such as its core level, and the name of its sample, which may be empty.
    """
    known = list(dict.fromkeys(name for name in names if name))
    if len(known) > 1:
        keys: list[str] = []
        for name in names:
            keys.append(name or (keys[-1] if keys else known[0]))
        return keys
    rounds = _rounds(labels)
    levels = [list(dict.fromkeys(labels[start:end])) for start, end in rounds]
    # Regions that name one sample are of several only where all of its levels come again.
    again = all(other == levels[0] for other in levels[1:]) if known else _same_order(levels)
    if len(rounds) < 2 or not again or len(levels[0]) < 2:
        return [""] * len(labels)
    return [f"sample {number}" for number, (start, end) in enumerate(rounds, start=1) for _ in range(start, end)]


def _rounds(labels: Sequence[str]) -> list[tuple[int, int]]:
    """Begin and end of each round of labels: a new one begins where a label comes again after others."""
    begins, seen = [0], set[str]()
    for place, label in enumerate(labels):
        if label in seen and label != labels[place - 1]:
            begins.append(place)
            seen = set()
        seen.add(label)
    return list(zip(begins, [*begins[1:], len(labels)], strict=True))


def _same_order(levels: Sequence[Sequence[str]]) -> bool:
    """Whether later rounds have at least two levels of the first one, in its order."""
    first = levels[0]
    shared = [[level for level in other if level in first] for other in levels[1:]]
    return all(len(own) > 1 and own == sorted(own, key=first.index) for own in shared)


def joined_samples(source: str, trees: Mapping[str, xr.DataTree]) -> xr.DataTree:
    """Put the spectra of several samples, by name, below one root, each as a node with its regions."""
    nodes: dict[str, xr.Dataset] = {"/": xr.Dataset(attrs={"source": source, SAMPLES: list(trees)})}
    for number, (name, tree) in enumerate(trees.items(), start=1):
        # A slash would begin another node, and names may be long or hold control characters.
        path = f"/{shown(name, _LONGEST_NAME).replace('/', '_').strip('.') or number}"
        path = path if path not in nodes else f"{path} ({number})"
        nodes[path] = xr.Dataset(attrs={**tree.attrs, SAMPLE: name})
        nodes.update({f"{path}/{region}": child.to_dataset() for region, child in tree.children.items()})
    return xr.DataTree.from_dict(nodes)


def samples_of(tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Take a tree of several samples apart: spectra by name of the sample; of a single one nothing.

    That is a tree with a node for each sample, or one whose regions are of several (`sample_keys`). Each spectrum's
    ``source`` ends in the name of the sample, which titles show; ``file`` is where it comes from.
    """
    source = str(tree.attrs.get("source", ""))
    if SAMPLES not in tree.attrs:
        return _of_regions(source, tree)
    return {
        name: _sample(source, name, node)
        for name, node in zip(tree.attrs[SAMPLES], tree.children.values(), strict=True)
    }


def _of_regions(source: str, tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Take the regions of a tree apart by sample; nothing where there is one."""
    regions = list(tree.children.values())
    levels = [str(region.attrs.get("region", region.name)) for region in regions]
    keys = sample_keys(levels, [str(region.attrs.get(SAMPLE) or "") for region in regions])
    parts: dict[str, dict[str, xr.DataTree]] = {}
    for key, level, region in zip(keys, levels, regions, strict=True):
        part = parts.setdefault(key, {})
        part[unique_name(level, part)] = region
    if len(parts) < 2:
        return {}
    return {
        key: _sample(source, key, xr.DataTree(dataset=xr.Dataset(attrs=tree.attrs), children=_copies(part)))
        for key, part in parts.items()
    }


def _copies(regions: Mapping[str, xr.DataTree]) -> dict[str, xr.DataTree]:
    return {name: xr.DataTree(dataset=region.to_dataset()) for name, region in regions.items()}


def _sample(source: str, name: str, node: xr.DataTree) -> xr.DataTree:
    regions = {f"/{region}": child.to_dataset() for region, child in node.children.items()}
    attrs = {**node.attrs, "source": f"{source}: {name}", FILE: source, SAMPLE: name}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attrs), **regions})


def one_sample(tree: xr.DataTree, name: str | None) -> xr.DataTree:
    """Take the wanted sample of a tree; a tree of one sample is that.

    Raises
    ------
    PrefitError
        If there are several samples and none is wanted, or there is no such sample.
    """
    source, samples = str(tree.attrs.get("source", "spectrum")), samples_of(tree)
    if not samples:
        names = {str(child.attrs[SAMPLE]) for child in tree.children.values() if SAMPLE in child.attrs}
        names |= {str(tree.attrs[SAMPLE])} if SAMPLE in tree.attrs else set()
        if name is None or name in names:
            return tree
        samples = dict.fromkeys(sorted(names), tree)
    if name in samples:
        return samples[name]
    listed = ", ".join(map(shown, samples)) or "one without a name"
    if name is not None:
        raise PrefitError(source, f"there is no sample {shown(name)}; there is {listed}.")
    msg = (
        f"holds {len(samples)} samples ({listed}); take one of them (sample={next(iter(samples))!r}, --sample), or all "
        "(prefit_many(path)); xps.read(path) has a node for each."
    )
    raise SeveralSamples(source, msg)


def all_regions(tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Regions of a spectrum by name; of several samples with the sample before it: ``PET: C1s``."""
    samples = samples_of(tree)
    if not samples:
        return dict(tree.children)
    return {
        f"{sample}: {name}": region
        for sample, spectrum in samples.items()
        for name, region in spectrum.children.items()
    }


def file_of(tree: xr.DataTree, source: str) -> Path:
    """Measured file of a spectrum, which nothing overwrites."""
    return Path(str(tree.attrs.get(FILE, source)))


def sample_path(path: Path, sample: str, suffix: str) -> Path:
    """Path of an output of one sample of several: ``pet_film_1.json`` for ``pet.json`` and the sample "film 1"."""
    stem = path.name[: -len(suffix)] if suffix and path.name.lower().endswith(suffix.lower()) else path.stem
    suffix = path.name[len(stem) :]
    return path.with_name(f"{stem}_{sample_word(sample)}{suffix}")


def sample_word(sample: str) -> str:
    """Name of a sample as a part of a file's name."""
    return re.sub(r"\W+", "_", sample).strip("_") or "sample"
