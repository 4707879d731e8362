"""Layers of a split with samples, as the Split widget makes them."""

from __future__ import annotations

import numpy as np

from napari_denoisplit.images.layer_record import kind_in_words, layer_name

NAMES = ("nuclei", "actin")


def make_samples(rng, n=6, lead=(), size=(20, 24)):
    """(C, K, ..., Y, X): what one structure gains the other loses."""
    first = rng.normal(100, 10, size=(n, *lead, *size)).astype("f4")
    return np.stack([first, 300 - first])


def add_split(viewer, samples, axes="", *, name="cell", channels=(0, 1), **record):
    """Add MMSE, sigma and samples; axes are labels before y and x, 'answer' may stand anywhere."""
    labels = [*axes.split(), "y", "x"]
    at = labels.index("answer") if "answer" in labels else 0
    if "answer" not in labels:
        labels = ["answer", *labels]
    others = [label for label in labels if label != "answer"]
    made = {"model": "m.denoisplit", "input": name, "settings": {"n_samples": 50}, **record}
    viewer.add_image(
        samples.sum(axis=(0, 1)) / samples.shape[1], name=name, axis_labels=others, visible=False
    )
    for kind in ("MMSE", "sigma", "samples"):
        for channel in reversed(channels):
            data = {
                "MMSE": samples[channel].mean(axis=0),
                "sigma": samples[channel].std(axis=0, ddof=1),
                "samples": np.moveaxis(samples[channel], 0, at),
            }[kind]
            own = {"structure": NAMES[channel], "channel": channel, "kind": kind}
            viewer.add_image(
                data,
                name=layer_name(name, NAMES[channel], kind_in_words(kind, calibrated=True)),
                axis_labels=labels if kind == "samples" else others,
                colormap=("bop orange", "bop blue")[channel],
                visible=kind == "MMSE",
                metadata={"denoisplit": made | own},
            )
