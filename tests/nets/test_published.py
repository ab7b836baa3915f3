"""Foreign weights. The published structure is written here a second time, literally and under its own names."""

import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from flawscope import nets  # noqa: E402
from flawscope.errors import WeightsError  # noqa: E402

SIZES = {
    "pvt_v2_b0": ((32, 64, 160, 256), (1, 2, 5, 8), (2, 2, 2, 2)),
    "pvt_v2_b2": ((64, 128, 320, 512), (1, 2, 5, 8), (3, 4, 6, 3)),
}


class PvtPatchEmbed(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x):
        x = self.proj(x)
        h, w = x.shape[2:]
        return self.norm(x.flatten(2).transpose(1, 2)), h, w


class PvtAttention(nn.Module):
    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        if reduction > 1:
            self.sr = nn.Conv2d(width, width, reduction, reduction)
            self.norm = nn.LayerNorm(width)

    def forward(self, x, h, w):
        b, n, c = x.shape
        each = c // self.heads
        q = self.q(x).view(b, n, self.heads, each).transpose(1, 2)
        if self.reduction > 1:
            x = self.norm(self.sr(x.transpose(1, 2).reshape(b, c, h, w)).flatten(2).transpose(1, 2))
        k, v = self.kv(x).view(b, -1, 2, self.heads, each).permute(2, 0, 3, 1, 4)
        share = (q @ k.transpose(2, 3) / each**0.5).softmax(-1)
        return self.proj((share @ v).transpose(1, 2).reshape(b, n, c))


class PvtDepthwise(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, 1, 1, groups=width)


class PvtMlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.dwconv = PvtDepthwise(hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x, h, w):
        x = self.fc1(x)
        maps = self.dwconv.dwconv(x.transpose(1, 2).reshape(x.shape[0], x.shape[2], h, w))
        return self.fc2(F.gelu(maps.flatten(2).transpose(1, 2)))


class PvtBlock(nn.Module):
    def __init__(self, width: int, heads: int, ratio: int, reduction: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = PvtAttention(width, heads, reduction)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = PvtMlp(width, ratio * width)

    def forward(self, x, h, w):
        x = x + self.attn(self.norm1(x), h, w)
        return x + self.mlp(self.norm2(x), h, w)


class Pvt(nn.Module):
    def __init__(self, name: str, head: bool = False) -> None:
        super().__init__()
        widths, heads, depths = SIZES[name]
        for i in range(4):
            inputs, kernel, stride = (3, 7, 4) if i == 0 else (widths[i - 1], 3, 2)
            setattr(self, f"patch_embed{i + 1}", PvtPatchEmbed(inputs, widths[i], kernel, stride))
            blocks = [
                PvtBlock(widths[i], heads[i], (8, 8, 4, 4)[i], (8, 4, 2, 1)[i]) for _ in range(depths[i])
            ]
            setattr(self, f"block{i + 1}", nn.ModuleList(blocks))
            setattr(self, f"norm{i + 1}", nn.LayerNorm(widths[i], eps=1e-6))
        if head:
            self.head = nn.Linear(widths[3], 1000)

    def forward(self, x):
        levels = []
        for i in "1234":
            x, h, w = getattr(self, "patch_embed" + i)(x)
            for block in getattr(self, "block" + i):
                x = block(x, h, w)
            x = getattr(self, "norm" + i)(x).transpose(1, 2)
            x = x.reshape(x.shape[0], x.shape[1], h, w)
            levels.append(x)
        return levels


class BasicConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class BasicDeconv(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.Deconv = nn.ConvTranspose2d(width, width, 2, 2, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(self.Deconv(x)).relu()


def bilinear(x, factor):
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)


class ChannelUnit(nn.Module):
    def __init__(self, width: int, linear: bool) -> None:
        super().__init__()
        sizes = ((width, width // 4), (width // 4, width))
        down, up = (
            nn.Linear(a, b, bias=False) if linear else nn.Conv2d(a, b, 1, bias=False) for a, b in sizes
        )
        self.linear = linear
        self.ca = nn.Sequential(down, nn.ReLU(), up)

    def forward(self, fine, coarse):
        total = 0
        for pool in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d):
            x = torch.cat((pool(fine, 1), pool(coarse, 1)), 1)
            b, c = x.shape[:2]
            x = x.view(b, 2, c // 2).permute(0, 2, 1).reshape(b, c, 1, 1)
            total = total + self.ca(x.flatten(1) if self.linear else x).view(b, c, 1, 1)
        gate = total.sigmoid()
        half = gate.shape[1] // 2
        return fine * gate[:, :half], coarse * gate[:, half:]


class ChannelModule(nn.Module):
    def __init__(self, width: int, linear: bool) -> None:
        super().__init__()
        for i in "1234":
            setattr(self, "CA_GMP_GAP_" + i, ChannelUnit(width // 2, linear))

    def forward(self, fine, coarse):
        parts = [
            getattr(self, f"CA_GMP_GAP_{i}")(f, c)
            for i, f, c in zip((1, 2, 3, 4), fine.chunk(4, 1), coarse.chunk(4, 1), strict=True)
        ]
        return torch.cat([f for f, _ in parts], 1), torch.cat([c for _, c in parts], 1)


class SpatialUnit(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, fine, coarse):
        x = torch.cat((fine, coarse), 2)
        x = torch.cat((x.mean(1, keepdim=True), x.max(1, keepdim=True)[0]), 1)
        first, second = self.conv1(x).sigmoid().chunk(2, 2)
        return fine * first, coarse * second


class SpatialModule(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.SA_GMP_GAP_1 = SpatialUnit()
        self.SA_GMP_GAP_2 = SpatialUnit()

    def forward(self, fine, coarse):
        f1, f2 = fine.chunk(2, 2)
        c1, c2 = bilinear(coarse, 2).chunk(2, 2)
        f1, c1 = self.SA_GMP_GAP_1(f1, c1)
        f2, c2 = self.SA_GMP_GAP_2(f2, c2)
        return torch.cat((f1, f2), 2), bilinear(torch.cat((c1, c2), 2), 0.5)


class PixelModule(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.query_conv = nn.Conv2d(width, width, 1)
        self.key_conv = nn.Conv2d(width, width, 1)
        self.value_conv_cur1 = nn.Conv2d(width, width, 1)
        self.value_conv_cur2 = nn.Conv2d(width, width, 1)
        self.gamma_cur1 = nn.Parameter(torch.ones(1))
        self.gamma_cur2 = nn.Parameter(torch.ones(1))
        for i in "12":
            tail = nn.Sequential(BasicConv(width, width), nn.Dropout2d(0.1), BasicConv(width, width, 1))
            setattr(self, "conv_cur" + i, tail)

    def forward(self, fine, coarse):
        small = bilinear(fine, 0.5)
        energy = torch.einsum("bchi,bchj->bcij", self.query_conv(small), self.key_conv(coarse))
        over_j, over_i = energy.softmax(3), energy.softmax(2)
        mixed_fine = torch.einsum("bchj,bcij->bchi", self.value_conv_cur1(small), over_j)
        mixed_coarse = torch.einsum("bchi,bcij->bchj", self.value_conv_cur2(coarse), over_i)
        return (
            self.conv_cur1(self.gamma_cur1 * bilinear(mixed_fine, 2) + fine),
            self.conv_cur2(self.gamma_cur2 * mixed_coarse + coarse),
        )


class Reasoner(nn.Module):
    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        for i, inputs in ((4, width), (3, 2 * width), (2, 2 * width)):
            block = nn.Sequential(
                BasicConv(inputs, width), BasicConv(width, width), nn.Dropout(0.5), BasicDeconv(width)
            )
            setattr(self, f"HL{i}", block)
        self.HL1 = nn.Sequential(BasicConv(2 * width, width), BasicConv(width, width))
        for i in "1234":
            setattr(self, "S" + i, nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, one, two, three, four):
        four = self.HL4(four)
        three = self.HL3(torch.cat((four, three), 1))
        two = self.HL2(torch.cat((three, two), 1))
        one = self.HL1(torch.cat((two, one), 1))
        return (
            bilinear(self.S2(one), 4),
            bilinear(self.S2(two), 4),
            bilinear(self.S3(three), 8),
            bilinear(self.S4(four), 16),
        )


class Published(nn.Module):
    def __init__(self, backbone: str, width: int, channels: int, linear: bool = False) -> None:
        super().__init__()
        self.backbone = Pvt(backbone)
        for i, inputs in enumerate(SIZES[backbone][0], start=1):
            setattr(self, f"ChannelNormalization_{i}", BasicConv(inputs, width))
        for pair in ("12", "23", "34"):
            setattr(self, "CollaborativeChannelAttention" + pair, ChannelModule(width, linear))
            setattr(self, "CollaborativeSpatialAttention" + pair, SpatialModule())
            setattr(self, "SpatialSelfAtt" + pair, PixelModule(width))
        for stage in ("CCAM", "CSAM", "SSA"):
            for level in "23":
                setattr(self, f"{stage}_f{level}", BasicConv(width, width))
        self.SalReasoner = Reasoner(width, channels)

    def interact(self, module, fusion, f1, f2, f3, f4):
        f1, f21 = getattr(self, module + "12")(f1, f2)
        f22, f31 = getattr(self, module + "23")(f2, f3)
        f32, f4 = getattr(self, module + "34")(f3, f4)
        return f1, getattr(self, fusion + "_f2")(f21 + f22), getattr(self, fusion + "_f3")(f31 + f32), f4

    def forward(self, x):
        basic = [
            getattr(self, f"ChannelNormalization_{i}")(level)
            for i, level in enumerate(self.backbone(x), start=1)
        ]
        maps = self.interact("CollaborativeChannelAttention", "CCAM", *basic)
        maps = self.interact("CollaborativeSpatialAttention", "CSAM", *maps)
        maps = [level + skip for level, skip in zip(maps, basic, strict=True)]
        return self.SalReasoner(*self.interact("SpatialSelfAtt", "SSA", *maps))


def trained(net: nn.Module, seed: int = 0) -> nn.Module:
    """As if training had moved every weight, batch-norm statistic and gamma."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            value.fill_(17)
            continue
        noise = torch.rand(value.shape, generator=generator)
        if name.endswith("running_var"):
            value.copy_(0.5 + noise)
        elif "gamma" in name:
            value.copy_(0.3 + noise)
        elif name.startswith("SalReasoner.S"):
            value.mul_(30)
        else:
            value.add_(0.2 * (noise - 0.5) * value.abs().mean().clamp(min=0.05))
    return net.eval()


def saved(net: nn.Module, path: Path) -> Path:
    torch.save(net.state_dict(), path)
    return path


@pytest.mark.parametrize("linear", [False, True])
def test_logits_equal_the_published_structure(tmp_path: Path, linear: bool) -> None:
    reference = trained(Published("pvt_v2_b0", width=16, channels=3, linear=linear))
    net = nets.load_published(saved(reference, tmp_path / "w.pth"), backbone="pvt_v2_b0")
    assert not net.training
    image = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for ours, theirs in zip(net(image), reference(image), strict=True):
            assert ours.shape == (2, 3, 96, 64)
            assert theirs.std() > 0.05
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_full_size_checkpoint(tmp_path: Path) -> None:
    reference = trained(Published("pvt_v2_b2", width=128, channels=1))
    net = nets.load_published(saved(reference, tmp_path / "w.pth"))
    assert nets.parameters(net) == nets.parameters(reference) == 29_952_278
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for ours, theirs in zip(net(image), reference(image), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_the_first_head_can_be_used_instead(tmp_path: Path) -> None:
    path = saved(trained(Published("pvt_v2_b0", 16, 1)), tmp_path / "w.pth")
    own = nets.load_published(path, backbone="pvt_v2_b0", shared_first_head=False)
    shared = nets.load_published(path, backbone="pvt_v2_b0")
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert not torch.allclose(own(image)[0], shared(image)[0], atol=1e-3)
        torch.testing.assert_close(own(image)[1], shared(image)[1])


def test_wrapped_and_data_parallel_checkpoints(tmp_path: Path) -> None:
    reference = trained(Published("pvt_v2_b0", 16, 1))
    wrapped = {
        "state_dict": {f"module.{key}": value for key, value in reference.state_dict().items()},
        "epoch": 3,
    }
    torch.save(wrapped, tmp_path / "w.pth")
    net = nets.load_published(tmp_path / "w.pth", backbone="pvt_v2_b0")
    torch.testing.assert_close(
        net.state_dict()["interactions.2.pairs.1.coarse_gamma"], reference.SpatialSelfAtt23.gamma_cur2.data
    )


def test_errors_list_what_is_missing_left_over_and_misshapen(tmp_path: Path) -> None:
    state = trained(Published("pvt_v2_b0", 16, 1)).state_dict()
    del state["SpatialSelfAtt34.gamma_cur1"]
    state["Extra.weight"] = torch.zeros(2)
    state["SalReasoner.S3.bias"] = torch.zeros(5)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsError) as caught:
        nets.load_published(tmp_path / "w.pth", backbone="pvt_v2_b0")
    line = str(caught.value)
    assert "missing (1): interactions.2.pairs.2.fine_gamma" in line
    assert "left over (1): Extra.weight" in line
    assert "of another shape (1): reasoner.heads.2.bias 5 instead of 1" in line
    assert "\n" not in line


def test_someone_elses_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 4).state_dict(), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"left over \(2\): weight, bias") as caught:
        nets.load_published(tmp_path / "w.pth", "ocinet-pvt-b0")
    assert "and " in str(caught.value)
    assert len(str(caught.value)) < 1000


class Malice:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_pickle_with_code_is_not_run(tmp_path: Path, how: str) -> None:
    mark, path = tmp_path / "mark", tmp_path / "w.pth"
    if how == "torch":
        torch.save({"weight": Malice(mark)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Malice(mark)}))
    for load in (
        nets.load_published,
        lambda file: nets.load_backbone_weights(nets.build("ocinet-nano"), file),
    ):
        with pytest.raises(WeightsError, match="not loaded") as caught:
            load(path)
        assert "\n" not in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04 cut short"])
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    for name in ("w.pth", "w.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError):
            nets.load_published(tmp_path / name)
    with pytest.raises(WeightsError, match="no such file"):
        nets.load_published(tmp_path / "none.pth")


def test_a_checkpoint_that_is_no_state_dict(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="holds a list"):
        nets.load_published(tmp_path / "list.pth")
    torch.save({"epoch": 3, "lr": 0.1}, tmp_path / "numbers.pth")
    with pytest.raises(WeightsError, match="'epoch' is no tensor"):
        nets.load_published(tmp_path / "numbers.pth")


def test_backbone_weights_of_the_original_release(tmp_path: Path) -> None:
    reference = trained(Pvt("pvt_v2_b0", head=True))
    net = nets.build("ocinet-pvt-b0", width=8).eval()
    head = net.reasoner.heads[0].weight.clone()
    nets.load_backbone_weights(net, saved(reference, tmp_path / "pvt_v2_b0.pth"))
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        for ours, theirs in zip(net.backbone(image), reference(image), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert torch.equal(net.reasoner.heads[0].weight, head)


@pytest.mark.parametrize(
    ("name", "backbone"),
    [("ocinet-pvt-b0", "pvt_v2_b0"), ("ocinet-lcnet", "lcnet_075"), ("base", "resnet18")],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_backbone_weights_of_timm(tmp_path: Path, name: str, backbone: str, suffix: str) -> None:
    whole = timm.create_model(backbone, pretrained=False).eval()
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": whole.state_dict()}, path)
    else:
        save_file(whole.state_dict(), path)
    net = nets.build(name, backbone=backbone, width=8).eval()
    nets.load_backbone_weights(net, path)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.forward_intermediates(image, intermediates_only=True)[-4:]
        for ours, theirs in zip(net.backbone(image), expected, strict=True):
            torch.testing.assert_close(ours, theirs)


def test_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    path = saved(Pvt("pvt_v2_b0"), tmp_path / "w.pth")
    net = nets.build("base", backbone="resnet18", width=8)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(WeightsError, match=r"missing \(\d+\): conv1.weight.*left over"):
        nets.load_backbone_weights(net, path)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
