"""Mutations of text files: bytes, lines, fields, numbers, encodings, long lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from .tokens import FILLERS, NUMBER, NUMBERS, SEPARATORS, WORDS

#: Largest input in bytes; larger ones would test patience rather than readers.
LARGEST: Final = 150_000
_LONG: Final = (2_000, 10_000, 40_000)

BytesMutator = Callable[[Random, bytes, Sequence[bytes]], bytes]
LinesMutator = Callable[[Random, list[str], Sequence[bytes]], list[str]]


def mutated_text(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    """Apply one to five mutations to a text file.

    Parameters
    ----------
    random : random.Random
    data : bytes
        A valid file.
    corpus : sequence of bytes
        Valid files of the same format, to splice with.
    """
    count = 1 + min(int(random.expovariate(0.8)), 4)
    for _ in range(count):
        if random.random() < 0.2:
            data = random.choice(BYTES)(random, data, corpus)
        else:
            text = data.decode("utf-8", errors="surrogateescape")
            lines = random.choice(LINES)(random, text.split("\n"), corpus)
            data = "\n".join(lines).encode("utf-8", errors="surrogatepass" if random.random() < 0.5 else "replace")
        data = data[:LARGEST]
    return random.choice(ENCODINGS)(random, data, corpus) if random.random() < 0.08 else data


def mutated_bytes(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    """Apply one to eight mutations that know nothing of a structure."""
    for _ in range(random.randint(1, 8)):
        data = random.choice(BYTES)(random, data, corpus)
    return data[:LARGEST]


def _span(random: Random, size: int) -> tuple[int, int]:
    start = random.randint(0, size)
    return start, min(size, start + int(random.expovariate(1 / 40)) + 1)


def _flip(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        if changed:
            place = random.randrange(len(changed))
            changed[place] = random.choice((changed[place] ^ (1 << random.randrange(8)), random.randrange(256), 0, 255))
    return bytes(changed)


def _cut(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    start, stop = _span(random, len(data))
    return data[:start] + data[stop:]


def _truncate(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    return data[: random.randint(0, len(data))]


def _repeat(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    start, stop = _span(random, len(data))
    return data[:stop] + data[start:stop] * random.choice((1, 1, 3, 50)) + data[stop:]


def _insert(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    place = random.randint(0, len(data))
    return data[:place] + random.randbytes(random.choice((1, 2, 4, 16, 64))) + data[place:]


def _splice(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _zeros(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    start, stop = _span(random, len(data))
    return data[:start] + bytes(stop - start) + data[stop:]


BYTES: Final[tuple[BytesMutator, ...]] = (_flip, _flip, _flip, _cut, _truncate, _repeat, _insert, _splice, _zeros)


def _row(random: Random, lines: list[str]) -> int:
    # Headers are short and rule the rest, so they get a fair share.
    return random.randrange(min(len(lines), 30)) if random.random() < 0.5 else random.randrange(len(lines))


def _delete_line(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    start = _row(random, lines)
    return lines[:start] + lines[start + random.choice((1, 1, 1, 2, 10, 1000)) :] or [""]


def _repeat_line(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    start = _row(random, lines)
    block = lines[start : start + random.choice((1, 1, 2, 10))]
    return lines[:start] + block * random.choice((2, 2, 3, 40)) + lines[start + len(block) :]


def _swap_lines(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    first, second = _row(random, lines), _row(random, lines)
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def _shuffle_lines(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    start = _row(random, lines)
    block = lines[start : start + 30]
    random.shuffle(block)
    lines[start : start + 30] = block
    return lines


def _foreign_line(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    other = random.choice(corpus).decode("utf-8", errors="replace").split("\n")
    place = _row(random, lines)
    lines[place : place + random.randint(0, 1)] = [random.choice(other)]
    return lines


def _word(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    lines[_row(random, lines)] = random.choice(WORDS)
    return lines


def _number_line(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    place = _row(random, lines)
    lines[place : place + random.randint(0, 1)] = [random.choice(NUMBERS)]
    return lines


def _number(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    """Change a number of a line: what it counts, when it says so, is then not there, or too much."""
    for _ in range(random.choice((1, 1, 2, 5))):
        place = _row(random, lines)
        matches = list(NUMBER.finditer(lines[place]))
        if matches:
            match = random.choice(matches)
            lines[place] = lines[place][: match.start()] + random.choice(NUMBERS) + lines[place][match.end() :]
    return lines


def _number_of_count(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    """Change a line or a value behind a sign that is a whole number: counts of lines, blocks, points."""
    counts = [place for place, line in enumerate(lines) if re.fullmatch(r"(.*[=:])?\s*-?\d{1,6}\s*", line)]
    if counts:
        place = random.choice(counts[:60] if random.random() < 0.7 else counts)
        head, _, _ = lines[place].rpartition("=") if "=" in lines[place] else ("", "", "")
        lines[place] = (f"{head}=" if head else "") + random.choice(NUMBERS)
    return lines


def _column(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    """Change one field of all rows in the same way."""
    column, action = random.randrange(6), random.choice(("drop", "repeat", "replace", "append"))
    token = random.choice(NUMBERS)
    start = _row(random, lines)
    for place in range(start, len(lines)):
        fields = SEPARATORS.split(lines[place])
        index = 2 * column
        if index >= len(fields):
            continue
        if action == "drop":
            del fields[index : index + 2]
        elif action == "repeat":
            fields[index:index] = [fields[index], fields[1] if len(fields) > 1 else " "]
        elif action == "replace":
            fields[index] = token
        else:
            fields[index] += token
        lines[place] = "".join(fields)
    return lines


def _field(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    place = _row(random, lines)
    fields = SEPARATORS.split(lines[place])
    index = random.randrange(len(fields))
    action = random.random()
    if action < 0.3:
        del fields[index : index + 2]
    elif action < 0.5:
        fields[index:index] = fields[index : index + 2] * random.choice((1, 2, 500))
    elif action < 0.7:
        random.shuffle(fields)
    else:
        fields[index] = random.choice(WORDS)
    lines[place] = "".join(fields)
    return lines


def _separator(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    old, new = random.choice((",", ";", "\t", " ", ".")), random.choice((",", ";", "\t", " ", "|", ", ", ""))
    rows = range(len(lines)) if random.random() < 0.7 else [_row(random, lines)]
    for place in rows:
        lines[place] = lines[place].replace(old, new)
    return lines


def _long_line(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    place, filler = _row(random, lines), random.choice(FILLERS)
    text = filler * (random.choice(_LONG) // len(filler))
    kind = random.random()
    if kind < 0.3:
        lines[place] = text
    elif kind < 0.6:
        lines[place] += text
    elif kind < 0.8:
        middle = random.randint(0, len(lines[place]))
        lines[place] = lines[place][:middle] + text + lines[place][middle:]
    else:
        lines[place] = text + lines[place]
    return lines


def _nested(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    opening = random.choice("([{\"'<")
    lines[_row(random, lines)] += opening * random.choice((50, 5_000))
    return lines


def _quote(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    place = _row(random, lines)
    at = random.randint(0, len(lines[place]))
    lines[place] = lines[place][:at] + random.choice("\"'\\#") + lines[place][at:]
    return lines


def _case(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    place = _row(random, lines)
    lines[place] = random.choice((str.upper, str.lower, str.swapcase, str.title))(lines[place])
    return lines


def _repeat_file(random: Random, lines: list[str], corpus: Sequence[bytes]) -> list[str]:
    return lines * random.choice((2, 3)) if random.random() < 0.5 else lines[::-1]


LINES: Final[tuple[LinesMutator, ...]] = (
    _delete_line, _delete_line, _repeat_line, _swap_lines, _shuffle_lines, _foreign_line, _word, _word,
    _number_line, _number, _number, _number, _number_of_count, _number_of_count, _column, _field, _field,
    _separator, _long_line, _nested, _quote, _case, _repeat_file,
)  # fmt: skip


def _utf16(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    text = data.decode("utf-8", errors="replace")
    coded = text.encode(random.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32")))
    return coded[: len(coded) - random.randint(0, 3)]


def _marks(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    return random.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf" * 2, b"\x00" * 5)) + data


def _line_ends(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    return data.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\r", b"\n\n", b"\x0b", b"\xe2\x80\xa8", b"\x85")))


def _nuls(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    return data.replace(random.choice((b" ", b"0", b"\n")), random.choice((b"\x00", b" \x00", b"\x00\n")))


def _latin(random: Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    return data.replace(b"e", random.choice((b"\xe9", b"\x9d", b"\x81", b"\xff")), random.choice((1, 3, -1)))


ENCODINGS: Final[tuple[BytesMutator, ...]] = (_utf16, _marks, _line_ends, _nuls, _latin)
