"""Have careamics read noise models that this package wrote, and compare the likelihoods.

    python -m benchmarks.noise.interop PEER_PYTHON [FOLDER]

PEER_PYTHON is the interpreter of an environment with careamics; FOLDER may hold published `.npz`
noise models, which then make the same way through this package.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from napari_denoisplit.noise.files.noise_file import read_noise_model, write_noise_model
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.verdict import NoiseRecord

N_PIXELS = 20_000

PEER = """
import sys, numpy as np, torch
from careamics.config import GaussianMixtureNMConfig
from careamics.models.lvae.noise_models import GaussianMixtureNoiseModel
for path in sys.argv[1:]:
    config = GaussianMixtureNMConfig(model_type="GaussianMixtureNoiseModel", path=path)
    model = GaussianMixtureNoiseModel(config)
    pixels = np.load(path + ".pixels.npy")
    x, s = torch.from_numpy(pixels)
    with torch.no_grad():
        np.save(path + ".peer.npy", model.likelihood(x, s).numpy())
    folder, name = path.rsplit("/", 1)
    model.save(folder, "again_" + name)
# The class casts to float32; the same formula without that rounding.
torch.Tensor.float = torch.Tensor.double
for path in sys.argv[1:]:
    config = GaussianMixtureNMConfig(model_type="GaussianMixtureNoiseModel", path=path)
    model = GaussianMixtureNoiseModel(config).double()
    x, s = torch.from_numpy(np.load(path + ".pixels.npy"))
    with torch.no_grad():
        np.save(path + ".double.npy", model.likelihood(x, s).numpy())
"""


def models(folder: Path | None) -> dict[str, GaussianMixture]:
    """Mixtures of several sizes, and the published ones."""
    made = {}
    for k, n in ((1, 2), (3, 2), (6, 4)):
        weight = torch.randn(3 * k, n, generator=torch.Generator().manual_seed(k))
        weight[k : 2 * k] += 3
        made[f"random_{k}_{n}.npz"] = GaussianMixture(weight, 10.0, 4000.0, 0.125)
    for path in sorted(folder.glob("*.npz")) if folder else ():
        made[path.name] = read_noise_model(path)
    return {n: m.with_record(NoiseRecord(name=n)) for n, m in made.items()}


def main() -> None:
    """Print the largest relative difference of each model's likelihood."""
    chosen = models(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in chosen}
        rng = np.random.default_rng(0)
        for name, model in chosen.items():
            write_noise_model(paths[name], model)
            s = torch.from_numpy(rng.uniform(*model.signal_range, N_PIXELS).astype("f4"))
            x = model.sample(s, torch.Generator().manual_seed(0))
            np.save(f"{paths[name]}.pixels.npy", torch.stack([x, s]).numpy())
        command = [sys.argv[1], "-c", PEER, *map(str, paths.values())]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print("| model | careamics / ours - 1, float64 | as it is, float32 | read back |")
        print("|---|---|---|---|")
        for name, model in chosen.items():
            x, s = torch.from_numpy(np.load(f"{paths[name]}.pixels.npy"))
            # Inside the signal range the published density is ours and a tolerance.
            ours = model.log_likelihood(x.double(), s.double()).exp().numpy() + 1e-10
            single, double = (
                np.abs(np.load(f"{paths[name]}.{kind}.npy") / ours - 1)
                for kind in ("peer", "double")
            )
            again = read_noise_model(Path(folder) / f"again_{name}")
            same = again.to_dict() == model.with_record(NoiseRecord()).to_dict()
            print(f"| {name} | {double.max():.0e} | {single.max():.0e} | {same} |")


if __name__ == "__main__":
    main()
