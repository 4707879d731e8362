"""Settings of networks, losses and jobs: every default and limit is stated here, once.

The descriptions feed the help of the command line and the tooltips of the widgets.
"""

from napari_denoisplit.settings.acquisition import Acquisition
from napari_denoisplit.settings.adapting import AdaptSettings
from napari_denoisplit.settings.context import ContextSettings
from napari_denoisplit.settings.importing import ImportSettings
from napari_denoisplit.settings.mixing import MixSettings
from napari_denoisplit.settings.networks import (
    KINDS,
    METHODS,
    AnyNetwork,
    DenoisingUNetSettings,
    DivNoisingSettings,
    LadderSettings,
    LossSettings,
    Method,
    NetworkSettings,
    SequenceSettings,
    UNetSettings,
)
from napari_denoisplit.settings.noise import (
    DenoiseMethod,
    DenoiseSettings,
    NoiseFitSettings,
    NoiseKind,
    NoiseSource,
)
from napari_denoisplit.settings.presets import PRESETS, Preset, PresetSettings, after_denoising
from napari_denoisplit.settings.recipes import RECIPES, Recipe
from napari_denoisplit.settings.results import (
    Binning,
    CalibrateSettings,
    CalibrationMethod,
    ExportSettings,
    FilmLayout,
    FilmLoop,
    FilmSettings,
    FilmShow,
    ObjectSettings,
    PriorSettings,
)
from napari_denoisplit.settings.splitting import GreyLevels, SplitSettings
from napari_denoisplit.settings.training import TrainSettings

__all__ = [
    "KINDS",
    "METHODS",
    "PRESETS",
    "RECIPES",
    "Acquisition",
    "AdaptSettings",
    "AnyNetwork",
    "Binning",
    "CalibrateSettings",
    "CalibrationMethod",
    "ContextSettings",
    "DenoiseMethod",
    "DenoiseSettings",
    "DenoisingUNetSettings",
    "DivNoisingSettings",
    "ExportSettings",
    "FilmLayout",
    "FilmLoop",
    "FilmSettings",
    "FilmShow",
    "GreyLevels",
    "ImportSettings",
    "LadderSettings",
    "LossSettings",
    "Method",
    "MixSettings",
    "NetworkSettings",
    "NoiseFitSettings",
    "NoiseKind",
    "NoiseSource",
    "ObjectSettings",
    "Preset",
    "PresetSettings",
    "PriorSettings",
    "Recipe",
    "SequenceSettings",
    "SplitSettings",
    "TrainSettings",
    "UNetSettings",
    "after_denoising",
]
