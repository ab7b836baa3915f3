"""Building: options, backbones, the order of stages, and errors that say the remedy."""

import subprocess
import sys

import pytest

from flawscope.errors import UsageError, WeightsError
from flawscope.nets.presets import OPTIONS, PRESETS, preset

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from flawscope import nets  # noqa: E402
from flawscope.nets import backbone as backbone_file  # noqa: E402
from flawscope.nets.variants import MODULES, closes_local_stage  # noqa: E402


def test_the_table_needs_no_torch() -> None:
    program = (
        "import sys, flawscope.nets as n, flawscope.cli.models as m; "
        "assert len(n.PRESETS) > 17; assert not {'torch', 'timm'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_unknown_names_raise_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no model 'ocinet-tinny'. Did you mean ocinet-tiny"):
        nets.build("ocinet-tinny")
    with pytest.raises(UsageError, match="flawscope models list"):
        preset("xyzzy")
    with pytest.raises(UsageError, match=r"no option 'widht'. Did you mean width\?"):
        nets.build("ocinet-nano", widht=8)
    with pytest.raises(UsageError, match=f"There are: {', '.join(OPTIONS)}"):
        nets.build("ocinet-nano", qqq=8)
    with pytest.raises(UsageError, match="no interaction module 'chanel'"):
        nets.build("ocinet-nano", modules=["chanel"])


def test_values_that_do_not_fit_together() -> None:
    with pytest.raises(UsageError, match="width 29 cannot be cut into 2 equal groups"):
        nets.build("ocinet-nano", width=29)
    with pytest.raises(UsageError, match="cannot be cut into 0"):
        nets.build("ocinet-nano", groups=0)
    with pytest.raises(UsageError, match="at least one output channel"):
        nets.build("ocinet-nano", channels=0)
    with pytest.raises(UsageError, match="width 30 cannot be shuffled into 4 parts"):
        nets.build("ocinet-nano", width=30, modules=["swsam"])
    with pytest.raises(UsageError, match="dropout is from 0 to below 1, not 1"):
        nets.build("ocinet-nano", dropout=1)
    with pytest.raises(UsageError, match="a network with a fine level shares no head"):
        nets.build("ocinet-nano", shared_first_head=True)
    with pytest.raises(UsageError, match="pvt_v2_b0: it has no level at stride 2"):
        nets.build("ocinet-nano", backbone="pvt_v2_b0")
    with pytest.raises(UsageError, match="'channel' comes twice"):
        nets.build("ocinet-nano", modules=["channel", "vanilla-channel"])


def test_options_survive_json() -> None:
    net = nets.build("ocinet-nano", modules=["spatial"], groups=2, width=6)
    assert net.modules_in_order == ("spatial",)
    assert [
        tuple(level.shape[:2]) for level in net.eval().features(torch.zeros(1, 3, 32, 32))["spatial"]
    ] == [(1, 6)] * 4


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet18", (64, 128, 256, 512)),
        ("mobilenetv3_small_050", (8, 16, 24, 288)),
        ("convnext_atto", (40, 80, 160, 320)),
        ("mambaout_femto", (48, 96, 192, 288)),
        ("swin_tiny_patch4_window7_224", (96, 192, 384, 768)),
    ],
)
def test_other_backbones_stand_in(name: str, channels: tuple[int, ...]) -> None:
    net = nets.build("ocinet", backbone=name, width=8).eval()
    assert net.backbone.channels == channels
    with torch.no_grad():
        levels = net.backbone(torch.randn(1, 3, 64, 96))
        assert [tuple(level.shape) for level in levels] == [
            (1, count, 64 // stride, 96 // stride)
            for count, stride in zip(channels, (4, 8, 16, 32), strict=True)
        ]
        assert net(torch.randn(1, 3, 70, 40))[0].shape == (1, 1, 70, 40)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("no_such_network", "timm has no network of this name"),
        ("resnet19", "timm has no network of this name"),
        ("vit_tiny_patch16_224", "images of one size only"),
        ("naflexvit_base_patch16_gap", "at strides 16, 16, 16, 16, not 4, 8, 16, 32"),
        ("shvit_s1", "cannot be used"),
    ],
)
def test_backbones_that_cannot(name: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught, torch.device("meta"):
        nets.build("ocinet", backbone=name)
    assert "\n" not in str(caught.value)


def test_offline_imagenet_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone_file.huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(backbone_file, "hub_reachable", lambda: False)
    with pytest.raises(
        WeightsError, match=r"pvt_v2_b0: ImageNet weights cannot be had .*cannot be reached"
    ) as caught:
        nets.build("ocinet-pvt-b0", imagenet=True)
    assert "from scratch" in str(caught.value)
    with pytest.raises(WeightsError, match="timm offers none"):
        nets.build("ocinet-nano", backbone="lcnet_035", imagenet=True)
    with pytest.raises(WeightsError, match=r"slim_resnet_nano: .*\(there are none for it\)"):
        nets.build("ocinet-nano", imagenet=True)


def test_a_failing_download_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **options: object) -> None:
        assert options["pretrained"] is True
        raise OSError("connection reset\nand a long story")

    monkeypatch.setattr(backbone_file.huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(backbone_file, "hub_reachable", lambda: True)
    monkeypatch.setattr(backbone_file.timm, "create_model", fail)
    with pytest.raises(WeightsError, match="connection reset") as caught:
        nets.build("ocinet-pvt-b0", imagenet=True)
    assert "long story" not in str(caught.value)


def test_cached_imagenet_weights_load_without_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from safetensors.torch import save_file

    whole = timm.create_model("lcnet_075", pretrained=False)
    cached = tmp_path_factory.mktemp("cache") / "model.safetensors"
    save_file(whole.state_dict(), cached)
    asked = []

    def from_cache(repository: str, file: str) -> str:
        asked.append((repository, file))
        return str(cached)

    monkeypatch.setattr(backbone_file.huggingface_hub, "try_to_load_from_cache", from_cache)
    monkeypatch.setattr(backbone_file, "hub_reachable", lambda: pytest.fail("asked the network"))
    net = nets.build("ocinet-lcnet", imagenet=True)
    assert asked == [("timm/lcnet_075.ra2_in1k", "model.safetensors")]
    assert torch.equal(net.backbone.network.conv_stem.weight, whole.conv_stem.weight)


def test_unreachable_addresses_are_found_out_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone_file.huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    assert not backbone_file.hub_reachable()


def test_the_skip_closes_the_local_stage_only() -> None:
    closed = {
        row.name: [number for number in range(len(row.modules)) if closes_local_stage(row.modules, number)]
        for row in PRESETS.values()
    }
    assert closed["base"] == closed["base-p"] == closed["base-p-single"] == []
    assert closed["ocinet"] == closed["base-c-s"] == closed["base-c-s-p-single"] == [1]
    assert closed["base-c"] == closed["base-swsam"] == closed["base-s-single"] == [0]
    assert closed["ocinet-global-global-local"] == [2]


def test_the_skip_adds_the_basic_features() -> None:
    torch.manual_seed(0)
    image = torch.randn(1, 3, 64, 64)
    for modules, last in ((("channel", "spatial", "pixel"), 1), (("pixel", "channel", "spatial"), 2)):
        net = nets.build("ocinet-nano", modules=modules).eval()
        with torch.no_grad():
            stages = list(net.features(image).values())
            for position, stage in enumerate(net.interactions):
                bare = stage(stages[position])
                for level in range(4):
                    skip = stages[0][level] if position == last else 0
                    torch.testing.assert_close(stages[position + 1][level], bare[level] + skip)


def test_features_are_what_the_reasoner_sees() -> None:
    torch.manual_seed(0)
    net = nets.build("ocinet-nano").eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        levels = net.features(image)["pixel"]
        finest = net.backbone(image)[0]
        torch.testing.assert_close(net.reasoner(levels, finest)[0], net(image)[0])
        coarser = nets.build("ocinet-nano", fine=False).eval()
        torch.testing.assert_close(coarser.reasoner(coarser.features(image)["pixel"])[0], coarser(image)[0])


def test_every_module_is_in_some_preset() -> None:
    assert set(MODULES) == {name for row in PRESETS.values() for name in row.modules}
