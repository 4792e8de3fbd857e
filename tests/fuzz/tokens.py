"""Pieces of hostile text that the mutators put into files."""

from __future__ import annotations

import re
from typing import Final

#: What stands for a number and is awkward: not finite, out of range, negative counts, other notations.
NUMBERS: Final = (
    "nan", "NaN", "inf", "-inf", "Infinity", "1e400", "-1e400", "1e308", "-1e308", "1e-320", "5e-324", "-0.0", "0",
    "-1", "1", "2", "3", "7", "8", "255", "65536", "2147483647", "2147483648", "-2147483648", "4294967296",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e18", "1e19",
    "99999999999999999999999999", "1e37", "1e+037", "-1e37", "1_000", "1,5", "1.5.2", "0x10", "1e", "e5", "+",
    "--1", "1d5", "1.", ".5", "½", "٣", "１２", "1e5000", "285.0000000000001", "-50", "1e-15", "1e100", "0.1",
    "1486.6", "12 345", "\x1b[31m5", "1" * 400, "9" * 5000,
)  # fmt: skip

#: Words in the place of labels, units and names.
WORDS: Final = (
    "", " ", "C1s", "C 1s", "Cl2p", "survey", "region", "binding_energy_eV", "kinetic_energy_eV", "intensity",
    "counts", "eV", "keV", "meV", "Binding Energy", "Kinetic Energy", "K.E.", "=", "=1+1", "@SUM(1)", "-cmd",
    "../../etc/passwd", "/dev/zero", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "a\rb", "a\x0bb", "a\x0cb", "a\x85b",
    "a\u2028b", "\u202egnp.exe", "\u200b", "\ufeff", "é", "ß", "漢字", "🧪", "\ud83d", "%s%n%d", "{0}", "{__class__}",
    "${HOME}", "\\", "\"", "'", "\"\"\"", "<script>alert(1)</script>", "NULL", "None", "true", "[Info]",
    "[Region 1]", "[Data 1]", "# Region: C1s", "counts", "C 1s Calib M = 284.5 A = 285 BE ADD", "Calib", "a" * 300,
    "A/" * 200,
)  # fmt: skip

#: Fillers of long lines: each costs a regular expression of more than linear time dearly.
FILLERS: Final = (
    " ", "\t", "a", "1", ",", ";", "[", "(", ".", "-", "\"", "C", "= ", "a b ", "1 ", ", ", "\t \t", "[a",
)  # fmt: skip

#: Sources of ties that must be refused, not evaluated; ``{canary}`` is a path that must not appear.
EXPRESSIONS: Final = (
    "open('{canary}', 'w')", "__import__('os').mkdir('{canary}')", "().__class__.__mro__[1].__subclasses__()",
    "loadtxt('{canary}')", "arange(5).tofile('{canary}')", "9**9**9", "9**9**9**9", "10**400", "1/0", "0/0",
    "1e308*10", "sum([i for i in range(10**12)])", "[x for x in range(10**9)]", "zeros(10**10)", "while True: pass",
    "a=1", "1;2", "lambda: 0", "(lambda x: x)(1)", "'a'*10**10", "f'{{1}}'", "p1_center", "p1_center + p1_center",
    "p1_center +", "1", "", " ", "nan", "inf", "-inf", "1 if 1 else 2", "p1_center.real", "p1_center[0]",
    "abs(p1_center)", "exp(1000)", "sqrt(-1)", "log(0)", "unknown_name", "p1_center ** 0.5", "-p1_center",
    "not p1_center", "p1_center < 1", "0x10", "1j", "\x00", "\n", "é", "p1_center # a", "@", "*" * 50,
)  # fmt: skip

# Possessive, so that a line of 40 000 digits with a letter behind costs linear time.
NUMBER: Final = re.compile(r"(?<![\w.])[-+]?(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?\d++)?+(?![\w.])")
SEPARATORS: Final = re.compile(r"([\t;,]| +)")
