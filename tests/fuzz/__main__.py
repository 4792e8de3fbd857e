"""``python -m tests.fuzz --minutes 10 --seed 1 --formats vamas,columns``: try mutated files and print the figures."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

_TESTS = Path(__file__).parents[1]
_ROOT = _TESTS.parent
for _place in (_ROOT / "weights", _ROOT / "hooks", _ROOT, _TESTS):
    sys.path.insert(0, str(_place))


def main() -> int:
    """Run a campaign; the exit status is 1 where there was a fault."""
    from .campaign import Campaign
    from .corpus import FORMATS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--inputs", type=int, help="stop after so many inputs, earlier ones of the state counted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--formats", default=",".join(FORMATS), help="of " + ", ".join(FORMATS))
    parser.add_argument("--fuzz-state", type=Path, help="file from which to go on, and where the state is kept")
    parser.add_argument("--examples", type=Path, help="folder for examples of faults (default: a new one)")
    given = parser.parse_args()
    formats = given.formats.split(",")
    if unknown := sorted(set(formats) - set(FORMATS)):
        parser.error(f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    examples = given.examples or Path(tempfile.mkdtemp(prefix="xps-fuzz-examples-"))
    campaign = Campaign(
        given.seed,
        formats,
        examples=examples,
        state=given.fuzz_state,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    state = campaign.run(60 * given.minutes, given.inputs)
    print(json.dumps(state.report(), indent=1))
    print(f"Examples of faults are in {examples}.", file=sys.stderr)
    return 1 if state.faults else 0


if __name__ == "__main__":
    sys.exit(main())
