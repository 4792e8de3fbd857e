"""Small files of instruments' own formats, made from their descriptions; tests and fuzzing read them."""

# ruff: noqa: E501 (parts of files stay whole)

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np

ENERGY = np.round(np.arange(290.0, 280.0, -0.5), 2)
COUNTS = np.array([200.0 + 37 * i % 101 for i in range(ENERGY.size)])


def phi(levels: int = 1, *, kind: str = "f4", technique: str = "XPS") -> bytes:
    """PHI MultiPak: two regions, C 1s of `levels` cycles and O 1s."""
    head = (
        f"SOFH\r\nPlatform: PC\r\nTechnique: {technique}\r\nFileDesc: PET\r\nInstrumentModel: PHI X\r\nAcqFileDate: 2021 11 24\r\n"
        "AnalyserWorkFcn: 4.25 eV\r\nAnalyserMode: FAT\r\nNoSpectralReg: 2\r\n"
        "SpectralRegDef: 1 1 C1s 6 20 -0.5000 290.0000 280.5000 289.0 281.0 0.600000 23.50 AREA\r\n"
        "SpectralRegDef: 2 1 O1s 8 20 -0.5000 537.0000 527.5000 536.0 528.0 0.900000 23.50 AREA\r\n"
        "XraySource: Al 1486.6 mono\r\nEOFH\r\n"
    ).encode()
    data = [np.concatenate([(i + 1) * COUNTS for i in range(levels)]), 3 * COUNTS]
    packed = [values.astype(f"<{kind}").tobytes() for values in data]
    contents, offset = b"", 16 + 96 * len(packed)
    for number, raw in enumerate(packed, start=1):
        many = levels if number == 1 else 1
        words = struct.pack("<8I", number, 1, 1, number, 1, ENERGY.size, many, 1)
        words += b"pnt\0" + bytes(4) + b"cyc\0" + bytes(12) + b"c/s\0" + bytes(12) + kind.encode() + b"\0\0"
        contents += words + struct.pack("<5I", len(raw), offset, 0, 0, 0)
        offset += len(raw)
    return head + struct.pack("<4I", 1, len(packed), len(contents), 16) + contents + b"".join(packed)


def ole(streams: Mapping[str, bytes]) -> bytes:
    """OLE container with small streams ([MS-CFB], version 3), all in the mini stream."""
    mini, chain, places = b"", [], []
    for content in streams.values():
        sectors = max(1, -(-len(content) // 64))
        places.append(len(chain))
        chain += [*range(len(chain) + 1, len(chain) + sectors), 0xFFFFFFFE]
        mini += content.ljust(64 * sectors, b"\0")

    def entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
        raw = (name + "\0").encode("utf-16-le")
        place = struct.pack("<HBB3I", len(raw), kind, 1, 0xFFFFFFFF, right, child)
        return raw.ljust(64, b"\0") + place + bytes(36) + struct.pack("<IQ", start, size)

    count = len(streams)
    directory = [
        entry(name, 2, i + 2 if i + 1 < count else 0xFFFFFFFF, 0xFFFFFFFF, places[i], len(content))
        for i, (name, content) in enumerate(streams.items())
    ]
    blank = bytes(64) + bytes(4) + struct.pack("<3I", *[0xFFFFFFFF] * 3) + bytes(48)
    dir_sectors = -(-(count + 1) // 4)
    mini_sectors, table_sectors = -(-len(mini) // 512), -(-len(chain) // 128)
    begin_mini, begin_table = 1 + dir_sectors, 1 + dir_sectors + mini_sectors
    total = begin_table + table_sectors
    fat = [0xFFFFFFFD]
    for begin, size in ((1, dir_sectors), (begin_mini, mini_sectors), (begin_table, table_sectors)):
        fat += [*range(begin + 1, begin + size), 0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (128 - total)
    root = entry("Root Entry", 5, 0xFFFFFFFF, 1, begin_mini, len(mini))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, begin_table, table_sectors, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    body = struct.pack("<128I", *fat)
    body += b"".join([root, *directory]) + blank * (4 * dir_sectors - count - 1)
    body += mini.ljust(512 * mini_sectors, b"\0")
    return head + body + struct.pack(f"<{len(chain)}I", *chain).ljust(512 * table_sectors, b"\xff")


def property_set(values: Mapping[int, float | int | str]) -> bytes:
    """Property set of OLE with numbers and texts."""
    places, content = b"", b""
    for identifier, value in values.items():
        places += struct.pack("<II", identifier, 8 + 8 * len(values) + len(content))
        if isinstance(value, str):
            raw = (value + "\0").encode("utf-16-le")
            content += struct.pack("<II", 31, len(value) + 1) + raw.ljust(-(-len(raw) // 4) * 4, b"\0")
        else:
            content += struct.pack(
                "<If" if isinstance(value, float) else "<Ii", 4 if isinstance(value, float) else 3, value
            )
    section = struct.pack("<II", 8 + len(places) + len(content), len(values)) + places + content
    return struct.pack("<HHI16sI16sI", 0xFFFE, 0, 10, bytes(16), 1, bytes(16), 48) + section


def vgd(levels: int = 1) -> bytes:
    """Thermo Avantage: C 1s, 0.05 s and 2 scans, so that the numbers are a tenth of the rates."""
    axis = (
        struct.pack("<II", 0x20000, 1) + bytes(18) + struct.pack("<Idd", ENERGY.size, 1486.68 - 290.0, 0.5) + bytes(5)
    )
    data = np.concatenate([(i + 1) * COUNTS / 10 for i in range(levels)]).astype("<f8").tobytes()
    acquisition = {105: 1486.68, 305: 0.05, 306: 2, 404: 50.0, 406: 4.2}
    return ole(
        {
            "VGData": data,
            "VGSpaceAxes": axis,
            "\x05Q5nw4m3lIjudbfwyAayojlptCa": property_set(acquisition),
            "\x05SummaryInformation": property_set({2: "C1s Scan", 3: "PET"}),
        }
    )


Cell = float | str


def xlsx(sheets: Mapping[str, Sequence[Sequence[Cell]]], *, far: str = "") -> bytes:
    """Excel workbook with texts in the cells; `far` is the reference of one more cell in the first sheet."""

    def column(place: int) -> str:
        return column(place // 26 - 1) + chr(65 + place % 26) if place >= 26 else chr(65 + place)

    def cell(row: int, place: int, value: Cell) -> str:
        reference = f"{column(place)}{row}"
        if isinstance(value, str):
            return f'<c r="{reference}" t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else ""
        return f'<c r="{reference}"><v>{value!r}</v></c>'

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    names = list(sheets)
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kinds}.worksheet+xml"/>'
            for i in range(1, len(names) + 1)
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{i}" r:id="s{i}"/>' for i, name in enumerate(names, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}">'
        + "".join(
            f'<Relationship Id="s{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(names) + 1)
        )
        + "</Relationships>",
    }
    for i, rows in enumerate(sheets.values(), start=1):
        lines = [
            f'<row r="{r}">{"".join(cell(r, place, value) for place, value in enumerate(row))}</row>'
            for r, row in enumerate(rows, start=1)
        ]
        if far and i == 1:
            lines.append(f'<row r="{far.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}"><c r="{far}"><v>1</v></c></row>')
        parts[f"xl/worksheets/sheet{i}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>\n' + text)
    return buffer.getvalue()


def avantage_rows(energy=ENERGY, counts=COUNTS, name: str = "C1s Scan") -> list[list[Cell]]:
    """Sheet of Avantage: energy, an empty column, counts, and a peak."""
    head: list[list[Cell]] = [
        [],
        ["\ufeff"],
        ["Axis", "Energy", "Elements=", float(len(energy))],
        [f"D:\\x\\{name}.VGD"],
        [],
    ]
    head += [["Binding Energy (E)", "", "", "", "Peak A", "Backgnd."]]
    head += [["eV", "", "Counts / s", "", "Counts / s", "Counts / s  (Residuals  4)"]]
    return head + [[float(e), "", float(c), "", 0.0, 150.0] for e, c in zip(energy, counts, strict=True)]


def ibw(levels: int = 1, *, scale: str = "Binding Energy [eV]", version: int = 5) -> bytes:
    """Igor binary wave of Scienta SES."""
    values = np.concatenate([(i + 1) * COUNTS for i in range(levels)]).astype("<f8").tobytes()
    note = b"[SES]\rRegion Name=C1s\rPass Energy=50\rNumber of Sweeps=2\rExcitation Energy=1486.6\rSample=PET\rDate=2023-03-08\rTime=15:24:35\r"
    units = [b"Counts [a.u.]", scale.encode(), b"Y-Scale [mm]" if levels > 1 else b"", b"", b""]
    head = struct.pack("<hhiii", version, 0, 320 + len(values), 0, len(note)) + struct.pack("<5i", *map(len, units))
    head = head.ljust(64, b"\0")
    wave = bytearray(320)
    struct.pack_into("<ih", wave, 12, ENERGY.size * levels, 4)
    wave[28:32] = b"Ag_1"
    struct.pack_into("<4i", wave, 68, ENERGY.size, levels if levels > 1 else 0, 0, 0)
    struct.pack_into("<4d", wave, 84, -0.5, 2.0, 1, 1)
    struct.pack_into("<4d", wave, 116, 290.0, 1.0, 0, 0)
    return head + bytes(wave) + values + note + b"".join(units)


def pxt(*waves: bytes) -> bytes:
    """Packed experiment with waves, and a record of another kind in front."""
    records = [(2, b"history"), *((3, wave) for wave in waves)]
    return b"".join(struct.pack("<HhI", kind, 0, len(content)) + content for kind, content in records)


def specs_xml(scans: int = 2, *, method: str = "XPS", inside: str = "") -> bytes:
    """XML of SpecsLab2: C 1s on kinetic energies, the k-th scan with k times the counts."""
    sequence = "".join(
        '<struct type_name="ScanData"><sequence name="counts" length="20"><ulong type_name="Counts">'
        + "\n".join(f"{(i + 1) * c:g}" for c in COUNTS)
        + "</ulong></sequence></struct>"
        for i in range(scans)
    )
    return (
        '<?xml version="1.0"?>\n<!-- CORBA XML document created by XMLSerializer 1.3 -->\n'
        f'{inside}<any><sequence type_name="RegionGroupSeq"><struct type_name="RegionGroup"><string name="name">PET</string>'
        '<sequence name="regions"><struct type_name="RegionData"><string name="name">C1s</string>'
        f'<struct name="region" type_name="RegionDef"><string name="analysis_method">{method}</string>'
        '<struct name="scan_mode"><string name="name">FixedAnalyzerTransmission</string></struct>'
        '<ulong name="values_per_curve">20</ulong><double name="dwell_time">0.1</double><double name="scan_delta">0.5</double>'
        '<double name="excitation_energy">1486.6</double><double name="kinetic_energy">1196.6</double>'
        '<double name="pass_energy">20</double><double name="effective_workfunction">4.5</double></struct>'
        f'<sequence name="cycles"><struct type_name="Cycle"><sequence name="scans">{sequence}</sequence></struct></sequence>'
        "</struct></sequence></struct></sequence></any>"
    ).encode()
