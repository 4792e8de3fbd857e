"""Readers take time in proportion to the file, and numbers of any size end in a sentence."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from test_readers_vamas import block, header, written

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.core.regions import region_name
from xps_stn_plugin.readers import builtin_readers, read_file
from xps_stn_plugin.readers.merge_blocks import _bare, _brackets, _variable_name
from xps_stn_plugin.readers.roles import intensity_kind
from xps_stn_plugin.readers.scienta import _SECTION
from xps_stn_plugin.readers.specs_xy import _TABLE
from xps_stn_plugin.readers.vamas import _PER_SECOND

#: Characters that a quadratic expression would need minutes for.
MANY = 200_000

ROWS = "".join(f"{279 + 0.1 * i:.1f}\t{500 + 3 * i % 17}\n" for i in range(150))


def seconds(run) -> float:
    start = time.process_time()
    with contextlib.suppress(PrefitError):
        run()
    return time.process_time() - start


def read(path: Path):
    return read_file(path, builtin_readers(), Settings())


LINES = {
    "blanks": "a" + " " * MANY + "b",
    "digits": "[Data " + "1" * MANY,
    "opening": "E" + "(" * MANY,
    "opening_blanks": "Etch (" + " " * MANY,
    "pairs": "()" * (MANY // 2),
    "section_blanks": "[Data" + " " * MANY,
    "counts": "counts" + " " * MANY + "x",
    "many_counts": "counts  " * (MANY // 8),
    "letters": "O" * MANY,
    "auger": "OK" + "1" * MANY + "x",
    "names": "wide " * (MANY // 5),
    "commas": "1,000" + ",000" * (MANY // 4),
    "cycle": "Cycle:" + " " * MANY,
    "tabs": "\t" * MANY + "x",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@pytest.mark.parametrize(
    "match",
    [_SECTION.match, _TABLE.match, _PER_SECOND.search, intensity_kind, region_name, _bare, _brackets, _variable_name],
    ids=["section", "table", "per_second", "kind", "region", "bare", "brackets", "variable"],
)
def test_matching_a_long_line_takes_no_time(match, line):
    assert seconds(lambda: match(line)) < 1.0


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@pytest.mark.parametrize("place", ["before", "after", "row"])
def test_columns_with_a_long_line_take_no_time(tmp_path, line, place):
    texts = {"before": f"{line}\n{ROWS}", "after": f"{ROWS}{line}\n", "row": f"{ROWS}285.0\t{line}\n"}
    path = tmp_path / "a.txt"
    path.write_text("binding_energy_eV\tcounts\n" + texts[place])
    assert seconds(lambda: read(path)) < 2.0


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_other_text_formats_with_a_long_line_take_no_time(tmp_path, line):
    texts = {
        "a.txt": f"[Info]\nNumber of Regions=1\n{line}\n[Data 1]\n{ROWS}",
        "a.xy": f"# Created by: XY-Serializer Export Settings\n# {line}\n# Region: C1s\n{ROWS}",
        "a.csv": f"region,binding_energy_eV,intensity\n{line}\nC1s,{line},1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        assert seconds(lambda name=name: read(tmp_path / name)) < 2.0


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_vamas_with_a_long_label_takes_no_time(tmp_path, line):
    blocks = [block(at=(str(level),), unit=line, axis=f"Kinetic {line}") for level in range(3)]
    parts = header(3, mode="SDP", conditions=((line, "s"),))
    path = written(tmp_path / "a.vms", parts, *blocks)
    assert seconds(lambda: read(path)) < 2.0


def test_reading_many_columns_takes_time_in_proportion(tmp_path):
    times = []
    for columns in (4_000, 8_000):
        path = tmp_path / f"{columns}.txt"
        path.write_text("\n".join("\t".join(["1.5"] * columns) for _ in range(10)))
        times.append(min(seconds(lambda path=path: read(path)) for _ in range(3)))
    assert times[1] < 3.5 * times[0] + 0.05


def test_many_blocks_of_one_level_take_time_in_proportion():
    from xps_stn_plugin.readers.assembly import RawRegion, spectrum_of

    energy, counts = [280.0 + i for i in range(10)], list(range(10))

    def run(count: int) -> None:
        raws = [RawRegion("a", energy, counts, kinetic=False, labels=("C 1s",)) for _ in range(count)]
        tree = spectrum_of(Path("a"), raws, Settings())
        assert list(tree.children)[:3] == ["C1s", "C1s_2", "C1s_3"]
        assert len(tree.children) == count

    times = [min(seconds(lambda count=count: run(count)) for _ in range(2)) for count in (100, 200)]
    assert times[1] < 4.0 * times[0] + 0.05


HUGE = ["1e400", "-1e400", "1e308", "9" * 5000, "nan", "inf"]


@pytest.mark.parametrize("value", HUGE)
def test_numbers_of_scans_of_any_size_are_passed_over(tmp_path, value):
    scienta = tmp_path / "a.txt"
    scienta.write_text(
        "[Info]\nNumber of Regions=1\n[Region 1]\nRegion Name=C1s\nDimension 1 name=Binding Energy [eV]\n"
        f"Dimension 1 size=150\n[Info 1]\nNumber of Sweeps={value}\nExcitation Energy={value}\n[Data 1]\n{ROWS}"
    )
    specs = tmp_path / "a.xy"
    specs.write_text(
        "# XY-Serializer Export Settings\n# Energy Axis: Binding Energy\n# Count Rate: Counts per Second\n"
        f"# Region: C1s\n# Number of Scans: {value}\n# Dwell Time: {value}\n# Cycle: 0, Curve: 0\n{ROWS}"
    )
    for path in (scienta, specs):
        tree = read(path)
        assert tree["C1s"].attrs["scans"] == 1


def test_a_cycle_number_of_5000_digits_is_not_one(tmp_path):
    path = tmp_path / "a.xy"
    path.write_text(
        "# XY-Serializer Export Settings\n# Energy Axis: Binding Energy\n# Region: C1s\n"
        f"# Cycle: {'9' * 5000}, Curve: 0\n" + ROWS
    )
    with pytest.raises(PrefitError, match="before any region begins"):
        read(path)


@pytest.mark.parametrize("value", [*HUGE, "1e300", "-5"])
def test_vamas_numbers_of_any_size_end_in_a_sentence_or_are_read(tmp_path, value):
    whole = [*header(1), *block()]
    for place in range(10, len(whole)):
        if whole[place].lstrip("+-").replace(".", "").replace("e", "").isdigit():
            path = written(tmp_path / "a.vms", [*whole[:place], value, *whole[place + 1 :]])
            try:
                read(path)
            except PrefitError as error:
                assert "failed on this file" not in str(error), str(error)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x00" * 5000,
        b"\n" * 5000,
        b"\xff" * 5000,
        b"285 \xed\xa0\x80\n" * 20,
    ],
)
def test_files_of_nothing_end_in_a_sentence(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(PrefitError) as error:
        read(path)
    assert "failed on this file" not in str(error.value)


def test_a_line_that_names_more_than_twelve_variables_is_still_a_grid(tmp_path):
    conditions = tuple((f"variable {i:02d}", "") for i in range(40))
    blocks = [block(at=tuple(str(level * (i + 1)) for i in range(40))) for level in range(3)]
    tree = read(written(tmp_path / "a.vms", header(3, conditions=conditions), *blocks))
    assert tree["C1s"]["counts"].shape[0] == 3
