"""``python -m xps_stn_plugin`` is ``xps-stn``."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main(prog_name="xps-stn")
