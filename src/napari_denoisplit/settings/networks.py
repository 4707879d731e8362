"""The network, and what it is trained for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from napari_denoisplit.settings.base import Settings
from napari_denoisplit.settings.context import ContextSettings

Method = Literal["denoisplit", "altered_musplit", "musplit", "hdn_musplit"]
Latents = Annotated[int, Field(ge=2, le=512)]


class NetworkSettings(Settings):
    """What the networks of every family have; each family adds its own."""

    kind: str
    n_channels: int = Field(2, ge=1, le=16, description="Structures to split into, C.")

    @property
    def in_words(self) -> str:
        """Kind and size, for a table."""
        return self.kind

    @property
    def margin(self) -> int:
        """Pixels around a patch that training gives along, and for which nothing is predicted."""
        return 0


class LadderSettings(NetworkSettings):
    """Shape of a variational splitting encoder-decoder (VSE), a ladder of latents.

    The defaults are denoiSplit's; HDN and muSplit differ in single fields.
    """

    stem_reach: ClassVar[int] = 4
    """Samples of its scale on each side that a stem of context looks at: 5x5, and two 3x3."""

    kind: Literal["ladder"] = "ladder"
    n_levels: int = Field(4, ge=1, le=8, description="Levels of the ladder; each halves the image.")
    n_filters: int = Field(64, ge=4, le=512, description="Feature maps of every convolution.")
    n_latents: Latents | tuple[Latents, ...] = Field(
        128, description="Latent maps z: of every level, or of each level, the finest first."
    )
    blocks_per_level: int = Field(1, ge=1, le=8, description="Residual blocks of every level.")
    blocks_in_head: int = Field(
        1, ge=1, le=8, description="Residual blocks before the output; HDN has 5."
    )
    stem_kernel: Literal[3, 5] = Field(
        3, description="Edge of the first convolution's kernel, pixels; HDN has 5."
    )
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Share of feature maps dropped in training."
    )
    upsampling: Literal["transposed", "nearest"] = Field(
        "transposed",
        description="How the top-down pass doubles the size: 'transposed' convolution as "
        "published, or 'nearest' neighbours before a convolution, which leaves no checkerboard.",
    )
    variance: Literal["exp_linear", "exp"] = Field(
        "exp_linear",
        description="Variance of the latents from its log: 'exp_linear' grows linearly above 1, so "
        "that it cannot overflow; plain 'exp' is HDN's.",
    )
    level_factor: Literal["none", "times", "divided"] = Field(
        "times",
        description="What sqrt(2 (l + 1)) does to the features of the posterior of level l where "
        "there are more than four levels: 'times' in all published code but HDN's ('none'), "
        "'divided' in the text of muSplit.",
    )
    top_prior_size: int | None = Field(
        None,
        ge=1,
        description="Edge of a prior of the top level that is bound to positions, as published: "
        "the patch size divided by 2 to the number of levels. None is one learned vector for every "
        "position. Images larger than the patch repeat it.",
    )
    predict_logvar: bool = Field(
        False, description="Also predict the log-variance of each pixel (Gaussian likelihood)."
    )
    levels_off: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        description="Levels, the finest is 0, that see nothing of the image, only the levels above "
        "them: less of noise that is correlated along rows comes through, and less detail (HDN).",
    )
    autoencoder: bool = Field(
        False,
        description="Take the mean of the latents in place of a sample: one answer, as of "
        "muSplit's hierarchical autoencoder.",
    )
    context: ContextSettings | None = Field(
        None, description="Surroundings at lower resolutions that it sees, too; None: none."
    )

    told_brightness: bool = Field(
        False,
        description="Whether it is told how bright each structure is in an image; set where it is "
        "trained over a mixing range.",
    )

    @model_validator(mode="after")
    def _every_scale_has_a_level(self) -> Self:
        if self.context is not None:
            self.context.check_levels(self.n_levels)
        return self

    @model_validator(mode="after")
    def _the_top_stays_on(self) -> Self:
        if wrong := [level for level in self.levels_off if level >= self.n_levels - 1]:
            raise ValueError(
                f"Level {wrong[0]} of {self.n_levels} levels cannot be switched off: from 0 to "
                f"{self.n_levels - 2} can; the top is all that is left to see the image."
            )
        return self

    @model_validator(mode="after")
    def _latents_of_each_level(self) -> Self:
        if isinstance(self.n_latents, tuple) and len(self.n_latents) != self.n_levels:
            raise ValueError(
                f"{len(self.n_latents)} numbers of latent maps for {self.n_levels} levels: give "
                "one for each level, or one for all."
            )
        return self

    @property
    def in_words(self) -> str:
        """Levels, filters and latent maps."""
        latents = ", ".join(map(str, dict.fromkeys(self.latents_per_level)))
        text = f"{self.n_levels} levels, {self.n_filters} filters, {latents} latent maps"
        if self.context is not None:
            text += f", {self.context.in_words}"
        return text

    @property
    def margin(self) -> int:
        """Pixels that the maps of its context depend on."""
        return 0 if self.context is None else self.context.margin(self.stem_reach)

    @property
    def latents_per_level(self) -> tuple[int, ...]:
        """Latent maps of each level, the finest first."""
        if isinstance(self.n_latents, tuple):
            return self.n_latents
        return (self.n_latents,) * self.n_levels


class UNetSettings(NetworkSettings):
    """Shape of a plain U-Net, which predicts one answer; the defaults are muSplit's baseline."""

    stem_reach: ClassVar[int] = 6
    """Samples of its scale on each side that a stem of context looks at: 5x5, and four 3x3."""

    kind: Literal["unet"] = "unet"
    n_levels: int = Field(5, ge=1, le=6, description="Times that the image is halved.")
    n_filters: int = Field(
        32, ge=4, le=128, description="Feature maps of the finest level; each coarser has twice."
    )
    context: ContextSettings | None = Field(
        None, description="Surroundings at lower resolutions that it sees, too; None: none."
    )

    @model_validator(mode="after")
    def _context_is_of_images(self) -> Self:
        if self.context is None:
            return self
        if self.context.variant != "image":
            raise ValueError(
                f"A U-Net has no context of the variant {self.context.variant!r}, which sees "
                "patches: give 'image', or take a ladder."
            )
        self.context.check_levels(self.n_levels)
        return self

    @property
    def in_words(self) -> str:
        """Levels, filters and context."""
        text = f"U-Net, {self.n_levels} levels, {self.n_filters} filters"
        return text if self.context is None else f"{text}, {self.context.in_words}"

    @property
    def margin(self) -> int:
        """Pixels that the maps of its context depend on."""
        return 0 if self.context is None else self.context.margin(self.stem_reach)


class DenoisingUNetSettings(NetworkSettings):
    """Shape of the U-Net that denoises one channel."""

    kind: Literal["denoiser"] = "denoiser"
    n_channels: Literal[1] = 1
    n_levels: int = Field(3, ge=1, le=6, description="Times that the image is halved.")
    n_filters: int = Field(16, ge=4, le=256, description="Feature maps of the finest level.")

    @property
    def in_words(self) -> str:
        """Levels and filters."""
        return f"U-Net, {self.n_levels} levels, {self.n_filters} filters"


class DivNoisingSettings(NetworkSettings):
    """Shape of a DivNoising network, which denoises one channel; the defaults are published."""

    kind: Literal["divnoising"] = "divnoising"
    n_channels: Literal[1] = 1
    depth: int = Field(2, ge=1, le=4, description="Times that the image is halved; or 3.")
    n_filters: int = Field(
        32, ge=4, le=256, description="Feature maps of the finest size; each coarser has twice."
    )
    n_latents: Latents = Field(64, description="Latent maps z, at the coarsest size.")

    @property
    def in_words(self) -> str:
        """Depth, filters and latent maps."""
        return (
            f"DivNoising, depth {self.depth}, {self.n_filters} filters, "
            f"{self.n_latents} latent maps"
        )


def _of_kind(value: object) -> object:
    """Let the kind decide which settings these are; files that name none hold a ladder."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind", "ladder")
    if kind not in KINDS:
        raise ValueError(
            f"Network kind {kind!r} is unknown: choose one of {', '.join(KINDS)}, or update "
            "napari-denoisplit."
        )
    return KINDS[kind].model_validate(value)


AnyNetwork = Annotated[SerializeAsAny[NetworkSettings], BeforeValidator(_of_kind)]
"""Settings of a network of any family, told apart by their kind."""


class SequenceSettings(NetworkSettings):
    """Two networks: one denoises the superposition, the other splits what the first makes of it."""

    kind: Literal["sequence"] = "sequence"
    denoiser: AnyNetwork = Field(description="Network of one channel, without its samples.")
    splitter: AnyNetwork = Field(description="Network that draws the samples of a split.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        found = self.denoiser.n_channels, self.splitter.n_channels
        if found != (1, self.n_channels):
            raise ValueError(
                f"A denoiser of {found[0]} channels before a network of {found[1]}, for "
                f"{self.n_channels}: the first has 1, the second all."
            )
        return self

    @property
    def in_words(self) -> str:
        """Both, in their order."""
        return f"denoiser ({self.denoiser.in_words}), then {self.splitter.in_words}"


KINDS: dict[str, type[NetworkSettings]] = {
    "ladder": LadderSettings,
    "unet": UNetSettings,
    "denoiser": DenoisingUNetSettings,
    "divnoising": DivNoisingSettings,
    "sequence": SequenceSettings,
}
"""Settings of each family of networks."""


class LossSettings(Settings):
    """Evidence lower bound as a loss: reconstruction + beta * KL."""

    likelihood: Literal["noise_model", "gaussian"] = Field(
        "noise_model", description="p(noisy channel | signal): noise model, or predicted Gaussian."
    )
    kl: Literal["sum", "mean"] = Field(
        "sum",
        description="KL of a level: its sum over entries per image pixel (denoiSplit), or its mean "
        "over entries and levels (muSplit).",
    )
    free_bits: float = Field(
        1.0, ge=0, description="Nats per sample and level below which the KL is not reduced."
    )
    beta: float = Field(1.0, ge=0, le=100, description="Weight of the KL term.")
    warmup_steps: int = Field(0, ge=0, description="Steps over which beta rises from 0.")


METHODS: dict[Method, LossSettings] = {
    "denoisplit": LossSettings(),
    "altered_musplit": LossSettings(likelihood="gaussian"),
    "musplit": LossSettings(likelihood="gaussian", kl="mean", free_bits=0.0),
    # Of the network that splits; what denoises before it has that of HDN.
    "hdn_musplit": LossSettings(likelihood="gaussian", kl="mean", free_bits=0.0),
}
