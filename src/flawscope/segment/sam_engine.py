"""Running a model of the SAM family in batches: images to embeddings, embeddings and prompts to masks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flawscope.images import Image
from flawscope.segment.embedding_cache import EmbeddingCache, image_key
from flawscope.segment.prompting import PromptedObject
from flawscope.segment.sam_files import SamFiles
from flawscope.segment.sam_frame import Frame

if TYPE_CHECKING:
    from flawscope.segment.embedding_cache import Embedding

_ENCODED_AT_ONCE, _DECODED_AT_ONCE = 8, 64


class SamEngine:
    """A model with the embeddings of the last images. Its masks are log-odds in the square of :class:`Frame`.

    Args:
        files: the model and what its folder says of its input.
        device: where it runs.
        cache_bytes: how much memory the embeddings of the last images may take.
    """

    def __init__(self, files: SamFiles, device: torch.device, cache_bytes: int) -> None:
        self.files = files
        self.device = device
        # The encoder works on rows of channels: weights that give them so spare a copy at every layer.
        self.model: Any = files.model.to(device, memory_format=torch.channels_last)
        self.cache = EmbeddingCache(cache_bytes)

    @property
    def cells(self) -> int:
        """Of the embedding, along each side of the square."""
        return self.files.side // self.files.stride

    def frame(self, image: Image) -> Frame:
        """Where the image lies in the square."""
        height, width = image.shape[:2]
        return Frame.of(height, width, self.files.side, padded=self.files.kind == "sam")

    def embeddings(self, images: Sequence[Image]) -> list[Embedding]:
        """The encoder's answer for each image, ``(1, C, h, w)`` a level, coarsest last; from the cache if there."""
        keys = [image_key(image) for image in images]
        known = {key: found for key in keys if (found := self.cache.get(key)) is not None}
        fresh = {key: image for key, image in zip(keys, images, strict=True) if key not in known}
        for some in _chunks(list(fresh), _ENCODED_AT_ONCE):
            pixels = np.stack(
                [self.frame(fresh[key]).pixels(fresh[key], self.files.mean, self.files.std) for key in some]
            )
            levels = self.model.get_image_embeddings(
                torch.from_numpy(pixels).to(self.device, self.model.dtype)
            )
            levels = [levels] if isinstance(levels, Tensor) else levels
            for position, key in enumerate(some):
                # Copies, so that the cache does not hold a whole batch for the sake of one image.
                known[key] = tuple(level[position : position + 1].clone() for level in levels)
                self.cache.put(key, known[key])
        return [known[key] for key in keys]

    def best_masks(
        self, asked: Sequence[tuple[Embedding, Frame, PromptedObject]]
    ) -> list[tuple[Tensor, float]]:
        """For each object the mask ``(a, a)`` of the highest predicted IoU, and that IoU.

        Objects with as many points and the same kinds of prompts are decoded together.
        """
        alike: dict[tuple[int, bool, bool], list[int]] = {}
        for index, (_, _, thing) in enumerate(asked):
            kind = (len(thing.points), thing.box is not None, thing.mask is not None)
            alike.setdefault(kind, []).append(index)
        answers: dict[int, tuple[Tensor, float]] = {}
        for same in alike.values():
            for some in _chunks(same, _DECODED_AT_ONCE):
                masks, quality = self._decode_objects([asked[index] for index in some])
                best = quality.argmax(dim=1).tolist()
                for row, index in enumerate(some):
                    answers[index] = masks[row, best[row]], float(quality[row, best[row]])
        return [answers[index] for index in range(len(asked))]

    def masks_at(self, embedding: Embedding, places: npt.NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """All masks at points of the square, each on its own: ``(n, a, a)`` and ``(n,)`` predicted IoU.

        Args:
            embedding: of one image.
            places: ``(points, 2)`` of ``(x, y)`` in the square.
        """
        found, predicted = [], []
        for some in _chunks(places, _DECODED_AT_ONCE):
            points = self._stack(some)[None, :, None]
            labels = torch.ones(points.shape[:3], dtype=torch.int64, device=self.device)
            masks, quality = self._decode(embedding, {"input_points": points, "input_labels": labels})
            found.append(masks[0].flatten(0, 1))
            predicted.append(quality[0].flatten())
        return torch.cat(found), torch.cat(predicted)

    def _decode_objects(
        self, asked: Sequence[tuple[Embedding, Frame, PromptedObject]]
    ) -> tuple[Tensor, Tensor]:
        """``(n, k, a, a)`` masks and ``(n, k)`` predicted IoU for objects with prompts of one kind."""
        first = asked[0][2]
        prompts: dict[str, Tensor] = {}
        if len(first.points):
            prompts["input_points"] = self._stack(
                frame.places(thing.points)[None] for _, frame, thing in asked
            )
            prompts["input_labels"] = self._stack(thing.point_labels[None] for _, _, thing in asked)
        if first.box is not None:
            prompts["input_boxes"] = self._stack(
                frame.places(_given(thing.box).reshape(2, 2)).reshape(1, 4) for _, frame, thing in asked
            )
        if first.mask is not None:
            side = 4 * self.cells  # what the prompt encoder's two strides of 2 bring down to the embedding
            prompts["input_masks"] = self._stack(
                frame.mask_logits(_given(thing.mask), side)[None] for _, frame, thing in asked
            ).to(self.model.dtype)
        embedding = tuple(
            torch.cat(levels) for levels in zip(*(levels for levels, _, _ in asked), strict=True)
        )
        masks, quality = self._decode(embedding, prompts)
        return masks[:, 0], quality[:, 0]

    def _decode(self, embedding: Embedding, prompts: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """``(batch, objects, k, a, a)`` masks and ``(batch, objects, k)`` predicted IoU."""
        levels = embedding[0] if self.files.kind == "sam" else list(embedding)
        answer = self.model(image_embeddings=levels, multimask_output=True, **prompts)
        return answer.pred_masks.float(), answer.iou_scores.float()

    def _stack(self, arrays: Iterable[npt.NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.stack(list(arrays))).to(self.device)


def _given(value: npt.NDArray[np.float32] | None) -> npt.NDArray[np.float32]:
    assert value is not None, "objects decoded together have prompts of one kind"
    return value


def _chunks(items: Any, size: int) -> list[Any]:
    return [items[start : start + size] for start in range(0, len(items), size)]
