"""Curves, verdicts and jobs of noise models that need no images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_denoisplit.curves import (
    Autocorrelation,
    JointHistogram,
    ModelBands,
    NoiseCurves,
    PitCurve,
    SignalBin,
    VarianceCurve,
)
from napari_denoisplit.events import FitStep, PairsGathered, Stage
from napari_denoisplit.jobs.noise.job import Judged, NoiseFit
from napari_denoisplit.verdict import NoiseRecord, Verdict

GOOD = Verdict(grade="good", reasons=("Nothing speaks against it.",))
BAD = Verdict(
    grade="do not use",
    reasons=("Neighbouring pixels are alike (0.6): <bin> the image.", "It covers half the range."),
)


def joint() -> JointHistogram:
    return JointHistogram(
        np.add.outer(np.arange(4), np.arange(5)), np.arange(5) * 10.0, np.arange(6) * 10.0
    )


def signal_bin(signal: float) -> SignalBin:
    at = np.linspace(signal - 9, signal + 9, 7)
    return SignalBin(
        (signal - 5, signal + 5), signal, 1000, np.linspace(0, 50, 6), np.full(5, 0.02),
        at, np.full(7, 0.03), signal, signal,
    )  # fmt: skip


def curves(slope: float = 1.0) -> NoiseCurves:
    signal = np.linspace(5, 35, 4)
    return NoiseCurves(
        joint=joint(),
        bands=ModelBands(
            signal, signal, (0.025, 0.16, 0.84, 0.975), signal + np.arange(4.0)[:, None],
            slope * signal,
        ),
        bins=tuple(signal_bin(s) for s in signal),
        variance=VarianceCurve(signal, signal, 0.1 * signal),
        pit=PitCurve(
            np.linspace(0, 1, 6), np.ones(5), np.linspace(0, 1, 9), np.linspace(0, 1, 9), 0.01
        ),
        autocorrelation=Autocorrelation((1, 2, 3), (0.1, 0.0, 0.0), (0.2, 0.0, 0.0), 0.01),
        nll=3.25 * slope,
        gaussian_nll=3.5,
        coverage=0.97,
        observed_range=(0.0, 50.0),
    )  # fmt: skip


@dataclass(frozen=True)
class FakeModel:
    """Stands for a camera with a gain."""

    record: NoiseRecord = field(default_factory=NoiseRecord)
    kind: str = "poisson_gaussian"
    gain: float = 2.0

    def with_record(self, record: NoiseRecord) -> FakeModel:
        return FakeModel(record, self.kind, self.gain)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "gain": self.gain, "offset": 100.0, "read_noise": 3.0}


@dataclass
class FakeNoiseJobs:
    """What the jobs were asked, and how they are to behave."""

    verdict: Verdict = GOOD
    error: Exception | None = None
    endless: bool = False
    data: list[Any] = field(default_factory=list)
    settings: list[Any] = field(default_factory=list)
    judged: list[Any] = field(default_factory=list)

    def fit_noise_job(self, data, settings=None, *, denoise=None, stop=None):
        self.data.append(data)
        self.settings.append((settings, denoise))
        yield Stage("Gathering pixels")
        yield PairsGathered(joint(), 123_456, ("The field drifts by 2 pixels.",))
        while self.endless and not stop.wait(0.01):
            yield FitStep("1 Gaussian", 0, 4.0)
        yield FitStep("2 Gaussians", 1, 3.25)
        if self.error is not None:
            raise self.error
        record = NoiseRecord(name=data.name, source=data.source, verdict=self.verdict)
        yield Stage("Judging the noise model")
        return NoiseFit(FakeModel(record), curves(), object(), candidates={}, denoised=None)

    def judge_noise_job(self, model, pairs):
        self.judged.append(model)
        yield Stage("Judging the noise model")
        return Judged(curves(1.5), BAD)
