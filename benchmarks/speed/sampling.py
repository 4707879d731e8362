"""Speed and memory of posterior sampling of 512 x 512 pixels.

    python -m benchmarks.speed.sampling [--peer PYTHON] [--rounds N] [--model FILE]

With their border 544 x 544 pixels are computed. Beside the network as training leaves it, and with
PYTHON, the interpreter of an environment with careamics (0.3.5 was compared) and the torch of this
one, beside the published prediction path. Contestants alternate, medians are shown. FILE is a model
trained on data set A, by default that of benchmarks/quality/training.py; with it the numbers of
both forms are compared. Writes its tables between their marks in docs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.data_sets import DATA_SETS, REPOSITORY
from benchmarks.document import keep, put_into_document
from benchmarks.speed.sampling_race import NORMALIZATION, SIZE, plane, seconds
from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.border import border_of
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import PRESETS

ROUNDS = 5
ROUNDS_FRESH = 3
N_SAMPLES = 50
N_COMPARED = 8
MODEL = REPOSITORY / "benchmarks" / "output" / "quality" / "A_denoisplit_0.denoisplit"
PRECISIONS = ("bfloat16", "float32")


def first_sample(network: VSE, compute: Compute) -> torch.Tensor:
    """Do what passes between the click, with the model loaded, and the first picture."""
    return many_samples(network, compute, 1)


def many_samples(network: VSE, compute: Compute, n_samples: int) -> torch.Tensor:
    posterior = Posterior(sampler_of(network, compute), NORMALIZATION, plane())
    (tile,) = posterior.tiles
    posterior.encode(tile)
    sample = posterior.empty_sample()
    moments = Moments(tuple(sample.shape), compute.device)
    for k in range(n_samples):
        posterior.draw(k, tile, sample)
        moments.add(sample)
    return moments.std


def peak_gib(network: VSE, compute: Compute) -> float:
    """Growth of the process's largest size by three samples, with freed memory kept."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many_samples(network, compute, 3)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20


def alternating(works: dict[str, object], rounds: int) -> dict[str, float]:
    """Median seconds of each, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: float(np.median(values[1:])) for name, values in times.items()}


def measure(name: str, precision: str, rounds: int) -> dict[str, float]:
    """All figures of one preset, in this process."""
    compute = Compute.choose("auto", precision)
    torch.manual_seed(0)
    network = VSE(PRESETS[name].network).to(compute.device).eval()
    # As large as what the other form computes, with the border.
    padded = np.pad(plane(), border_of(network.multiple), mode="symmetric")
    x = torch.from_numpy(padded)[None, None].to(compute.device)
    with keep_freed_memory(), torch.no_grad():
        peak = peak_gib(network, compute)
        first = min(seconds(lambda: first_sample(network, compute)) for _ in range(2))
        posterior = Posterior(sampler_of(network, compute), NORMALIZATION, plane())
        (tile,) = posterior.tiles
        posterior.encode(tile)
        sample = posterior.empty_sample()
        with compute.autocast():
            features = network.encode(x)

        def plain_encode() -> None:
            with compute.autocast():
                network.encode(x)

        def plain_draw() -> None:
            with compute.autocast():
                network.decode(features, lambda _, shape: torch.randn(shape, device=x.device))

        figures = alternating(
            {
                "plain_encode": plain_encode,
                "encode": lambda: posterior.encode(tile),
                "plain_draw": plain_draw,
                "draw": lambda: posterior.draw(0, tile, sample),
            },
            rounds,
        )
        many = seconds(lambda: many_samples(network, compute, N_SAMPLES))
    return {**figures, "first": first, "many": many, "peak": peak}


def differences(path: Path) -> list[dict[str, float | str]]:
    """Both forms of a model trained on data set A, with the same latents, on its test image."""
    data = DATA_SETS["A"]()
    model = load_model(path)
    network, statistics = model.network.eval(), model.header.normalization
    image = np.asarray(data.superposition.data, np.float32)[:SIZE, :SIZE]
    x = torch.from_numpy((image - statistics.input_mean) / statistics.input_std)[None, None]
    truth = data.truth[:, :SIZE, :SIZE]

    def samples(form) -> np.ndarray:
        """(N_COMPARED, C, Y, X)."""
        generator = torch.Generator().manual_seed(0)

        def noise(_: int, shape: tuple[int, ...], *corner: object) -> torch.Tensor:
            return torch.randn(shape, generator=generator)

        features = form.encode(x)
        return np.concatenate([form.decode(features, noise) for _ in range(N_COMPARED)])

    def psnr(values: np.ndarray) -> list[float]:
        """Mean over samples of each channel's, and that of their mean, decibel."""
        each = [[range_invariant_psnr(t, p) for t, p in zip(truth, s, strict=True)] for s in values]
        means = zip(truth, values.mean(0), strict=True)
        return [*np.mean(each, 0), *(range_invariant_psnr(t, p) for t, p in means)]

    rows = []
    with torch.no_grad(), keep_freed_memory():
        plain = samples(network)
        for precision in PRECISIONS:
            ours = samples(sampler_of(network, Compute.choose("cpu", precision)))
            shift = np.subtract(psnr(ours), psnr(plain))
            rows.append(
                {
                    "precision": precision,
                    "relative": float(np.abs(ours - plain).max() / np.abs(plain).max()),
                    "decibel_sample": float(np.abs(shift[: len(truth)]).max()),
                    "decibel_mean": float(np.abs(shift[len(truth) :]).max()),
                }
            )
    return rows


def race(peer: str, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds a sample of the published path and of ours; medians, kept memory and fresh."""

    def run(*arguments: str) -> dict:
        script = str(Path(__file__).with_name("sampling_race.py"))
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
        done = subprocess.run(
            [peer, script, *arguments], env=environment, check=True, stdout=subprocess.PIPE
        )
        return json.loads(done.stdout.splitlines()[-1])

    warm = {k: float(np.median(v)) for k, v in run("warm", str(rounds)).items()}
    contestants = ("published", *PRECISIONS)
    runs = [{name: run("fresh", name) for name in contestants} for _ in range(ROUNDS_FRESH)]
    fresh = {
        f"{name}_{when}": float(np.median([r[name][when] for r in runs]))
        for name in contestants
        for when in ("first", "later")
    }
    return {"warm": warm, "fresh": fresh}


def race_table(result: dict[str, dict[str, float]]) -> str:
    """Write both races as text; encoding counts as in so many samples."""
    warm, fresh = result["warm"], result["fresh"]
    lines = [
        "| seconds a sample | published path | bfloat16 | ratio | float32 | ratio |",
        "|---" * 6 + "|",
    ]
    rows = [("memory kept", warm["published"], warm["bfloat16"], warm["float32"])]
    rows += [
        (
            f"a fresh process, {words}",
            *(fresh[f"{name}_{when}"] for name in ("published", *PRECISIONS)),
        )
        for when, words in (("first", "first sample"), ("later", "third sample"))
    ]
    for words, published, low, high in rows:
        low += warm["encode_bfloat16"] / N_SAMPLES
        high += warm["encode_float32"] / N_SAMPLES
        lines.append(
            f"| {words} | {published:.2f} | {low:.2f} | {published / low:.1f} "
            f"| {high:.2f} | {published / high:.1f} |"
        )
    total = N_SAMPLES * warm["published"]
    lines += [
        "",
        f"{N_SAMPLES} samples by the published path would take {total:.0f} s where memory is kept "
        f"and {N_SAMPLES * fresh['published_later']:.0f} s in a fresh process: {N_SAMPLES} times "
        "one sample, not run.",
    ]
    return "\n".join(lines)


def differences_table(rows: list[dict[str, float | str]]) -> str:
    """Write what rewriting changes in the numbers as text."""
    lines = [
        "| precision | largest difference, of the largest value | PSNR of a sample, shift (dB) "
        f"| PSNR of the mean of {N_COMPARED}, shift (dB) |",
        "|---" * 4 + "|",
    ]
    lines += [
        f"| {r['precision']} | {r['relative']:.1e} | {r['decibel_sample']:.4f} "
        f"| {r['decibel_mean']:.4f} |"
        for r in rows
    ]
    return "\n".join(lines)


def preset_table(rows: list[dict]) -> str:
    """Write times and memory of each preset as text."""
    lines = [
        "| preset | precision | encode, as trained (s) | encode (s) | sample, as trained (s) "
        f"| sample (s) | first sample (s) | {N_SAMPLES} samples with moments (s) "
        "| peak memory (GiB) |",
        "|---" * 9 + "|",
    ]
    lines += [
        f"| {row['preset']} | {row['precision']} | {row['plain_encode']:.2f} | {row['encode']:.2f} "
        f"| {row['plain_draw']:.2f} | {row['draw']:.2f} | {row['first']:.2f} "
        f"| {row['many']:.1f} | {row['peak']:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def presets(rounds: int) -> list[dict]:
    """Each preset and precision in a process of its own, so that its peak is its own."""
    rows = []
    for name in ("fast", "large"):
        for precision in PRECISIONS:
            command = [sys.executable, "-m", __spec__.name, "--measure", name, precision]
            command += ["--rounds", str(rounds)]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append({"preset": name, "precision": precision, **json.loads(text)})
            print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="python of an environment with careamics")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument(
        "--only", choices=("presets", "race", "differences"), help="leave the others as they were"
    )
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure, arguments.rounds)))
        return
    path = REPOSITORY / "benchmarks" / "results" / "sampling.json"
    result = json.loads(path.read_text()) if path.exists() else {}
    wanted = [arguments.only] if arguments.only else ["presets", "race", "differences"]
    if "presets" in wanted:
        result["presets"] = presets(arguments.rounds)
    if "race" in wanted and arguments.peer:
        result["race"] = race(arguments.peer, arguments.rounds)
    if "differences" in wanted and arguments.model.exists():
        result["differences"] = differences(arguments.model)
    keep("sampling", result)
    tables = {"presets": preset_table, "race": race_table, "differences": differences_table}
    for name, table in tables.items():
        if name in result:
            mark = "sampling" if name == "presets" else f"sampling {name}"
            put_into_document(mark, table(result[name]))
            print(table(result[name]), flush=True)


if __name__ == "__main__":
    main()
