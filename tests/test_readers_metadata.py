"""Metadata: the same attributes from all readers, checked against other exports of the same measurements."""

from __future__ import annotations

import re

import numpy as np
import pytest
from conftest import ROOT

import xps_stn_plugin as xps
from xps_stn_plugin.core.metadata import TERM_OF, TERMS, standard_name, standard_value
from xps_stn_plugin.core.samples import all_regions
from xps_stn_plugin.readers.assembly import RawRegion
from xps_stn_plugin.readers.kherve_notes import noted
from xps_stn_plugin.readers.phi_header import etch_times, place_of_area
from xps_stn_plugin.readers.ses_metadata import ses_attributes

CORPUS = {
    "phi": "corpus/phi/qnngroup__211124_102.1.control.spe",
    "phi vamas": "corpus/vamas/qnngroup__211124_102.1.control.vms",
    "profile": "corpus/phi/qnngroup__211206_104.1.ITOSA3ci_1.pro",
    "profile vamas": "corpus/vamas/qnngroup__211206_104.1.itosa3ci_1.vms",
    "prodigy": "corpus/specs-xy/PhysicsEagle92__Experiment_2022-06-01_Experiment_2022-06-01_CuMnAs_9_Mn2p3.xy",
    "prodigy vamas": "corpus/vamas/PhysicsEagle92__Vms_Experiment_2022-06-01_CuMnAs_9_Mn2p3.vms",
    "specslab xml": "corpus/specs-xml/CINF__test_specs_specs_xps_sample.xml",
    "specslab xy": "corpus/specs-xy/CINF__test_specs_specs_xps_sample.xy",
    "kherve": "corpus/excel/KherveFitting__UKSAF_Pt4f.xlsx",
    "kherve vamas": "corpus/vamas/KherveFitting__UKSAF_Pt4f.vms",
    "ses text": "corpus/scienta-txt/FAIRmat-NFDI__scienta_txt_Ag_0001.txt",
    "ses igor": "corpus/igor-ibw/FAIRmat-NFDI__scienta_ibw_Ag_0001Ag__001.ibw",
    "ses nexus": "real/scienta_txt_ref.nxs",
    "quantera": "corpus/phi/nims-dpfc__source_XPS_PHI_QUANTERA_depth_1.pro",
    "quantera text": "corpus/phi-text/nims-dpfc__XPS_PHI_QUANTERA_depth_1_XPS_PHI_QUANTERA_depth_1.txt",
    "quantera csv": "corpus/phi-text/nims-dpfc__XPS_PHI_QUANTERA_depth_1_XPS_PHI_QUANTERA_depth_1.csv",
}


def region_of(shared, name):
    path = shared / CORPUS[name]
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside the project")
    return next(iter(all_regions(xps.read(path)).values()))


@pytest.mark.data
@pytest.mark.parametrize(
    ("first", "second", "values"),
    [
        (
            "phi",
            "phi vamas",
            {
                "technique": "XPS", "instrument": "PHI VersaProbe II", "photon_energy": 1486.6, "pass_energy": 187.85,
                "energy_scan_mode": "fixed_analyzer_transmission", "work_function": 4.399, "dwell_time": 0.1,
            },
        ),
        (
            "prodigy",
            "prodigy vamas",
            {
                "technique": "XPS", "sample": "Transmission cyclic", "photon_energy": 1486.61, "pass_energy": 20.0,
                "energy_scan_mode": "fixed_analyzer_transmission", "lens_mode": "SmallArea:1.5kV",
                "work_function": 4.14, "dwell_time": 0.1, "scans": 45, "start_time": "2022-06-01T10:10:23+00:00",
            },
        ),
        (
            "specslab xml",
            "specslab xy",
            {
                "technique": "XPS", "photon_energy": 1253.6, "pass_energy": 50.0, "lens_mode": "MediumArea",
                "energy_scan_mode": "fixed_analyzer_transmission", "work_function": 4.5, "dwell_time": 0.1, "scans": 25,
            },
        ),
        (
            "ses text",
            "ses igor",
            {
                "sample": "Ag", "instrument": "R3000-6MS014", "start_time": "2023-03-08T15:24:35", "scans": 2,
                "photon_energy": 520.0, "pass_energy": 50.0, "lens_mode": "Transmission", "dwell_time": 22.533,
            },
        ),
        (
            "kherve",
            "kherve vamas",
            {
                "sample": "Pt #002", "technique": "XPS", "photon_energy": 1486.68, "radiation": "KA1486", "scans": 1,
                "pass_energy": 20.0, "energy_scan_mode": "fixed_analyzer_transmission", "dwell_time": 0.05,
            },
        ),
        ("ses text", "ses nexus", {"sample": "Ag", "pass_energy": 50.0, "lens_mode": "Transmission"}),
        (
            "quantera",
            "quantera text",
            {
                "technique": "XPS", "sample": "#7 SiO2 25nm", "instrument": "PHI Quantera SXM", "photon_energy": 1486.6,
                "radiation": "Al 1486.6 mono", "pass_energy": 112.0, "work_function": 4.25, "dwell_time": 0.24,
                "start_time": "2017-06-07", "x": -23.6734, "y": 8.299, "z": 23.281,
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_two_exports_of_a_measurement_tell_the_same(shared, first, second, values):
    for name in (first, second):
        attrs = region_of(shared, name).attrs
        assert {key: attrs.get(key) for key in values} == values, name


@pytest.mark.data
def test_etch_times_of_phi_are_those_of_other_exports(shared):
    profile, vamas = region_of(shared, "profile"), region_of(shared, "profile vamas")
    assert profile["etch_time"].values.tolist() == vamas["etch_time"].values.tolist() == list(range(0, 720, 60))
    assert profile["etch_time"].units == vamas["etch_time"].units == "s"
    assert profile["etch_level"].values.tolist() == list(range(1, 13))
    quantera, csv = region_of(shared, "quantera"), region_of(shared, "quantera csv")
    assert csv["etch_time"].units == "min"
    np.testing.assert_allclose(quantera["etch_time"], 60 * csv["etch_time"], rtol=1e-12)
    assert region_of(shared, "quantera text")["etch_time"].equals(quantera["etch_time"])


def test_phi_header_without_complete_times_gives_none():
    layer = "1 Layer1 1 0.0000 0.0000 Ar+ 6.00 1.00 6 '1KV2x2' 1.000"
    assert etch_times({"DepthCalDef": [layer]}, 7) == [0, 60, 120, 180, 240, 300, 360]
    assert etch_times({"DepthCalDef": [layer]}, 3) == [0, 60, 120]
    assert etch_times({"DepthCalDef": [layer]}, 8) == []
    assert etch_times({"DepthCalDef": [layer.replace("6.00 1.00 6", "6.00 1.00 7")]}, 3) == []
    assert etch_times({"DepthCalDef": ["1 Layer1"]}, 3) == []
    assert etch_times({}, 3) == []
    assert place_of_area({"SpatialAreaDef": ["1 Point7 1 (100.0 -50.5 3.0 45.0 0.0)"]}) == {
        "x": 0.1, "y": -0.0505, "z": 0.003,
    }  # fmt: skip
    assert place_of_area({"SpatialAreaDef": ["1 1 1 (a b c)"]}) == place_of_area({}) == {}


def test_kherve_sheet_tells_what_stands_beside_its_data():
    notes = [
        ("Date", "2023/8/9"), ("Time", "8:8:56"), ("Pass Energy", 20.0), ("Work Function", 1e37),
        ("Analyzer Mode", "FAT"), ("Sputtering Energy", "N/A"), ("Number of scans", 3.0),
        ("Sample ID", "Not Specified"),
    ]  # fmt: skip
    rows = [["BE", "Raw Data", "Experimental Description"], *([1.0, 2.0, name, value] for name, value in notes)]
    raw = RawRegion("made", [], [], kinetic=False, attrs={"sample": "mine", "scans": None})
    assert noted(raw, rows).attrs == {
        "sample": "mine", "scans": 3, "start_time": "2023-08-09T08:08:56", "pass_energy": 20.0,
        "energy_scan_mode": "fixed_analyzer_transmission",
    }  # fmt: skip
    assert noted(raw, [["BE", "Raw Data"]]) is raw and noted(raw, []) is raw


def test_ses_time_at_each_energy_is_shared_among_the_sweeps():
    note = {"Number of Sweeps": "2", "Time per Spectrum Channel": "45.066", "Step Time": "203"}
    assert ses_attributes(note)["dwell_time"] == pytest.approx(22.533)
    assert ses_attributes({})["dwell_time"] is None and ses_attributes({})["scans"] == 1


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("etch_time", "etch_time"), ("Sputter Time", "etch_time"), ("etchtime", "etch_time"),
        ("Etch Level", "etch_level"), ("PositionX", "x"), ("stage y", "y"), ("z", "z"), ("level", "level"),
        ("temperature", "temperature"), ("exposition", "exposition"),
    ],
)  # fmt: skip
def test_names_of_files_become_those_of_the_table(name, standard):
    assert standard_name(name) == standard


def test_values_are_in_the_units_of_the_table():
    assert standard_value("Sputter Time", 1.5, "min") == ("etch_time", 90.0)
    assert standard_value("PositionX", -21195.25, "um") == ("x", -21.19525)
    assert standard_value("Etch Level", 3, "") == ("etch_level", 3)
    assert standard_value("Etch Time", 3, "") is None
    assert standard_value("Temperature", 300, "K") is None


def test_page_lists_the_attributes_with_their_units_and_meaning():
    page = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    section = page.split("\n## Metadata\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", section, re.MULTILINE)
    assert rows == [(term.attribute, term.units, term.meaning) for term in TERMS]
    assert len(TERM_OF) == len(TERMS)
