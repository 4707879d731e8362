"""The command `denoisplit`."""

from __future__ import annotations

from napari_denoisplit.cli.app import app, main

__all__ = ["app", "main"]
