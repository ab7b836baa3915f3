"""How well a promptable model does while it trains, on pictures it does not train on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch

from flawscope.train.promptable.batches import halved, normalised
from flawscope.train.promptable.decoding import decode, embed_masks, embed_tokens
from flawscope.train.promptable.loss import hard_iou
from flawscope.train.promptable.materials import Picture, defective
from flawscope.train.promptable.prompts import BOTTOM_RIGHT, ON, PADDING, TOP_LEFT, inner_distance


@torch.inference_mode()
def validate(net: Any, pictures: Sequence[Picture], side: int) -> dict[str, float]:
    """Mean IoU over the pictures with a defect, at the resolution of the mask logits.

    ``point`` is one click where the defect is thickest, ``box`` its tight box; both judge the clear mask.
    ``point_chosen`` judges the one of three ambiguous masks that the model believes in most.
    """
    names = ("point", "point_chosen", "box")
    rows = [_judged(net, picture, side) for picture in defective(pictures)]
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in names} if rows else {}


def _judged(net: Any, picture: Picture, side: int) -> dict[str, float]:
    scale = side / max(picture.grey.shape)
    filled = (max(1, round(picture.grey.shape[0] * scale)), max(1, round(picture.grey.shape[1] * scale)))
    grey, region = np.zeros((side, side), np.float32), np.zeros((side, side), bool)
    size = filled[::-1]
    grey[: filled[0], : filled[1]] = cv2.resize(picture.grey, size, interpolation=cv2.INTER_AREA) / 255
    small = cv2.resize((picture.mask > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    region[: filled[0], : filled[1]] = small >= min(0.5, float(small.max()))
    row, column = divmod(int(inner_distance(region).argmax()), side)
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    places = torch.tensor([[[column, row], [0, 0]], [[left, top], [left + width, top + height]]]).float()
    kinds = torch.tensor([[ON, PADDING], [TOP_LEFT, BOTTOM_RIGHT]])
    target = torch.from_numpy(halved(region.astype(np.float32)))[None].expand(2, -1, -1)
    inside = torch.zeros_like(target)
    inside[:, : -(-filled[0] // 2), : -(-filled[1] // 2)] = 1
    embedding = net.vision_encoder(torch.from_numpy(normalised(grey, filled))[None])[0].expand(2, -1, -1, -1)
    dense = embed_masks(net, torch.zeros(2, 1, side // 2, side // 2), torch.zeros(2, dtype=torch.bool))
    logits, quality = decode(net, embedding, embed_tokens(net, places, kinds), dense)
    iou = hard_iou(logits, target, inside)
    chosen = 1 + int(quality[0, 1:].argmax())
    return {"point": float(iou[0, 0]), "point_chosen": float(iou[0, chosen]), "box": float(iou[1, 0])}
