import math

import pytest
import torch

from flawscope.train.losses import HybridLoss, edge_weights, false_alarm, pixel_cross_entropy, soft_iou


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def test_binary_terms_by_hand() -> None:
    logits = torch.tensor([[[[logit(0.8), logit(0.4)]]]])
    target = torch.tensor([[[[1.0, 0.0]]]])
    bce = -(math.log(0.8) + math.log(0.6)) / 2
    iou = 0.8 / (0.8 + 1 - 0.8 + 0.4)  # intersections 0.8 and 0; unions 1.0 and 0.4
    assert pixel_cross_entropy(logits, target).item() == pytest.approx(bce, abs=1e-6)
    assert soft_iou(logits, target).item() == pytest.approx(1 - iou, abs=1e-6)


def test_soft_iou_is_per_image_not_pooled() -> None:
    logits = torch.tensor([[[[logit(0.9)]]], [[[logit(0.1)]]]])
    target = torch.ones(2, 1, 1, 1)
    assert soft_iou(logits, target).item() == pytest.approx(1 - (0.9 + 0.1) / 2, abs=1e-6)


def test_clean_image_has_no_iou_term_but_still_teaches() -> None:
    logits = torch.full((1, 1, 4, 4), 2.0, requires_grad=True)
    target = torch.zeros(1, 1, 4, 4)
    assert soft_iou(logits, target).item() == 0.0
    pixel_cross_entropy(logits, target).backward()
    assert logits.grad is not None
    assert (logits.grad > 0).all()  # pushes probabilities down


def test_levels_weigh_one_one_half_quarter() -> None:
    target = torch.ones(1, 1, 2, 2)
    maps = [torch.full((1, 1, 2, 2), value) for value in (0.0, 1.0, 2.0, 3.0)]
    alone = [(pixel_cross_entropy(m, target) + soft_iou(m, target)).item() for m in maps]
    expected = alone[0] + alone[1] + alone[2] / 2 + alone[3] / 4
    assert HybridLoss()(maps, target).item() == pytest.approx(expected, abs=1e-6)


def test_class_weights_scale_foreground_pixels() -> None:
    logits = torch.tensor([[[[logit(0.8), logit(0.4)]]]])
    target = torch.tensor([[[[1.0, 0.0]]]])
    weighted = pixel_cross_entropy(logits, target, torch.tensor([1.0, 3.0])).item()
    assert weighted == pytest.approx(-(3 * math.log(0.8) + math.log(0.6)) / 2, abs=1e-6)


def test_several_classes_by_hand() -> None:
    scores = torch.tensor([0.2, 0.7, 0.1])  # background, class 1, class 2
    logits = scores.log().view(1, 3, 1, 1)
    target = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    assert pixel_cross_entropy(logits, target).item() == pytest.approx(-math.log(0.7), abs=1e-6)
    # class 1: 0.7 / (0.7 + 1 - 0.7); class 2 is absent and counts 0
    assert soft_iou(logits, target).item() == pytest.approx((1 - 0.7) / 2, abs=1e-6)


def test_half_precision_maps_do_not_overflow() -> None:
    maps = [torch.zeros(1, 1, 512, 512, dtype=torch.bfloat16)] * 4
    loss = HybridLoss()(maps, torch.ones(1, 1, 512, 512))
    assert loss.item() == pytest.approx(2.75 * (math.log(2) + 0.5), abs=1e-3)


def test_false_alarms_cost_on_clean_images_only() -> None:
    logits = torch.full((2, 1, 10, 10), -30.0)
    logits[:, :, 0, :2] = 30.0  # two pixels answered in each image
    target = torch.zeros(2, 1, 10, 10)
    target[1, 0, 5, 5] = 1.0  # the second image has a defect
    assert false_alarm(logits, target, 0.02).item() == pytest.approx((2 / (2 + 2) + 0) / 2, abs=1e-6)
    assert false_alarm(torch.full_like(logits, -30.0), target, 0.02).item() == pytest.approx(0, abs=1e-6)


def test_false_alarms_of_any_class_count() -> None:
    logits = torch.zeros(1, 3, 1, 1)
    logits[0, 0] = math.log(2.0)  # background half, classes a quarter each
    assert false_alarm(logits, torch.zeros(1, 2, 1, 1), 0.5).item() == pytest.approx(0.5, abs=1e-6)


def test_the_papers_loss_has_no_such_term() -> None:
    maps, target = [torch.zeros(1, 1, 4, 4)] * 4, torch.zeros(1, 1, 4, 4)
    paper, ours = HybridLoss()(maps, target), HybridLoss(clean_share=0.1)(maps, target)
    assert paper.item() == pytest.approx(2.75 * math.log(2), abs=1e-5)
    assert ours.item() == pytest.approx(2.75 * (math.log(2) + 8 / 9.6), abs=1e-5)


def test_edge_weights_are_one_far_from_borders_and_largest_beside_them() -> None:
    target = torch.zeros(1, 1, 48, 48)
    target[..., :24] = 1
    weights = edge_weights(target, 4.0)
    assert weights.shape == (1, 1, 48, 48)
    row = weights[0, 0, 20]  # windows of 5: two fifths of one beside the border are on its other side
    assert row[:22].tolist() == pytest.approx([1.0] * 22)
    assert row[22:26].tolist() == pytest.approx([1.8, 2.6, 2.6, 1.8])
    assert row[26:].tolist() == pytest.approx([1.0] * 22)
    assert torch.equal(edge_weights(torch.zeros(1, 1, 9, 9), 4.0), torch.ones(1, 1, 9, 9))


def test_pixel_weights_in_both_terms_by_hand() -> None:
    logits = torch.tensor([[[[logit(0.8), logit(0.4)]]]])
    target = torch.tensor([[[[1.0, 0.0]]]])
    pixels = torch.tensor([[[[3.0, 1.0]]]])
    weighted = -(3 * math.log(0.8) + math.log(0.6)) / 4
    assert pixel_cross_entropy(logits, target, None, pixels).item() == pytest.approx(weighted, abs=1e-6)
    assert soft_iou(logits, target, pixels).item() == pytest.approx(1 - 2.4 / (3 + 0.4), abs=1e-6)
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)  # the same probabilities as a softmax
    assert pixel_cross_entropy(two, target, None, pixels).item() == pytest.approx(weighted, abs=1e-6)


def test_borders_count_more_only_when_asked() -> None:
    target = torch.zeros(1, 1, 48, 48)
    target[..., :24] = 1
    right = torch.where(target > 0, 4.0, -4.0)
    wrong_at_border, wrong_far = right.clone(), right.clone()
    wrong_at_border[..., 24] = 4.0
    wrong_far[..., 40] = 4.0
    plain, edged = HybridLoss(level_weights=(1.0,)), HybridLoss(level_weights=(1.0,), edge_weight=5.0)
    assert plain([wrong_at_border], target).item() == pytest.approx(
        plain([wrong_far], target).item(), abs=1e-6
    )
    assert edged([wrong_at_border], target).item() > edged([wrong_far], target).item() + 0.02


def test_cross_entropy_is_weighted() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 1, 8, 8, generator=generator)
    target = (torch.rand(2, 1, 8, 8, generator=generator) > 0.5).float()
    loss = HybridLoss(level_weights=(1.0,), cross_entropy=0.25)((logits,), target)
    expected = 0.25 * pixel_cross_entropy(logits, target) + soft_iou(logits, target)
    torch.testing.assert_close(loss, expected)


def test_the_logarithm_keeps_its_gradient_where_hardly_anything_is_answered() -> None:
    target = torch.zeros(1, 1, 40, 40)
    target[..., 10:30, 10:30] = 1
    pulls = {}
    for logarithm in (False, True):
        logits = torch.full((1, 1, 40, 40), -7.0, requires_grad=True)
        soft_iou(logits, target, logarithm=logarithm).backward()
        assert logits.grad is not None
        pulls[logarithm] = -float(logits.grad[target == 1].sum())
    probability = 1 / (1 + math.exp(7))
    assert pulls[False] == pytest.approx(probability, rel=0.01)
    assert pulls[True] == pytest.approx(400 * probability / (400 * probability + 1), rel=0.01)
    assert pulls[True] > 100 * pulls[False]


def test_the_logarithm_is_that_of_the_soft_iou() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(1, 1, 64, 64, generator=generator)
    target = (torch.rand(1, 1, 64, 64, generator=generator) < 0.3).float()
    iou = 1 - soft_iou(logits, target).item()
    assert soft_iou(logits, target, logarithm=True).item() == pytest.approx(-math.log(iou), rel=0.002)
    clean = torch.zeros_like(target)
    assert soft_iou(logits, clean, logarithm=True).item() == 0
    whole = HybridLoss(level_weights=(1.0,), log_iou=True)((logits,), target)
    apart = pixel_cross_entropy(logits, target) + soft_iou(logits, target, logarithm=True)
    assert whole.item() == pytest.approx(apart.item(), rel=1e-6)
