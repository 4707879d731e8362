"""Jobs of the Calibration widget: read the images and calibrate, save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.errors import CalibrationError
from napari_denoisplit.events import Stage
from napari_denoisplit.widgets.choosers.chosen import read_all
from napari_denoisplit.widgets.parts.plot import PLOTTING
from napari_denoisplit.widgets.parts.worker import loading

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.events import Job, NoiseEvent, StatusEvent
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.jobs.calibrate.job import Calibrated
    from napari_denoisplit.settings import CalibrateSettings
    from napari_denoisplit.widgets.calibration.images import CalibrationInput


def calibrate_input(
    model: Path,
    data: CalibrationInput,
    judged_on: CalibrationInput | None,
    settings: CalibrateSettings,
    stop: threading.Event,
) -> Job[NoiseEvent, Calibrated]:
    """Read the images and calibrate with them.

    Parameters
    ----------
    model, settings, stop
        As of `calibrate_job`.
    data
        What to calibrate with.
    judged_on
        Other images; None to keep half of every image for it.

    Raises
    ------
    CalibrationError
        The images do not suffice, or the model was trained on them.
    ImageError
        They do not fit the model or one another.
    """
    fields, superpositions = yield from _read_set(data)
    others, others_mixed = yield from _read_set(judged_on)
    if fields is None:
        raise CalibrationError("There is nothing to calibrate with: choose images.")
    yield from loading(stop, "napari_denoisplit.jobs.calibrate.job", *PLOTTING)
    # Not at the top: torch is paid for when a calibration is asked for, in the background.
    from napari_denoisplit.jobs.calibrate.job import calibrate_job

    job = calibrate_job(
        model,
        fields,
        settings,
        superpositions=superpositions,
        report_on=others,
        report_superpositions=others_mixed,
        stop=stop,
    )
    return (yield from job)


def save_calibration(
    model: Model, path: Path, stop: threading.Event
) -> Job[StatusEvent, ModelHeader]:
    """Write a calibrated model, whole or not at all.

    Raises
    ------
    CalibrationError
        The file to replace is not the model any more that was calibrated.
    JobError
        Another run writes this file.
    OSError
        The folder cannot be written.
    """
    from napari_denoisplit.checkpoint import read_header, save_model
    from napari_denoisplit.jobs.lock import locked

    yield Stage(f"Saving {path.name}")
    is_own = model.path is not None and path.resolve() == model.path.resolve()
    with locked(path):
        if is_own and path.exists() and _plain(read_header(path)) != _plain(model.header):
            raise CalibrationError(
                f"{path.name} was changed since it was calibrated, as by a training that went on: "
                "calibrate it again, or save under another name."
            )
        save_model(path, model)
    return read_header(path)


def save_table(result: Calibrated, path: Path, stop: threading.Event) -> Job[StatusEvent, None]:
    """Write the points of every reliability diagram as CSV."""
    from napari_denoisplit.jobs.calibrate.job import write_table

    yield Stage(f"Saving {path.name}")
    write_table(path, result)


def _plain(header: ModelHeader) -> ModelHeader:
    return header.model_copy(update={"calibration": None})


def _read_set(
    data: CalibrationInput | None,
) -> Job[StatusEvent, tuple[TrainingFields | None, list[NDArray[np.float32]] | None]]:
    """Fields to compare with, and recorded superpositions; None where there are none."""
    from napari_denoisplit.images.training.fields import TrainingFields

    if data is None:
        return None, None
    noisy = yield from read_all(data.noisy)
    clean = yield from read_all(data.clean)
    yield Stage("Preparing the images")
    # With a recorded superposition clean images do without noisy ones, whose place they take.
    fields = TrainingFields.from_images(
        noisy or clean, clean or None, t_is_repeats=data.t_is_repeats
    ).held()
    recorded = yield from read_all(data.superpositions)
    if not recorded:
        return fields, None
    from napari_denoisplit.jobs.calibrate.fields import superposed_planes

    return fields, superposed_planes(recorded)
