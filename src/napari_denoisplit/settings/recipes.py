"""How the papers trained: settings of a training, by method.

Sources are the published configurations, of which `docs/train.md` has a table: denoiSplit
(juglab/denoiSplit, BioSR, arXiv:2403.11854), muSplit (juglab/uSplit, arXiv:2211.12872), HDN
(juglab/HDN, microscopy, arXiv:2104.01374), DivNoising (juglab/DivNoising, arXiv:2006.06072).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from napari_denoisplit.settings.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Mapping

Recipe = Literal["own", "paper"]

_COMMON: dict[str, Any] = {
    "minutes": None,
    "schedule": "plateau",
    "average_decay": 0.0,
    "structure_bias": 0.0,
    "independent_share": 0.0,
}
_SPLITTING = _COMMON | {
    "batch_size": 32,
    "optimizer": "adamax",
    "learning_rate": 1e-3,
    "gradient_clip": 0.5,
    "augment": False,
    "validation_fraction": 0.1,
    "test_fraction": 0.1,
}
_DENOISING = _COMMON | {
    "gradient_clip": None,
    "augment": True,
    "monitor": "loss",
    "validation_fraction": 0.15,
    "test_fraction": 0.0,
}
RECIPES: dict[str, dict[str, Any]] = {
    "denoisplit": _SPLITTING
    | {
        "patch_size": 128,
        "epochs": 400,
        "plateau_patience": 30,
        "stop_patience": 200,
        "monitor": "reconstruction",
    },
    "musplit": _SPLITTING
    | {
        "patch_size": 64,
        "epochs": 200,
        "plateau_patience": 15,
        "stop_patience": 100,
        "monitor": "psnr",
    },
    "hdn": _DENOISING
    | {
        "patch_size": 64,
        "batch_size": 8,
        "batches_per_step": 8,
        "steps_per_epoch": 400,
        "epochs": 500,
        "optimizer": "adamax",
        "learning_rate": 3e-4,
        "plateau_patience": 10,
        "stop_patience": 30,
    },
    "divnoising": _DENOISING
    | {
        "patch_size": 128,
        "batch_size": 32,
        # 22,000,000 / (number of patches) epochs of (number of patches) / 32 steps.
        "steps": 687_500,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "plateau_patience": 30,
        "stop_patience": 100,
    },
}


def published(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the paper of a method sets, for a training of which some settings are given.

    The network is the published one, too, unless a preset of another is given.
    """
    preset = given.get("preset", "large")
    if preset in RECIPES:
        name = preset
    else:
        is_musplit = preset == "unet" or given.get("method") in ("musplit", "hdn_musplit")
        name = "musplit" if is_musplit else "denoisplit"
    recipe = {"preset": preset, **RECIPES[name]}
    if preset == "large":
        # The top prior is bound to positions: one vector for each place of a patch.
        edge = (given.get("patch_size") or recipe["patch_size"]) // 16
        recipe["network"] = PRESETS["large"].network.model_copy(update={"top_prior_size": edge})
    elif preset == "hdn":
        recipe["network"] = PRESETS["hdn"].network.model_copy(update={"n_filters": 64})
    return recipe
