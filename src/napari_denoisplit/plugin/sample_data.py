"""Sample images for napari's File > Open Sample menu: real cells, and critters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.images.layer_record import layer_metadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    LayerData = tuple[NDArray[np.float32], dict[str, Any], str]

COLORMAPS = ("bop orange", "bop blue")
"""A pair that stays apart for colour-blind eyes."""
CRITTER_FRAMES = 12


def cells() -> list[LayerData]:
    """Real cells, nuclei and actin in one noisy channel, with the true channels hidden below."""
    from napari_denoisplit.images.example.cells import cells_to_split  # loads tifffile

    superposition, truth = cells_to_split()
    colors = zip(truth.channel_names, truth.data, COLORMAPS, strict=True)
    hidden = [
        # That they are of the superposition says that it shows several structures.
        _plain(
            channel, f"true {name}", color, kind="truth", image=superposition.name, visible=False
        )
        for name, channel, color in colors
    ]
    return [*hidden, _plain(superposition.data, superposition.name, "gray")]


def cells_alone() -> list[LayerData]:
    """Noisy nuclei and actin of other cells, to train a model on: one layer per structure."""
    from napari_denoisplit.images.example.cells import cells_to_train_on  # loads tifffile

    images = zip(cells_to_train_on(), COLORMAPS, strict=True)
    return [_plain(image.data, image.name, color) for image, color in images]


def critters_to_train_on() -> list[LayerData]:
    """Two structures that look alike near by, to train a network with context on."""
    import numpy as np

    from napari_denoisplit.images.phantom.critters import critters  # loads scipy

    frames = np.stack([critters(seed=seed) for seed in range(CRITTER_FRAMES)], axis=1)
    named = zip(frames, ("critters 1", "critters 2"), COLORMAPS, strict=True)
    return [_plain(frame, name, color) for frame, name, color in named]


def _plain(
    pixels: NDArray[np.float32],
    name: str,
    colormap: str,
    *,
    visible: bool = True,
    **made: Any,
) -> LayerData:
    """Make a layer; one that is made of the kind "truth" is never proposed as the one to split."""
    import numpy as np

    low, high = np.percentile(pixels, (1, 99.7))
    return (
        pixels,
        {
            "name": name,
            "colormap": colormap,
            "blending": "translucent" if colormap == "gray" else "additive",
            "contrast_limits": (float(low), float(high)),
            "axis_labels": ("t", "y", "x")[-pixels.ndim :],
            "visible": visible,
            "metadata": layer_metadata(**made),
        },
        "image",
    )
