"""What a noise model is learned from, as chosen at the click, and how it is read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.events import Stage
from napari_denoisplit.images.channels import channel_index
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.widgets.parts.plot import load_plotting
from napari_denoisplit.widgets.parts.worker import loading

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from napari_denoisplit.events import Job, NoiseEvent, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.noise.job import Judged, NoiseFit
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.noise.pairs.pairs import Pairs
    from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings, NoiseSource
    from napari_denoisplit.verdict import NoiseRecord
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.layers.region import Region
    from napari_denoisplit.widgets.noise.grey_levels import GreyLevels


@dataclass(frozen=True, slots=True, eq=False)
class NoiseInput:
    """Where the pixels come from."""

    source: NoiseSource
    noisy: ChosenImage
    clean: ChosenImage | None = None
    """For the source 'pairs'."""
    region: Region | None = None


def fit_input(
    chosen: NoiseInput,
    settings: NoiseFitSettings,
    denoise: DenoiseSettings,
    stop: threading.Event,
) -> Job[NoiseEvent, NoiseFit]:
    """Read the images and fit a noise model."""
    data = yield from _noise_data(chosen)
    yield from loading(stop, "napari_denoisplit.jobs.noise.job", what="the fit")
    # Not at the top: torch is paid for when a fit is asked for, in the background.
    from napari_denoisplit.jobs.noise.job import fit_noise_job

    return (yield from fit_noise_job(data, settings, denoise=denoise, stop=stop))


def judge_model(
    model: NoiseModel | Path, pairs: Pairs, stop: threading.Event
) -> Job[StatusEvent, Judged]:
    """Judge a model, or the model in a file, by pixels that were gathered before."""
    yield Stage("Reading the noise model")
    # Not at the top: they bring torch.
    from napari_denoisplit.jobs.noise.job import judge_noise_job
    from napari_denoisplit.noise.files.noise_file import read_noise_model

    if isinstance(model, Path):
        model = read_noise_model(model)
    return (yield from judge_noise_job(model, pairs))


def save_model(
    model: NoiseModel | Path, record: NoiseRecord, path: Path, stop: threading.Event
) -> Job[StatusEvent, Path]:
    """Write a model, or the model of another file, with what is known of it."""
    yield Stage(f"Writing {path.name}")
    # Not at the top: they bring torch.
    from napari_denoisplit.noise.files.noise_file import read_noise_model, write_noise_model

    if isinstance(model, Path):
        model = read_noise_model(model)
    write_noise_model(path, model.with_record(record))
    return path


def count_grey_levels(
    chosen: Sequence[ChosenImage], stop: threading.Event
) -> Job[StatusEvent, tuple[GreyLevels, ...]]:
    """Make the histograms of the chosen images, the noisy one first, from a few of their pixels."""
    yield Stage("Looking at the images")
    load_plotting()
    # Not at the top of a window that only shows: it is done in the background.
    from napari_denoisplit.widgets.noise.grey_levels import grey_levels

    images = [one.read() for one in chosen]
    found = []
    for image in images:
        if stop.is_set():
            break
        channel = min(_channel(images[0], chosen[0]) or 0, image.n_channels - 1)
        found.append(grey_levels(image.name, image.channel(channel).data))
    return tuple(found)


def _noise_data(chosen: NoiseInput) -> Job[StatusEvent, NoiseData]:
    yield Stage("Reading the images")
    noisy = chosen.noisy.read()
    clean = None if chosen.clean is None else chosen.clean.read()
    channel = _channel(noisy, chosen.noisy)
    data = NoiseData.from_image(noisy, chosen.source, channel=channel, clean=clean)
    if chosen.region is None:
        return data
    height, width = (int(n) for n in data.observation.shape[-2:])
    return replace(data, mask=chosen.region.mask((height, width)))


def _channel(noisy: Image, chosen: ChosenImage) -> int | None:
    """Index of the channel that the noise is to be known of; None for the only one."""
    return None if chosen.channels is None else channel_index(noisy, chosen.channels[0])
