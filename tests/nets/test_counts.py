"""Every printed size, recomputed from the network itself."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from flawscope import nets  # noqa: E402
from flawscope.nets.presets import PRESETS  # noqa: E402

PAPER = {
    "base": 27_856_580,
    "base-c": 28_176_580,
    "base-s": 28_152_592,
    "base-c-s": 28_472_592,
    "base-p": 29_336_266,
    "ocinet": 29_952_278,
    "ocinet-global-global-local": 29_952_278,
    "base-vanilla-ca": 28_176_580,
    "base-vanilla-sa": 28_152_298,
    "base-c-single": 27_864_772,
    "base-s-single": 27_856_972,
    "base-p-single": 29_435_596,
    "base-c-s-p-single": 29_444_180,
}
"""Exact counts behind Tables II and III of the paper (c = 128, one class)."""


def on_meta(name: str) -> nets.OCINet:
    with torch.device("meta"):
        return nets.build(name)


@pytest.mark.parametrize(("name", "count"), PAPER.items())
def test_paper_variants_have_exactly_the_published_parameters(name: str, count: int) -> None:
    net = on_meta(name)
    assert nets.parameters(net) == count
    assert round(count / 1e6, 3) == PRESETS[name].paper_parameters


@pytest.mark.parametrize("name", PRESETS)
def test_the_table_states_what_the_network_has(name: str) -> None:
    row, net = PRESETS[name], on_meta(name)
    assert nets.parameters(net) == row.parameters
    assert nets.multiply_adds(net, *row.input_size) == row.multiply_adds


def test_multiply_adds_of_the_paper_network() -> None:
    assert nets.multiply_adds(on_meta("ocinet"), 352, 352) == pytest.approx(18.74e9, rel=0.005)


def test_parts_have_the_published_parameters() -> None:
    net = on_meta("ocinet")
    assert nets.parameters(net.backbone) == 24_849_856
    channel, spatial, pixel = net.interactions
    assert [nets.parameters(pair) for pair in channel.pairs] == [8_192] * 3
    assert [nets.parameters(pair) for pair in spatial.pairs] == [196] * 3
    assert [nets.parameters(pair) for pair in pixel.pairs] == [394_754] * 3
    assert [nets.parameters(head) for head in net.reasoner.heads] == [1_153] * 4


def test_foreign_attention_lands_on_or_near_the_printed_counts() -> None:
    for name, millions in (("base-swsam", 28.154), ("base-lskm", 28.507)):
        assert round(PRESETS[name].parameters / 1e6, 3) == millions == PRESETS[name].paper_parameters
    rscam = PRESETS["base-rscam"]
    assert rscam.paper_parameters == 28.176
    assert abs(rscam.parameters / 1e6 - rscam.paper_parameters) < 0.002


def test_small_presets_keep_their_promise() -> None:
    tiny, nano = on_meta("ocinet-tiny"), on_meta("ocinet-nano")
    assert nets.parameters(tiny) <= 5_000_000
    assert nets.parameters(nano) <= 1_000_000
    stored = sum(value.numel() for value in tiny.state_dict().values()) * 2
    assert stored < 10 * 1024 * 1024


def test_multiply_adds_by_hand() -> None:
    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
            self.depthwise = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.up = torch.nn.ConvTranspose2d(8, 4, 2, stride=2)
            self.norm = torch.nn.BatchNorm2d(4)
            self.linear = torch.nn.Linear(4, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(self.norm(self.up(self.depthwise(self.conv(x)))).mean((2, 3)))

    # 16x12 pixels: conv 8*6 outputs of 8 channels by 27; depthwise by 9; up: 48 inputs of 8 to 4 by 4; linear 4*5
    by_hand = 48 * 8 * 27 + 48 * 8 * 9 + 48 * 8 * 4 * 4 + 20
    net = Small().train()
    assert nets.multiply_adds(net, 16, 12) == by_hand
    assert net.training
    assert not any(layer._forward_hooks for layer in net.modules())
