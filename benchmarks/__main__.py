"""Every benchmark, one after the other: `python -m benchmarks`, about four hours on two cores.

`--minutes` is what each of the training runs of the quality benchmark gets.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from itertools import product

from benchmarks.quality.systems import SYSTEMS


def script(name: str, *arguments: str) -> None:
    """Run one benchmark in a process of its own."""
    print(">", name, *arguments, flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", default="10", help="minutes of each training run")
    parser.add_argument("--peer", help="python of an environment with careamics, to compare with")
    arguments = parser.parse_args()
    minutes = arguments.minutes
    script("speed.presets")
    script("speed.larger_than_memory")
    script("quality.denoising")
    script("noise.models")
    script("noise.memory")
    script("speed.slide", "--presets", "tiny", "fast")
    script("windows.first_split")
    script("windows.browser")
    if arguments.peer:
        script("noise.speed", arguments.peer)
        script("noise.interop", arguments.peer)
        script("quality.denoisers", "--peer", arguments.peer)
    methods = ("denoisplit", "altered_musplit", "musplit")
    for data, method, seed in product(("A", "AP", "B", "C"), methods, ("0", "1")):
        script("quality.training", "run", data, method, seed, "--minutes", minutes)
    for source in ("pairs", "repeats", "bootstrap", "single"):
        run = ("run", "A", "denoisplit", "0", "--minutes", minutes, "--noise", source)
        script("quality.training", *run)
    script("quality.budgets", "run", "A", "0.5", "1", "2", "5", "10")
    script("quality.budgets", "run", "A", "10", "--until-good")
    script("quality.budgets", "report")
    script("quality.calibration")
    script("quality.training", "report")
    for system in SYSTEMS:
        script("quality.systems", "run", "A", system)
    script("quality.systems", "report")
    for preset in ("fast", "context"):
        script("quality.wells", "--preset", preset)
    script("quality.kills")
    script("quality.trust")
    script("quality.recordings")
    script("quality.mixtures")
    script("quality.noise_range")
    script("quality.unfamiliar")
    script("quality.samples")
    script("quality.seams", "seams")
    script("quality.seams", "quality")
    script("quality.seams", "report")
    script("windows.lens")
    script("windows.window")
    # Last, since it compares numbers on a trained model.
    script("speed.sampling", *(["--peer", arguments.peer] if arguments.peer else []))


if __name__ == "__main__":
    main()
