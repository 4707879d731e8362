"""The command that calibrates the sigma of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_denoisplit.cli.calibrate.report import print_calibration
from napari_denoisplit.cli.parts.errors import SHORT, UsageError
from napari_denoisplit.cli.parts.files import (
    check_model_name,
    check_writable,
    read_each,
    read_structures,
)
from napari_denoisplit.cli.parts.options import Series, with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import CalibrateSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.fields import TrainingFields


class _Files(NamedTuple):
    """One set of images."""

    noisy: Sequence[Path]
    clean: Sequence[Path]
    superpositions: Sequence[Path]

    @property
    def suffice(self) -> bool:
        """Whether there is something to split, and something to compare with."""
        return bool(self.noisy or (self.clean and self.superpositions))


@with_settings(
    CalibrateSettings,
    "n_samples method device seed n_bins binning probe_samples max_pixels precision",
)
def calibrate(
    model: Path,
    images: list[Path] | None = None,
    *,
    clean: list[Path] | None = None,
    superposition: list[Path] | None = None,
    report_on: list[Path] | None = None,
    report_clean: list[Path] | None = None,
    report_superposition: list[Path] | None = None,
    repeats: bool = False,
    channel: list[str] | None = None,
    output: Path | None = None,
    table: Path | None = None,
    anyway: bool = False,
    as_json: bool = False,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Calibrate the sigma of a model: bring it to the size of its errors, and judge the result.

    You need images of the separate structures, of the same kind as those that you split. Clean ones
    are best; with noisy ones their noise is taken out of the comparison.

    denoisplit calibrate cells.denoisplit nuclei.tif actin.tif

    Parameters
    ----------
    model
        The model (*.denoisplit) to calibrate.
    images
        Noisy images of the separate structures, as for training: one file or folder per
        structure, or files that hold every structure as a channel. Images that the model has not
        seen, or all of its training images, of which the part kept aside is used.
    clean
        Clean image of the same field as a noisy one, if you have it; give the option once for each,
        in their order. Without it the noise is taken out of the comparison.
    superposition
        Recorded superposition of a field; give the option once for each, in their order. Left out,
        the noisy structures are mixed as in training.
    report_on
        Other noisy images to judge the calibration on, given as the first ones; left out, half of
        every image is kept for it.
    report_clean
        Clean images of those to judge on, as --clean.
    report_superposition
        Recorded superpositions of those to judge on, as --superposition.
    repeats
        The time points of the images are repeated exposures of one place: one is split, and
        compared with the next, so that both have noise of their own.
    channel
        Structure, in the order of the model's, of images that have more channels: its name, or its
        number from 1; give the option once for each.
    output
        Model file to write; left out, the model is replaced.
    table
        Write the points of the reliability diagram to this CSV file.
    anyway
        Write the model even if its sigma is not to be used.
    """
    target = output or model
    check_model_name(target)
    for file in filter(None, (target, table)):
        check_writable(file)
    settings = CalibrateSettings(**chosen)
    given = _Files(images or (), clean or (), superposition or ())
    others = _Files(report_on or (), report_clean or (), report_superposition or ())
    _check_files(given, others)
    terminal = Terminal()
    fields, mixed = _read(terminal, given, (axes, series), channel, repeats)
    judged_on, judged_mixed = None, None
    if any(others):
        judged_on, judged_mixed = _read(terminal, others, (axes, series), channel, repeats)

    # torch is paid for only here, when everything else is known to be right
    from napari_denoisplit.checkpoint import load_model, save_model
    from napari_denoisplit.jobs.calibrate.fields import superposed_planes
    from napari_denoisplit.jobs.calibrate.job import calibrate_job, write_table
    from napari_denoisplit.jobs.lock import locked

    planes, judged_planes = (
        superposed_planes(images) if images else None for images in (mixed, judged_mixed)
    )
    with locked(target):
        job = calibrate_job(
            load_model(model),
            fields,
            settings,
            superpositions=planes,
            report_on=judged_on,
            report_superpositions=judged_planes,
            stop=terminal.stop,
        )
        result = terminal.run(job, "calibrating")
        usable = all(channel.verdict.grade != "do not use" for channel in result.channels)
        if usable or anyway:
            save_model(target, result.model)
    print_calibration(result, target if usable or anyway else None, as_json=as_json)
    if table is not None:
        write_table(table, result)  # last: what it may fail of must not cost the calibration
    terminal.end(0 if usable else SHORT)


def _check_files(given: _Files, others: _Files) -> None:
    """Find out before anything is read whether it will suffice."""
    if not given.suffice:
        raise UsageError(
            "There is nothing to compare with. Name noisy images of the structures, or clean ones "
            "(--clean) with their superposition (--superposition)."
        )
    if any(others) and not others.suffice:
        raise UsageError(
            "To judge on other images, name noisy ones (--report-on), or clean ones "
            "(--report-clean) with their superposition (--report-superposition)."
        )


def _read(
    terminal: Terminal,
    files: _Files,
    reading: tuple[str | None, int | None],
    channels: list[str] | None,
    repeats: bool,
) -> tuple[TrainingFields, list[Image]]:
    """Fields to compare with, and recorded superpositions."""
    from napari_denoisplit.images.training.fields import TrainingFields

    of_structures = (files.noisy, files.clean)
    noisy, clean = (read_structures(terminal, one, *reading, channels) for one in of_structures)
    mixed = read_each(terminal, files.superpositions, *reading)
    # With a recorded superposition clean images do without noisy ones, whose place they take.
    fields = TrainingFields.from_images(noisy or clean, clean or None, t_is_repeats=repeats)
    return fields.held(), mixed
