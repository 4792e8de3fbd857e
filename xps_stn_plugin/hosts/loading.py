"""Loading of what the first prefit needs, in the background, while the user is still looking at the menu."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from .._util.once import Once

_log = logging.getLogger(__name__)

# torch's shared libraries in the order in which they need each other.
_LIBRARIES = ("c10", "torch_cpu", "torch", "torch_python")


@Once
def start_loading() -> threading.Thread:
    """Load torch, the network, lmfit and matplotlib in a thread, once for the process; does not wait.

    Python's garbage collector rests meanwhile; afterwards it is as it was.

    Returns
    -------
    threading.Thread
        Ends when all is loaded. A prefit meanwhile is right as well: it waits for the same modules.
    """
    # Not a daemon: the end of the process waits for it, for torch crashes when it is torn down while it loads.
    thread = threading.Thread(target=_load, name="xps-stn loading")
    thread.start()
    return thread


def _load() -> None:
    # Python's garbage collector stops all threads, for 0.2 s each time among the 300 000 objects that torch brings, and
    # their coming makes it look again and again. What it does afterwards is the host's affair.
    collecting = gc.isenabled()
    gc.disable()
    try:
        open_libraries()
        _prefit_once()
    except Exception:  # noqa: BLE001 (logged with traceback)
        # Nobody has asked for a prefit yet; the one that they ask for shows them the same error. At the end of the
        # process modules cannot be loaded any more, and nobody will ask.
        if threading.main_thread().is_alive():
            _log.warning("Loading in the background failed", exc_info=True)
    finally:
        if collecting:
            gc.enable()


def open_libraries() -> tuple[str, ...]:
    """Open torch's shared libraries without holding Python's lock; returns the files.

    An ``import`` holds the lock while the system links a library, 0.15 s for torch's, and a window would stand still. A
    foreign function does not, and an import finds the library open. On Windows nothing is opened ahead.
    """
    torch = find_spec("torch")
    if os.name != "posix" or torch is None or torch.origin is None or "torch" in sys.modules:
        return ()
    folder, ending = Path(torch.origin).parent / "lib", "dylib" if sys.platform == "darwin" else "so"
    files = [str(path) for name in _LIBRARIES if (path := folder / f"lib{name}.{ending}").exists()]
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    return tuple(file for file in files if dlopen(os.fsencode(file), os.RTLD_NOW | os.RTLD_GLOBAL))


def _prefit_once() -> None:
    """Prefit, fit and draw a made-up line: loads every module and the weights, those of other plugins as well."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from xps_prefit_hooks import Settings

    from ..api import prefit_with
    from ..core.spectrum import region_dataset, spectrum_tree

    energy = np.arange(278.0, 296.0, 0.1)
    counts = 100.0 + 1000.0 * np.exp(-(((energy - 285.0) / 0.7) ** 2))
    data = region_dataset("loading", energy, counts, region="C1s")
    result = prefit_with(spectrum_tree("loading", {"C1s": data}), Settings())
    FigureCanvasAgg(result.fitted().plot()).draw()  # type: ignore[no-untyped-call]
