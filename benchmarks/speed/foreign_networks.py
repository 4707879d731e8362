"""Networks of denoiSplit, muSplit and careamics beside ours, with the same weights and latents.

Each network gets random weights and batch-norm statistics, is read as a checkpoint would be, and
both compute the same patches. Prints the largest difference of the outputs and of the KL of a
level.

Run by a Python that has careamics; the published repositories are read from where they lie:

    PYTHONPATH=src python -m benchmarks.speed.foreign_networks [--denoisplit DIR] [--musplit DIR]
        [--levels 2-8] [--store FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import io
import sys
import types
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import tifffile
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from napari_denoisplit.nn.families import network_of
from napari_denoisplit.nn.foreign import ForeignLadder
from napari_denoisplit.settings import ImportSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MOST_OUTPUT, MOST_KL = 1e-5, 1e-5
DRAW = "torch.distributions.normal._standard_normal"


class Case(NamedTuple):
    """A network to compare."""

    origin: str
    """'denoiSplit', 'muSplit' or 'careamics'."""
    levels: int = 4
    channels: int = 2
    patch: int = 64
    scales: int = 1
    variant: str = ""
    """'lean' or 'regular' where there is context."""
    logvar: bool = False
    autoencoder: bool = False
    filters: int = 64
    latents: int = 128

    @property
    def label(self) -> str:
        """Line of the table."""
        context = f"{self.variant}-{self.scales}" if self.scales > 1 else "none"
        return (
            f"{self.origin:10s} levels {self.levels} channels {self.channels} patch {self.patch:3d}"
            f" context {context:9s} logvar {self.logvar:d} autoencoder {self.autoencoder:d}"
        )


def cases(origins: Sequence[str], levels: range) -> Iterator[Case]:
    """All that is compared: each axis by itself around the published networks."""
    for origin in origins:
        for patch in (64, 128):
            for n in levels:
                if 2**n < patch:  # denoiSplit needs an even top level
                    yield Case(origin, n, patch=patch)
        for n in (n for n in levels if n >= 7):
            yield Case(origin, n, patch=2 ** (n + 1), filters=16, latents=16)
        yield Case(origin, logvar=True)
        if origin != "muSplit":
            yield Case(origin, channels=3)
        for scales in (3, 5):
            for variant in ("regular", "lean") if origin == "muSplit" else ("regular",):
                yield Case(origin, scales=scales, variant=variant, logvar=origin == "muSplit")
        yield Case(origin, 8, scales=5, variant="regular", logvar=True)
        if origin == "muSplit":
            yield Case(origin, logvar=True, autoencoder=True)
            yield Case(origin, scales=5, variant="regular", logvar=True, autoencoder=True)


def careamics_network(case: Case) -> nn.Module:
    """Make the network of careamics."""
    from careamics.models.lvae import LadderVAE

    return LadderVAE(
        input_shape=(case.patch, case.patch),
        output_channels=case.channels,
        multiscale_count=case.scales,
        z_dims=[case.latents] * case.levels,
        encoder_n_filters=case.filters,
        decoder_n_filters=case.filters,
        encoder_conv_strides=[2, 2],
        decoder_conv_strides=[2, 2],
        encoder_dropout=0.1,
        decoder_dropout=0.1,
        nonlinearity="ELU",
        predict_logvar="pixelwise" if case.logvar else None,
        analytical_kl=True,
    )


def published_network(case: Case) -> nn.Module:
    """Make the network of a published repository, with its own configuration."""
    package, config = {
        "denoiSplit": ("denoisplit", "biosr_new_config"),
        "muSplit": ("usplit", "lc_hagen_config"),
    }[case.origin]
    config = importlib.import_module(f"{package}.configs.{config}").get_config()
    config.data.image_size = case.patch
    config.data.multiscale_lowres_count = case.scales if case.scales > 1 else None
    model = config.model
    model.z_dims = [case.latents] * case.levels
    model.encoder.n_filters = model.decoder.n_filters = case.filters
    model.analytical_kl, model.non_stochastic_version = True, case.autoencoder
    model.predict_logvar = "pixelwise" if case.logvar else None
    model.enable_noise_model = False
    is_wide = case.variant == "regular"
    model.multiscale_retain_spatial_dims = True
    model.decoder.multiscale_retain_spatial_dims = is_wide
    network = importlib.import_module(f"{package}.nets.lvae").LadderVAE
    zeros, ones = torch.zeros(1), torch.ones(1)
    return network(
        {"input": zeros, "target": zeros},
        {"input": ones, "target": ones},
        config,
        target_ch=case.channels,
    )


NOT_NEEDED = (
    "IPython",
    "albumentations",
    "czifile",
    "ml_collections.config_flags",
    "nd2reader",
    "seaborn",
    "sklearn",
    "tkinter",
    "wandb",
)


class Anything(types.ModuleType):
    """A module that has every name."""

    __path__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        """Return something that may be called."""
        if name.startswith("__"):
            raise AttributeError(name)
        return mock.MagicMock(name=name)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stand in for what the published repositories import and their networks do not need."""

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        """Find the modules that are not needed, where nothing else has."""
        needless = any(name == n or name.startswith(n + ".") for n in NOT_NEEDED)
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if needless else None

    def create_module(self, spec: Any) -> Anything:
        """Make one."""
        return Anything(spec.name)

    def exec_module(self, module: object) -> None:
        """Do nothing."""


def stand_in_modules() -> None:
    """Let the published repositories be imported."""
    sys.meta_path.append(StandIns())
    tifffile.imsave = tifffile.imwrite  # its name of then
    sys.modules.setdefault("pytorch_lightning", importlib.import_module("lightning.pytorch"))


def randomized(network: nn.Module, seed: int) -> nn.Module:
    """Give a network other batch-norm statistics and a prior that is not 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if "running_var" in name:
                value.uniform_(0.5, 2, generator=generator)
            elif "running_mean" in name or "top_prior" in name:
                value.normal_(0, 0.3, generator=generator)
            elif value.ndim == 1 and value.is_floating_point():
                value.add_(torch.randn(value.shape, generator=generator), alpha=0.1)
    return network.eval()


@contextlib.contextmanager
def latents(draw: Callable[[tuple[int, ...]], Tensor]) -> Iterator[None]:
    """Let torch's normal distribution draw by this."""
    with mock.patch(DRAW, lambda shape, dtype, device: draw(tuple(shape))):
        yield


class Run(NamedTuple):
    """What a foreign network computed of random patches."""

    state: dict[str, Tensor]
    x: Tensor
    noise: list[Tensor]
    """From the top level down."""
    out: Tensor
    kl: list[Tensor]
    """(B,) of each level, finest first."""


def theirs(case: Case, seed: int, batch: int = 2) -> Run:
    """Run the foreign network."""
    torch.manual_seed(seed)
    with contextlib.redirect_stdout(io.StringIO()):
        made = careamics_network if case.origin == "careamics" else published_network
        network = randomized(made(case), seed)
    x = torch.randn(batch, case.scales, case.patch, case.patch)
    noise: list[Tensor] = []
    generator = torch.Generator().manual_seed(seed + 1)

    def draw(shape: tuple[int, ...]) -> Tensor:
        noise.append(torch.randn(shape, generator=generator))
        return noise[-1]

    with torch.no_grad(), latents(draw):
        out, data = network(x)
        if not hasattr(network, "output_layer"):  # muSplit has it in its likelihood
            out = network.likelihood.parameter_net(out)
    prefix = "model." if case.origin == "careamics" else ""
    state = {prefix + k: v for k, v in network.state_dict().items()}
    return Run(state, x, noise, out, [] if case.autoencoder else list(data["kl"]))


def compared(case: Case, seed: int) -> tuple[float, float]:
    """Find the largest difference of outputs, relative to their scale, and of a level's KL."""
    run = theirs(case, seed)
    ladder = ForeignLadder(run.state)
    settings = ladder.settings(case.channels, ImportSettings(**given(case)))
    ours = network_of(settings).eval()
    ours.load_state_dict({**ours.state_dict(), **ladder.weights})
    queue = iter(run.noise)
    with torch.no_grad():
        prediction = ours(run.x, lambda level, shape: next(queue))
    out = torch.cat([p for p in prediction[:2] if p is not None], dim=1)
    output = float((out - run.out).abs().max() / run.out.std())
    pairs = list(zip(prediction.kl_per_level, run.kl, strict=True))
    return output, max((float(((a - b) / b).abs().max()) for a, b in pairs), default=0.0)


def given(case: Case) -> dict[str, Any]:
    """Return what the weights do not tell of a network."""
    context = {"context": case.variant, "patch_size": case.patch} if case.scales > 1 else {}
    return {**context, "autoencoder": case.autoencoder}


STORED = {
    "careamics": Case("careamics", 3, patch=16, filters=4, latents=4),
    "denoiSplit": Case("denoiSplit", 5, patch=64, filters=4, latents=2),
    "muSplit": Case("muSplit", 2, patch=8, filters=4, latents=4, logvar=True),
    "lean": Case("muSplit", 2, patch=8, scales=3, variant="lean", filters=4, latents=2),
    "regular": Case("muSplit", 3, patch=8, scales=3, variant="regular", filters=4, latents=2),
}
"""Tiny networks whose numbers a test compares with."""


def store(path: str, origins: Sequence[str]) -> None:
    """Write weights, input, noise and output of tiny networks."""
    arrays = {}
    for seed, (name, case) in enumerate(STORED.items()):
        if case.origin in origins:
            run = theirs(case, seed, batch=1)
            arrays |= {f"{name}/state/{k}": v for k, v in run.state.items()}
            arrays |= {f"{name}/noise/{i}": v for i, v in enumerate(run.noise)}
            arrays |= {f"{name}/kl/{i}": v for i, v in enumerate(run.kl)}
            arrays |= {f"{name}/x": run.x, f"{name}/out": run.out}
    save_file({k: v.clone() for k, v in arrays.items()}, path)


def main() -> None:
    """Compare, and print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--denoisplit", help="checkout of juglab/denoiSplit")
    parser.add_argument("--musplit", help="checkout of juglab/uSplit")
    parser.add_argument("--levels", default="2-8")
    parser.add_argument("--filters", type=int, default=64, help="fewer are sooner done")
    parser.add_argument("--store", help="write numbers of tiny networks to this file")
    options = parser.parse_args()
    origins = ["careamics"]
    for name, folder in (("denoiSplit", options.denoisplit), ("muSplit", options.musplit)):
        if folder:
            sys.path.insert(0, folder)
            origins.append(name)
    stand_in_modules()
    if options.store:
        store(options.store, origins)
        return
    first, last = map(int, options.levels.split("-"))
    failed = 0
    fewer = {"filters": options.filters, "latents": min(128, 2 * options.filters)}
    for seed, case in enumerate(cases(origins, range(first, last + 1))):
        case = case._replace(**fewer) if case.filters > options.filters else case
        output, kl = compared(case, seed)
        good = output <= MOST_OUTPUT and kl <= MOST_KL
        failed += not good
        print(f"{case.label}  output {output:.1e}  KL {kl:.1e}  {'' if good else 'DIFFERS'}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
