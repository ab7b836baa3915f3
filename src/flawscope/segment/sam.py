"""SAM and SAM 2 as segmenters, through transformers; Flawscope's small promptable models are SAMs like any other.

Sources: Kirillov et al., "Segment Anything", ICCV 2023; Ravi et al., "SAM 2", 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from flawscope.errors import MissingExtraError, UsageError
from flawscope.images import Image, check_image
from flawscope.segment.base import Prompts, Segmentation
from flawscope.segment.description import Description, fingerprint
from flawscope.segment.prompting import check_prompts, objects_of

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise MissingExtraError("torch", "sam") from error

from flawscope.segment.network import torch_device
from flawscope.segment.sam_engine import SamEngine
from flawscope.segment.sam_everything import (
    Everything,
    choose,
    foreground,
    point_grid,
    remove_specks,
    visible_quality,
)
from flawscope.segment.sam_files import open_sam

if TYPE_CHECKING:
    from flawscope.segment.embedding_cache import Embedding
    from flawscope.segment.sam_frame import Frame

PRECISIONS = ("float32", "float16", "bfloat16")
CACHE_BYTES = 512 * 2**20


class SamSegmenter:
    """A SAM that answers prompts, or finds everything without them; a :class:`flawscope.segment.Segmenter`.

    Args:
        engine: the model.
        name: what to call it in results.
        everything: how an image without prompts is segmented.
    """

    def __init__(self, engine: SamEngine, *, name: str, everything: Everything | None = None) -> None:
        self.engine = engine
        self.everything = Everything() if everything is None else everything
        self._name = name

    @property
    def name(self) -> str:
        """What to call it in results."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """One class."""
        return ("defect",)

    @property
    def threshold(self) -> float:
        """Log-odds of 0, as in SAM."""
        return 0.5

    def describe(self) -> Description:
        """The kind of model and its weights."""
        files = self.engine.files
        weights = sorted(files.folder.glob("model*.safetensors"))
        model = "SAM" if files.kind == "sam" else "SAM 2"
        return Description(
            f"{model}, input {files.side} x {files.side} px",
            self.labels,
            fingerprint=fingerprint([files.folder / "config.json", *weights]),
        )

    def segment(self, image: Image, prompts: Prompts | None = None) -> Segmentation:
        """Probabilities for an image; the encoder runs only when the image is not among the last ones.

        Without boxes the points are about one object. Each box is an object with the points in it; points on the
        defect outside every box are one more. Of the masks the model offers for an object, the one of the highest
        predicted IoU is taken; the answer is the likeliest of the objects, its quality their mean predicted IoU.

        Without prompts everything is segmented and all but the largest region is the answer; its quality is the mean
        predicted IoU of the regions, by their pixels, and None when there is none.

        Raises:
            ImageError: the image cannot be used.
            UsageError: the prompts do not fit together.
        """
        return self.segment_batch([image], [prompts])[0]

    @torch.inference_mode()
    def segment_batch(
        self, images: Sequence[Image], prompts: Sequence[Prompts | None] | None = None
    ) -> list[Segmentation]:
        """The same for several images of any sizes: encoder and decoder run in batches."""
        images = [check_image(image) for image in images]
        given = [None] * len(images) if prompts is None else list(prompts)
        if len(given) != len(images):
            raise UsageError(f"{len(images)} images have {len(given)} prompts", where=self.name)
        frames = [self.engine.frame(image) for image in images]
        checked = [check_prompts(one, *frame.original) for one, frame in zip(given, frames, strict=True)]
        embeddings = self.engine.embeddings(images)
        asked = [
            (index, thing)
            for index, one in enumerate(checked)
            if one is not None
            for thing in objects_of(one)
        ]
        best = self.engine.best_masks([(embeddings[index], frames[index], thing) for index, thing in asked])
        answers: dict[int, list[tuple[Tensor, float]]] = {}
        for (index, _), answer in zip(asked, best, strict=True):
            answers.setdefault(index, []).append(answer)
        return [
            _union(answers[index], frames[index])
            if index in answers
            else self._segment_everything(embeddings[index], frames[index])
            for index in range(len(images))
        ]

    def embed(self, image: Image) -> npt.NDArray[np.float32]:
        """``(C, h', w')``: the encoder's features of the image; the cells of padding are left out.

        Each cell stands for a rectangle of ``cell_px(image)`` pixels of the image, from the top left; the last row
        and column may reach beyond it.
        """
        return self.embed_batch([image])[0]

    @torch.inference_mode()
    def embed_batch(self, images: Sequence[Image]) -> list[npt.NDArray[np.float32]]:
        """:meth:`embed` for several images of any sizes, with the encoder run in batches."""
        images = [check_image(image) for image in images]
        return [
            self.engine.frame(image).valid(levels[-1])[0].float().cpu().numpy()
            for image, levels in zip(images, self.engine.embeddings(images), strict=True)
        ]

    def cell_px(self, image: Image) -> tuple[float, float]:
        """Height and width in pixels of the image of one cell of :meth:`embed`."""
        frame = self.engine.frame(check_image(image))
        stride = self.engine.files.stride
        return (
            stride * frame.original[0] / frame.resized[0],
            stride * frame.original[1] / frame.resized[1],
        )

    def _segment_everything(self, embedding: Embedding, frame: Frame) -> Segmentation:
        per_side = self.everything.points_per_side or max(1, self.engine.cells // 2)
        grid = frame.places(point_grid(per_side, *frame.original))
        masks, quality = self.engine.masks_at(embedding, grid)
        kept = choose(frame.valid(masks), quality, self.everything)
        answer, visible = foreground(
            len(kept), lambda index: _probability(masks[kept[index]], frame), frame.original
        )
        answer = remove_specks(answer, self.everything.min_area)
        return Segmentation(answer, visible_quality(quality[kept].tolist(), visible))


def load_sam(
    name: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    precision: str = "float32",
    everything: Everything | None = None,
    cache_bytes: int = CACHE_BYTES,
    title: str | None = None,
) -> SamSegmenter:
    """A SAM or SAM 2, ready to segment.

    Args:
        name: a folder with ``config.json`` and ``model.safetensors`` (``preprocessor_config.json`` where its mean and
            deviation differ from SAM's), or a model on the Hugging Face hub, looked for on this machine first.
        device: ``"auto"``, ``"cpu"`` or ``"cuda:N"``.
        threads: CPU threads of torch, for the whole process; by default torch chooses.
        precision: of the arithmetic: ``"float32"``, or on a GPU also ``"float16"`` or ``"bfloat16"``. Weights may be
            stored in any.
        everything: how an image without prompts is segmented.
        cache_bytes: how much memory the embeddings of the last images may take; 0 keeps none.
        title: what to call it in results; by default ``sam:`` and the folder's or model's name.

    Raises:
        WeightsError: there is no such model, or it cannot be loaded; the message says what to download and where to.
        UsageError: the device or precision is unknown or not there.
        MissingExtraError: torch or transformers is not installed.
    """
    where = torch_device(device)
    if precision not in PRECISIONS:
        raise UsageError(f"no such precision: '{precision}'", remedy=f"Use {', '.join(PRECISIONS)}")
    if precision != "float32" and where.type == "cpu":
        raise UsageError(f"precision {precision} needs a GPU", remedy="Use float32 on the CPU")
    if threads is not None:
        torch.set_num_threads(threads)
    files = open_sam(name, getattr(torch, precision))
    folder = Path(name).expanduser()
    shown = folder.resolve().name if folder.is_dir() else str(name)
    return SamSegmenter(
        SamEngine(files, where, cache_bytes), name=title or f"sam:{shown}", everything=everything
    )


def _union(answers: Sequence[tuple[Tensor, float]], frame: Frame) -> Segmentation:
    maps = [_probability(mask, frame) for mask, _ in answers]
    quality = float(np.mean([min(max(predicted, 0.0), 1.0) for _, predicted in answers]))
    return Segmentation(np.maximum.reduce(maps)[None], quality)


def _probability(mask: Tensor, frame: Frame) -> npt.NDArray[np.float32]:
    """``(a, a)`` log-odds in the square to ``(height, width)`` probabilities."""
    logits = frame.to_original(mask[None, None])[0, 0]
    answer: npt.NDArray[np.float32] = logits.sigmoid().cpu().numpy()
    return answer
