"""Text as programs export it: one small input of our own for each dialect."""

# ruff: noqa: E501 (lines of files stay whole)

from __future__ import annotations

import numpy as np
import pytest

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, read_file

C1S = np.round(np.arange(290.0, 280.0, -0.5), 2)
O1S = np.round(np.arange(540.0, 525.0, -0.5), 2)
C_COUNTS = np.array([200.0 + 37 * i % 101 for i in range(C1S.size)])
O_COUNTS = np.array([300.0 + 53 * i % 113 for i in range(O1S.size)])


def read(path, text, encoding="utf-8", **asked):
    path.write_bytes(text.encode(encoding))
    return read_file(path, builtin_readers(), Settings(**asked))


def lines(energy, counts, form):
    return [form.format(e=f"{e:g}", c=f"{c:g}") for e, c in zip(energy, counts, strict=True)]


def carbon(form):
    return "\n".join(lines(C1S, C_COUNTS, form))


def oxygen(form):
    return "\n".join(lines(O1S, O_COUNTS, form))


AVANTAGE = ",,,\n,,,\n\ufeff,,,\nAxis,Energy,Elements=,20\n,,,\nD:\\x\\C1s Scan.VGD,,,\n,,,\nBinding Energy (E),,,\neV,,Counts / s,\n"
CASA = (
    "Cycle {i}:PET:{label}\n\tCharacteristic Energy eV\t1.486600e+003\tAcquisition Time s\t2.000000e-001\nName\t\t\n"
    "Lineshape\t\t\nK.E.\tCounts\t\tB.E.\tCPS\n"
)


@pytest.mark.parametrize(
    ("text", "intensity"),
    [
        (AVANTAGE + carbon("{e},,{c},"), "counts per second"),
        ((AVANTAGE + carbon("{e},,{c},")).replace(",", ";").replace(".", ","), "counts per second"),
        (
            AVANTAGE.replace("(E),,,", "(E),,,,C1s A,Backgnd.,Envelope").replace(
                "/ s,\n", "/ s,,Counts / s,Counts / s,Counts / s  (Residuals  4)\n"
            )
            + carbon("{e},,{c},,0,150,160"),
            "counts per second",
        ),
        ("Binding Energy (eV),,Counts / s\n" + carbon("{e},,{c}"), "counts per second"),
        ("Binding Energy;Intensity\neV;cps\n" + carbon("{e};{c}"), "counts per second"),
        ("Energie de liaison (eV);Coups/s\n" + carbon("{e};{c}"), "counts per second"),
        ("Binding Energy (eV),Counts\n" + carbon('{e},"1,{c}"'), "counts"),
        ('"Binding Energy (eV)","Counts"\n' + carbon('"{e}","{c}"'), "counts"),
        ("Binding Energy (eV),Counts\n" + carbon("{e},{c}") + "\n,\n\nEnd of file\n", "counts"),
        (",Binding Energy (eV),Counts\n" + "\n".join(f"{i},{x}" for i, x in enumerate(lines(C1S, C_COUNTS, "{e},{c}"))), "counts"),
        ("Binding Energy (eV),Counts,Error\n" + carbon("{e},{c},14"), "counts"),
        ("BE (eV),Raw (cps),Background (cps),Envelope (cps)\n" + carbon("{e},{c},150,160"), "counts per second"),
        ("BE,Raw Data,Background,Transmission\n" + carbon("{e},{c},150,0.8"), "arbitrary"),
        ("KE (eV),BE (eV),Counts\n" + "\n".join(f"{1486.6 - e:g},{e:g},{c:g}" for e, c in zip(C1S, C_COUNTS, strict=True)), "counts"),
        ("IGOR\nWAVES/D\tC1s_be C1s_counts\nBEGIN\n" + carbon("\t{e}\t{c}") + "\nEND\n", "counts"),
    ],
    ids=[
        "avantage", "avantage_german", "avantage_peaks", "empty_column", "units_row", "french", "thousands", "quoted", "footer",
        "index", "error", "background", "raw_data", "two_energies", "igor_pair",
    ],
)  # fmt: skip
def test_dialect_gives_the_numbers_of_its_region(tmp_path, text, intensity):
    region = read(tmp_path / "a.csv", text)["C1s"]
    assert np.array_equal(region["binding_energy"], C1S[::-1])
    assert np.array_equal(region["counts"], C_COUNTS[::-1] + (1000 if '"1,2' in text else 0))
    assert region.attrs["intensity"] == intensity


def two(tree):
    assert list(tree.children) == ["C1s", "O1s"]
    assert np.array_equal(tree["C1s"]["counts"], C_COUNTS[::-1])
    assert np.array_equal(tree["O1s"]["counts"], O_COUNTS[::-1])
    assert np.allclose(tree["O1s"]["binding_energy"], O1S[::-1], atol=1e-9)
    return tree


EIS = "Region\tEnabled\tSweeps\tDwell\tMode\tCAE/CRR\tNotes\n1\ttrue\t4\t0.2\tCAE\t20\t{label}\nLayer\tEnabled\n1\tTrue\nEnergy\tCounts\n"


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(
            [
                "C1s BE (eV),C1s cps,O1s BE (eV),O1s cps",
                *(
                    f"{a},{b}"
                    for a, b in zip(lines(C1S, C_COUNTS, "{e},{c}"), lines(O1S, O_COUNTS, "{e},{c}"), strict=False)
                ),
                *(f",,{b}" for b in lines(O1S, O_COUNTS, "{e},{c}")[C1S.size :]),
            ]
        ),
        f"# C1s\nBE,cps\n{carbon('{e},{c}')}\n# O1s\nBE,cps\n{oxygen('{e},{c}')}\n",
        f"Binding Energy (eV),cps\n{carbon('{e},{c}')}\n{oxygen('{e},{c}')}\n",
        CASA.format(i=0, label="C 1s")
        + "\n".join(f"{1486.6 - e:e}\t{c:e}\t\t{e:e}\t{5 * c:e}" for e, c in zip(C1S, C_COUNTS, strict=True))
        + "\n"
        + CASA.format(i=1, label="O 1s")
        + "\n".join(f"{1486.6 - e:e}\t{c:e}\t\t{e:e}\t{5 * c:e}" for e, c in zip(O1S, O_COUNTS, strict=True)),
        "Cycles 1; Regions 2; Anode Mg; XPS;\nC 1s\tO 1s\n1\t2\nElement C 1s; Region 1 of 2; Depth Cycle 1 of 1; Photon Energy 1253.6; XPS;\n"
        + carbon("{e}\t{c}")
        + "\n\nElement O 1s; Region 2 of 2; Depth Cycle 1 of 1; Photon Energy 1253.6; XPS;\n"
        + oxygen("{e}\t{c}"),
        EIS.format(label="C1s") + carbon("{e}\t{c}") + "\n" + EIS.format(label="O1s") + oxygen("{e}\t{c}"),
    ],
    ids=["side_by_side", "headed_blocks", "stacked", "casaxps", "auger_scan", "omicron_eis"],
)
def test_dialect_gives_several_regions(tmp_path, text):
    two(read(tmp_path / "a.txt", text))


def test_casaxps_text_metadata(tmp_path):
    text = CASA.format(i=0, label="Ni 2p") + "\n".join(
        f"{600 + i}\t{i % 7 + 3}\t\t{886.6 - i}\t{i % 7}" for i in range(20)
    )
    region = read(tmp_path / "a.txt", text)["Ni2p"]
    expected = {"photon_energy": 1486.6, "dwell_time": 0.2, "sample": "PET", "intensity": "counts", "region": "Ni2p"}
    assert {name: region.attrs[name] for name in expected} == expected


def test_omicron_metadata(tmp_path):
    attrs = read(tmp_path / "a.txt", EIS.format(label="C1s") + carbon("{e}\t{c}"))["C1s"].attrs
    assert (attrs["scans"], attrs["dwell_time"], attrs["pass_energy"]) == (4, 0.2, 20.0)


def test_depth_cycles_of_auger_scan_make_a_stack(tmp_path):
    head = "Element C 1s; Region 1 of 1; Depth Cycle {} of 3; Photon Energy 1486.6; XPS;\n"
    text = "\n".join(head.format(i) + "\n".join(lines(C1S, i * C_COUNTS, "{e}\t{c}")) + "\n" for i in (1, 2, 3))
    region = read(tmp_path / "a.txt", text)["C1s"]
    assert region["counts"].dims == ("cycle", "binding_energy")
    assert np.array_equal(region["counts"], np.array([[1], [2], [3]]) * C_COUNTS[::-1])


def test_rows_of_a_fit_that_is_shorter_than_the_data(tmp_path):
    text = ["B.E.(eV)  Raw Intensity  Peak Sum  Background", *lines(C1S, C_COUNTS, "{e}  {c}")]
    text[8:14] = [f"{line}  210  205" for line in text[8:14]]
    assert np.array_equal(read(tmp_path / "a.dat", "\n".join(text))["C1s"]["counts"], C_COUNTS[::-1])


def test_scans_make_a_stack_and_their_sum_is_taken_where_the_file_has_it(tmp_path):
    scans = [f"{e:g}\t{c:g}\t{c + 3:g}" for e, c in zip(C1S, C_COUNTS, strict=True)]
    region = read(tmp_path / "a.txt", "Binding Energy (eV)\tScan 1\tScan 2\n" + "\n".join(scans))["C1s"]
    assert region["counts"].dims == ("scan", "binding_energy")
    assert np.array_equal(region["counts"], np.stack([C_COUNTS, C_COUNTS + 3])[:, ::-1])
    sums = [f"{row}\t{2 * c + 3:g}" for row, c in zip(scans, C_COUNTS, strict=True)]
    region = read(tmp_path / "b.txt", "Energy\tSweep0\tSweep1\tSum\n" + "\n".join(sums))["C1s"]
    assert np.array_equal(region["counts"], 2 * C_COUNTS[::-1] + 3)
    assert region.attrs["scans"] == 2


def test_mdac_depth_profile(tmp_path):
    rows = [f"{e:g},{c:g},{2 * c:g},{3 * c:g}" for e, c in zip(C1S, C_COUNTS, strict=True)]
    more = [f"{e:g},{c:g},{2 * c:g},{3 * c:g}" for e, c in zip(O1S, O_COUNTS, strict=True)]
    head = "#x,Binding Energy,eV,reverse\n#y,Intensity,cps\n#z,Sputter Time,min\n#legend,C1s,O1s\n\n"
    tree = read(
        tmp_path / "a.csv", head + "\n".join([",0,1.5,3", *rows, "", ",0,1.5,3", *more, "", "0,5,6", "1.5,7,8"])
    )
    assert tree["C1s"]["counts"].dims == ("etch_time", "binding_energy")
    assert tree["O1s"]["etch_time"].values.tolist() == [0, 1.5, 3] and tree["O1s"]["etch_time"].units == "min"
    assert np.array_equal(tree["O1s"]["counts"], np.array([[1], [2], [3]]) * O_COUNTS[::-1])
    assert tree["C1s"].attrs["intensity"] == "counts per second"


def test_pairs_without_names_take_their_regions_from_the_legend(tmp_path):
    rows = [f"{a},{b}" for a, b in zip(lines(C1S, C_COUNTS, "{e},{c}"), lines(O1S, O_COUNTS, "{e},{c}"), strict=False)]
    rest = [f",,{b}" for b in lines(O1S, O_COUNTS, "{e},{c}")[C1S.size :]]
    two(
        read(tmp_path / "a.csv", "#x,Binding Energy,eV\n#y,Intensity,cps\n#legend,C1s,O1s\n\n" + "\n".join(rows + rest))
    )


MULTIPAK = (
    "//----\n//Multipak Exporter  1.2.5\n//HEADER INFORMATION\nTechnique:XPS\nXraySource:Al 1486.6 mono\nAnalyserWorkFcn:4.25 eV\n"
    "SpectralRegDef:1 1 C1s 6 20 -0.5 290.0 280.5 289 281 0.6 23.50 AREA\n\n"
)


@pytest.mark.parametrize("levels", [1, 3])
def test_multipak_exporter(tmp_path, levels):
    table = [f"{e:g}" + "".join(f",{(i + 1) * c:g}" for i in range(levels)) for e, c in zip(C1S, C_COUNTS, strict=True)]
    names = "//Area Comment,RegionNo,AtomicName,Cycle,XLabel,YLabel,DataCount\n"
    text = (
        MULTIPAK
        + names
        + "PET film\n1\nC1s\n1\nBinding Energy(eV),reverse\nIntensity(cps)\n20\n"
        + "\n".join(table)
        + "\n\n"
    )
    more = "//Area Comment,AtomicName,XLabel,YLabel,DataCount\nPET film\nC1s\nTime(min)\nIntensity\n2\n0,1\n1,2\n"
    region = read(tmp_path / "a.txt", text + more)["C1s"]
    assert np.array_equal(np.atleast_2d(region["counts"]), np.arange(1, levels + 1)[:, None] * C_COUNTS[::-1])
    expected = {
        "photon_energy": 1486.6, "pass_energy": 23.5, "dwell_time": 0.6, "work_function": 4.25, "technique": "XPS",
        "sample": "PET film", "intensity": "counts per second",
    }  # fmt: skip
    assert {name: region.attrs[name] for name in expected} == expected


def avg(levels=1, energy="  0=    1196.68, 0.5, 20, ENERGY, LINEAR, 'E', 'eV', 'Energy'\n"):
    more = f"  1=  0.0, 30.0, {levels}, ETCHTIME, LINEAR, 't', 's', 'Etch Time'\n" if levels > 1 else ""
    values = np.concatenate([(i + 1) * C_COUNTS for i in range(levels)])
    data = "\n".join(
        f" LIST@ {i:4d}= " + ", ".join(f"{v:.4f}" for v in values[i : i + 4]) for i in range(0, values.size, 4)
    )
    return (
        "$FORMAT=4\n$FILETYPE=VGD\nDS_SOPROPID_ENERGY : Source Energy : VT_R4 = 1486.680000\n$DATAAXES=1,#empty#\n  0=   0,  19,  1\n"
        f"$SPACEAXES=1\n{energy}{more}$DATA=*\n{data}\n"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_thermo_avg(tmp_path, encoding):
    region = read(tmp_path / "C1s Scan.avg", avg(), encoding)["C1s"]
    assert np.allclose(region["binding_energy"], C1S[::-1], atol=1e-9)
    assert np.array_equal(region["counts"], C_COUNTS[::-1])


def test_thermo_avg_depth_profile(tmp_path):
    region = read(tmp_path / "C1s Scan.avg", avg(3))["C1s"]
    assert region["counts"].dims == ("etch_time", "binding_energy")
    assert region["etch_time"].values.tolist() == [0, 30, 60]
    assert np.array_equal(region["counts"], np.array([[1], [2], [3]]) * C_COUNTS[::-1])


def test_igor_wave_with_a_scale(tmp_path):
    text = (
        "IGOR\nX //Created by: SpecsLab Prodigy\nX //Excitation Energy = 1486.6\nWAVES/D/N=(20) C1s\nBEGIN\n"
        + "\n".join(f"{c:g}" for c in C_COUNTS)
        + '\nEND\nX SetScale/P x, 1196.6, 0.5, "Kinetic Energy [eV]", C1s\n'
    )
    region = read(tmp_path / "a.itx", text)["C1s"]
    assert np.allclose(region["binding_energy"], C1S[::-1], atol=1e-9)
    assert np.array_equal(region["counts"], C_COUNTS[::-1])


def test_scienta_add_dimension(tmp_path):
    head = (
        "[Info]\nNumber of Regions=1\n\n[Region 1]\nRegion Name=C1s\nDimension 1 name=Binding Energy [eV]\nDimension 1 size=20\n"
        "Dimension 2 name=Position[mm]\nDimension 2 size=2\nDimension 2 scale=1 4\nDimension 3 name=Seq. Iteration[a.u.]\n"
        "Dimension 3 size=3\nDimension 3 scale=1 2 3\n\n[Info 1]\nRegion Name=C1s\nExcitation Energy=1486.6\n"
    )
    parts = [
        f"[Data 1:{k}]\n" + "\n".join(f"{e} {k * c} {10 * k * c}" for e, c in zip(C1S, C_COUNTS, strict=True))
        for k in (1, 2, 3)
    ]
    region = read(tmp_path / "a.txt", head + "\n".join(parts) + "\n")["C1s"]
    assert region["counts"].dims == ("seq_iteration", "position", "binding_energy")
    assert region["position"].values.tolist() == [1, 4]
    assert region["position"].attrs["units"] == "mm"
    expected = np.array([[k, 10 * k] for k in (1, 2, 3)])[..., None] * C_COUNTS[::-1]
    assert np.array_equal(region["counts"], expected)


@pytest.mark.parametrize("name", ["Rb3d", "Au4f"])
def test_file_name_tells_the_level_where_nothing_else_does(tmp_path, name):
    low = {"Rb3d": 105.0, "Au4f": 80.0}[name]
    text = "Energy,Intensity\n" + "\n".join(f"{low + 0.5 * i},{i % 7 + 5}" for i in range(30))
    region = read(tmp_path / f"{name}.csv", text)[name]
    assert region.attrs["region_from"] == "file name"
    assert region.attrs["energy_axis"] == "binding"


def test_file_name_that_contradicts_the_energies_is_no_hint(tmp_path):
    assert list(read(tmp_path / "Ru3d_O1s.csv", "BE,counts\n" + oxygen("{e},{c}")).children) == ["O1s"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("PE/eV,TEY\n" + carbon("{e},{c}"), "photon energies, so this is an absorption spectrum"),
        ("Photon Energy (eV),TEY\n" + carbon("{e},{c}"), "photon energies, so this is an absorption spectrum"),
        ("BE,counts\n" + carbon("{e},{c}") + "\nnoise,noise\n270,3\n271,4\n", "row 22 holds 'noise' where a number"),
        (avg().replace("LIST@    4=", "LOST@    4="), "20 numbers are announced but 16 are there"),
        (avg(energy="  0=    1, 2, 20, TIME, LINEAR, 'E', 'eV', 'Time'\n"), "the first axis is not an energy"),
        ("IGOR\nWAVES/D C1s\nBEGIN\n1\n2\n", "has no END; the file is cut off"),
        ("IGOR\nWAVES/D C1s\nBEGIN\n1\n2\nEND\n", "no SetScale command gives its energies"),
        ("IGOR\nX // nothing\n", "there is no wave"),
        (MULTIPAK + "//Area Comment,RegionNo,AtomicName,XLabel,YLabel,DataCount\na\n1\nC1s\nBinding Energy\ncps\n9\n1,2\n", "9 rows of numbers"),
    ],
)  # fmt: skip
def test_text_that_cannot_be_read_gets_one_sentence(tmp_path, text, sentence):
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(tmp_path / "a.txt", text)
    assert "\n" not in str(caught.value)
