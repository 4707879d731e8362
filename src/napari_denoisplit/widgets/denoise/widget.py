"""The widget that denoises images without a model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QLabel

from napari_denoisplit.events import Stage
from napari_denoisplit.settings import DenoiseSettings
from napari_denoisplit.widgets.choosers.images import ImageSource
from napari_denoisplit.widgets.layers.place import place_of_image, viewer_reference
from napari_denoisplit.widgets.layers.results import contrast_limits, structure_colormap
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import IMAGE_SUFFIXES, FileDrop
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.preferences import preference
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from napari.viewer import Viewer

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.denoise.images import DenoisedImages
    from napari_denoisplit.widgets.choosers.images import SplitInput
    from napari_denoisplit.widgets.layers.place import ViewerRef

_MORE = {
    "device": "Device",
    "seed": "Seed",
    "steps": "Steps",
    "patch_size": "Patch size",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "precision": "Precision",
}
_WHAT = (
    "A small network learns from the noisy image itself (Noise2Void); nothing clean and no model "
    "is needed. The noise must be independent from pixel to pixel."
)


class DenoiseWidget(DockedWidget):
    """Denoise a layer, or files dropped here, by a network that learns from them alone.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        super().__init__()
        self._viewer = viewer_reference(napari_viewer)
        self.source = ImageSource(self._viewer, self, verb="Denoise", one_channel=False)
        self.settings = SettingsForm(DenoiseSettings, {"minutes": "Minutes"}, parent=self)
        self.more = SettingsForm(DenoiseSettings, _MORE, parent=self)
        self.more["device"].set_value(preference("device", self.more["device"].value()))
        self.panel = RunPanel("Denoise", "Denoise the image.", start, self)
        self.what = QLabel(_WHAT, self)
        self.what.setWordWrap(True)
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        column = Column(self)
        column.add(self.what)
        column.add(self.source, "Image")
        column.add(self.settings, "How")
        column.add(Fold("More", self.more))
        column.add(self.panel)
        column.order_tabs()
        self.setAccessibleName("Denoise")

    def _connect(self) -> None:
        drop = FileDrop(self, IMAGE_SUFFIXES)
        drop.dropped.connect(self.source.add_files)
        drop.refused.connect(self.panel.say)
        self.source.files.drop.refused.connect(self.panel.say)
        self.source.changed.connect(self._refresh)
        self.panel.start_clicked.connect(self.denoise)
        self.undocked.connect(self.panel.stop)

    def denoise(self) -> None:
        """Check the choices and begin."""
        order = self.panel.checked(self._order)
        if order is None:
            return
        inputs, settings = order
        self.panel.run(
            partial(_denoise_inputs, inputs, settings),
            on_event=_ignore,
            on_done=partial(self._show, inputs),
            on_error=self.panel.fail,
            title=f"denoiSplit: denoising {inputs[0].name}",
        )

    def _order(self) -> tuple[Sequence[SplitInput], DenoiseSettings]:
        settings = DenoiseSettings(**self.settings.values(), **self.more.values())
        return self.source.chosen(), settings

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.source.reset_choices()

    def _show(
        self, inputs: Sequence[SplitInput], done: tuple[tuple[Image, ...], DenoisedImages]
    ) -> None:
        noisy, result = done
        # A blank or patterned picture is reported, not shown: it would be taken for a result.
        if result.is_usable:
            for chosen, before, after in zip(inputs, noisy, result.images, strict=True):
                show_denoised(self._viewer, chosen, before, after, result.provenance)
        ending = "Stopped early. " if result.stopped_early else ""
        gap = "\n" if "\n" in result.summary else " "
        self.panel.say(f"{ending}Verdict:{gap}{result.summary}")

    def _refresh(self) -> None:
        self.panel.set_obstacle(self.source.problem)


def _denoise_inputs(
    inputs: Sequence[SplitInput], settings: DenoiseSettings, stop: threading.Event
) -> Job[StatusEvent, tuple[tuple[Image, ...], DenoisedImages]]:
    """Read what is not in the viewer, and denoise it all."""
    # Not at the top: torch is paid for when it is asked for, in the background.
    from napari_denoisplit.images.files.reading import read_image

    images: list[Image] = []
    for chosen in inputs:
        if chosen.image is not None:
            images.append(chosen.image)
        elif chosen.path is not None:
            yield Stage(f"Reading {chosen.name}")
            images.append(read_image(chosen.path))
    yield Stage("Loading the network")
    from napari_denoisplit.jobs.denoise.images import denoise_images_job

    return tuple(images), (yield from denoise_images_job(images, settings, stop=stop))


def _ignore(event: Any) -> None:
    """Show nothing but progress, which the panel does."""


def show_denoised(
    viewer: ViewerRef,
    chosen: SplitInput,
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
    metadata = {"denoisplit": dict(provenance)}
    if chosen.layer is None:
        _show_channels(viewer, noisy, {})
        _show_channels(viewer, denoised, metadata)
        return
    if (window := viewer()) is None or chosen.place is None:
        return
    axes = chosen.place.axes
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
    for channel, one in enumerate(_channels(image)):
        names = image.channel_names
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


def _channels(image: Image) -> list[Image]:
    """Take each channel as an image without a channel axis."""
    if "C" not in image.axes:
        return [image]
    at = image.axes.index("C")
    rest = image.axes.replace("C", "")
    return [
        replace(image, data=image.data[(slice(None),) * at + (c,)], axes=rest, channel_names=())
        for c in range(image.n_channels)
    ]
