"""Every benchmark, one after the other: `python -m benchmarks`, about four hours on two cores.

`--minutes` is what each of the training runs of the quality benchmark gets.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from itertools import product
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def script(name: str, *arguments: str) -> None:
    """Run one benchmark in a process of its own."""
    print(">", name, *arguments, flush=True)
    subprocess.run([sys.executable, str(FOLDER / name), *arguments], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", default="10", help="minutes of each training run")
    parser.add_argument("--peer", help="python of an environment with careamics, to compare with")
    arguments = parser.parse_args()
    minutes = arguments.minutes
    script("presets.py")
    script("denoising.py")
    script("noise_models.py")
    script("noise_memory.py")
    script("slide.py", "--presets", "tiny", "fast")
    script("browser.py")
    if arguments.peer:
        script("noise_speed.py", arguments.peer)
        script("noise_interop.py", arguments.peer)
    methods = ("denoisplit", "altered_musplit", "musplit")
    for data, method, seed in product(("A", "AP", "B", "C"), methods, ("0", "1")):
        script("quality.py", "run", data, method, seed, "--minutes", minutes)
    for source in ("pairs", "repeats", "bootstrap", "single"):
        script("quality.py", "run", "A", "denoisplit", "0", "--minutes", minutes, "--noise", source)
    script("calibration.py")
    script("quality.py", "report")
    script("trust.py")
    script("samples.py")
    script("seams.py", "seams")
    script("seams.py", "quality")
    script("seams.py", "report")
    script("lens.py")
    script("window.py")
    # Last, since it compares numbers on a trained model.
    script("sampling.py", *(["--peer", arguments.peer] if arguments.peer else []))


if __name__ == "__main__":
    main()
