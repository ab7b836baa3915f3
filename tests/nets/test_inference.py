"""A network made ready to answer says what it said before."""

import copy

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from flawscope import nets  # noqa: E402
from flawscope.nets.inference import for_inference  # noqa: E402
from flawscope.nets.layers import ConvBlock, UpBlock  # noqa: E402


@pytest.mark.parametrize(("name", "side"), [("ocinet-nano", 96), ("ocinet-tiny", 96), ("ocinet", 64)])
def test_the_answers_stay(name: str, side: int) -> None:
    torch.manual_seed(0)
    net = nets.build(name).train()
    with torch.no_grad():
        for _ in range(2):
            net(torch.randn(2, 3, 64, side))
        image = torch.randn(2, 3, 64, side)
        before = copy.deepcopy(net).eval()
        ready = for_inference(net.eval())
        for one, other in zip(before(image), ready(image), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(one.abs().max()))
    blocks = [part for part in ready.modules() if isinstance(part, ConvBlock | UpBlock)]
    assert blocks
    assert not any(isinstance(block.norm, torch.nn.BatchNorm2d) for block in blocks)
