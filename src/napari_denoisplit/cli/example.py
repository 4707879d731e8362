"""The command that writes real cells and a model for them, to try everything with."""

from __future__ import annotations

from pathlib import Path

import typer


def example(folder: Path = Path("denoisplit-example")) -> None:
    """Write real cells and a model trained on others, to try everything with.

    The cells come with the package (NF1 Schwann cells, CC-BY-4.0): nuclei and actin in one noisy
    channel to split, and each structure alone to train a model of your own on.

    Parameters
    ----------
    folder
        Folder for the files.
    """
    from napari_denoisplit.images.example.cells import write_example

    superposition, model, *alone = write_example(folder)
    typer.echo(f"to split: {superposition}")
    typer.echo(f"model: {model}")
    typer.echo(f"to train on: {' '.join(map(str, alone))}")
    typer.echo(f"Next: denoisplit split {model} {superposition}")
