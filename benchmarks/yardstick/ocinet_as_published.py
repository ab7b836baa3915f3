"""The yardstick: the full OCINet of the paper, as one would write it in PyTorch from the paper. FROZEN.

Speed is stated as a multiple of this network's: eager PyTorch, 352x352, batch 1, fp32. So this file is never changed,
not even to make it better; a test holds the SHA-256 of its text. It knows nothing of ``flawscope``, and nothing
here is done for speed: ordinary softmax attention, plain views, no fused attention, no memory format, no folding.

Sources: Li, Zhou and Li, "Ordered Cross-Scale Interaction Network for No-Service Rail Surface Defect Segmentation"
(section III, Figs. 2 to 5; names below are the paper's); Wang et al., "PVT v2: Improved Baselines with Pyramid Vision
Transformer" (b2) for the feature extractor. Stochastic depth, which acts in training only, is left out.

Shapes are (b, c, h, w), tokens (b, n, c). Of two neighbouring levels ``f1`` is the finer one.
"""

# Formatter and linter may change their minds; this file may not.
# fmt: off
# ruff: noqa

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class OverlapPatchEmbed(nn.Module):
    """PVT v2: strided convolution to tokens, then layer norm."""

    def __init__(self, in_channels: int, dim: int, patch_size: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, dim, patch_size, stride=stride, padding=patch_size // 2)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        """A map to tokens, and the rows and columns they stand for."""
        x = self.proj(x)
        h, w = x.shape[2:]
        x = x.flatten(2).transpose(1, 2)
        return self.norm(x), h, w


class Attention(nn.Module):
    """Multi-head attention whose keys and values come from a map reduced by ``sr_ratio``."""

    def __init__(self, dim: int, num_heads: int, sr_ratio: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.sr_ratio = sr_ratio
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, dim * 2)
        self.proj = nn.Linear(dim, dim)
        if sr_ratio > 1:
            self.sr = nn.Conv2d(dim, dim, sr_ratio, stride=sr_ratio)
            self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, h: int, w: int) -> Tensor:
        """Tokens to tokens."""
        b, n, c = x.shape
        q = self.q(x).reshape(b, n, self.num_heads, c // self.num_heads).permute(0, 2, 1, 3)
        if self.sr_ratio > 1:
            x = x.transpose(1, 2).reshape(b, c, h, w)
            x = self.sr(x).flatten(2).transpose(1, 2)
            x = self.norm(x)
        kv = self.kv(x).reshape(b, -1, 2, self.num_heads, c // self.num_heads).permute(2, 0, 3, 1, 4)
        k, v = kv[0], kv[1]
        attn = torch.matmul(q, k.transpose(2, 3)) * self.scale
        attn = F.softmax(attn, dim=-1)
        x = torch.matmul(attn, v).transpose(1, 2).reshape(b, n, c)
        return self.proj(x)


class Mlp(nn.Module):
    """Two linear layers with a 3x3 depthwise convolution and GELU between."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor, h: int, w: int) -> Tensor:
        """Tokens to tokens."""
        x = self.fc1(x)
        b, _, c = x.shape
        x = x.transpose(1, 2).reshape(b, c, h, w)
        x = self.dwconv(x)
        x = x.flatten(2).transpose(1, 2)
        x = self.act(x)
        return self.fc2(x)


class Block(nn.Module):
    """One transformer block, norms first."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: int, sr_ratio: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, num_heads, sr_ratio)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, dim * mlp_ratio)

    def forward(self, x: Tensor, h: int, w: int) -> Tensor:
        """Tokens to tokens."""
        x = x + self.attn(self.norm1(x), h, w)
        return x + self.mlp(self.norm2(x), h, w)


class Stage(nn.Module):
    """Patch embedding, blocks, layer norm."""

    def __init__(
        self,
        in_channels: int,
        dim: int,
        depth: int,
        num_heads: int,
        mlp_ratio: int,
        sr_ratio: int,
        patch_size: int,
        stride: int,
    ) -> None:
        super().__init__()
        self.patch_embed = OverlapPatchEmbed(in_channels, dim, patch_size, stride)
        self.blocks = nn.ModuleList([Block(dim, num_heads, mlp_ratio, sr_ratio) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """A map to a map ``stride`` times smaller."""
        x, h, w = self.patch_embed(x)
        for block in self.blocks:
            x = block(x, h, w)
        x = self.norm(x)
        b, _, c = x.shape
        return x.reshape(b, h, w, c).permute(0, 3, 1, 2).contiguous()


class PVTv2B2(nn.Module):
    """The feature extractor: levels at strides 4, 8, 16, 32 with 64, 128, 320, 512 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = Stage(3, 64, depth=3, num_heads=1, mlp_ratio=8, sr_ratio=8, patch_size=7, stride=4)
        self.stage2 = Stage(64, 128, depth=4, num_heads=2, mlp_ratio=8, sr_ratio=4, patch_size=3, stride=2)
        self.stage3 = Stage(128, 320, depth=6, num_heads=5, mlp_ratio=4, sr_ratio=2, patch_size=3, stride=2)
        self.stage4 = Stage(320, 512, depth=3, num_heads=8, mlp_ratio=4, sr_ratio=1, patch_size=3, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """An image to its four levels, finest first."""
        x1 = self.stage1(x)
        x2 = self.stage2(x1)
        x3 = self.stage3(x2)
        x4 = self.stage4(x3)
        return x1, x2, x3, x4


class ConvBNReLU(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """A map to a map of the same rows and columns."""
        return self.relu(self.bn(self.conv(x)))


class DeconvBNReLU(nn.Module):
    """2x2 transposed convolution of stride 2 without bias, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """A map to one of twice the rows and columns."""
        return self.relu(self.bn(self.deconv(x)))


def resize(scale_factor: float) -> nn.Upsample:
    return nn.Upsample(scale_factor=scale_factor, mode="bilinear", align_corners=True)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    b, c = x.shape
    return x.view(b, groups, c // groups).transpose(1, 2).reshape(b, c)


class CCAU(nn.Module):
    """Collaborative Channel Attention Unit, on ``channels`` channels of each level."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.max_pool = nn.AdaptiveMaxPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(2 * channels, channels // 2, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channels // 2, 2 * channels, bias=False),
        )

    def forward(self, f1: Tensor, f2: Tensor) -> tuple[Tensor, Tensor]:
        """Both maps, each channel scaled."""
        avg = torch.cat([self.avg_pool(f1), self.avg_pool(f2)], dim=1).flatten(1)
        max_ = torch.cat([self.max_pool(f1), self.max_pool(f2)], dim=1).flatten(1)
        avg = self.fc(channel_shuffle(avg, 2))
        max_ = self.fc(channel_shuffle(max_, 2))
        ca = torch.sigmoid(avg + max_)
        ca1, ca2 = torch.chunk(ca[:, :, None, None], 2, dim=1)
        return f1 * ca1, f2 * ca2


class CCIM(nn.Module):
    """Cross-scale Channel Interaction Module (section III-B): a CCAU for each quarter of the channels."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.ccau1 = CCAU(c // 4)
        self.ccau2 = CCAU(c // 4)
        self.ccau3 = CCAU(c // 4)
        self.ccau4 = CCAU(c // 4)

    def forward(self, f1: Tensor, f2: Tensor) -> tuple[Tensor, Tensor]:
        """Both maps to the same shapes."""
        f11, f12, f13, f14 = torch.chunk(f1, 4, dim=1)
        f21, f22, f23, f24 = torch.chunk(f2, 4, dim=1)
        f11, f21 = self.ccau1(f11, f21)
        f12, f22 = self.ccau2(f12, f22)
        f13, f23 = self.ccau3(f13, f23)
        f14, f24 = self.ccau4(f14, f24)
        return torch.cat([f11, f12, f13, f14], dim=1), torch.cat([f21, f22, f23, f24], dim=1)


class CSAU(nn.Module):
    """Collaborative Spatial Attention Unit, on two maps of the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, f1: Tensor, f2: Tensor) -> tuple[Tensor, Tensor]:
        """Both maps, each pixel scaled."""
        x = torch.cat([f1, f2], dim=2)
        avg = torch.mean(x, dim=1, keepdim=True)
        max_, _ = torch.max(x, dim=1, keepdim=True)
        sa = torch.sigmoid(self.conv(torch.cat([avg, max_], dim=1)))
        sa1, sa2 = torch.chunk(sa, 2, dim=2)
        return f1 * sa1, f2 * sa2


class CSIM(nn.Module):
    """Cross-scale Spatial Interaction Module (section III-C): a CSAU for each half of the height."""

    def __init__(self) -> None:
        super().__init__()
        self.up = resize(2)
        self.down = resize(0.5)
        self.csau1 = CSAU()
        self.csau2 = CSAU()

    def forward(self, f1: Tensor, f2: Tensor) -> tuple[Tensor, Tensor]:
        """Both maps to the same shapes."""
        f2 = self.up(f2)
        f11, f12 = torch.chunk(f1, 2, dim=2)
        f21, f22 = torch.chunk(f2, 2, dim=2)
        f11, f21 = self.csau1(f11, f21)
        f12, f22 = self.csau2(f12, f22)
        return torch.cat([f11, f12], dim=2), self.down(torch.cat([f21, f22], dim=2))


class CPIM(nn.Module):
    """Cross-scale Pixel Interaction Module (section III-D): column-to-column attention in each channel."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.up = resize(2)
        self.down = resize(0.5)
        self.query = nn.Conv2d(c, c, 1)
        self.key = nn.Conv2d(c, c, 1)
        self.value1 = nn.Conv2d(c, c, 1)
        self.value2 = nn.Conv2d(c, c, 1)
        self.gamma1 = nn.Parameter(torch.ones(1))
        self.gamma2 = nn.Parameter(torch.ones(1))
        self.conv1 = nn.Sequential(ConvBNReLU(c, c), nn.Dropout2d(0.1), ConvBNReLU(c, c, 1))
        self.conv2 = nn.Sequential(ConvBNReLU(c, c), nn.Dropout2d(0.1), ConvBNReLU(c, c, 1))

    def forward(self, f1: Tensor, f2: Tensor) -> tuple[Tensor, Tensor]:
        """Both maps to the same shapes."""
        down1 = self.down(f1)
        q, v1 = self.query(down1), self.value1(down1)
        k, v2 = self.key(f2), self.value2(f2)
        a = torch.matmul(q.transpose(2, 3), k)  # (b, c, w of f1, w of f2)
        out1 = torch.matmul(v1, F.softmax(a.transpose(2, 3), dim=2))
        out2 = torch.matmul(v2, F.softmax(a, dim=2))
        out1 = self.gamma1 * self.up(out1) + f1
        out2 = self.gamma2 * out2 + f2
        return self.conv1(out1), self.conv2(out2)


def dr_block(in_channels: int, c: int) -> nn.Sequential:
    return nn.Sequential(ConvBNReLU(in_channels, c), ConvBNReLU(c, c), nn.Dropout(0.5), DeconvBNReLU(c, c))


class OCINet(nn.Module):
    """The whole (Fig. 2), for one class: 29,952,278 parameters."""

    def __init__(self) -> None:
        super().__init__()
        c = 128
        self.encoder = PVTv2B2()
        self.adjust1 = ConvBNReLU(64, c)
        self.adjust2 = ConvBNReLU(128, c)
        self.adjust3 = ConvBNReLU(320, c)
        self.adjust4 = ConvBNReLU(512, c)

        self.ccim1, self.ccim2, self.ccim3 = CCIM(c), CCIM(c), CCIM(c)
        self.ccim_fusion2, self.ccim_fusion3 = ConvBNReLU(c, c), ConvBNReLU(c, c)
        self.csim1, self.csim2, self.csim3 = CSIM(), CSIM(), CSIM()
        self.csim_fusion2, self.csim_fusion3 = ConvBNReLU(c, c), ConvBNReLU(c, c)
        self.cpim1, self.cpim2, self.cpim3 = CPIM(c), CPIM(c), CPIM(c)
        self.cpim_fusion2, self.cpim_fusion3 = ConvBNReLU(c, c), ConvBNReLU(c, c)

        self.dr1 = nn.Sequential(ConvBNReLU(2 * c, c), ConvBNReLU(c, c))
        self.dr2 = dr_block(2 * c, c)
        self.dr3 = dr_block(2 * c, c)
        self.dr4 = dr_block(c, c)
        self.seghead1 = nn.Conv2d(c, 1, 3, padding=1)
        self.seghead2 = nn.Conv2d(c, 1, 3, padding=1)
        self.seghead3 = nn.Conv2d(c, 1, 3, padding=1)
        self.seghead4 = nn.Conv2d(c, 1, 3, padding=1)
        self.up4, self.up8, self.up16 = resize(4), resize(8), resize(16)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A normalised image (b, 3, h, w), h and w multiples of 32, to the logits S1 to S4, each (b, 1, h, w)."""
        x1, x2, x3, x4 = self.encoder(x)
        b1, b2, b3, b4 = self.adjust1(x1), self.adjust2(x2), self.adjust3(x3), self.adjust4(x4)

        ci1, ci21 = self.ccim1(b1, b2)
        ci22, ci31 = self.ccim2(b2, b3)
        ci32, ci4 = self.ccim3(b3, b4)
        ci2 = self.ccim_fusion2(ci21 + ci22)
        ci3 = self.ccim_fusion3(ci31 + ci32)

        si1, si21 = self.csim1(ci1, ci2)
        si22, si31 = self.csim2(ci2, ci3)
        si32, si4 = self.csim3(ci3, ci4)
        si2 = self.csim_fusion2(si21 + si22)
        si3 = self.csim_fusion3(si31 + si32)
        cs1, cs2, cs3, cs4 = si1 + b1, si2 + b2, si3 + b3, si4 + b4

        pi1, pi21 = self.cpim1(cs1, cs2)
        pi22, pi31 = self.cpim2(cs2, cs3)
        pi32, pi4 = self.cpim3(cs3, cs4)
        pi2 = self.cpim_fusion2(pi21 + pi22)
        pi3 = self.cpim_fusion3(pi31 + pi32)

        d4 = self.dr4(pi4)
        d3 = self.dr3(torch.cat([d4, pi3], dim=1))
        d2 = self.dr2(torch.cat([d3, pi2], dim=1))
        d1 = self.dr1(torch.cat([d2, pi1], dim=1))
        return (
            self.up4(self.seghead1(d1)),
            self.up4(self.seghead2(d2)),
            self.up8(self.seghead3(d3)),
            self.up16(self.seghead4(d4)),
        )


RENAMES = (
    (r"backbone\.network\.patch_embed\.", r"encoder.stage1.patch_embed."),
    (r"backbone\.network\.stages_0\.", r"encoder.stage1."),
    (r"backbone\.network\.stages_1\.", r"encoder.stage2."),
    (r"backbone\.network\.stages_2\.", r"encoder.stage3."),
    (r"backbone\.network\.stages_3\.", r"encoder.stage4."),
    (r"encoder\.(stage\d)\.downsample\.", r"encoder.\1.patch_embed."),
    (r"adjustment\.0\.", r"adjust1."),
    (r"adjustment\.1\.", r"adjust2."),
    (r"adjustment\.2\.", r"adjust3."),
    (r"adjustment\.3\.", r"adjust4."),
    (r"interactions\.0\.", r"ccim"),
    (r"interactions\.1\.", r"csim"),
    (r"interactions\.2\.", r"cpim"),
    (r"pairs\.0\.", r"1."),
    (r"pairs\.1\.", r"2."),
    (r"pairs\.2\.", r"3."),
    (r"fuse_second\.", r"_fusion2."),
    (r"fuse_third\.", r"_fusion3."),
    (r"units\.0\.bottleneck\.", r"ccau1.fc."),
    (r"units\.1\.bottleneck\.", r"ccau2.fc."),
    (r"units\.2\.bottleneck\.", r"ccau3.fc."),
    (r"units\.3\.bottleneck\.", r"ccau4.fc."),
    (r"upper\.", r"csau1."),
    (r"lower\.", r"csau2."),
    (r"fine_value\.", r"value1."),
    (r"coarse_value\.", r"value2."),
    (r"fine_gamma", r"gamma1"),
    (r"coarse_gamma", r"gamma2"),
    (r"fine_refine\.", r"conv1."),
    (r"coarse_refine\.", r"conv2."),
    (r"reasoner\.blocks\.0\.", r"dr1."),
    (r"reasoner\.blocks\.1\.", r"dr2."),
    (r"reasoner\.blocks\.2\.", r"dr3."),
    (r"reasoner\.blocks\.3\.", r"dr4."),
    (r"reasoner\.heads\.0\.", r"seghead1."),
    (r"reasoner\.heads\.1\.", r"seghead2."),
    (r"reasoner\.heads\.2\.", r"seghead3."),
    (r"reasoner\.heads\.3\.", r"seghead4."),
    (r"^(?!encoder)(.*)\.norm\.", r"\1.bn."),
    (r"^(dr[234]\.3)\.conv\.", r"\1.deconv."),
)
"""From the names in a weights file of the full network, in this order."""


def load_yardstick(state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The yardstick with the weights of the full network, in evaluation mode; every name must find its place."""
    renamed = {}
    for name, value in state_dict.items():
        for pattern, replacement in RENAMES:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    net = OCINet()
    net.load_state_dict(renamed)
    return net.eval()
