"""Small valid files of every format, made by the package's writers and by its tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np

ENERGIES: Final = np.round(np.arange(280.0, 290.0, 0.5), 3)
COUNTS: Final = np.array([100.0 + 7 * i % 13 for i in range(ENERGIES.size)])


def write_corpus(folder: Path) -> None:
    """Write all files: a folder for each format."""
    for name, write in _WRITERS.items():
        place = folder / name
        place.mkdir(parents=True)
        write(place)


def _columns(folder: Path) -> None:
    pairs = list(zip(ENERGIES.tolist(), COUNTS.tolist(), strict=True))
    heads = {
        "a.csv": ("binding_energy_eV,counts", ",", "."),
        "b.txt": ("# Region: C 1s\n# Photon energy: 1486.6 eV\nBinding Energy (eV)\tIntensity (cps)", "\t", "."),
        "c.dat": ("", " ", "."),
        "d.csv": ("Bindungsenergie BE/eV;counts", ";", ","),
        "e.asc": ("% C1s\n% hv = 1486.6 eV\nKinetic Energy (eV)  Counts/s", "   ", "."),
    }
    for name, (head, separator, mark) in heads.items():
        if "Kinetic" in head:
            pairs = [(1486.6 - energy, counts) for energy, counts in pairs]
        rows = [f"{energy:.3f}{separator}{counts:.1f}".replace(".", mark) for energy, counts in pairs]
        (folder / name).write_text("\n".join([*filter(None, [head]), *rows, ""]))
    rows = [f"{energy:.3f},{counts:.1f},{counts / 10:.2f},1" for energy, counts in pairs]
    (folder / "f.csv").write_text("\n".join(["Binding Energy (eV),Counts,Error,Transmission", *rows, ""]))


def _long_columns(folder: Path) -> None:
    """Write tables of so many rows that most of them are parsed at once."""
    energies = np.round(np.arange(280.0, 290.0, 0.05), 3).tolist()
    heads = {
        "a.csv": ("binding_energy_eV,counts", ",", "."),
        "b.txt": ("Binding Energy (eV)\tIntensity (cps)\tTransmission", "\t", "."),
        "c.dat": ("# C1s", "  ", "."),
        "d.csv": ("Bindungsenergie BE/eV;;counts", ";;", ","),
    }
    for name, (head, separator, mark) in heads.items():
        more = [1.0] * (head.count("\t") // 2)
        rows = [
            separator.join(f"{value:.3f}" for value in (energy, 100.0 + 7 * i % 13, *more)).replace(".", mark)
            for i, energy in enumerate(energies)
        ]
        (folder / name).write_text("\n".join([head, *rows, ""]))
        (folder / f"two_{name}").write_text("\n".join([head, *rows, "", "Region: C 1s", head, *rows]))
    rows = [f"C1s,{energy:.3f},{100.0 + 7 * i % 13}" for i, energy in enumerate(energies)]
    (folder / "e.csv").write_text("\n".join(["region,binding_energy_eV,intensity", *rows, ""]))
    columns = [
        f"{energy:.2f}," + ",".join(str(i * j % 17) for j in range(70)) for i, energy in enumerate(energies[::8])
    ]
    (folder / "f.csv").write_text("\n".join(["energy_eV," + ",".join(f"Scan {j}" for j in range(70)), *columns, ""]))


def _table(folder: Path) -> None:
    for name, separator in (("a.csv", ","), ("b.txt", "\t"), ("c.csv", ";")):
        rows = [
            separator.join((region, f"{energy + offset:.3f}", f"{counts:.1f}"))
            for region, offset in (("C1s", 0.0), ('"O 1s"', 247.0))
            for energy, counts in zip(ENERGIES[::2], COUNTS[::2], strict=True)
        ]
        (folder / name).write_text("\n".join([separator.join(("region", "binding_energy_eV", "intensity")), *rows, ""]))
    _written(folder, "csv")


def _written(folder: Path, kind: str) -> None:
    """Add what this package writes: a region with all metadata, and a profile with labels."""
    from test_writers import MEASURED, region

    from xps_stn_plugin.core.spectrum import spectrum_tree
    from xps_stn_plugin.writers import write_spectrum

    carbon = region(points=12, **MEASURED, sample="PET", energy_referencing_offset=-1.2)
    carbon["transmission"] = "binding_energy", [1.0 + 0.1 * i for i in range(12)]
    profile = region("O1s", 12, shape=(2,)).rename(y="etch_time").assign_coords(etch_time=[0.0, 30.0])
    write_spectrum(spectrum_tree("made", {"C1s": carbon, "O1s": profile}), folder / f"written.{kind}", kind)


def _scienta(folder: Path) -> None:
    from test_readers_vendor_text import scienta

    (folder / "a.txt").write_text(scienta())
    (folder / "b.txt").write_text(scienta(1486.6 - ENERGIES, (COUNTS, 2 * COUNTS), axis="Kinetic Energy [eV]"))


def _specs(folder: Path) -> None:
    from test_readers_vendor_text import specs

    (folder / "a.xy").write_text(specs())
    (folder / "b.xy").write_text(specs(scans=(COUNTS, 3 * COUNTS), rate="Counts"))
    (folder / "c.xy").write_text(specs(1486.6 - ENERGIES, axis="Kinetic Energy"))


def _vamas(folder: Path) -> None:
    from test_readers_vamas import block, header, written

    written(folder / "a.vms", header(), block(), end="\n")
    written(folder / "b.vms", header(2), block(), block("O", "1s", start=950.0), end="\n")
    written(folder / "c.vms", header(scan="IRREGULAR"), block(irregular=True), end="\n")
    sputter = ("1e37",) * 7
    levels = [
        block(sputter=sputter, ion=("Ar", "18", "1"), at=(time,), comment=("Calib M = 284.5 A = 285 BE ADD",))
        for time in (0, 30, 60)
    ]
    written(folder / "d.vms", header(3, mode="SDP"), *levels, end="\n")
    places = [block(position=(x, y)) for x in ("0", "1") for y in ("0", "1")]
    for place in places:
        # The field of view, which maps have behind the beam widths.
        field = place.index("1e37") + 2
        place[field:field] = ["100", "100"]
    written(folder / "e.vms", header(4, mode="MAP"), *places, end="\n")
    written(
        folder / "f.vms",
        header(2, listed=(-7, *range(1, 8)), manual=("3",), future=(("x",), 1)),
        block(future=("y",)),
        block("O", "1s", start=950.0, date=(), future=("y",)),
        end="\n",
    )
    _written(folder, "vms")


def _nexus(folder: Path) -> None:
    import fakes
    import h5py
    from test_readers_nexus import entry

    from xps_stn_plugin.core.spectrum import spectrum_tree

    with h5py.File(folder / "a.nxs", "w") as file:
        entry(file, hv=(1486.6, "eV"))
        entry(file, "sample__O1s", energy=ENERGIES + 247)
    with h5py.File(folder / "b.nxs", "w", libver="latest") as file:
        group = entry(file, "C1s", energy=1486.6 - ENERGIES, kind="kinetic", definition="NXmpes", hv=(1.4866, "keV"))
        group["transitions"] = ["C 1s"]
        group["title"] = "a sample"
        group["instrument/electronanalyzer/work_function"] = 4.5
        referencing = group.create_group("energy_referencing")
        referencing["reference_peak"] = "C 1s"
        referencing["offset"] = -1.5
        referencing["calibrated_axis"] = h5py.SoftLink(f"/{group.name.strip('/')}/data/energy")
    with h5py.File(folder / "c.nxs", "w") as file:
        data = entry(file, counts=np.stack([COUNTS, 2 * COUNTS, 3 * COUNTS]))["data"]
        data.attrs["axes"] = ["etch_time", "energy"]
        data.attrs["energy_indices"] = 1
        data["etch_time"] = [0.0, 30.0, 60.0]
        data["etch_time"].attrs["units"] = "s"
    spectrum = fakes.spectrum()
    spectrum = spectrum_tree(
        "made.csv", {"O1s": spectrum["O1s"].to_dataset().isel(binding_energy=slice(None, None, 8))}
    )
    with _fake_plugin():
        import xps_stn_plugin as xps

        xps.prefit(spectrum).save(folder / "d.nxs")


def _seeds(folder: Path) -> None:
    import fakes

    from xps_prefit_hooks import Seed
    from xps_stn_plugin.export.seeds import save_seeds

    with _fake_plugin():
        import xps_stn_plugin as xps

        seeds = dict(xps.prefit(fakes.spectrum()).seeds.items())
    for seed in seeds.values():
        if len(seed.components) > 1:
            seed.params["p2_sigma"].set(expr="p1_sigma")
            seed.params["p2_amplitude"].set(expr="0.5 * p1_amplitude")
        assert isinstance(seed, Seed)
    save_seeds(folder / "a.json", seeds)
    import xps_stn_plugin as xps

    save_seeds(folder / "b.json", xps.seeds(fakes.spectrum(), expect="PMMA", shift=fakes.SHIFT))


def _first_seeds(folder: Path) -> None:
    """Files of the first schema, which the package reads and no longer writes."""
    import lmfit
    from lmfit.models import LinearModel, PseudoVoigtModel

    model = LinearModel(prefix="bg_") + PseudoVoigtModel(prefix="p1_") + PseudoVoigtModel(prefix="p2_")
    params: lmfit.Parameters = model.make_params(
        bg_slope=0.0,
        bg_intercept=50.0,
        p1_center=285.0,
        p1_sigma=0.6,
        p1_amplitude=800.0,
        p2_center=289.0,
        p2_amplitude=400.0,
    )
    params["p1_center"].set(min=284.0, max=286.0)
    params["p2_sigma"].set(expr="p1_sigma")
    params["p1_fraction"].set(0.2, vary=False)
    row = {
        "model": "(Model(linear, prefix='bg_') + Model(pvoigt, prefix='p1_') + Model(pvoigt, prefix='p2_'))",
        "params": json.loads(params.dumps()),
        "components": [
            {"prefix": "p1_", "name": "C-C", "groups": ["alkane"]},
            {"prefix": "p2_", "name": "O-C=O", "groups": ["ester (aliphatic)"]},
        ],
        "background": "linear",
        "notes": ["A note."],
    }
    (folder / "a.json").write_text(
        json.dumps({"schema": "xps-stn/seeds/1", "source": "a.csv", "regions": {"C1s": row}})
    )


def _weights(folder: Path) -> None:
    import torch

    from xps_stn_plugin.core.grid import Grid
    from xps_stn_plugin.stn.calibration import Calibration
    from xps_stn_plugin.stn.network import ShiftTransformer
    from xps_stn_plugin.stn.network_config import NetworkConfig
    from xps_stn_plugin.stn.weights import save_weights

    torch.manual_seed(0)
    grid = Grid(points=16, step=1.0)
    config = NetworkConfig(
        len(grid.regions),
        grid.points,
        2,
        grid.step,
        4.0,
        localiser_width=2,
        dilations=(1, 2),
        classifier_width=2,
        hidden=2,
    )
    calibration = Calibration(0.1, (0.1, 0.2), (0.1, 0.2), 1.0, 0.0, 2.0)
    save_weights(
        folder / "a.safetensors",
        ShiftTransformer(config),
        name="tiny",
        version="1",
        groups=("alkane", "ketone"),
        grid=grid,
        calibration=calibration,
    )


def _records(folder: Path) -> None:
    from xps_stn_plugin.batch.record import ParameterRecord, Record, RegionRecord, StackRecord, encode
    from xps_stn_plugin.export.report import SCHEMA, Group, Model, Report, Shift, Verdicts

    parameters = (ParameterRecord("p1_center", 285.0, float("nan"), 284.0, float("inf"), True, ""),)
    curves = np.stack([ENERGIES, ENERGIES + 1.5, COUNTS, COUNTS / 2, COUNTS, COUNTS / 2])
    report = Report(
        SCHEMA,
        "",
        "ok",
        (),
        Shift(1.5, 0.1, "eV", "", 285.0),
        (Group("alkane", 0.9),),
        {},
        None,
        Model("", "", ""),
        Verdicts("ok", "ok", {}),
    )
    region = RegionRecord({"region": "C1s", "label": "C 1s", "photon_energy": 1486.6}, curves, parameters)
    (folder / "a.record").write_bytes(encode(Record(report, regions={"C1s": region})))
    (folder / "b.record").write_bytes(encode(Record(reason="the file is empty.", final=False, details="Traceback")))
    stack = StackRecord("ok", {"etch_time": ["0", "30"]}, ["C1s"], b"\x89HDF\r\n\x1a\n" + bytes(40))
    (folder / "c.record").write_bytes(encode(Record(stack=stack)))


def _configurations(folder: Path) -> None:
    (folder / "a.toml").write_text('[simulation]\nshift = 3.0\nregions = ["C1s", "O1s"]\n\n[training]\nseed = 1\n')


def _fake_plugin():
    from contextlib import contextmanager

    import fakes

    from xps_stn_plugin.core.plugins import plugin_manager

    @contextmanager
    def context():
        plugin_manager.cache_clear()
        plugin_manager().register(fakes.FakePlugin(), "fake")
        yield
        plugin_manager.cache_clear()

    return context()


def _multipak(folder: Path) -> None:
    from test_readers_dialects import MULTIPAK, carbon

    names = "//Area Comment,RegionNo,AtomicName,Cycle,XLabel,YLabel,DataCount\n"
    place = "PET film\n1\nC1s\n1\nBinding Energy(eV),reverse\nIntensity(cps)\n20\n"
    (folder / "a.txt").write_text(MULTIPAK + names + place + carbon("{e},{c}") + "\n")
    (folder / "b.txt").write_text(MULTIPAK + names + place + carbon("{e},{c},{c}") + "\n")


def _dialects(folder: Path) -> None:
    from test_readers_dialects import AVANTAGE, CASA, EIS, carbon, oxygen

    (folder / "a.csv").write_text(AVANTAGE + carbon("{e},,{c},"))
    (folder / "b.csv").write_text((AVANTAGE + carbon("{e},,{c},")).replace(",", ";").replace(".", ","))
    (folder / "c.txt").write_text(CASA.format(i=0, label="C 1s") + carbon("1200\t{c}\t\t{e}\t{c}"))
    (folder / "d.txt").write_text(
        EIS.format(label="C1s") + carbon("{e}\t{c}") + "\n" + EIS.format(label="O1s") + oxygen("{e}\t{c}")
    )
    (folder / "e.csv").write_text(
        "#z,Sputter Time,min\n#x,Binding Energy,eV\n#legend,C1s\n\n,0,1.5\n" + carbon("{e},{c},{c}")
    )
    pairs = zip(carbon("{e},{c}").split(), oxygen("{e},{c}").split(), strict=False)
    head = "C1s BE (eV),C1s cps,O1s BE (eV),O1s cps\n"
    (folder / "f.csv").write_text(head + "\n".join(map(",".join, pairs)) + "\n")
    (folder / "g.csv").write_text("Binding Energy (eV),Counts\n" + carbon('{e},"1,{c}"') + "\n,\n\nEnd of file\n")
    (folder / "h.txt").write_text("Binding Energy (eV)\tScan 1\tScan 2\tSum\n" + carbon("{e}\t{c}\t{c}\t{c}"))


def _thermo_avg(folder: Path) -> None:
    from test_readers_dialects import avg

    (folder / "a.avg").write_text(avg())
    (folder / "b.avg").write_text(avg(3))


def _igor_text(folder: Path) -> None:
    from test_readers_dialects import carbon

    (folder / "a.itx").write_text("IGOR\nWAVES/D\tC1s_be C1s_counts\nBEGIN\n" + carbon("\t{e}\t{c}") + "\nEND\n")
    scale = 'X SetScale/P x, 1196.6, 0.5, "Kinetic Energy [eV]", C1s\n'
    head = "IGOR\nX //Excitation Energy = 1486.6\nWAVES/D/N=(20) C1s\nBEGIN\n"
    (folder / "b.itx").write_text(head + carbon("{c}") + "\nEND\n" + scale)
    _written(folder, "itx")


def _phi(folder: Path) -> None:
    from instrument_files import phi

    (folder / "a.spe").write_bytes(phi())
    (folder / "b.pro").write_bytes(phi(3))


def _vgd(folder: Path) -> None:
    from instrument_files import vgd

    (folder / "a.vgd").write_bytes(vgd())
    (folder / "b.vgd").write_bytes(vgd(3))


def _excel(folder: Path) -> None:
    from instrument_files import avantage_rows, xlsx
    from test_readers_instruments import zipped

    (folder / "b.zip").write_bytes(zipped({"a.csv": "BE,counts\n" + "\n".join(f"{280 + i},{i}" for i in range(12))}))
    (folder / "a.xlsx").write_bytes(xlsx({"C1s Scan": avantage_rows(), "Titles": [["a", 1.0]]}))


def _igor_binary(folder: Path) -> None:
    from instrument_files import ibw, pxt

    (folder / "a.ibw").write_bytes(ibw(3))
    (folder / "b.pxt").write_bytes(pxt(ibw(), ibw(2)))


def _specs_xml(folder: Path) -> None:
    from instrument_files import specs_xml

    (folder / "a.xml").write_bytes(specs_xml())


def _archive(folder: Path) -> None:
    import zipfile

    from instrument_files import phi
    from test_readers_vamas import block, header

    samples = [*header(2), *block(sample="PET"), *block(sample="PMMA")]
    for name, way in (("a.zip", zipfile.ZIP_DEFLATED), ("b.zip", zipfile.ZIP_STORED), ("c.zip", zipfile.ZIP_LZMA)):
        with zipfile.ZipFile(folder / name, "w", way) as archive:
            archive.writestr("x/a.vms", "\n".join(samples))
            archive.writestr("x/C1s.csv", "binding_energy_eV,counts\n" + "\n".join(f"{e},{e % 7}" for e in ENERGIES))
            archive.writestr("b.spe", phi())


_WRITERS: Final = {
    "columns": _columns,
    "long-columns": _long_columns,
    "archive": _archive,
    "table": _table,
    "dialects": _dialects,
    "multipak": _multipak,
    "thermo-avg": _thermo_avg,
    "igor-text": _igor_text,
    "specs-xml": _specs_xml,
    "phi": _phi,
    "vgd": _vgd,
    "excel": _excel,
    "igor-binary": _igor_binary,
    "scienta": _scienta,
    "specs": _specs,
    "vamas": _vamas,
    "nexus": _nexus,
    "hdf5": _nexus,
    "seeds": _seeds,
    "seeds-1": _first_seeds,
    "weights": _weights,
    "records": _records,
    "configuration": _configurations,
}

#: Names of the formats.
FORMATS: Final = tuple(_WRITERS)
