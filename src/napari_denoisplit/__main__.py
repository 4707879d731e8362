"""`python -m napari_denoisplit` is the command `denoisplit`."""

from __future__ import annotations

from napari_denoisplit.cli.app import main

main()
