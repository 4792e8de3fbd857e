"""Construction of a simulator and drawing of spectra in advance, for training and data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..core.grid import Grid
from .config import SimulationConfig
from .library import LineLibrary
from .library_cache import cached_library
from .spectra import SpectrumSimulator
from .structures import generate_structures, reference_structures

MOST_WORKERS = 8
Drawn = TypeVar("Drawn")


def build_simulator(
    config: SimulationConfig, progress: Callable[[int, int], None] | None = None, cache: Path | None = None
) -> SpectrumSimulator:
    """Make a simulator of the reference polymers and of the generated structures that `config` asks for.

    Parameters
    ----------
    config : SimulationConfig
        What to draw.
    progress : callable or None
        Told ``(done, all)`` structures now and then, and at the end.
    cache : Path or None
        Folder where the structures and their lines are kept for the next time.
    """

    def build() -> LineLibrary:
        generated = generate_structures(config.generated_structures, config.structure_seed)
        return LineLibrary.build(reference_structures(), generated, progress)

    library = build() if cache is None else cached_library(cache, config, build)
    return SpectrumSimulator(library, config, Grid())


def ahead(draw: Callable[[int], Drawn], numbers: range, workers: int) -> Iterator[Drawn]:
    """Batches ``draw(number)`` in order, drawn ahead by threads.

    Parameters
    ----------
    draw : callable
        Depends on its number alone, so that neither threads nor restarts change what comes out.
    numbers : range
        Of step 1.
    workers : int
        Threads, and how far they are ahead; at least 1 and at most 8 are used.
    """
    workers = max(1, min(MOST_WORKERS, workers))
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(draw, number) for number in numbers[:workers]]
        for number in numbers:
            drawn = waiting.pop(0).result()
            if number + workers in numbers:
                waiting.append(pool.submit(draw, number + workers))
            yield drawn
