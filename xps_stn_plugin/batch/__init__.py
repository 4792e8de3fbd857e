"""Many spectra at once: ``xps-stn batch``, and `run_batch` for programs."""

from __future__ import annotations

from .run import BatchReport, run_batch

__all__ = ["BatchReport", "run_batch"]
