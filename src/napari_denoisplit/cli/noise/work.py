"""What the noise command does with one channel: fit or judge, then write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_denoisplit.cli.noise.report import NoiseReport
from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_denoisplit.cli.noise.tasks import NoiseTask
    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings
    from napari_denoisplit.verdict import Grade

UNJUDGED = Verdict(grade="do not use", reasons=("The model was not judged.",))


@dataclass(frozen=True, slots=True, eq=False)
class NoiseWork:
    """What is done with every channel of a call."""

    settings: NoiseFitSettings
    denoise: DenoiseSettings
    terminal: Terminal
    output: Path | None
    picture: Path | None
    required: Grade | None
    checked: Mapping[Path, NoiseModel]
    """Models to judge; where empty, one is fitted."""

    def reports(self, task: NoiseTask) -> list[NoiseReport]:
        """Fit or judge, write what is good enough, and return what is to be said."""
        found = self._judged(task) if self.checked else [self._fitted(task)]
        return [self._written(report, task) for report in found]

    def _fitted(self, task: NoiseTask) -> NoiseReport:
        from napari_denoisplit.jobs.noise.job import fit_noise_job  # imports torch

        job = fit_noise_job(task.data, self.settings, denoise=self.denoise, stop=self.terminal.stop)
        fit = self.terminal.run(job, task.data.name)
        verdict = fit.model.record.verdict or UNJUDGED
        return NoiseReport(
            task.data, fit.model, fit.pairs, fit.curves, verdict, None, fit.candidates
        )

    def _judged(self, task: NoiseTask) -> list[NoiseReport]:
        from napari_denoisplit.jobs.noise.job import gather_job, judge_noise_job

        gathering = gather_job(
            task.data, self.settings, denoise=self.denoise, stop=self.terminal.stop
        )
        pairs, _ = self.terminal.run(gathering, task.data.name)
        reports = []
        for path, model in self.checked.items():
            judged = self.terminal.run(judge_noise_job(model, pairs), path.name)
            record = model.record.model_copy(update={"verdict": judged.verdict})
            reports.append(
                NoiseReport(
                    task.data,
                    model.with_record(record),
                    pairs,
                    judged.curves,
                    judged.verdict,
                    path,
                )
            )
        return reports

    def _written(self, report: NoiseReport, task: NoiseTask) -> NoiseReport:
        """Write model and picture; a model that falls short is only drawn."""
        if self.picture is not None:
            from napari_denoisplit.jobs.noise.picture import save_noise_picture

            picture = task.path(self.picture)
            save_noise_picture(picture, report.curves, report.verdict, report.data.name)
            report = replace(report, picture=picture)
        if self.output is not None and report.verdict.reaches(self.required):
            from napari_denoisplit.noise.files.noise_file import write_noise_model

            file = task.path(self.output)
            write_noise_model(file, report.model)
            report = replace(report, model_file=file)
        return report
