"""The networks leave torch whole: one ONNX file for every multiple of 32."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from flawscope import nets  # noqa: E402


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dynamic_export_gives_the_same_logits(tmp_path: Path) -> None:
    net = nets.build("ocinet-tiny").eval()
    for part in net.backbone.network.children():
        if hasattr(part, "blocks"):
            part.blocks = part.blocks[:1]  # a stage's others are of the same code, and each costs seconds
    path = tmp_path / "net.onnx"
    shape = {
        2: 32 * torch.export.Dim("rows", min=2, max=64),
        3: 32 * torch.export.Dim("columns", min=2, max=64),
    }
    torch.onnx.export(
        net,
        (torch.randn(1, 3, 96, 128),),
        str(path),
        input_names=["image"],
        output_names=["s1", "s2", "s3", "s4"],
        dynamic_shapes={"image": shape},
        dynamo=True,
        optimize=False,
        verbose=False,
        external_data=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for size in ((96, 128), (64, 160)):
        image = torch.randn(1, 3, *size)
        with torch.no_grad():
            expected = net(image)
        given = session.run(None, {"image": image.numpy()})
        for ours, theirs in zip(given, expected, strict=True):
            assert ours.shape == (1, 1, *size)
            np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-3 * float(theirs.abs().max()))
