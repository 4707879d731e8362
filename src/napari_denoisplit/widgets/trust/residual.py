"""The part of the Trust widget that checks the residual."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_denoisplit.images.layer_record import RESIDUAL
from napari_denoisplit.images.results.record import MODEL_FILE
from napari_denoisplit.measures.trust.round_trip import expected_errors
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.choosers.model import ModelChoice
from napari_denoisplit.widgets.choosers.region import LayerOrNone
from napari_denoisplit.widgets.parts.controls import Text, in_a_column
from napari_denoisplit.widgets.parts.grade_words import verdict_html
from napari_denoisplit.widgets.parts.job_widget import JobPart
from napari_denoisplit.widgets.parts.plot import PLOTTING, ThemePlot
from napari_denoisplit.widgets.parts.worker import loading
from napari_denoisplit.widgets.trust.adapting import AdaptPart
from napari_denoisplit.widgets.trust.showing import hide_results, show_image
from napari_denoisplit.widgets.trust.unfamiliar import show_unfamiliar

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start

_HELP = (
    "Take the predicted structures away from the input and judge what is left by the noise models "
    "of the model. No truth is needed."
)
_INPUT = "The image that was split. Images of another size or of other pixels are left out."
_LIMITS = (4.0, 6.0)  # standard deviations that the layers show
_COLORS = (
    (0.3, 0.7, 1.0),
    (0.05, 0.05, 0.05),
    (1.0, 0.6, 0.2),
)  # predicted too bright, explained, too dark


class ResidualPart(JobPart):
    """Input and model of a split, and the verdict of its check; the page places the panel."""

    def __init__(self, viewer: ViewerRef, start: Start, parent: QWidget) -> None:
        super().__init__("Check the residual", _HELP, start, parent)
        self._viewer = viewer
        self._result: FoundResult | None = None
        self._made_with: object = None  # the model's file, as the record has it
        self._is_picked = False  # the input, by the user
        self.check: ResidualCheck | None = None
        """Of the last run."""
        self._checked: tuple[object, ...] = ()  # what the verdict that is shown is about
        self.input = LayerOrNone(viewer, self._may_be_input, "Input", _INPUT, "not open", self)
        self.model = ModelChoice(self)
        self.verdict = Text("Verdict on the residual", self, selectable=True)
        self.numbers = Text("Numbers of the residual", self, selectable=True)
        self.adapting = AdaptPart(self._model_and_image, start, self)
        self.plot = ResidualPlot(viewer, self)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self.setLayout(
            in_a_column(
                self.model,
                QLabel("Input that was split", self),
                self.input,
                self.verdict,
                self.adapting,
                self.numbers,
                self.plot,
            )
        )

    def _connect(self) -> None:
        self.model.changed.connect(self._on_model)
        self.input.changed.connect(self._refresh)
        self.input.picked.connect(self._pick)

    def set_result(self, result: FoundResult | None) -> None:
        """Take another split, its input, and the model that it was made with."""
        if (result and result.key) != (self._result and self._result.key):
            self._is_picked = False
        self._result = result
        self.input.reset_choices()
        if result is not None:
            if not (self._is_picked and self.input.layer is not None):
                self.input.layer = result.input
            self._take_model(result.split.provenance.get(MODEL_FILE))
        self._refresh()

    def _take_model(self, made_with: object) -> None:
        if isinstance(made_with, str) and made_with != self._made_with:
            self._made_with = made_with
            if Path(made_with).is_file():
                self.model.open(Path(made_with))

    def _may_be_input(self, layer: Any) -> bool:
        return self._result is not None and self._result.may_be_input(layer)

    def _pick(self) -> None:
        self._is_picked = True

    def _on_model(self) -> None:
        # What a model is, the Split widget tells at length; here only what is wrong with it.
        self.model.about.setVisible(self.model.header is None)
        self._refresh()

    def _refresh(self, *_: object) -> None:
        if self._checked and self._checked != self._choices():
            self._forget()  # the verdict is on something else
        super()._refresh()

    @property
    def problem(self) -> str:
        """Why the residual cannot be checked; empty if it can."""
        if self._result is None:
            return "Split an image first (step Split)."
        if self.input.layer is None:
            return _missing_input(self._result, is_there=bool(self.input.layers))
        return self.model.problem or self._mismatch()

    def _order(self) -> tuple[Any, Image, Any]:
        result: Any = self._result
        return *self._model_and_image(), result

    def _model_and_image(self) -> tuple[Any, Image]:
        result: Any = self._result
        return self.model.path, result.seen_in(self.input.layer)

    def _begin(self, order: tuple[Path, Image, FoundResult]) -> None:
        result = order[-1]
        self._forget()
        self.panel.run(
            partial(_check, *order),
            on_done=partial(self._show, result, self._choices()),
            title=f"denoiSplit: residual of {result.name}",
        )

    def _choices(self) -> tuple[object, ...]:
        key = None if self._result is None else self._result.key
        return key, self.input.layer, self.model.path

    def _forget(self) -> None:
        self._checked = ()
        for part in (self.verdict, self.adapting, self.numbers, self.plot):
            part.hide()

    def _mismatch(self) -> str:
        result, header = self._result, self.model.header
        if result is None or header is None:
            return ""
        if sorted(header.channel_names) != sorted(result.split.structures):
            made_with = f" ({name})" if (name := result.split.provenance.get("model")) else ""
            return (
                f"This model splits into {', '.join(header.channel_names)}, the split shows "
                f"{', '.join(result.split.structures)}: choose the model that it was made "
                f"with{made_with}."
            )
        return ""

    def _show(
        self, result: FoundResult, choices: tuple[object, ...], check: ResidualCheck
    ) -> Iterator[None]:
        """Tell the verdict at once, and show what it is about bit by bit."""
        self.check, self._checked = check, choices
        warning = _other_model(result, self.model)
        self.verdict.say(verdict_html(check.verdict))
        self.numbers.say(_numbers(check, warning))
        self.adapting.setVisible(check.verdict.grade != "good")
        self.panel.say("")
        yield
        self.plot.show_check(check)
        yield
        from napari.utils import Colormap

        hide_results(self._viewer, result)
        yield from show_unfamiliar(self._viewer, result, check)
        for name, image, shown, limit in (
            ("residual", check.residual, False, _LIMITS[0]),
            ("unexplained", check.bias, True, _LIMITS[1]),
        ):
            show_image(
                self._viewer,
                result,
                name,
                result.as_in_viewer(image.data),
                kind=RESIDUAL,
                colormap=Colormap(_COLORS, name="residual"),
                contrast_limits=(-limit, limit),
                visible=shown,
            )
            yield


def _missing_input(result: FoundResult, *, is_there: bool) -> str:
    if is_there:
        return f"Choose the image that was split, {result.name!r}, if it is among the layers."
    source = result.split.provenance.get("source")
    where = f" ({source})" if source else ""
    return f"The image that was split, {result.name!r}{where}, is not open: open it."


def _check(
    path: Path, image: Image, result: FoundResult, stop: threading.Event
) -> Job[StatusEvent, ResidualCheck]:
    yield from loading(stop, "napari_denoisplit.jobs.trust.job", *PLOTTING, what="the model")
    # Not at the top: torch is paid for when it is asked for, in the background.
    from napari_denoisplit.checkpoint import load_model
    from napari_denoisplit.jobs.trust.job import check_job

    model = load_model(path)
    return (yield from check_job(model, image, result.split, SplitSettings(), stop=stop))


def _other_model(result: FoundResult, model: ModelChoice) -> str:
    name = result.split.provenance.get("model")
    if name is None or name == model.path.name:
        return ""
    return f"⚠ The split was made with {name}, the noise models are those of {model.path.name}."


def _numbers(check: ResidualCheck, warning: str) -> str:
    f = check.figures
    lags = ", ".join(f"{c:+.3f}" for c in f.correlation)
    compared = (
        f"{f.n_samples} answers"
        if f.n_samples
        else "the best estimate alone; keep answers for more"
    )
    lines = [
        warning,
        f"Compared: {compared}.",
        f"Variance {f.variance:.3f} of that of the noise (1 if all is explained).",
        f"Beyond 3 times the noise: {f.outside:.2%} of the pixels ({check.expected_outside:.2%} "
        "for this noise).",
        f"Correlation at 1, 2, 3 pixels: {lags} (0 for independent noise).",
        f"Local mean off by {f.bias:.3f} times the noise, over 16 x 16 pixels (0).",
        _expected(check),
    ]
    return "\n".join(filter(None, lines))


def _expected(check: ResidualCheck) -> str:
    """Line on the error to expect, where it was found."""
    found = expected_errors(check.verdict)
    each = ", ".join(f"{name} {error:.0%}" for name, error in found.items())
    return f"Error to expect, beside the contrast: {each}." if each else ""


_HEIGHT = 210  # pixels
_EDGES = np.linspace(-5, 5, 61)
_PIXELS = 500_000
_DATA = "#2a9d8f"


class ResidualPlot(ThemePlot):
    """Histogram of the standardized residual, and correlation of its neighbours."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self.density = np.zeros(len(_EDGES) - 1)
        """Of the residual, per standard deviation."""
        self._check: ResidualCheck | None = None
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.save_button("residual"))
        self.layout().addLayout(row)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Plot of the residual")
        self.hide()

    def show_check(self, check: ResidualCheck) -> None:
        """Show the residual of a split."""
        self._check = check
        z = np.asarray(check.residual.data).ravel()
        z = z[:: max(1, z.size // _PIXELS)]
        z = np.clip(z[np.isfinite(z)], _EDGES[0], _EDGES[-1])
        self.density = np.histogram(z, _EDGES, density=True)[0]
        if self.isVisible():
            self.redraw()
        self.show()  # which paints it, too

    def _paint(self, figure: Any) -> None:
        from matplotlib.ticker import NullLocator  # there by now, as the figure is

        figure.subplots_adjust(left=0.19, right=0.97, top=0.97, bottom=0.24, wspace=0.85)
        histogram, correlation = figure.subplots(1, 2, width_ratios=(2, 1))
        text = self.colors()["text"]
        middle = (_EDGES[1:] + _EDGES[:-1]) / 2
        histogram.stairs(self.density, _EDGES, fill=True, color=_DATA, alpha=0.8)
        normal = np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
        histogram.plot(middle, normal, "--", color=text, linewidth=1)
        histogram.set(xlabel="residual (noise = 1)", ylabel="density", yscale="log")
        histogram.set_ylim(1e-5, 1)
        # Powers set as formulas, and ticks between them, take half of the time of the plot.
        histogram.yaxis.set_major_formatter("{x:g}")
        histogram.yaxis.set_minor_locator(NullLocator())
        if self._check is None:
            return
        figures = self._check.figures
        lags = np.arange(1, len(figures.correlation) + 1)
        correlation.bar(lags, figures.correlation, color=_DATA, width=0.6)
        correlation.axhline(0, color=text, linewidth=0.8)
        reach = max(0.05, 1.2 * max(map(abs, figures.correlation)))
        correlation.set(xlabel="lag (pixels)", ylabel="correlation", ylim=(-reach / 3, reach))
        correlation.set_xticks(lags)
