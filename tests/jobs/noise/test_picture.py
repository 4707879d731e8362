from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_denoisplit.curves import (
    Autocorrelation,
    JointHistogram,
    ModelBands,
    NoiseCurves,
    SignalBin,
    VarianceCurve,
)
from napari_denoisplit.jobs.noise.picture import save_noise_picture
from napari_denoisplit.noise.judging.pit import pit_curve
from napari_denoisplit.verdict import Verdict

LONG = "The noise is far stronger than the model says, and this is what to do about it. " * 6


def curves(correlation: Autocorrelation | None, n_bins: int = 5) -> NoiseCurves:
    """Numbers to draw; only their shapes matter."""
    signal, edges = np.linspace(0, 100, 20), np.linspace(0, 100, 11)
    one = SignalBin(
        (10, 20), 15, 500, edges, np.full(10, 0.01), signal, np.full(20, 0.01), 25.0, 26.0
    )
    return NoiseCurves(
        joint=JointHistogram(np.arange(100).reshape(10, 10), edges, edges),
        bands=ModelBands(
            signal,
            signal,
            (0.025, 0.16, 0.84, 0.975),
            signal + np.array([[-2], [-1], [1], [2]]),
            signal + 4,
        ),
        bins=(one,) * n_bins,
        variance=VarianceCurve(signal, signal + 4, np.ones(20)),
        pit=pit_curve(np.linspace(0, 1, 1000)),
        autocorrelation=correlation,
        nll=3.0,
        gaussian_nll=3.2,
        coverage=0.95,
        observed_range=(0, 110),
    )


CORRELATION = Autocorrelation((1, 2, 3), (0.6, 0.2, 0.1), (-0.3, 0.2, 0.1), 0.01)


@pytest.mark.parametrize(
    ("suffix", "begin"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")]
)
def test_the_suffix_says_what_is_written(tmp_path, suffix, begin):
    path = tmp_path / "deeper" / f"noise.{suffix}"
    save_noise_picture(path, curves(CORRELATION), Verdict(grade="good", reasons=()), "camera")
    assert path.read_bytes().startswith(begin)


def test_the_page_grows_with_the_words(tmp_path):
    heights = []
    for n in (1, 6):
        path = tmp_path / f"{n}.png"
        verdict = Verdict(grade="do not use", reasons=(LONG,) * n)
        save_noise_picture(path, curves(None, n_bins=2), verdict, "camera")
        with Image.open(path) as picture:
            heights.append(picture.height)
    assert heights[1] > heights[0] + 200


def test_an_unknown_suffix_leaves_nothing_behind(tmp_path):
    with pytest.raises(ValueError, match="bmp"):
        save_noise_picture(
            tmp_path / "noise.bmp", curves(None), Verdict(grade="good", reasons=()), "camera"
        )
    assert not list(tmp_path.iterdir())
