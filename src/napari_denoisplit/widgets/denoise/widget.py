"""The widget that denoises images without a model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.images.layer_record import layer_metadata
from napari_denoisplit.images.place import place_of_image
from napari_denoisplit.images.results.layers import (
    contrast_limits,
    levels_of,
    structure_colormap,
)
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.settings import DenoiseMethod, DenoiseSettings
from napari_denoisplit.widgets.choosers.chosen import ChosenImage, read_all
from napari_denoisplit.widgets.choosers.images import ImageChooser
from napari_denoisplit.widgets.choosers.path import PathChoice
from napari_denoisplit.widgets.choosers.roles import NOISY_IMAGES
from napari_denoisplit.widgets.layers.opened import OpenedResult, add_result
from napari_denoisplit.widgets.layers.results import OwnLayers
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import Text
from napari_denoisplit.widgets.parts.dropping import NOISE_SUFFIXES
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.grade_words import gravest_first
from napari_denoisplit.widgets.parts.job_widget import JobWidget
from napari_denoisplit.widgets.parts.worker import Start, loading, start_job

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.denoise.images import DenoisedImages
    from napari_denoisplit.widgets.layers.place import ViewerRef

    _Order = tuple[tuple[ChosenImage, ...], DenoiseSettings, Path | None, Path | None]

_NOISE_FILES = f"Noise models ({' '.join(f'*{suffix}' for suffix in NOISE_SUFFIXES)})"
_MORE = (
    "n_samples",
    "levels_off",
    "device",
    "seed",
    "steps",
    "patch_size",
    "batch_size",
    "learning_rate",
    "precision",
)
_TITLES: dict[str, dict[str, str]] = {
    "method": {"noise2void": "Noise2Void", "hdn": "HDN", "divnoising": "DivNoising"}
}
_WHAT: dict[DenoiseMethod, str] = {
    "noise2void": "Noise2Void, for a quick answer: a small network learns from the noisy image "
    "itself; nothing clean and no model is needed. The noise must be independent from pixel to "
    "pixel.",
    "divnoising": "DivNoising, to see how sure each pixel is of a single channel: a small network "
    "draws answers, with best estimate and uncertainty. Its noise model is fitted to the image "
    "first, unless you give one (More).",
    "hdn": "HDN, for the best answers for a single channel where there is a GPU or hours: six "
    "levels of latents. Noise that goes on from pixel to pixel needs a noise model of kind "
    "correlated (More).",
}


class DenoiseWidget(JobWidget):
    """Denoise a layer, or files dropped here, by a network that learns from them alone.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        super().__init__(napari_viewer, "Denoise", "Denoise", "Denoise the image.", start)
        self.what = Text("About denoising", self)
        self.source = ImageChooser(self._viewer, NOISY_IMAGES, self)
        self.settings = SettingsForm(DenoiseSettings, ["method", "minutes"], _TITLES, parent=self)
        self.more = SettingsForm(DenoiseSettings, _MORE, parent=self)
        self.model = PathChoice("Model file", f"Models (*{SUFFIX})", kind="new file")
        self.more.add_row("Keep the network", self.model)
        self.noise_model = PathChoice("Noise model", _NOISE_FILES)
        self.more.add_row("Noise model", self.noise_model)
        fold = Fold("More", self.more)
        self._lay_out(self.what, "Image", self.source, "How", self.settings, fold, self.panel)
        kinds = {READABLE: self.source.add_files, NOISE_SUFFIXES: self.noise_model.add}
        self._take_drops(kinds, self.panel.status)
        self.source.changed.connect(self._refresh)
        self.settings.changed.connect(self._explain)
        self.settings.changed.connect(self._refresh)
        self.noise_model.changed.connect(self._refresh)
        self._explain()
        self._refresh()

    @property
    def problem(self) -> str:
        """Why nothing can be denoised; empty if something can."""
        if self.noise_model.path is not None and self._method == "noise2void":
            return "Noise2Void needs no noise model: clear it, or choose HDN or DivNoising."
        return self.source.problem

    @property
    def _method(self) -> DenoiseMethod:
        method: DenoiseMethod = self.settings["method"].value()
        return method

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.source.reset_choices()

    def _explain(self) -> None:
        """Say when to use the method."""
        self.what.say(_WHAT[self._method])

    def _order(self) -> _Order:
        settings = DenoiseSettings(**self.settings.values(), **self.more.values())
        return self.source.chosen(), settings, self.model.path, self.noise_model.path

    def _begin(self, order: _Order) -> None:
        chosen, settings, path, noise_model = order
        title = f"denoiSplit: denoising {chosen[0].name}"
        given = chosen, settings, path
        if settings.method == "noise2void":
            shown = partial(self._show, chosen)
            self.panel.run(partial(_denoise_chosen, *given), on_done=shown, title=title)
        else:
            drawing = partial(_sample_chosen, *given, noise_model)
            self.panel.run(drawing, on_done=self._show_samples, title=title)

    def _show(
        self, inputs: Sequence[ChosenImage], done: tuple[list[Image], DenoisedImages]
    ) -> Iterator[None]:
        noisy, result = done
        ending = "Stopped early. " if result.stopped_early else ""
        gap = "\n" if "\n" in result.summary else " "
        self.panel.say(f"{ending}Verdict:{gap}{result.summary}")
        yield
        # A blank or patterned picture is reported, not shown: it would be taken for a result.
        if result.is_usable:
            for chosen, before, after in zip(inputs, noisy, result.images, strict=True):
                show_denoised(self._viewer, chosen, before, after, result.provenance)
                yield

    def _show_samples(self, results: Sequence[OpenedResult]) -> Iterator[None]:
        notes = (note for opened in results for note in opened.split.notes)
        self.panel.say(gravest_first(("Done.", *notes)))
        yield
        for opened in results:
            add_result(OwnLayers(self._viewer), opened)
            yield


def _sample_chosen(
    chosen: Sequence[ChosenImage],
    settings: DenoiseSettings,
    path: Path | None,
    noise_file: Path | None,
    stop: threading.Event,
) -> Job[StatusEvent, list[OpenedResult]]:
    """Read what is not in the viewer, and draw samples of it all."""
    images = yield from read_all(chosen)
    yield from loading(stop, "napari_denoisplit.jobs.denoise.by_samples")
    from napari_denoisplit.jobs.denoise.by_samples import denoise_by_samples_job  # imports torch
    from napari_denoisplit.noise.files.noise_file import read_noise_model

    noise_model = None if noise_file is None else read_noise_model(noise_file)
    splits = yield from denoise_by_samples_job(
        images, settings, path=path, noise_model=noise_model, stop=stop
    )
    return [OpenedResult(s, levels_of(s, s.axes)) for s in splits if s.n_samples]


def _denoise_chosen(
    chosen: Sequence[ChosenImage],
    settings: DenoiseSettings,
    path: Path | None,
    stop: threading.Event,
) -> Job[StatusEvent, tuple[list[Image], DenoisedImages]]:
    """Read what is not in the viewer, and denoise it all."""
    images = yield from read_all(chosen)
    yield from loading(stop, "napari_denoisplit.jobs.denoise.images")
    # Not at the top: torch is paid for when it is asked for, in the background.
    from napari_denoisplit.jobs.denoise.images import denoise_images_job

    return images, (yield from denoise_images_job(images, settings, path=path, stop=stop))


def show_denoised(
    viewer: ViewerRef,
    chosen: ChosenImage,
    noisy: Image,
    denoised: Image,
    provenance: Mapping[str, Any],
) -> None:
    """Add the denoised image to the viewer; for a file also the noisy one, below it.

    Parameters
    ----------
    viewer
        Where to show it.
    chosen
        What was denoised: a layer, whose place and colours the result takes, or a file.
    noisy, denoised
        Before and after, axes alike.
    provenance
        How it was made; kept in the layers' metadata.
    """
    metadata = layer_metadata(provenance, kind="denoised")
    if chosen.layer is None:
        _show_channels(viewer, noisy, {})
        _show_channels(viewer, denoised, metadata)
        return
    if (window := viewer()) is None or chosen.place is None:
        return
    axes = "".join(axis for axis in chosen.place.axes if axis in denoised.axes)
    data = denoised.data.transpose([denoised.axes.index(axis) for axis in axes])
    colors = {"colormap": chosen.layer.colormap, "blending": chosen.layer.blending}
    window.add_image(
        data,
        name=f"{chosen.layer.name} denoised",
        contrast_limits=contrast_limits(data),
        metadata=metadata,
        **colors,
        **chosen.place.keywords(axes),
    )
    # The same place in the same colours: added up they would look like neither.
    chosen.layer.visible = False


def _show_channels(viewer: ViewerRef, image: Image, metadata: dict[str, Any]) -> None:
    """Add one layer for each channel of an image."""
    if (window := viewer()) is None:
        return
    place = place_of_image(image)
    is_result = bool(metadata)
    several = image.n_channels > 1
    names = image.channel_names
    for channel in range(image.n_channels):
        one = image.channel(channel)
        title = f" {names[channel] if names else channel + 1}" if several else ""
        limits = contrast_limits(np.asarray(one.data[(0,) * (len(one.axes) - 2)], np.float32))
        window.add_image(
            one.data,
            name=f"{image.name}{title}",
            contrast_limits=limits,
            colormap=structure_colormap(channel) if several else "gray",
            blending="additive" if several else "translucent",
            # Channels add up: the noisy ones would shine through the denoised.
            visible=is_result or not several,
            metadata=dict(metadata),
            **place.keywords(one.axes),
        )
