"""The widget that denoises images without a model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QLabel

from napari_denoisplit.events import Stage
from napari_denoisplit.settings import DenoiseSettings
from napari_denoisplit.widgets.choosers.images import ImageSource
from napari_denoisplit.widgets.denoise.denoised_layers import show_denoised
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.column import Column, Fold
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import IMAGE_SUFFIXES, FileDrop
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.preferences import preference
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.worker import Start, start_job

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Sequence

    from napari.viewer import Viewer

    from napari_denoisplit.events import Event
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.denoise.images import DenoisedImages
    from napari_denoisplit.widgets.choosers.images import SplitInput

__all__ = ["DenoiseWidget"]

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
) -> Generator[Event, None, tuple[tuple[Image, ...], DenoisedImages]]:
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
