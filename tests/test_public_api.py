import importlib

import pytest

import flawscope


def test_public_names_are_these() -> None:
    assert flawscope.__all__ == [
        "Defect",
        "FlawscopeError",
        "InspectionResult",
        "SegmentationData",
        "load",
        "open_data",
        "read_image",
        "read_mask",
    ]
    for name in flawscope.__all__:
        assert getattr(flawscope, name).__doc__, name


@pytest.mark.parametrize(
    "room",
    [
        "data",
        "nets",
        "metrics",
        "enhance",
        "segment",
        "train",
        "sdie",
        "evaluate",
        "inspect",
        "export",
        "fewshot",
        "cli",
    ],
)
def test_rooms_list_what_they_offer_and_offer_what_they_list(room: str) -> None:
    module = importlib.import_module(f"flawscope.{room}")
    assert module.__doc__
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        _ = flawscope.laod
