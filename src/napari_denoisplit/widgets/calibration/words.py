"""A calibration in words and tables that a window can show."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from napari_denoisplit.calibration_record import TARGETS_IN_WORDS
from napari_denoisplit.images.training.sources import source_name
from napari_denoisplit.widgets.parts.grade_words import (
    grade_text,
    html_table,
    table_of_columns,
    verdict_html,
)
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from napari_denoisplit.curves import SigmaCurves
    from napari_denoisplit.jobs.calibrate.channel import ChannelResult
    from napari_denoisplit.jobs.calibrate.job import Calibrated

CAVEAT = (
    "What the model itself got wrong in training is in no answer: the uncertainty is not the "
    "model's own error. The calibration only brings its size to the errors that were met here."
)


def verdicts_html(result: Calibrated) -> str:
    """Verdict on each structure in full; what is true of all is said once."""
    verdicts = [channel.verdict for channel in result.channels]
    common = [r for r in verdicts[0].reasons if all(r in v.reasons for v in verdicts)]
    parts = []
    for channel in result.channels:
        verdict = channel.verdict
        own = tuple(reason for reason in verdict.reasons if reason not in common)
        parts.append(f"<p><b>{html.escape(channel.curves.channel)}</b></p>")
        parts.append(verdict_html(verdict.model_copy(update={"reasons": own})))
    shared = [text for channel in result.channels if (text := shared_noise_text(channel))]
    every = [*shared, *common, CAVEAT]
    return "".join(parts) + "".join(f"<p>{html.escape(text, quote=False)}</p>" for text in every)


def shared_noise_text(channel: ChannelResult) -> str:
    """Say how large the bias of noise is that input and target share; empty if they share none."""
    plain = channel.factors.get("uncorrected")
    if plain is None:
        return ""
    alpha, name = channel.factors["variance"], channel.curves.channel
    text = f"The noise of the images of {name} is in the input, too, and that is taken into account"
    if plain <= 0:
        return f"{text}: otherwise all of the error would have been taken for noise."
    return (
        f"{text}: otherwise the factor would be {plain:.3g} in place of {alpha:.3g} "
        f"({plain / alpha - 1:+.0%})."
    )


def figures_table(result: Calibrated) -> str:
    """Numbers of every structure, a column each, and where they come from."""
    record = result.record
    parts = zip(result.channels, record.channels, record.scores, strict=True)
    columns = []
    for channel, calibration, score in parts:
        column = {
            "": f"<b>{html.escape(score.channel)}</b>",
            "verdict": grade_text(channel.verdict),
            "method": channel.curves.chosen,
            "factor": f"{calibration.factor:.3f}",
        }
        if (plain := channel.factors.get("uncorrected")) is not None:
            column["factor, shared noise ignored"] = f"{plain:.3f}"
        column |= {
            "ECE before, grey levels": grey_levels(score.ece_before, 4),
            "ECE after": grey_levels(score.ece_after, 4),
            "relative ECE before": f"{score.relative_ece_before:.1%}",
            "relative ECE after": f"{score.relative_ece_after:.1%}",
            "slope": f"{score.slope:.3f}",
            "r": f"{score.correlation:.3f}",
        }
        column |= {f"within {name}%": f"{x:.1%}" for name, x in score.coverage.items()}
        if channel.noise_scale != 1:
            column["noise, found / model"] = f"{channel.noise_scale:.2f}"
        column["pixels judged"] = f"{score.n_pixels:,}"
        columns.append(column)
    return table_of_columns(columns) + _origin(result)


def samples_table(curves: SigmaCurves) -> str:
    """Say what fewer samples would be worth, a row each."""
    rows = [["answers", "factor", "ECE", "slope", "r", "68%", "95%"]]
    rows += [
        [
            str(step.n_samples),
            f"{step.factor:.2f}",
            grey_levels(step.curve.ece, 4),
            f"{step.curve.line[0]:.2f}",
            f"{step.curve.correlation:.2f}",
            f"{step.coverage['68']:.0%}",
            f"{step.coverage['95']:.0%}",
        ]
        for step in curves.by_samples
    ]
    return html_table(rows)


def _origin(result: Calibrated) -> str:
    record = result.record
    path = result.model.path
    lines = [] if path is None else [f"Model: {path.name}."]
    lines += [f"{record.n_samples} answers, {record.n_pixels or 0:,} pixels fitted to."]
    if record.target is not None:
        lines.append(f"Compared with {TARGETS_IN_WORDS[record.target]}.")
    if record.judged_on:
        names = ", ".join(source_name(line) for line in record.judged_on)
        lines.append(f"Judged on other images: {names}.")
    else:
        lines.append("Judged on pixels left out of the fit.")
    if result.stopped_early:
        lines.append("Stopped early: not all of the images were used.")
    return "".join(f"<p>{html.escape(line)}</p>" for line in [*lines, *record.notes])
