"""Each system of the papers beside the code that was published with it: a step, and a sample.

    python -m benchmarks.speed.systems --peer PYTHON --published DIR

PYTHON has careamics, `lightning` and `ml_collections`; DIR holds checkouts of
juglab/denoiSplit, uSplit, HDN and DivNoising by these names. Both sides get networks of the
published size, one thread, and the same 8 patches of 64 x 64 pixels; samples are of 512 x 512.
Theirs takes a step of network, loss, gradient and optimizer alone; ours all of a training step.
Processor time counts, turn by turn, and the median of the ratios. Writes its table between its
marks in docs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import sys
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any

from benchmarks.document import keep, put_into_document
from benchmarks.speed.training import REPOSITORY, Contestant, row, trainer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATCHES, PATCH, SIZE = 8, 64, 512
SAMPLES = 50
"""Samples over which one encoding counts."""
SOME = 64
"""Patches of a published sample that are computed; all of them take in proportion."""
SYSTEMS: dict[str, dict[str, Any]] = {
    "denoiSplit": {"repository": "denoiSplit", "kept": 32},
    "denoiSplit of careamics": {"repository": "careamics", "kept": 32},
    "muSplit, vanilla": {"repository": "uSplit", "kept": 16},
    "muSplit, Lean": {"repository": "uSplit", "kept": 16, "scales": 5, "variant": "lean"},
    "muSplit, Regular": {"repository": "uSplit", "kept": 16, "scales": 5, "variant": "regular"},
    "muSplit, Regular of 3 scales": {
        "repository": "uSplit",
        "kept": 16,
        "scales": 3,
        "variant": "regular",
    },
    "U-Net": {"repository": "uSplit", "kept": 16},
    "HDN": {"repository": "HDN", "kept": None},
    "DivNoising": {"repository": "DivNoising", "kept": None},
}
"""What was published: its repository, and what it keeps of a patch; None splits whole images."""


def ours(system: str, precision: str, what: str) -> Callable[[], object]:
    """Return our training step, or one sample and its share of the encoding."""
    import numpy as np
    import torch

    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.families import network_of, sampler_of
    from napari_denoisplit.sampling.posterior import Posterior
    from napari_denoisplit.settings import METHODS, PRESETS, ContextSettings

    network = PRESETS[
        {"U-Net": "unet", "HDN": "hdn", "DivNoising": "divnoising"}.get(system, "large")
    ].network
    loss, scales = METHODS["denoisplit"], SYSTEMS[system].get("scales")
    if SYSTEMS[system]["repository"] == "uSplit":
        loss = METHODS["musplit"]
    if system == "HDN":
        network = network.model_copy(update={"n_filters": 64})
    elif system.startswith("muSplit"):
        context = ContextSettings(scales=scales) if scales else None
        network = network.model_copy(update={"context": context, "predict_logvar": True})
    if system == "U-Net":
        loss = None  # its own
    if what == "step":
        return trainer_of(network, loss, precision, PATCHES, PATCH).step
    compute = Compute.choose("cpu", precision)
    torch.manual_seed(0)
    plane = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    sampler = sampler_of(network_of(network).eval(), compute)
    posterior = Posterior(sampler, _unit(network.n_channels), plane)
    (tile,) = posterior.tiles
    out = posterior.empty_sample()
    drawn = itertools.count()

    def sample() -> None:
        number = next(drawn)
        if number % SAMPLES == 0 or system == "U-Net":  # one answer: nothing to encode for others
            posterior.encode(tile)
        posterior.draw(number, tile, out)

    return sample


def _unit(n: int):
    from napari_denoisplit.images.training.normalization import Normalization

    return Normalization(
        input_mean=0.0, input_std=1.0, channel_means=(0.0,) * n, channel_stds=(1.0,) * n
    )


def published(system: str, what: str) -> Callable[[], object]:
    """Return a step of the published network and loss, or a sample in the published way."""
    import torch

    about = SYSTEMS[system]
    network, loss = _published_network(system, about)
    scales = about.get("scales", 1)
    torch.manual_seed(0)
    if what == "step":
        optimizer = torch.optim.Adamax(network.parameters(), 1e-3)
        x = torch.randn(PATCHES, scales, PATCH, PATCH)
        y = torch.randn(PATCHES, 1 if about["kept"] is None else 2, PATCH, PATCH)

        def step() -> None:
            optimizer.zero_grad()
            loss(x, y).backward()
            optimizer.step()

        return step
    network.eval()
    kept = about["kept"]
    if kept is None:
        patches = torch.randn(1, 1, SIZE, SIZE)
    else:
        patches = torch.randn(SOME, scales, PATCH, PATCH)

    @torch.no_grad()
    def sample() -> None:
        for part in patches.split(32):
            network(part)

    if system == "DivNoising":  # encodes once, too
        mean, logvar = network.encode(patches)

        @torch.no_grad()
        def sample() -> None:
            network.decode(network.reparameterize(mean, logvar))

    return sample


def _published_network(system: str, about: dict[str, Any]):
    import contextlib
    import importlib
    import io

    import torch
    import torch.nn.functional as F

    from benchmarks.speed.foreign_networks import (
        Case,
        careamics_network,
        published_network,
        stand_in_modules,
    )

    stand_in_modules()
    if about["repository"] == "HDN":
        network = importlib.import_module("models.lvae").LadderVAE(
            z_dims=[32] * 6, device="cpu", data_mean=0.0, data_std=1.0, img_shape=(PATCH, PATCH)
        )
        network.train()

        def of_hdn(x, y):
            found = network(x)
            return -found["ll"].mean() + found["kl_loss"] / PATCH**2

        return network, of_hdn
    if about["repository"] == "DivNoising":
        network = importlib.import_module("nets.lightningmodel").VAELightning(0.0, 1.0, 1.0)
        return network, lambda x, y: sum(network.step(x)[:2])
    if system.startswith("U-Net"):
        config = importlib.import_module("usplit.configs.unet_hagen_config").get_config()
        config.data.image_size = PATCH
        config.data.multiscale_lowres_count = about.get("scales")
        one = torch.ones(1)
        with contextlib.redirect_stdout(io.StringIO()):
            unet = importlib.import_module("usplit.nets.unet").UNet(
                {"input": 0 * one, "target": 0 * one}, {"input": one, "target": one}, config
            )
        return unet, lambda x, y: F.mse_loss(unet(x), y)
    case = Case(
        {"uSplit": "muSplit"}.get(about["repository"], about["repository"]),
        patch=PATCH,
        scales=about.get("scales", 1),
        variant=about.get("variant", ""),
        logvar=about["repository"] == "uSplit",
    )
    with contextlib.redirect_stdout(io.StringIO()):
        ladder = careamics_network(case) if case.origin == "careamics" else published_network(case)

    def of_ladder(x, y):
        out, data = ladder(x)
        kl = sum(k.mean() for k in data["kl"]) / PATCH**2
        if about["repository"] == "uSplit":
            return -ladder.likelihood(out, y)[0].mean() + kl
        return F.mse_loss(out, y) + kl  # less than its noise models cost

    return ladder, of_ladder


def worker(who: str, system: str, what: str) -> None:
    """Answer each line of the input by the processor seconds of a piece of work."""
    import torch

    from napari_denoisplit.nn.compute import keep_freed_memory

    torch.set_num_threads(1)
    with keep_freed_memory():
        make = published(system, what) if who == "published" else ours(system, who, what)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        make()
        print("ready", flush=True)
        for line in sys.stdin:
            start, n = process_time(), int(line)
            for _ in range(n):
                make()
            peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
            print(json.dumps([(process_time() - start) / n, peak]), flush=True)


def race(
    system: str, what: str, peer: str, folder: Path, rounds: int, precisions: Sequence[str]
) -> dict[str, Any]:
    """Seconds and peaks of all contestants, turn by turn, and the median of the ratios."""
    path = os.pathsep.join(map(str, (REPOSITORY / "src", folder / SYSTEMS[system]["repository"])))
    contestants = {}
    for who in ("published", *precisions):
        python = peer if who == "published" else sys.executable
        command = (python, "-m", "benchmarks.speed.systems", "--worker", who, system, what)
        contestants[who] = Contestant(command, path)
    taken: dict[str, list[float]] = {who: [] for who in contestants}
    peaks = {}
    kept = SYSTEMS[system]["kept"]
    share = 1.0 if kept is None or what == "step" else (SIZE // kept) ** 2 / SOME
    for _ in range(rounds):
        for who, contestant in contestants.items():
            seconds, peaks[who] = contestant.take()
            taken[who].append(seconds * (share if who == "published" else 1.0))
    for contestant in contestants.values():
        contestant.end()
    ratios = {
        who: median(p / o for p, o in zip(taken["published"], taken[who], strict=True))
        for who in precisions
    }
    return {"seconds": {w: median(s) for w, s in taken.items()}, "ratios": ratios, "peaks": peaks}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown of all that was run."""
    titles = ("published (s)", "float32", "bfloat16", "published (GiB)", "float32 (GiB)")
    if not any("bfloat16" in found["ratios"] for found in results.values()):
        titles = (titles[0], titles[1], *titles[3:])
    parts = []
    for what, title in (("step", "a training step"), ("sample", "a sample of 512 x 512")):
        lines = [row(title, *titles), "|---" * (1 + len(titles)) + "|"]
        for system in SYSTEMS:
            if found := results.get(f"{system}: {what}"):
                seconds, peaks = found["seconds"]["published"], found["peaks"]
                cells = [f"{seconds:.2f}"]
                cells += [f"{found['ratios'][p]:.1f} x" for p in titles[1:-2]]
                cells += [f"{peaks[w]:.2f}" for w in ("published", "float32")]
                lines.append(row(system, *cells))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="Python that runs the published code")
    parser.add_argument("--published", type=Path, help="folder of the checkouts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--precisions",
        nargs="+",
        default=["float32"],
        help="of ours; bfloat16 where the processor has it",
    )
    parser.add_argument("--only", default="", help="part of the names of what to run")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(*arguments.worker)
        return
    path = REPOSITORY / "benchmarks" / "results" / "speed_of_systems.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for system in SYSTEMS:
        for what in ("step", "sample"):
            name = f"{system}: {what}"
            if arguments.only in name:
                results[name] = race(
                    system,
                    what,
                    arguments.peer,
                    arguments.published.resolve(),
                    arguments.rounds,
                    arguments.precisions,
                )
                print(name, results[name], flush=True)
                keep("speed_of_systems", results)
    put_into_document("speed of systems", table(results))


if __name__ == "__main__":
    main()
