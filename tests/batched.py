"""Files for batches, made on the fly: good ones whose answer is known (see `fakes`), and rubbish."""

from __future__ import annotations

import fakes


def write_table(path, seed=0, shift=fakes.SHIFT):
    """A good file in the long form: C 1s and O 1s."""
    lines = ["region,binding_energy_eV,intensity"]
    for name, region in fakes.spectrum(shift, seed=seed).children.items():
        pairs = zip(region["binding_energy"].values, region["counts"].values, strict=True)
        lines += [f"{name},{energy:.3f},{counts:.0f}" for energy, counts in pairs]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_columns(path, seed=0):
    """A good file in two columns: C 1s only, told from its name."""
    region = fakes.spectrum(seed=seed)["C1s"]
    pairs = zip(region["binding_energy"].values, region["counts"].values, strict=True)
    path.write_text("".join(f"{energy:.3f}\t{counts:.0f}\n" for energy, counts in pairs), encoding="utf-8")
    return path


#: Files that are not spectra, and a part of the reason that is given.
RUBBISH = {
    "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
    "empty.csv": (b"", "the file is empty"),
    "notes.txt": (b"Remember to buy milk.\n", "without a single row of two numbers"),
    "short.csv": (b"284.0,1\n285.0,2\n286.0,1\n", "has 3 points"),
    "cut.vms": (
        b"VAMAS Surface Chemical Analysis Standard Data Transfer Format 1988 May 4\n",
        "the file ends after line 1",
    ),
    "broken.h5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "the file begins like HDF5"),
    "noise.bin": (bytes(range(256)), "binary data"),
}


def mixed_folder(folder, good=4):
    """A folder with folders in it: good files of two formats, and all the rubbish."""
    for number in range(good):
        write_table(folder / f"level{number}.csv", seed=number)
    write_columns(folder / "wide C1s.txt", seed=99)
    write_table(folder / "deeper" / "level0.csv", seed=100)
    for name, (content, _) in RUBBISH.items():
        (folder / name).write_bytes(content)
    return folder
