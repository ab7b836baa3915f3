from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from flawscope.data.check import CheckReport, check, open_for_check
from flawscope.data.findings import SEVERITIES, TABLE
from flawscope.data.masks import Clean, MaskFile
from flawscope.data.samples import Problem, Sample, SegmentationData
from flawscope.errors import DataError
from flawscope.images import write_image


class Maker:
    """Builds small datasets, one sample a call."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.samples: list[Sample] = []

    def add(
        self,
        mask: np.ndarray | None = None,
        *,
        image: np.ndarray | None = None,
        values: dict[int, int] | None = None,
        threshold: int = 127,
        suffix: str = ".png",
        **fields: str | None,
    ) -> Sample:
        number = len(self.samples)
        if image is None:
            rng = np.random.default_rng(number)
            noise = cv2.GaussianBlur(rng.normal(0, 1, (48, 64)), (0, 0), 1.5)
            image = np.clip(120 + 60 * noise, 0, 255).astype(np.uint8)
        path = write_image(self.root / "images" / f"{number}.png", image)
        truth = None
        if mask is not None:
            truth = MaskFile(write_image(self.root / "masks" / f"{number}{suffix}", mask), values, threshold)
        self.samples.append(Sample(name=str(number), image=path, truth=truth, **fields))
        return self.samples[-1]

    def data(self, labels: tuple[str, ...] = ("defect",)) -> SegmentationData:
        return SegmentationData("mini", self.root, labels, tuple(self.samples))


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def marked(value: int = 255, height: int = 48, width: int = 64) -> np.ndarray:
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[10:20, 10:30] = value
    return mask


def codes(report: CheckReport) -> dict[str, int]:
    return {finding.code: finding.count for finding in report.findings}


def test_a_good_dataset_passes_and_its_figures_are_right(maker: Maker) -> None:
    maker.add(marked(), split="train")
    maker.add(marked(0), split="train")
    maker.add(marked(), split="test")
    report = check(maker.data())
    assert codes(report) == {"empty-masks": 1}
    assert not report.serious
    background, defect = report.class_table()
    assert (background["images"], background["pixels"]) == (3, 3 * 48 * 64 - 400)
    assert (defect["images"], defect["pixels"], dict(defect["images_by_split"])) == (
        2,
        400,
        {"train": 1, "test": 1},
    )
    dataset = report.to_json()["dataset"]
    assert dataset["sizes"] == {"64x48": 3}
    assert dataset["mask_encodings"] == {"0/255": 2, "black": 1}
    assert report.distinct == 3


def test_nothing_stops_it_and_every_broken_file_is_named(maker: Maker) -> None:
    for _ in range(6):
        maker.add(marked())
    zero, cut, gone, broken_mask = maker.samples[:4]
    zero.image.write_bytes(b"")
    cut.image.write_bytes(cut.image.read_bytes()[:300])
    gone.image.unlink()
    assert broken_mask.truth is not None
    assert broken_mask.truth.path is not None
    broken_mask.truth.path.write_text("not an image")
    report = check(maker.data())
    assert codes(report)["image-unreadable"] == 3
    assert codes(report)["mask-unreadable"] == 1
    items = {finding.code: finding.items for finding in report.findings}
    assert "zero bytes" in items["image-unreadable"][0]
    assert "no such file" in items["image-unreadable"][2]
    assert items["mask-unreadable"][0].startswith("3: ")
    assert report.serious


def test_a_mask_of_another_size_is_not_counted_as_unreadable(maker: Maker) -> None:
    maker.add(marked(255, 50, 64))
    report = check(maker.data())
    assert codes(report) == {"size-mismatch": 1}
    assert report.findings[0].items == ("0: mask 64x50, image 64x48",)


def test_zero_one_masks_read_at_127_lose_their_marks(maker: Maker) -> None:
    maker.add(marked(1))
    maker.add(marked(255))
    report = check(maker.data())
    assert codes(report)["marks-lost"] == 1
    assert codes(report)["mixed-encodings"] == 2
    assert "threshold: 0" in next(f.remedy for f in report.findings if f.code == "marks-lost")


def test_zero_one_masks_read_at_0_are_fine(maker: Maker) -> None:
    maker.add(marked(1), threshold=0)
    assert set(codes(check(maker.data()))) == {"no-clean-images"}


def test_jpeg_fringes_are_harmless_at_127_and_harmful_at_0(maker: Maker) -> None:
    maker.add(marked(), suffix=".jpg")
    assert codes(check(maker.data()))["fringed-masks"] == 1
    maker.samples[0] = replace(
        maker.samples[0], truth=MaskFile(Path(maker.root / "masks" / "0.jpg"), threshold=0)
    )
    report = check(maker.data())
    assert "fringed-masks" not in codes(report)
    assert codes(report)["fringes-as-defect"] == 1
    assert report.serious


def test_values_without_a_class_are_listed(maker: Maker) -> None:
    strange = marked(1)
    strange[0, 0] = 77
    maker.add(strange, values={0: 0, 1: 1})
    report = check(maker.data())
    assert "[77]" in report.findings[0].items[0]
    assert report.findings[0].code == "unexpected-labels"


def test_the_raw_values_are_found_behind_merged_classes(maker: Maker) -> None:
    maker.add(marked(1), values={0: 0, 1: 1, 2: 2})
    maker.add(marked(2), values={0: 0, 1: 1, 2: 2})
    merged = maker.data(("a", "b")).binary()
    assert check(merged).to_json()["dataset"]["mask_encodings"] == {"class numbers": 2}


def test_classes_that_are_absent_or_rare_are_told(maker: Maker) -> None:
    values = {0: 0, 1: 1, 2: 2, 3: 3}
    first = np.ones((48, 64), dtype=np.uint8)
    first[:24] = 0
    first[0, :5] = 2
    maker.add(first, values=values, split="train")
    maker.add(marked(1), values=values, split="test")
    report = check(maker.data(("a", "b", "c")))
    items = {finding.code: finding.items for finding in report.findings}
    assert items["class-absent"] == ("b: not in test", "c: in no mask at all")
    assert items["class-imbalance"] == ("b: 5 pixels, the largest class has 1,736",)


def test_empty_masks_are_doubtful_only_where_a_defect_is_promised(maker: Maker) -> None:
    maker.add(marked(0), kind="crack")
    maker.add(marked(0), kind="good")
    maker.add(marked(0))
    maker.add(kind="free")
    maker.samples[3] = replace(maker.samples[3], truth=Clean())
    report = check(maker.data())
    items = {finding.code: finding.items for finding in report.findings}
    assert items["empty-mask-of-defect"] == ("0 (crack)",)
    assert items["empty-masks"] == ("2",)


def test_sixteen_bit_images_that_use_twelve_are_told_their_white(maker: Maker) -> None:
    rng = np.random.default_rng(0)
    deep = rng.integers(0, 4096, (48, 64)).astype(np.uint16)
    deep[0, 0] = 4095
    maker.add(marked(), image=deep)
    maker.add(marked())
    report = check(maker.data())
    items = {finding.code: finding.items for finding in report.findings}
    assert "white is 4095" in items["high-bits-unused"][0]
    assert items["sixteen-bit"] == ("0",)
    assert items["mixed-depths"] == ("uint16: 1", "uint8: 1")


def test_a_slip_of_the_pen_is_a_stray_mark_and_no_new_kind_of_mask(maker: Maker) -> None:
    slip = np.zeros((48, 64), dtype=np.uint8)
    slip[5, 5:7] = (40, 176)
    maker.add(slip)
    found = codes(check(maker.data()))
    assert found["stray-marks"] == 1
    assert "values-unclear" not in found


def test_constant_and_nearly_full_and_unlabelled(maker: Maker) -> None:
    maker.add(np.full((48, 64), 255, np.uint8), image=np.full((48, 64), 9, np.uint8))
    maker.add(None)
    found = codes(check(maker.data()))
    assert found["constant-images"] == 1
    assert found["nearly-full-masks"] == 1
    assert found["image-without-mask"] == 1


def test_copies_across_splits_are_errors_and_name_the_image_that_is_not_trained_on(maker: Maker) -> None:
    first = maker.add(marked(), split="train")
    image = cv2.imread(str(first.image), cv2.IMREAD_GRAYSCALE)
    maker.add(np.rot90(marked(), 2), image=np.rot90(image, 2), split="test")
    maker.add(marked(), split="test")
    report = check(maker.data())
    leak = report.findings[0]
    assert (leak.code, leak.count) == ("leaked-copies", 1)
    assert leak.items == ("1 (test) and 0 (train): same pixels, rotate 180",)
    assert report.leaked() == {"test": {"images": 2, "with_copy": 1, "only_alike": 0}}
    assert report.to_json()["leakage"]["pairs"] == [
        {
            "first": "0",
            "first_split": "train",
            "second": "1",
            "second_split": "test",
            "across": True,
            "transform": "rotate 180",
            "similarity": 1.0,
            "kind": "identical",
        }
    ]
    assert report.to_json()["leakage"]["clusters"] == [["0", "1"]]
    assert "conflicting-masks" not in codes(report)
    assert report.distinct == 2


def test_copies_with_different_masks_conflict(maker: Maker) -> None:
    first = maker.add(marked())
    image = cv2.imread(str(first.image), cv2.IMREAD_GRAYSCALE)
    elsewhere = np.zeros((48, 64), np.uint8)
    elsewhere[30:40, 35:60] = 255
    maker.add(elsewhere, image=image)
    found = codes(check(maker.data()))
    assert found["conflicting-masks"] == 1
    assert found["copies-undivided"] == 2
    assert "leaked-copies" not in found


def test_groups_across_splits_are_errors_told_once(maker: Maker) -> None:
    maker.add(marked(), split="train", group="tile 7")
    maker.add(marked(), split="test", group="tile 7")
    data = replace(
        maker.data(), problems=(Problem(maker.root / "splits.json", "group 'tile 7' is in test and train"),)
    )
    report = check(data)
    assert codes(report)["group-across-splits"] == 1
    assert "file-without-partner" not in codes(report)


def test_groups_join_copies_with_the_groups_that_were_known(maker: Maker) -> None:
    image = cv2.imread(str(maker.add(marked()).image), cv2.IMREAD_GRAYSCALE)
    maker.add(marked(), group="a")
    maker.add(marked(), image=np.flipud(image), group="a")
    maker.add(marked())
    assert check(maker.data()).groups() == {f"images/{number}.png": "piece1" for number in range(3)}


def test_without_the_search_there_is_no_word_about_copies(maker: Maker) -> None:
    maker.add(marked(), split="train")
    maker.add(marked(), split="test")
    report = check(maker.data(), leakage=False)
    assert report.pairs is None
    assert report.to_json()["leakage"] is None


def test_findings_are_worst_first_and_the_table_is_well_formed(maker: Maker) -> None:
    maker.add(marked(0), kind="crack")
    maker.add(marked(1))
    maker.add(None, image=np.zeros((30, 30), np.uint8))
    order = [SEVERITIES.index(finding.severity) for finding in check(maker.data()).findings]
    assert order == sorted(order)
    assert len(set(order)) == 3
    assert all(severity in SEVERITIES and what and remedy for severity, what, remedy in TABLE.values())


def test_progress_is_told_to_the_end(maker: Maker) -> None:
    for _ in range(5):
        maker.add(marked())
    told: list[tuple[str, int, int]] = []
    check(maker.data(), progress=lambda *step: told.append(step))
    assert ("reading", 5, 5) in told
    assert ("comparing", 5, 5) in told


def test_a_folder_whose_mask_values_are_unclear_is_examined_all_the_same(maker: Maker) -> None:
    maker.add(marked(60))
    maker.add(marked(120))
    report = check(open_for_check(maker.root))
    assert codes(report)["values-unclear"] >= 1
    assert codes(report)["marks-lost"] == 2
    with pytest.raises(DataError):
        open_for_check(maker.root / "images")


def test_a_folder_with_an_unreadable_mask_is_opened(maker: Maker) -> None:
    maker.add(marked())
    maker.add(marked())
    (maker.root / "masks" / "0.png").write_bytes(b"")
    assert codes(check(open_for_check(maker.root)))["mask-unreadable"] == 1
