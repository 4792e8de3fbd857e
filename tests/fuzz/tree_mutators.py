"""Mutations of JSON documents: seeds, headers of weights, records of a batch."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from .text_mutators import mutated_bytes, mutated_text
from .tokens import EXPRESSIONS, NUMBERS, WORDS

#: Values of every kind, in the place of any other.
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 0.5, -0.0, 1e308, 1e-320, 5e-324, "",
    " ", "a", "285.0", "nan", [], [1], [[]], [None], {}, {"a": 1}, "\x1b[31m", "\u2028", "\ud800", float("nan"),
    float("inf"), -float("inf"),
)  # fmt: skip
#: Places of a document among which one is changed.
_MOST_PLACES: Final = 5_000
#: Names of models and of their options that a hostile file may use.
_NAMES: Final = (
    "ExpressionModel", "Model", "CompositeModel", "SplineModel", "PolynomialModel", "ConstantModel", "LinearModel",
    "GaussianModel", "StepModel", "RegionModel", "__class__", "prefix", "expr", "xknots", "degree", "form", "op",
    "left", "independent_vars", "nan_policy", "name", "opts", "func", "x", "bg_", "p1_", "1p", "p-1", "lambda",
    "class", "É",
)  # fmt: skip


def mutated_json(random: Random, data: bytes, corpus: Sequence[bytes], canary: str) -> bytes:
    """Change the values, keys and shape of a JSON document, or its text.

    Parameters
    ----------
    random : random.Random
    data : bytes
        A valid document.
    corpus : sequence of bytes
        Valid documents of the same format.
    canary : str
        Path of a file that only code from the document would make.
    """
    kind = random.random()
    if kind < 0.12:
        return mutated_text(random, data, corpus)
    if kind < 0.18:
        return mutated_bytes(random, data, corpus)
    document = json.loads(data)
    for _ in range(1 + min(int(random.expovariate(0.8)), 4)):
        document = _changed(random, document, canary)
    return _text(document)


def mutated_tree(random: Random, document: Any, canary: str) -> Any:
    """Change one to four places of a document of dictionaries and lists; a copy."""
    document = json.loads(json.dumps(document))
    for _ in range(1 + min(int(random.expovariate(0.8)), 3)):
        document = _changed(random, document, canary)
    return document


def _text(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", errors="surrogatepass")


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Containers and keys of the values of a document, the outer ones first; the first `_MOST_PLACES` of them."""
    places: list[tuple[Any, Any]] = []
    waiting = deque([document])
    while waiting and len(places) < _MOST_PLACES:
        node = waiting.popleft()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        places += [(node, key) for key in keys]
        waiting += [node[key] for key in keys]
    return places


def _changed(random: Random, document: Any, canary: str) -> Any:
    places = _places(document)
    if not places or random.random() < 0.01:
        return random.choice(VALUES)
    container, key = random.choice(places)
    value = container[key]
    match random.randrange(12):
        case 0:
            del container[key]
        case 1 | 2:
            container[key] = random.choice(VALUES)
        case 3:
            container[key] = _number(random)
        case 4:
            container[key] = random.choice((*WORDS, *_NAMES))
        case 5:
            container[key] = _expression(random, canary)
        case 6:
            other_container, other_key = random.choice(places)
            # A copy: a value within itself cannot be written.
            container[key] = json.loads(json.dumps(other_container[other_key]))
        case 7 if isinstance(container, list):
            container[key : key + 1] = [value] * random.choice((2, 3, 300))
        case 7:
            container[random.choice((*_NAMES, "models", "params", "regions", "schema"))] = value
        case 8:
            container[key] = _wrapped(random, value)
        case 9 if isinstance(container, list):
            random.shuffle(container)
        case 9 if isinstance(container, dict):
            container[str(key) + random.choice(("", "_", "2", "\x1b", "é"))] = container.pop(key)
        case 10:
            symbols = [holder[name] for holder, name in places if name == "unique_symbols"]
            if symbols and isinstance(symbols[0], dict):
                symbols[0]["f"] = _payload(random, canary)
            else:
                container[key] = _payload(random, canary)
        case _:
            strings = [(holder, name) for holder, name in places if isinstance(holder[name], str)]
            if strings:
                holder, name = random.choice(strings)
                raw = holder[name].encode("utf-8", errors="surrogatepass")
                holder[name] = mutated_text(random, raw, [raw])[:20_000].decode("utf-8", errors="replace")
    return document


def _number(random: Random) -> Any:
    text = random.choice(NUMBERS)
    try:
        return float(text) if random.random() < 0.5 else int(float(text))
    except (ValueError, OverflowError):
        return text


def _expression(random: Random, canary: str) -> str:
    kind = random.random()
    if kind < 0.8:
        return random.choice(EXPRESSIONS).replace("{canary}", canary)
    size = random.choice((10, 100, 1_000, 10_000))
    return random.choice(
        (
            "(" * size,
            "-" * size + "1",
            "+".join(["1"] * size),
            "1" * size,
            "(" * size + "1" + ")" * size,
            "a." * size + "b",
        )
    )


def _wrapped(random: Random, value: Any) -> Any:
    depth = random.choice((1, 1, 3, 100, 400))
    for _ in range(depth):
        value = [value] if random.random() < 0.5 else {"a": value}
    return value


def _payload(random: Random, canary: str) -> Any:
    """Text that becomes a call where it is unpickled, in the forms that lmfit's own files have."""
    pickled = b"cos\nmkdir\n(V" + canary.encode() + b"\ntR."
    text = base64.b64encode(pickled).decode()
    return random.choice(
        (
            {"__class__": "Callable", "__name__": "f", "pyversion": "3.11", "value": text, "importer": None},
            {"__class__": "Callable", "__name__": "mkdir", "pyversion": "3.11", "value": text, "importer": "os"},
            {"__class__": "Series", "value": text},
            {"__class__": "NDArray", "__shape__": [10**9], "__dtype__": "float64", "value": [0]},
            {"__class__": "Complex", "value": [1, 2]},
        )
    )
