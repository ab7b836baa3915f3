import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import SamModel

from flawscope.errors import UsageError
from flawscope.train.promptable.batches import Source
from flawscope.train.promptable.decoding import decode, embed_masks, embed_tokens
from flawscope.train.promptable.loop import CHECKPOINT, LOG, Settings, rate_share, train
from flawscope.train.promptable.loss import hard_iou, mask_error, promptable_loss
from flawscope.train.promptable.materials import Picture
from flawscope.train.promptable.preset import Preset, build
from flawscope.train.promptable.prompts import BESIDE, BOTTOM_RIGHT, ON, PADDING, TOP_LEFT
from flawscope.train.promptable.storing import store
from flawscope.train.promptable.validation import validate

TINY = Preset(
    side=64, patch=8, hidden=32, depth=2, heads=2, window=4, global_layers=(1,), channels=32, mlp=64
)
QUICK = Settings(
    preset=TINY,
    steps=6,
    images=2,
    prompts=2,
    rate=2e-3,
    warm_up=2,
    half=False,
    compiled=False,
    keep_every=3,
    log_every=2,
)


@pytest.fixture(scope="module")
def bar() -> list[Picture]:
    """A bright bar and a dark square on grey: the bar is the defect."""
    grey, mask = np.full((64, 64), 110, np.uint8), np.zeros((64, 64), np.uint8)
    grey[40:56, 8:24] = 30
    grey[8:20, 20:56], mask[8:20, 20:56] = 230, 1
    return [Picture(grey, mask)]


def test_decoding_gives_what_transformers_gives() -> None:
    net = build(TINY, seed=4).eval()
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    points, labels = torch.tensor([[[[10.0, 20.0], [50.0, 3.0]]]]), torch.tensor([[[1, 0]]])
    box = torch.tensor([[[4.0, 5.0, 40.0, 30.0]]])
    rough = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        embedding = net.vision_encoder(pixels)[0]
        tokens = embed_tokens(
            net,
            torch.cat([points[0], torch.zeros(1, 1, 2)], dim=1),
            torch.tensor([[ON, BESIDE, PADDING]]),
        )
        none = embed_masks(net, rough, torch.tensor([False]))
        logits, quality = decode(net, embedding, tokens, none)
        for many, kept in ((True, slice(1, 4)), (False, slice(0, 1))):
            expected = net(
                pixel_values=pixels, input_points=points, input_labels=labels, multimask_output=many
            )
            torch.testing.assert_close(logits[:, kept], expected.pred_masks[0])
            torch.testing.assert_close(quality[:, kept], expected.iou_scores[0])
        corners = embed_tokens(net, box.view(1, 2, 2), torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]]))
        logits, _ = decode(net, embedding, corners, embed_masks(net, rough, torch.tensor([True])))
        expected = net(image_embeddings=embedding, input_boxes=box, input_masks=rough)
        torch.testing.assert_close(logits[:, 1:], expected.pred_masks[0])


def test_the_default_model_is_small_and_survives_half_precision(tmp_path: Path) -> None:
    net = build(Preset())
    assert sum(weight.numel() for weight in net.parameters()) < 5_000_000
    folder = store(net, tmp_path / "stored", ["drawn surfaces", "magnetic-tile"])
    assert json.loads((folder / "flawscope.json").read_text()) == {
        "trained_on": ["drawn surfaces", "magnetic-tile"]
    }
    assert (folder / "model.safetensors").stat().st_size < 10 * 2**20
    again, loading = SamModel.from_pretrained(str(folder), dtype=torch.float32, output_loading_info=True)
    assert not any(loading.values()), "every tensor has its place"
    ours, theirs = net.state_dict(), again.state_dict()
    for name, tensor in theirs.items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, ours[name].half().float())


def test_errors_and_iou_by_hand() -> None:
    target = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    inside = torch.tensor([[[1.0, 1.0], [1.0, 0.0]]])
    logits = torch.tensor([[[[9.0, -9.0], [-9.0, 9.0]], [[0.0, 0.0], [0.0, 0.0]]]])
    iou = hard_iou(logits, target, inside)
    torch.testing.assert_close(iou, torch.tensor([[0.5, 0.0]]))
    error = mask_error(logits, target, inside)
    # all of one half: ln 2, and Dice (2 * 1 + 1) / (1.5 + 2 + 1)
    assert error[0, 1].item() == pytest.approx(np.log(2) + 1 - 3 / 4.5, rel=1e-5)
    # one hit, one miss, padding not judged: nine for the miss, over three pixels; Dice 3 / 4
    assert error[0, 0].item() == pytest.approx(9 / 3 + 1 - 3 / 4, abs=2e-3)


def test_of_the_ambiguous_masks_the_best_one_learns_most() -> None:
    target, inside = torch.zeros(1, 4, 4), torch.ones(1, 4, 4)
    target[0, :2] = 1
    logits = torch.zeros(1, 4, 4, 4)
    logits[0, 2] = 2 * target[0] - 1
    logits.requires_grad_()
    promptable_loss(logits, torch.zeros(1, 4), target, inside).backward()
    size = logits.grad.abs().sum(dim=(2, 3))[0]
    assert size[0] > 0
    assert size[2] > 5 * size[1] > 0
    assert size[2] > 5 * size[3] > 0


def test_the_rate_rises_then_falls_to_its_last_share() -> None:
    settings = Settings(steps=100, warm_up=10, last=0.25)
    shares = [rate_share(step, settings) for step in range(101)]
    assert shares[0] == 0.1
    assert shares[10] == 1.0
    assert shares[55] == pytest.approx(0.625)
    assert shares[100] == pytest.approx(0.25)


def test_a_resumed_run_ends_with_the_same_weights(tmp_path: Path, bar: list[Picture]) -> None:
    sources = [Source(bar, 1.0)]
    whole = train(tmp_path / "whole", QUICK, sources, bar)

    class KilledError(Exception):
        pass

    def kill(step: int, _: object) -> None:
        if step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        train(tmp_path / "parts", QUICK, sources, bar, after_checkpoint=kill)
    resumed = train(tmp_path / "parts", QUICK, sources, bar)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert (tmp_path / "parts" / LOG).read_text().count('"step"') >= 3
    with pytest.raises(UsageError, match="other settings"):
        train(tmp_path / "parts", replace(QUICK, rate=1e-3), sources, bar)
    assert (tmp_path / "parts" / CHECKPOINT).is_file()


@pytest.mark.slow
def test_a_tiny_model_learns_one_picture_from_a_click_and_a_box(tmp_path: Path, bar: list[Picture]) -> None:
    settings = replace(
        QUICK, steps=120, images=2, prompts=6, warm_up=20, memory=0.95, keep_every=1000, log_every=1000
    )
    before = validate(build(TINY).eval(), bar, 64)
    net = train(tmp_path, settings, [Source(bar, 1.0)], bar)
    after = validate(net, bar, 64)
    assert before["point"] < 0.4
    assert after["point"] > 0.8
    assert after["box"] > 0.8
