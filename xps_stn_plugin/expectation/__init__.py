"""What the user knows of a sample, put together with what the network reads from its spectrum."""

from __future__ import annotations

from .steering import steered

__all__ = ["steered"]
