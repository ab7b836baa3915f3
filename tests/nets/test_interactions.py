"""Each module against its definition, written out in numpy loops."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from torch import nn  # noqa: E402

from flawscope.nets.channel_interaction import (  # noqa: E402
    CrossScaleChannelInteraction,
    SingleScaleChannelAttention,
    VanillaChannelAttention,
)
from flawscope.nets.foreign_attention import (  # noqa: E402
    LargeSelectiveKernel,
    OnConcatenation,
    RectangularSelfCalibration,
    ShuffleWeightedSpatialAttention,
)
from flawscope.nets.layers import initialise, resample  # noqa: E402
from flawscope.nets.pixel_interaction import (  # noqa: E402
    CrossScalePixelInteraction,
    SingleScalePixelAttention,
    column_attention,
)
from flawscope.nets.spatial_interaction import (  # noqa: E402
    CrossScaleSpatialInteraction,
    SingleScaleSpatialAttention,
    VanillaSpatialAttention,
)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


def weights(layer: nn.Module) -> np.ndarray:
    return layer.weight.detach().numpy()


def conv(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Zero-padded cross-correlation of (c, h, w) with (o, c, k, k), pixel by pixel."""
    outputs, _, size, _ = kernel.shape
    c, h, w = maps.shape
    margin = size // 2
    padded = np.zeros((c, h + 2 * margin, w + 2 * margin))
    padded[:, margin : margin + h, margin : margin + w] = maps
    result = np.zeros((outputs, h, w))
    for o in range(outputs):
        for y in range(h):
            for x in range(w):
                result[o, y, x] = (padded[:, y : y + size, x : x + size] * kernel[o]).sum()
    return result


def corners_aligned(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear resizing whose corner pixels stay where they are."""
    c, h, w = maps.shape
    result = np.zeros((c, height, width))
    for y in range(height):
        for x in range(width):
            v = y * (h - 1) / (height - 1) if height > 1 else 0.0
            u = x * (w - 1) / (width - 1) if width > 1 else 0.0
            top, left = min(int(v), h - 1), min(int(u), w - 1)
            below, right = min(top + 1, h - 1), min(left + 1, w - 1)
            dv, du = v - top, u - left
            result[:, y, x] = (
                maps[:, top, left] * (1 - dv) * (1 - du)
                + maps[:, top, right] * (1 - dv) * du
                + maps[:, below, left] * dv * (1 - du)
                + maps[:, below, right] * dv * du
            )
    return result


def test_resampling_aligns_corners() -> None:
    maps = values(2, 3, 4)
    up = resample(tensor(maps)[None], 2)[0].numpy()
    np.testing.assert_allclose(up, corners_aligned(maps, 6, 8), atol=1e-12)
    large = values(2, 6, 8)
    down = resample(tensor(large)[None], 0.5)[0].numpy()
    np.testing.assert_allclose(down, corners_aligned(large, 3, 4), atol=1e-12)


def test_channel_interaction_is_the_published_one() -> None:
    width, groups = 16, 4
    module = CrossScaleChannelInteraction(width, groups).double()
    fine, coarse = values(width, 6, 4, seed=1), values(width, 3, 2, seed=2)
    expected_fine, expected_coarse = fine.copy(), coarse.copy()
    each = width // groups
    for group, unit in enumerate(module.units):
        first, second = weights(unit.bottleneck[0]), weights(unit.bottleneck[2])
        assert first.shape == (2 * each // 4, 2 * each)
        channels = range(group * each, (group + 1) * each)
        total = np.zeros(2 * each)
        for pool in (np.mean, np.max):
            joined = [pool(fine[k]) for k in channels] + [pool(coarse[k]) for k in channels]
            shuffled = [joined[(slot % 2) * each + slot // 2] for slot in range(2 * each)]
            total += second @ np.maximum(first @ np.array(shuffled), 0)
        gates = sigmoid(total)
        for place, k in enumerate(channels):
            expected_fine[k] *= gates[place]
            expected_coarse[k] *= gates[each + place]
    got_fine, got_coarse = module(tensor(fine)[None], tensor(coarse)[None])
    np.testing.assert_allclose(got_fine[0].detach(), expected_fine, atol=1e-12)
    np.testing.assert_allclose(got_coarse[0].detach(), expected_coarse, atol=1e-12)


def test_paper_width_has_bottlenecks_of_64_16_64() -> None:
    unit = CrossScaleChannelInteraction(128, 4).units[0]
    assert weights(unit.bottleneck[0]).shape == (16, 64)
    assert weights(unit.bottleneck[2]).shape == (64, 16)


def test_vanilla_channel_attention_concatenates_without_shuffle() -> None:
    module = VanillaChannelAttention(8).double()
    fine, coarse = values(8, 4, 4, seed=1), values(8, 2, 2, seed=2)
    first, second = weights(module.bottleneck[0]), weights(module.bottleneck[2])
    assert first.shape == (1, 16)
    total = sum(
        second @ np.maximum(first @ np.concatenate([pool(fine, axis=(1, 2)), pool(coarse, axis=(1, 2))]), 0)
        for pool in (np.mean, np.max)
    )
    gates = sigmoid(total)
    got_fine, got_coarse = module(tensor(fine)[None], tensor(coarse)[None])
    np.testing.assert_allclose(got_fine[0].detach(), fine * gates[:8, None, None], atol=1e-12)
    np.testing.assert_allclose(got_coarse[0].detach(), coarse * gates[8:, None, None], atol=1e-12)


def test_single_scale_channel_attention() -> None:
    module = SingleScaleChannelAttention(32).double()
    maps = values(32, 3, 5)
    first, second = weights(module.bottleneck[0]), weights(module.bottleneck[2])
    assert first.shape == (2, 32)
    total = sum(second @ np.maximum(first @ pool(maps, axis=(1, 2)), 0) for pool in (np.mean, np.max))
    got = module(tensor(maps)[None])[0].detach()
    np.testing.assert_allclose(got, maps * sigmoid(total)[:, None, None], atol=1e-12)


def test_spatial_interaction_is_the_published_one() -> None:
    module = CrossScaleSpatialInteraction().double()
    fine, coarse = values(3, 8, 6, seed=1), values(3, 4, 3, seed=2)
    enlarged = corners_aligned(coarse, 8, 6)
    expected_fine, expected_enlarged = np.zeros_like(fine), np.zeros_like(enlarged)
    for unit, rows in ((module.upper, slice(0, 4)), (module.lower, slice(4, 8))):
        stacked = np.concatenate([fine[:, rows], enlarged[:, rows]], axis=1)
        statistics = np.stack([stacked.mean(axis=0), stacked.max(axis=0)])
        gates = sigmoid(conv(statistics, weights(unit.conv)))[0]
        expected_fine[:, rows] = fine[:, rows] * gates[:4]
        expected_enlarged[:, rows] = enlarged[:, rows] * gates[4:]
    got_fine, got_coarse = module(tensor(fine)[None], tensor(coarse)[None])
    np.testing.assert_allclose(got_fine[0].detach(), expected_fine, atol=1e-12)
    np.testing.assert_allclose(got_coarse[0].detach(), corners_aligned(expected_enlarged, 4, 3), atol=1e-12)


def test_vanilla_and_single_scale_spatial_attention() -> None:
    fine, coarse = values(3, 4, 6, seed=1), values(3, 2, 3, seed=2)
    vanilla = VanillaSpatialAttention().double()
    enlarged = corners_aligned(coarse, 4, 6)
    both = np.concatenate([fine, enlarged])
    gate = sigmoid(conv(np.stack([both.mean(axis=0), both.max(axis=0)]), weights(vanilla.conv)))
    got_fine, got_coarse = vanilla(tensor(fine)[None], tensor(coarse)[None])
    np.testing.assert_allclose(got_fine[0].detach(), fine * gate, atol=1e-12)
    np.testing.assert_allclose(got_coarse[0].detach(), corners_aligned(enlarged * gate, 2, 3), atol=1e-12)

    single = SingleScaleSpatialAttention().double()
    gate = sigmoid(conv(np.stack([fine.mean(axis=0), fine.max(axis=0)]), weights(single.conv)))
    np.testing.assert_allclose(single(tensor(fine)[None])[0].detach(), fine * gate, atol=1e-12)


def attention_by_loops(
    query: np.ndarray, key: np.ndarray, fine: np.ndarray, coarse: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    channels, rows, columns = query.shape
    mixed_fine, mixed_coarse = np.zeros_like(fine), np.zeros_like(coarse)
    for c in range(channels):
        energy = np.zeros((columns, columns))
        for i in range(columns):
            for j in range(columns):
                energy[i, j] = sum(query[c, h, i] * key[c, h, j] for h in range(rows))
        for i in range(columns):
            share = np.exp(energy[i] - energy[i].max())
            share /= share.sum()
            for j in range(columns):
                mixed_fine[c, :, i] += share[j] * fine[c, :, j]
        for j in range(columns):
            share = np.exp(energy[:, j] - energy[:, j].max())
            share /= share.sum()
            for i in range(columns):
                mixed_coarse[c, :, j] += share[i] * coarse[c, :, i]
    return mixed_fine, mixed_coarse


def test_column_attention_mixes_along_the_published_axes() -> None:
    arrays = [values(2, 3, 4, seed=seed) for seed in range(4)]
    got = column_attention(*(tensor(array)[None] for array in arrays))
    for result, expected in zip(got, attention_by_loops(*arrays), strict=True):
        np.testing.assert_allclose(result[0], expected, atol=1e-12)


def pointwise(layer: nn.Conv2d, maps: np.ndarray) -> np.ndarray:
    return (
        np.einsum("oc,chw->ohw", weights(layer)[:, :, 0, 0], maps)
        + layer.bias.detach().numpy()[:, None, None]
    )


def refined(branch: nn.Sequential, maps: np.ndarray) -> np.ndarray:
    """3x3 conv-BN-ReLU and 1x1 conv-BN-ReLU, evaluation mode."""
    for block in (branch[0], branch[2]):
        norm = block.norm
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        shift = norm.bias - norm.running_mean * scale
        maps = conv(maps, weights(block.conv))
        maps = maps * scale.detach().numpy()[:, None, None] + shift.detach().numpy()[:, None, None]
        maps = np.maximum(maps, 0)
    return maps


def shaken(module: nn.Module) -> nn.Module:
    """Evaluation mode, with batch norms, biases and gammas away from their neutral starts."""
    generator = torch.Generator().manual_seed(3)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            noise = torch.rand(value.shape, generator=generator, dtype=value.dtype)
            value.copy_(noise + 0.5 if name.endswith("running_var") else value + 0.3 * (noise - 0.5))
    return module.eval()


def test_pixel_interaction_is_the_published_one() -> None:
    module = CrossScalePixelInteraction(3).double()
    assert module.fine_gamma.item() == module.coarse_gamma.item() == 1
    shaken(module)
    fine, coarse = values(3, 6, 8, seed=1), values(3, 3, 4, seed=2)
    reduced = corners_aligned(fine, 3, 4)
    mixed_fine, mixed_coarse = attention_by_loops(
        pointwise(module.query, reduced),
        pointwise(module.key, coarse),
        pointwise(module.fine_value, reduced),
        pointwise(module.coarse_value, coarse),
    )
    fine_sum = module.fine_gamma.item() * corners_aligned(mixed_fine, 6, 8) + fine
    coarse_sum = module.coarse_gamma.item() * mixed_coarse + coarse
    got_fine, got_coarse = module(tensor(fine)[None], tensor(coarse)[None])
    np.testing.assert_allclose(got_fine[0].detach(), refined(module.fine_refine, fine_sum), atol=1e-10)
    np.testing.assert_allclose(got_coarse[0].detach(), refined(module.coarse_refine, coarse_sum), atol=1e-10)


def test_single_scale_pixel_attention_plays_both_parts_and_sums() -> None:
    module = shaken(SingleScalePixelAttention(3).double())
    inner, maps = module.interaction, values(3, 4, 5)
    first, second = attention_by_loops(
        pointwise(inner.query, maps),
        pointwise(inner.key, maps),
        pointwise(inner.fine_value, maps),
        pointwise(inner.coarse_value, maps),
    )
    expected = refined(inner.fine_refine, inner.fine_gamma.item() * first + maps) + refined(
        inner.coarse_refine, inner.coarse_gamma.item() * second + maps
    )
    np.testing.assert_allclose(module(tensor(maps)[None])[0].detach(), expected, atol=1e-10)


def test_pixel_interaction_survives_half_precision_where_energies_are_large() -> None:
    torch.manual_seed(0)
    module = CrossScalePixelInteraction(16).eval()
    initialise(module)
    fine, coarse = torch.randn(1, 16, 64, 64) * 8, torch.randn(1, 16, 32, 32) * 8
    with torch.no_grad():
        exact = module(fine, coarse)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = module(fine, coarse)
    for one, other in zip(exact, rounded, strict=True):
        assert torch.isfinite(other).all()
        assert (one - other.float()).abs().mean() < 0.1 * one.abs().mean()


def test_swsam_gates_by_the_weighted_maps_of_four_shuffled_parts() -> None:
    module = ShuffleWeightedSpatialAttention().double()
    with torch.no_grad():
        module.weights.copy_(torch.tensor([0.1, -0.4, 0.7, 0.2]))
    maps = values(8, 4, 3)
    share = np.exp([0.1, -0.4, 0.7, 0.2])
    share /= share.sum()
    # Shuffling 8 channels in four groups gives 0 2 4 6 1 3 5 7, cut into four pairs.
    gate = np.zeros((4, 3))
    for part, channels in enumerate(([0, 2], [4, 6], [1, 3], [5, 7])):
        chosen = maps[channels]
        statistics = np.stack([chosen.mean(axis=0), chosen.max(axis=0)])
        gate += share[part] * sigmoid(conv(statistics, weights(module.convs[part])))[0]
    np.testing.assert_allclose(module(tensor(maps)[None])[0].detach(), maps * gate, atol=1e-12)


def test_rscam_gates_local_detail_by_a_shaped_cross() -> None:
    module = shaken(RectangularSelfCalibration(2).double())
    maps = values(2, 5, 7)
    first, norm, _, second, _ = module.shape
    cross = maps.mean(axis=2, keepdims=True) + maps.mean(axis=1, keepdims=True)
    expected = np.zeros_like(maps)
    for c in range(2):
        along = np.zeros((1, 1, 11, 11))
        along[0, 0, 5] = weights(first)[c, 0, 0]
        down = np.zeros((1, 1, 11, 11))
        down[0, 0, :, 5] = weights(second)[c, 0, :, 0]
        shaped = conv(cross[c : c + 1], along)
        mean, variance = norm.running_mean[c].item(), norm.running_var[c].item()
        shaped = (shaped - mean) / np.sqrt(variance + norm.eps) * norm.weight[c].item() + norm.bias[c].item()
        gate = sigmoid(conv(np.maximum(shaped, 0), down))
        expected[c] = (gate * conv(maps[c : c + 1], weights(module.detail)[c : c + 1]))[0]
    np.testing.assert_allclose(module(tensor(maps)[None])[0].detach(), expected, atol=1e-10)


def test_lskm_weighs_two_receptive_fields() -> None:
    module = LargeSelectiveKernel(4).double().eval()
    maps = values(4, 6, 6)
    near = np.stack(
        [
            conv(maps[c : c + 1], weights(module.near)[c : c + 1])[0] + module.near.bias[c].item()
            for c in range(4)
        ]
    )
    far = np.zeros_like(near)
    for c in range(4):
        spread = np.zeros((1, 1, 19, 19))
        spread[0, 0, ::3, ::3] = weights(module.far)[c, 0]
        far[c] = conv(near[c : c + 1], spread)[0] + module.far.bias[c].item()
    near, far = pointwise(module.project_near, near), pointwise(module.project_far, far)
    both = np.concatenate([near, far])
    select = conv(np.stack([both.mean(axis=0), both.max(axis=0)]), weights(module.select))
    gates = sigmoid(select + module.select.bias.detach().numpy()[:, None, None])
    expected = maps * pointwise(module.expand, near * gates[0] + far * gates[1])
    np.testing.assert_allclose(module(tensor(maps)[None])[0].detach(), expected, atol=1e-10)


def test_concatenation_sees_fine_channels_first_and_returns_both_sizes() -> None:
    class KeepFirstHalf(nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            kept = maps.clone()
            kept[:, maps.shape[1] // 2 :] = 0
            return kept

    fine, coarse = torch.randn(1, 3, 4, 6), torch.randn(1, 3, 2, 3)
    got_fine, got_coarse = OnConcatenation(KeepFirstHalf())(fine, coarse)
    assert torch.equal(got_fine, fine)
    assert got_coarse.shape == coarse.shape
    assert not got_coarse.any()
