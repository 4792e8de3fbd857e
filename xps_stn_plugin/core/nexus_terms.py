"""Names of the same quantity in NeXus and in the attributes of a region, for reading and writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Concept:
    """A single value of an entry.

    Parameters
    ----------
    attribute : str
        Attribute of the region in the spectrum.
    path : str
        Below the entry.
    units : str
        Units in which the attribute is; empty for a text or a bare number.
    required : bool
        Whether NXxps requires it.
    """

    attribute: str
    path: str
    units: str = ""
    required: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is a quantity with units."""
        return bool(self.units)


#: Concepts of NXmpes and NXxps (definitions as of `DEFINITIONS`) that a region of a spectrum may know, beside the data.
CONCEPTS: Final = (
    Concept("start_time", "start_time", required=True),
    Concept("end_time", "end_time"),
    Concept("sample", "sample/name", required=True),
    Concept("instrument", "instrument/name"),
    Concept("photon_energy", "instrument/beam_probe/incident_energy", "eV", required=True),
    Concept("work_function", "instrument/electronanalyzer/work_function", "eV", required=True),
    Concept("collection_scheme", "instrument/electronanalyzer/collectioncolumn/scheme", required=True),
    Concept("lens_mode", "instrument/electronanalyzer/collectioncolumn/lens_mode"),
    Concept("dispersion_scheme", "instrument/electronanalyzer/energydispersion/scheme", required=True),
    Concept("energy_scan_mode", "instrument/electronanalyzer/energydispersion/energy_scan_mode", required=True),
    Concept("pass_energy", "instrument/electronanalyzer/energydispersion/pass_energy", "eV"),
    Concept("dwell_time", "instrument/electronanalyzer/detector/count_time", "s"),
)

#: Groups that every entry has, for a photoelectron spectrum has been measured with them, whatever is known of them.
GROUPS: Final = {
    "instrument": "NXinstrument",
    "instrument/beam_probe": "NXbeam",
    "instrument/electronanalyzer": "NXelectronanalyzer",
    "instrument/electronanalyzer/collectioncolumn": "NXcollectioncolumn",
    "instrument/electronanalyzer/energydispersion": "NXenergydispersion",
    "instrument/electronanalyzer/detector": "NXelectron_detector",
    "sample": "NXsample",
}

#: Version of the NeXus definitions that files are written by: those of pynxtools 0.16.0 (NXDL version 2026.01).
DEFINITIONS: Final = "v2024.02-2011-gaf199a51"
DEFINITIONS_URL: Final = "https://github.com/FAIRmat-NFDI/nexus_definitions/blob/af199a51"

#: Units of the signal by the attribute ``intensity``; an arbitrary intensity has none.
SIGNAL_UNITS: Final = {"counts": "counts", "counts per second": "counts_per_second"}
