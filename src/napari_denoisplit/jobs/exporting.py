"""A model of the BioImage Model Zoo, bioimage.io, from a model of ours."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import Stage
from napari_denoisplit.files import replacing
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.noise.files.noise_file import write_noise_model
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.sampling.border import round_up
from napari_denoisplit.sampling.fixed import FixedSamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.events import Job
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import ExportSettings

_EDGE = 128
"""Of the image that the model is tested with, pixels, and the least that it takes."""
_HALO = 32
"""Pixels at the edges of a tile that other programs are to throw away."""
_README = """\
# {title}

Splits an image in which {structures} lie on top of each other. Output `mmse` is the mean of {n}
posterior samples with mirrored noise, `sample` the first of them: one of many answers. The noise is
fixed, so that an image always has the same answer. Images go in and come out in their own grey
levels, those of the training images (mean {mean:.4g}, standard deviation {std:.4g}).

Attached are the noise models that it was trained with, and its calibration, as far as there are
any. sigma, samples of one noise over all tiles and matching of grey levels need napari-denoisplit.

# Validation

Compare with images of each structure alone. Of a recording without those, the rest between it and
the superposition of `mmse` must look like noise.
"""


def export_job(
    model: Model | Path,
    path: Path,
    settings: ExportSettings,
    *,
    image: Image | None = None,
) -> Job[Stage, Path]:
    """Write a model as a package of bioimage.io, and have it checked by the zoo's own test.

    Parameters
    ----------
    model
        A model, or its file.
    path
        Package to write, a zip archive.
    settings
        Samples, seed, authors, license.
    image
        Superposition whose first plane goes along as the example; None makes one up.

    Yields
    ------
    Stage

    Returns
    -------
    The package.

    Raises
    ------
    JobError
        The extra `bioimageio` is not installed, the network sees patches as published, or the zoo's
        test fails, which leaves no file.
    ImageError
        The image is smaller than the example must be.
    """
    try:
        from bioimageio.core import test_model
        from bioimageio.spec import save_bioimageio_package
    except ImportError as error:
        raise JobError(
            "A model for bioimage.io needs the zoo's library: pip install "
            '"napari-denoisplit[bioimageio]".'
        ) from error
    if isinstance(model, Path):
        yield Stage(f"Loading {model.name}")
        model = load_model(model)
    header = model.header
    context = getattr(header.network, "context", None)
    if context is not None and context.variant != "image":
        raise JobError(
            f"This network ({header.network.in_words}) sees patches with their surroundings, which "
            "programs of the zoo do not cut: only models that see whole images can be exported."
        )
    name = "model" if model.path is None else model.path.stem
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: sizes follow the input, as is tested below
        yield Stage("Tracing the network")
        description = _described(model, name, settings, Path(folder), image)
        with replacing(path) as temporary:
            save_bioimageio_package(description, output_path=temporary)
            yield Stage("The zoo's own test")
            summary = test_model(temporary)
            if summary.status == "failed":
                raise JobError(f"The zoo's test of {path.name} failed: {_reasons(summary)}")
    return path


def _described(
    model: Model, name: str, settings: ExportSettings, folder: Path, image: Image | None
) -> Any:
    """Write all that belongs to the package, and describe it."""
    from bioimageio.spec.model import v0_5 as zoo

    header = model.header
    facts = facts_of(header.network, torch.float32)
    network = FixedSamples(
        model.network.cpu().float(), facts, header.normalization, settings.n_samples, settings.seed
    ).eval()
    edge = round_up(_EDGE, facts.multiple)
    example = torch.from_numpy(_example(header, edge, image))
    with torch.no_grad():
        traced: Any = torch.jit.trace(network, example, check_trace=False)  # type: ignore[no-untyped-call]
        answers = [answer.numpy() for answer in traced(example)]
    traced.save(str(folder / "weights.pt"))
    arrays = dict(zip(("input", "mmse", "sample"), (example.numpy(), *answers), strict=True))
    for key, array in arrays.items():
        np.save(folder / f"test_{key}.npy", array)
    title = f"denoiSplit {re.sub(r'[^A-Za-z0-9_+() -]', '-', name)}"[:64]
    structures = " and ".join(header.channel_names)
    n = header.normalization
    readme = _README.format(
        title=title,
        structures=structures,
        n=settings.n_samples,
        mean=n.input_mean,
        std=n.input_std,
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")
    paper = zoo.CiteEntry(
        text="Ashesh and Jug: denoiSplit, ECCV 2024",
        doi=zoo.Doi("10.48550/arXiv.2403.11854"),
    )
    return zoo.ModelDescr(
        name=title,
        description=f"Splits a fluorescence image into {structures}, denoised."[:500],
        authors=[zoo.Author(name=author) for author in settings.authors],
        license=settings.license,
        cite=[paper],
        tags=["denoising", "image-splitting", "unmixing", "fluorescence-light-microscopy", "2d"],
        documentation=zoo.FileDescr(source=folder / "README.md"),
        attachments=[zoo.FileDescr(source=file) for file in _attached(header, folder)],
        inputs=[_input(zoo, header, edge, facts.multiple, folder)],
        outputs=[_output(zoo, header, key, folder) for key in ("mmse", "sample")],
        weights=zoo.WeightsDescr(
            torchscript=zoo.TorchscriptWeightsDescr(
                source=folder / "weights.pt",
                pytorch_version=zoo.Version(torch.__version__.partition("+")[0]),
            )
        ),
    )


def _input(zoo: Any, header: ModelHeader, edge: int, multiple: int, folder: Path) -> Any:
    size = zoo.ParameterizedSize(min=edge, step=multiple)
    return zoo.InputTensorDescr(
        id=zoo.TensorId("input"),
        description="Superposition of the structures, grey levels.",
        axes=[
            zoo.BatchAxis(),
            zoo.ChannelAxis(channel_names=["superposition"]),
            *(zoo.SpaceInputAxis(size=size, **_place(zoo, header, axis)) for axis in "yx"),
        ],
        test_tensor=zoo.FileDescr(source=folder / "test_input.npy"),
        data=zoo.IntervalOrRatioDataDescr(type="float32"),
    )


def _output(zoo: Any, header: ModelHeader, key: str, folder: Path) -> Any:
    def axis(name: str) -> Any:
        """As long as that of the input, less the halo."""
        size = zoo.SizeReference(tensor_id=zoo.TensorId("input"), axis_id=zoo.AxisId(name))
        place = _place(zoo, header, name)
        return zoo.SpaceOutputAxisWithHalo(size=size, halo=_HALO, **place)

    what = "Mean of the posterior samples" if key == "mmse" else "One posterior sample"
    return zoo.OutputTensorDescr(
        id=zoo.TensorId(key),
        description=f"{what} of each structure, grey levels.",
        axes=[
            zoo.BatchAxis(),
            zoo.ChannelAxis(channel_names=list(header.channel_names)),
            axis("y"),
            axis("x"),
        ],
        test_tensor=zoo.FileDescr(source=folder / f"test_{key}.npy"),
        data=zoo.IntervalOrRatioDataDescr(type="float32"),
    )


def _place(zoo: Any, header: ModelHeader, axis: str) -> dict[str, Any]:
    """Name of an axis, and the size of its pixels where that is in micrometres."""
    size = header.pixel_size.get(axis.upper())
    known = {}
    if size and header.units.get(axis.upper()) == "µm":
        known = {"scale": size, "unit": "micrometer"}
    return {"id": zoo.AxisId(axis), **known}


def _attached(header: ModelHeader, folder: Path) -> list[Path]:
    """Write noise models and calibration."""
    files = []
    for number, values in enumerate(header.noise_models or (), start=1):
        files.append(folder / f"noise_model_{number}.npz")
        write_noise_model(files[-1], noise_model_from_dict(values))
    if header.calibration is not None:
        files.append(folder / "calibration.json")
        files[-1].write_text(header.calibration.model_dump_json(indent=2), encoding="utf-8")
    return files


def _example(header: ModelHeader, edge: int, image: Image | None) -> NDArray[np.float32]:
    """Take the middle of the first plane, (1, 1, Y, X), or make up blobs of its grey levels."""
    if image is None:
        rng, n = np.random.default_rng(0), header.normalization
        blobs = gaussian_filter(rng.normal(size=(edge, edge)), 3)
        plane = n.input_mean + n.input_std * (
            0.8 * blobs / blobs.std() + 0.3 * rng.normal(size=blobs.shape)
        )
    else:
        plane = np.asarray(image.fields()[0][0])
        if min(plane.shape) < edge:
            raise ImageError(
                f"{image.name!r} has {plane.shape[0]} x {plane.shape[1]} pixels, and the example "
                f"of a model needs {edge} x {edge}: give a larger image, or none."
            )
        y, x = ((n - edge) // 2 for n in plane.shape)
        plane = plane[y : y + edge, x : x + edge]
    return np.ascontiguousarray(plane[None, None], np.float32)


def _reasons(summary: Any) -> str:
    errors = [error.msg for detail in summary.details for error in detail.errors]
    return "; ".join(errors[:3]) or "without a reason"
