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
    minutes = parser.parse_args().minutes
    script("presets.py")
    script("sampling.py")
    methods = ("denoisplit", "altered_musplit", "musplit")
    for data, method, seed in product(("A", "AP", "B", "C"), methods, ("0", "1")):
        script("quality.py", "run", data, method, seed, "--minutes", minutes)
    script("quality.py", "report")


if __name__ == "__main__":
    main()
