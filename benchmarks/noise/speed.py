"""Noise models beside the published class of careamics: fit, likelihood with its gradient.

    python -m benchmarks.noise.speed PYTHON

PYTHON is the interpreter of an environment with careamics (0.3.5 was compared) and the torch of
this one; both run there, turn by turn, in one process. Writes its table between its marks in docs.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.data_sets import REPOSITORY
from benchmarks.document import keep, put_into_document

SHAPE = (32, 2, 64, 64)
SHAPES = ((1, 2), (3, 2), (6, 4))
REPEATS = 60
PIXELS = 1_000_000
ITERATIONS = 2000
FITS = 5
HEAD = (
    "| likelihood and gradient of 32 x 2 x 64 x 64 values | careamics, ms | ours, ms | ratio | "
    "largest difference, nats | of the gradient, relative |\n|---|---|---|---|---|---|"
)
HEAD_FIT = "| fit of 1 M pairs, K = 3, n = 2 | seconds | nats per pixel |\n|---|---|---|"


def camera(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Signal and observation of a camera with gain 5, offset 100 and read noise 8."""
    rng = np.random.default_rng(seed)
    signal = (100 + rng.gamma(1.0, 300, n)).astype(np.float32)
    observation = 100 + 5 * rng.poisson((signal - 100) / 5) + rng.normal(0, 8, n)
    return signal, observation.astype(np.float32)


def peer(path: Path):
    """Make the published class with the numbers of a file."""
    from careamics.config import GaussianMixtureNMConfig
    from careamics.models.lvae.noise_models import GaussianMixtureNoiseModel

    with contextlib.redirect_stdout(io.StringIO()):
        config = GaussianMixtureNMConfig(model_type="GaussianMixtureNoiseModel", path=path)
        return GaussianMixtureNoiseModel(config)


def race_likelihood(k: int, n: int, folder: Path) -> dict[str, float]:
    """Both on models that were fitted to two channels of the same camera."""
    import torch
    from careamics.models.lvae.noise_models import MultiChannelNoiseModel

    from napari_denoisplit.noise.files.noise_file import write_noise_model
    from napari_denoisplit.noise.fitting.mixture import fit_gaussian_mixture
    from napari_denoisplit.noise.models.channels import NoiseModels

    models, peers = [], []
    for channel in range(2):
        model = fit_gaussian_mixture(*camera(200_000, channel), k, n)
        write_noise_model(folder / f"{channel}.npz", model)
        models.append(model)
        peers.append(peer(folder / f"{channel}.npz"))
    with contextlib.redirect_stdout(io.StringIO()):
        published = MultiChannelNoiseModel(peers)
    ours = NoiseModels(models)
    s, x = (torch.from_numpy(v.reshape(SHAPE)) for v in camera(int(np.prod(SHAPE)), 7))
    # Beyond the signals of the fit the published polynomials run on, ours stay what they are.
    s = s.clamp(max=min(model.signal_range[1] for model in models))
    s.requires_grad_()

    def work(log_likelihood):
        s.grad = None
        value = log_likelihood(x, s)
        value.sum().backward()
        return value.detach(), s.grad

    contestants = {
        "careamics": lambda: work(lambda x, s: published.likelihood(x, s).log()),
        "ours": lambda: work(ours.log_likelihood),
    }
    (value, gradient), (value_ours, gradient_ours) = (run() for run in contestants.values())
    # Compared where the published 1e-10 in the logarithm does not decide.
    told = value > -11.0
    times = {name: [] for name in contestants}
    for _ in range(REPEATS):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {
        "k": k,
        "n": n,
        **{name: float(np.median(t)) for name, t in times.items()},
        "difference": float((value - value_ours)[told].abs().max()),
        "gradient": float((gradient - gradient_ours)[told].norm() / gradient[told].norm()),
    }


def race_fit(folder: Path) -> dict[str, float]:
    """Time to fit, and the likelihood reached on pairs that neither has seen."""
    import torch

    from napari_denoisplit.noise.files.noise_file import write_noise_model
    from napari_denoisplit.noise.fitting.mixture import fit_gaussian_mixture

    signal, observation = camera(PIXELS)
    test = [torch.from_numpy(v) for v in camera(PIXELS, 1)]
    times = []
    for _ in range(FITS):
        start = time.perf_counter()
        model = fit_gaussian_mixture(signal, observation)
        times.append(time.perf_counter() - start)
    ours = float(-model.log_likelihood(test[1], test[0]).mean())

    torch.manual_seed(0)
    start_weight = torch.randn(9, 2)  # as published
    low, high = float(signal.min()), float(signal.max())
    start_weight[3:6, 1] = np.log(high - low)
    np.savez(
        folder / "start.npz",
        trained_weight=start_weight.numpy(),
        min_signal=np.float32([low]),
        max_signal=np.float32([high]),
        min_sigma=np.float64(1.0),
    )
    published = peer(folder / "start.npz")
    shape = (1, 1000, PIXELS // 1000)
    with contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        losses = published.fit(signal.reshape(shape), observation.reshape(shape))
        seconds = time.perf_counter() - start
    write_noise_model(folder / "ours.npz", model)
    with torch.no_grad():
        reached = float(-published.likelihood(test[1], test[0]).log().mean())
    return {
        "careamics": seconds,
        "careamics_nll": reached,
        "careamics_last_100": float(np.mean(losses[-100:])),
        "ours": float(np.median(times)),
        "ours_nll": ours,
    }


def measure() -> None:
    """Run all of it and print the numbers as JSON; runs in the environment of careamics."""
    import torch

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        likelihood = [race_likelihood(k, n, folder) for k, n in SHAPES]
        result = {"threads": torch.get_num_threads(), "likelihood": likelihood}
        result["fit"] = race_fit(folder)
    print(json.dumps(result))


def table(result: dict) -> str:
    """Both tables as text."""
    rows = [
        f"| K = {r['k']}, n = {r['n']} | {1e3 * r['careamics']:.1f} | {1e3 * r['ours']:.1f} | "
        f"{r['careamics'] / r['ours']:.1f} | {r['difference']:.1e} | {r['gradient']:.1e} |"
        for r in result["likelihood"]
    ]
    fit = result["fit"]
    fits = [
        f"| careamics, {ITERATIONS} iterations | {fit['careamics']:.1f} | "
        f"{fit['careamics_nll']:.4f} |",
        f"| ours | {fit['ours']:.2f} | {fit['ours_nll']:.4f} |",
        f"| ratio | {fit['careamics'] / fit['ours']:.0f} | |",
    ]
    return "\n".join([HEAD, *rows, "", HEAD_FIT, *fits])


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--measure":
        measure()
        return
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.argv[1], "-m", __spec__.name, "--measure"]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    text = table(result)
    print(text)
    keep("noise_speed", result)
    put_into_document("noise speed", text)


if __name__ == "__main__":
    main()
