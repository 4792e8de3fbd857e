"""Windows that all Qt hosts share (PySide6 or PyQt6, through qtpy): form, boxes, progress, work in the background."""

from .host import QtHost

__all__ = ["QtHost"]
