"""The public names, each stated once: type checkers read them here, `__init__.py` loads them.

A name must differ from every submodule of the package: after the submodule's first import it would
mean the module.
"""

from napari_denoisplit.api.calibration import calibrate as calibrate
from napari_denoisplit.api.images import denoise as denoise
from napari_denoisplit.api.images import denoise_by_samples as denoise_by_samples
from napari_denoisplit.api.images import evaluate as evaluate
from napari_denoisplit.api.images import preflight as preflight
from napari_denoisplit.api.images import split as split
from napari_denoisplit.api.images import train as train
from napari_denoisplit.api.many_images import split_folder as split_folder
from napari_denoisplit.api.many_images import split_to_zarr as split_to_zarr
from napari_denoisplit.api.noise_models import fit_noise_model as fit_noise_model
from napari_denoisplit.api.noise_models import judge_noise_model as judge_noise_model
from napari_denoisplit.api.samples import evaluate_samples as evaluate_samples
from napari_denoisplit.api.samples import measure_samples as measure_samples
from napari_denoisplit.api.samples import sample_prior as sample_prior
from napari_denoisplit.api.samples import write_film as write_film
from napari_denoisplit.api.trust import check_split as check_split
from napari_denoisplit.api.trust import most_probable as most_probable
from napari_denoisplit.api.trust import segment_samples as segment_samples
from napari_denoisplit.api.trust import sum_up_objects as sum_up_objects
from napari_denoisplit.calibration_record import CalibrationRecord as CalibrationRecord
from napari_denoisplit.checkpoint import Model as Model
from napari_denoisplit.checkpoint import load_model as load_model
from napari_denoisplit.checkpoint import save_model as save_model
from napari_denoisplit.errors import CalibrationError as CalibrationError
from napari_denoisplit.errors import DenoisplitError as DenoisplitError
from napari_denoisplit.errors import ImageError as ImageError
from napari_denoisplit.errors import JobError as JobError
from napari_denoisplit.errors import ModelFileError as ModelFileError
from napari_denoisplit.errors import NoiseModelError as NoiseModelError
from napari_denoisplit.errors import TrainingError as TrainingError
from napari_denoisplit.events import run as run
from napari_denoisplit.images.channels import choose_channels as choose_channels
from napari_denoisplit.images.files.image_file import ImageFile as ImageFile
from napari_denoisplit.images.files.reading import read_image as read_image
from napari_denoisplit.images.files.reading import read_images as read_images
from napari_denoisplit.images.files.writing import write_image as write_image
from napari_denoisplit.images.image import Image as Image
from napari_denoisplit.images.phantom.critters import critters as critters
from napari_denoisplit.images.phantom.phantoms import phantom as phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise as add_noise
from napari_denoisplit.images.phantom.synthetic_noise import noise_sigma as noise_sigma
from napari_denoisplit.images.results.files import open_split as open_split
from napari_denoisplit.images.results.split import Split as Split
from napari_denoisplit.images.superposition import superpose as superpose
from napari_denoisplit.images.training.fields import TrainingFields as TrainingFields
from napari_denoisplit.images.training.noise_data import NoiseData as NoiseData
from napari_denoisplit.images.training.normalization import Normalization as Normalization
from napari_denoisplit.images.training.separate import SeparateFields as SeparateFields
from napari_denoisplit.jobs.batch.outcome import BatchResult as BatchResult
from napari_denoisplit.jobs.calibrate.job import Calibrated as Calibrated
from napari_denoisplit.jobs.denoise.job import Denoised as Denoised
from napari_denoisplit.jobs.forecast.words import Preflight as Preflight
from napari_denoisplit.jobs.importing import import_model as import_model
from napari_denoisplit.jobs.learning.loop import Trained as Trained
from napari_denoisplit.jobs.noise.job import Judged as Judged
from napari_denoisplit.jobs.noise.job import NoiseFit as NoiseFit
from napari_denoisplit.jobs.trust.residuals import ResidualCheck as ResidualCheck
from napari_denoisplit.measures.ms_ssim import ms_ssim as ms_ssim
from napari_denoisplit.measures.psnr import range_invariant_psnr as range_invariant_psnr
from napari_denoisplit.measures.samples.objects import write_objects as write_objects
from napari_denoisplit.measures.samples.statistics import SampleReading as SampleReading
from napari_denoisplit.noise.files.noise_file import read_noise_model as read_noise_model
from napari_denoisplit.noise.files.noise_file import write_noise_model as write_noise_model
from napari_denoisplit.noise.fitting.mixture import fit_gaussian_mixture as fit_gaussian_mixture
from napari_denoisplit.settings import CalibrateSettings as CalibrateSettings
from napari_denoisplit.settings import ContextSettings as ContextSettings
from napari_denoisplit.settings import DenoiseSettings as DenoiseSettings
from napari_denoisplit.settings import FilmSettings as FilmSettings
from napari_denoisplit.settings import ImportSettings as ImportSettings
from napari_denoisplit.settings import LadderSettings as LadderSettings
from napari_denoisplit.settings import LossSettings as LossSettings
from napari_denoisplit.settings import MixSettings as MixSettings
from napari_denoisplit.settings import NoiseFitSettings as NoiseFitSettings
from napari_denoisplit.settings import ObjectSettings as ObjectSettings
from napari_denoisplit.settings import PriorSettings as PriorSettings
from napari_denoisplit.settings import SplitSettings as SplitSettings
from napari_denoisplit.settings import TrainSettings as TrainSettings
from napari_denoisplit.settings import UNetSettings as UNetSettings
from napari_denoisplit.verdict import NoiseRecord as NoiseRecord
from napari_denoisplit.verdict import Verdict as Verdict

__version__: str
