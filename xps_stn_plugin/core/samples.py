"""Files with several samples: a tree with a node for each sample, and the choice of one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import xarray as xr

from xps_prefit_hooks import PrefitError, shown

#: Attribute of the root of a tree of several samples: their names, in the order of the nodes.
SAMPLES: Final = "samples"
#: Attributes of a tree of one sample of several: its name, and the file that it comes from.
SAMPLE, FILE = "sample", "file"


class SeveralSamples(PrefitError):
    """A file with several samples of which none is chosen; asking the user for one helps."""


def joined_samples(source: str, trees: Mapping[str, xr.DataTree]) -> xr.DataTree:
    """Put the spectra of several samples, by name, below one root, each as a node with its regions."""
    nodes: dict[str, xr.Dataset] = {"/": xr.Dataset(attrs={"source": source, SAMPLES: list(trees)})}
    for number, (name, tree) in enumerate(trees.items(), start=1):
        # A slash would begin another node, and names may hold control characters.
        path = f"/{shown(name).replace('/', '_').strip('.') or number}"
        path = path if path not in nodes else f"{path} ({number})"
        nodes[path] = xr.Dataset(attrs={**tree.attrs, SAMPLE: name})
        nodes.update({f"{path}/{region}": child.to_dataset() for region, child in tree.children.items()})
    return xr.DataTree.from_dict(nodes)


def samples_of(tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Take a tree of several samples apart: spectra by name of the sample; of a single one nothing.

    Each spectrum's ``source`` ends in the name of the sample, which titles show; ``file`` is where it comes from.
    """
    if SAMPLES not in tree.attrs:
        return {}
    source = str(tree.attrs.get("source", ""))
    return {
        name: _sample(source, name, node)
        for name, node in zip(tree.attrs[SAMPLES], tree.children.values(), strict=True)
    }


def _sample(source: str, name: str, node: xr.DataTree) -> xr.DataTree:
    regions = {f"/{region}": child.to_dataset() for region, child in node.children.items()}
    attrs = {**node.attrs, "source": f"{source}: {name}", FILE: source, SAMPLE: name}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attrs), **regions})


def one_sample(tree: xr.DataTree, wanted: str | None) -> xr.DataTree:
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
        if wanted is None or wanted in names:
            return tree
        samples = dict.fromkeys(sorted(names), tree)
    if wanted in samples:
        return samples[wanted]
    listed = ", ".join(map(shown, samples)) or "one without a name"
    if wanted is not None:
        raise PrefitError(source, f"there is no sample {shown(wanted)}; there is {listed}.")
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
    return {f"{sample}: {name}": region for sample, one in samples.items() for name, region in one.children.items()}


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
