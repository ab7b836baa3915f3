"""Networks of other libraries keep the promises of ours."""

import pytest

torch = pytest.importorskip("torch")
smp = pytest.importorskip("segmentation_models_pytorch")
pytest.importorskip("torchvision")

from flawscope import nets  # noqa: E402
from flawscope.errors import MissingExtraError, UsageError, WeightsError  # noqa: E402
from flawscope.nets import library as library_file  # noqa: E402
from flawscope.nets.library_names import EXAMPLES, LibraryName, check_model, library_name  # noqa: E402
from flawscope.nets.ocinet import padded  # noqa: E402

QUICK = ("smp:unet:resnet18", "torchvision:lraspp_mobilenet_v3_large", "transformers:segformer-b0")


@pytest.mark.parametrize("name", QUICK)
def test_any_size_in_logits_of_that_size_out(name: str) -> None:
    torch.manual_seed(0)
    network = nets.build(name, channels=4).eval()
    image = torch.randn(2, 3, 50, 70)
    with torch.no_grad():
        maps = network(image)
        again = network(image)
    assert [tuple(map.shape) for map in maps] == [(2, 4, 50, 70)]
    assert torch.equal(maps[0], again[0])
    network.train()
    network(torch.randn(2, 3, 64, 64))[0].square().mean().backward()
    assert all(value.grad is not None for value in network.parameters())


def test_it_is_the_librarys_own_network() -> None:
    torch.manual_seed(0)
    ours = nets.build("smp:unet:resnet18", channels=2).eval()
    theirs = smp.create_model("unet", encoder_name="resnet18", encoder_weights=None, classes=2).eval()
    theirs.load_state_dict({key.removeprefix("network."): value for key, value in ours.state_dict().items()})
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(ours(image)[0], theirs(image))
        assert torch.equal(ours(image[..., :90])[0], theirs(padded(image[..., :90]))[..., :90])


@pytest.mark.parametrize("name", [name for name, _ in EXAMPLES])
def test_every_family_is_there(name: str) -> None:
    with torch.device("meta"):
        network = nets.build(name)
    assert nets.parameters(network) > 1_000_000


def test_segformer_b0_has_the_published_size() -> None:
    with torch.device("meta"):
        assert nets.parameters(nets.build("transformers:segformer-b0", channels=150)) / 1e6 == pytest.approx(
            3.8, abs=0.1
        )
        assert nets.parameters(nets.build("transformers:segformer-b2", channels=150)) / 1e6 == pytest.approx(
            27.5, abs=0.2
        )


def test_names_are_taken_apart_without_torch() -> None:
    assert library_name("ocinet-tiny") is None
    assert library_name("smp:unet:resnet18") == LibraryName("smp", "unet", "resnet18")
    check_model("transformers:segformer-b5")
    check_model("ocinet")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("smq:unet:resnet18", "no library called 'smq'"),
        ("smp:unet", "smp:ARCHITECTURE:ENCODER"),
        ("smp:unett:resnet18", "Did you mean unet"),
        ("torchvision:fcn_resnet50:x", "torchvision:NETWORK"),
        ("torchvision:vgg", "There are: fcn_resnet50"),
        ("transformers:segformer-b6", "Did you mean segformer"),
        ("ocinet-huge", "ocinet-huge"),
    ],
)
def test_wrong_names_are_told(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        check_model(name)
    assert "\n" not in str(caught.value)


def test_what_a_library_refuses_is_one_line() -> None:
    with pytest.raises(UsageError, match="cannot be built") as caught:
        nets.build("smp:unet:resnet19")
    assert "\n" not in str(caught.value)


def test_options_that_a_library_would_swallow_are_refused() -> None:
    with pytest.raises(UsageError, match=r"takes no options \(given: widht\)"):
        nets.build("smp:unet:resnet18", widht=3)


def test_imagenet_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_file, "hub_reachable", lambda: False)
    with pytest.raises(WeightsError, match=r"smp:unet:resnet18: ImageNet weights cannot be had"):
        nets.build("smp:unet:resnet18", imagenet=True)
    monkeypatch.setattr(library_file, "hub_reachable", lambda: True)
    asked = []

    def fail(*_: object, **options: object) -> None:
        asked.append(options["encoder_weights"])
        raise OSError("connection reset\nand a long story")

    monkeypatch.setattr(smp, "create_model", fail)
    with pytest.raises(WeightsError, match="connection reset") as caught:
        nets.build("smp:unet:resnet18", imagenet=True)
    assert asked == ["imagenet"]
    assert "long story" not in str(caught.value)


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "segmentation_models_pytorch", None)
    with pytest.raises(MissingExtraError, match=r"flawscope\[baselines\]"):
        nets.build("smp:unet:resnet18")


def test_backbone_weights_are_for_our_networks() -> None:
    with pytest.raises(UsageError, match="our own networks"):
        nets.load_backbone_weights(nets.build("torchvision:lraspp_mobilenet_v3_large"), "x.pth")
