"""The pages of the dock: what each is called, what it is for, and how to begin with it."""

from __future__ import annotations

from dataclasses import dataclass

from napari_denoisplit.widgets.dock.beginning import OPEN, SPLIT, WRITE


@dataclass(frozen=True, slots=True)
class Step:
    """What a page is called in the bar, what it is for, and its class.

    Besides, its page of the documentation, what to do first, and how to begin without images.
    """

    title: str
    help_text: str
    widget: str
    guide: str = ""
    first: str = ""
    beginning: str = ""


_SPLIT_FIRST = "First split an image, or"
STEPS = {
    "Train": Step(
        "Train",
        "Train a model on images of each structure alone.",
        "TrainWidget",
        "train.md",
        "First choose one image for each structure, or",
        OPEN,
    ),
    "Split": Step(
        "Split",
        "Split an image into its structures.",
        "SplitWidget",
        "split.md",
        "First choose a model and an image, or",
        SPLIT,
    ),
    "Samples": Step(
        "Look",
        "Look at the possible answers of a split.",
        "SamplesWidget",
        "samples.md",
        _SPLIT_FIRST,
        SPLIT,
    ),
    "Trust": Step(
        "Trust",
        "Judge whether a split can be believed.",
        "TrustWidget",
        "trust.md",
        _SPLIT_FIRST,
        SPLIT,
    ),
}
TOOLS = {
    "Noise model": Step(
        "Noise model",
        "Learn how the values of a camera scatter: a noise model.",
        "NoiseWidget",
        "noise.md",
        "First choose a noisy image, or",
        OPEN,
    ),
    "Calibration": Step(
        "Calibrate",
        "Bring the uncertainty of a model to the size of its errors.",
        "CalibrationWidget",
        "calibration.md",
        "First choose a model and images of each structure, or",
        OPEN,
    ),
    "Denoise": Step(
        "Denoise",
        "Denoise images, without a model.",
        "DenoiseWidget",
        "denoise.md",
        "First choose an image, or",
        OPEN,
    ),
    "Batch": Step(
        "Batch",
        "Split every image of folders.",
        "BatchWidget",
        "split.md#batch",
        "First choose a model and a folder of images, or",
        WRITE,
    ),
}
