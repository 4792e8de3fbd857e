"""Groups and data -> lmfit model, start values, bounds, ties and background."""

from __future__ import annotations

from .seed import seed_region

__all__ = ["seed_region"]
