"""What every network of the table promises."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from flawscope import nets  # noqa: E402
from flawscope.nets.presets import PRESETS  # noqa: E402

STAGES = {"channel", "spatial", "pixel", "attention"}


def small(name: str, channels: int = 1) -> nets.OCINet:
    """The preset with its modules and order, on a backbone and width that are quick."""
    torch.manual_seed(0)
    options = {"backbone": "pvt_v2_b0", "width": 16} if PRESETS[name].backbone == "pvt_v2_b2" else {}
    # Stochastic depth could drop a block for the whole batch, and with it the block's gradients.
    return nets.build(name, channels=channels, drop_path_rate=0.0, **options)


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset(name: str) -> None:
    net = small(name, channels=4)
    for layer in net.backbone.modules():
        # residual blocks of timm begin as the identity, through which nothing inside them learns yet
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(layer.weight)
    net.train()
    logits = net(noise(2, 3, 64, 96))
    assert [tuple(maps.shape) for maps in logits] == [(2, 4, 64, 96)] * 4
    sum((maps * noise(*maps.shape)).mean() for maps in logits).backward()
    # The bottlenecks of these narrow copies have so few hidden units that chance can switch all of them off.
    without = [
        key
        for key, value in net.named_parameters()
        if value.grad is None or not (value.grad.any() or "bottleneck" in key)
    ]
    assert without == []
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())

    net.eval()
    image = noise(1, 3, 50, 33)
    with torch.no_grad():
        first, second = net(image), net(image)
        stages = net.features(image)
    for one, other in zip(first, second, strict=True):
        assert one.shape == (1, 4, 50, 33)
        assert torch.isfinite(one).all()
        assert torch.equal(one, other)

    assert next(iter(stages)) == "adjusted"
    assert len(stages) == 1 + len(PRESETS[name].modules)
    assert set(stages) - {"adjusted"} <= STAGES
    for levels in stages.values():
        assert [tuple(level.shape[2:]) for level in levels] == [(16, 16), (8, 8), (4, 4), (2, 2)]

    twin = small(name, channels=4).eval()
    with torch.no_grad():
        for value in twin.parameters():
            value.add_(0.1)
    twin.load_state_dict(net.state_dict())
    with torch.no_grad():
        assert torch.equal(twin(image)[0], first[0])


@pytest.mark.parametrize("name", ["ocinet-tiny", "ocinet-nano"])
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 200), (32, 32), (65, 31)])
def test_any_size(name: str, size: tuple[int, int]) -> None:
    net = small(name).eval()
    with torch.no_grad():
        for maps in net(noise(1, 3, *size)):
            assert maps.shape == (1, 1, *size)
            assert torch.isfinite(maps).all()


def test_padding_reflects_below_and_to_the_right() -> None:
    net = small("ocinet-nano").eval()
    image = noise(1, 3, 40, 50)
    mirrored = torch.nn.functional.pad(image, (0, 14, 0, 24), mode="reflect")
    with torch.no_grad():
        torch.testing.assert_close(net(image)[0], net(mirrored)[0][..., :40, :50])


def test_the_paper_network_itself() -> None:
    torch.manual_seed(0)
    net = nets.build("ocinet").eval()
    with torch.no_grad():
        logits = net(noise(1, 3, 64, 64))
    assert [tuple(maps.shape) for maps in logits] == [(1, 1, 64, 64)] * 4
    rates = [block.drop_path1.drop_prob for block in net.modules() if hasattr(block, "drop_path1")
             and hasattr(block.drop_path1, "drop_prob")]  # fmt: skip
    assert rates == pytest.approx([0.1 * number / 15 for number in range(1, 16)])


def test_new_layers_start_by_he_and_gates_at_one() -> None:
    torch.manual_seed(0)
    net = nets.build("ocinet-pvt-b0")
    conv = net.adjustment[3].conv
    assert conv.weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    pixel = net.interactions[2].pairs[0]
    assert pixel.query.weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    assert not pixel.query.bias.any()
    assert pixel.fine_gamma.item() == 1


def test_same_seed_same_network() -> None:
    one, other = small("ocinet-nano").state_dict(), small("ocinet-nano").state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", ["ocinet-tiny", "ocinet-nano"])
def test_bfloat16_autocast_agrees_and_trains(name: str) -> None:
    net = small(name).eval()
    image = noise(2, 3, 64, 64)
    with torch.no_grad():
        exact = net(image)[0].sigmoid()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = net(image)[0].float().sigmoid()
    assert (exact - rounded).abs().mean() < 0.05
    net.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = sum(maps.float().square().mean() for maps in net(image))
    loss.backward()
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())
