"""Which images a person means, and under which names their results go."""

from __future__ import annotations

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from flawscope.errors import ImageError, UsageError
from flawscope.images import read_image, write_image
from flawscope.inspect.sources import Item, count_frames, find_sources, items, read_source

FLAT = np.zeros((4, 4), dtype=np.uint8)


def make(root: Path, *names: str) -> None:
    for name in names:
        write_image(root / name, FLAT)


def keys(*sources: Path | str, outside: Path | None = None) -> list[str]:
    return [key for _, key in find_sources([str(source) for source in sources], outside=outside).files]


def test_folders_keep_their_tree(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "deep/a.png", "deep/er/b.tif")
    assert keys(tmp_path) == ["a", "deep/a", "deep/er/b"]


def test_equal_stems_never_share_a_key(tmp_path: Path) -> None:
    make(tmp_path, "one/a.png", "one/a.bmp", "two/a.png")
    assert keys(tmp_path / "one") == ["a.bmp", "a.png"]
    found = keys(tmp_path / "one", tmp_path / "two")
    assert found == ["a.bmp", "one/a.png", "two/a.png"]
    assert keys(tmp_path / "one" / "a.png", tmp_path / "two" / "a.png") == ["one/a.png", "two/a.png"]


def test_only_clashing_files_get_longer_keys(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "a.bmp", "b.png", "deep/c.png")
    assert keys(tmp_path) == ["a.bmp", "a.png", "b", "deep/c"]


def test_a_longer_key_that_meets_another_file_grows_again(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/a.bmp", "in/a.png.tif")
    assert keys(tmp_path / "in") == ["a.bmp", "in/a.png", "a.png.tif"]


def test_case_alone_does_not_tell_files_apart(tmp_path: Path) -> None:
    make(tmp_path, "x/A.png", "y/a.png")
    if not (tmp_path / "x" / "a.png").exists():
        assert keys(tmp_path / "x", tmp_path / "y") == ["x/A.png", "y/a.png"]


def test_a_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    assert keys(tmp_path, tmp_path / "a.png") == ["a"]


def test_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "x/a.png", "y/b.png", "y/deep/c.png")
    (tmp_path / "y" / "notes.txt").touch()
    assert keys(tmp_path / "*" / "*.png") == ["x/a", "y/b"]
    assert keys(tmp_path / "**" / "*") == ["x/a", "y/b", "y/deep/c"]
    monkeypatch.chdir(tmp_path)
    assert keys("y/*") == ["b"]


def test_the_folder_of_results_is_never_a_source(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "out/overlays/a.png")
    assert keys(tmp_path, outside=tmp_path / "out") == ["a"]


def test_folders_of_results_below_a_source_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/old/masks/a.png", "in/deep/b.png")
    (tmp_path / "in/old/results.jsonl").touch()
    assert keys(tmp_path / "in") == ["a", "deep/b"]
    assert keys(tmp_path / "in" / "**" / "*.png") == ["a", "deep/b"]
    assert keys(tmp_path / "in/old/masks") == ["a"]  # asked for by name
    assert "a folder of results" in str(find_sources([str(tmp_path / "in/old")]).problems[0])


def test_masks_beside_images_are_no_photographs(tmp_path: Path) -> None:
    make(tmp_path, "one/images/a.png", "one/masks/a.png", "one/maps/a.png")
    make(tmp_path, "two/train/images/a.png", "two/train/masks/a.png", "two/test/images/b.png", "two/c.png")
    make(tmp_path, "three/masks/a.png")
    assert keys(tmp_path / "one") == ["images/a"]
    assert keys(tmp_path / "one/masks") == ["a"]  # asked for by name
    assert keys(tmp_path / "two") == ["c", "test/images/b", "train/images/a"]
    assert keys(tmp_path / "three") == ["masks/a"]
    found = find_sources([str(tmp_path / name) for name in ("one", "two", "three")])
    assert found.notes == (
        f"{tmp_path}/one holds images/ and masks/; only images/ is inspected",
        f"{tmp_path}/two/train holds images/ and masks/; only images/ is inspected",
    )
    (note,) = find_sources([str(tmp_path)]).notes
    assert note == f"2 folders in {tmp_path} hold images/ and masks/; only images/ is inspected"


@pytest.mark.parametrize("source", ["in", "in/a.png", "in/*.png", "in/deep"])
def test_results_never_go_among_the_images(tmp_path: Path, source: str) -> None:
    make(tmp_path, "in/a.png", "in/deep/b.png")
    for out in ("in", "."):
        with pytest.raises(UsageError, match=r"--out .*: results would be written among the images of "):
            find_sources([str(tmp_path / source)], outside=tmp_path / out)
    assert keys(tmp_path / source, outside=tmp_path / "in/new") != []


def test_each_source_without_images_is_one_problem(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    (tmp_path / "empty").mkdir()
    found = find_sources([str(tmp_path / name) for name in ("empty", "missing", "*.jpg", "a.png")])
    assert [key for _, key in found.files] == ["a"]
    assert [str(problem).replace(str(tmp_path), "") for problem in found.problems] == [
        "/empty: no image in this folder or below it. Flawscope reads PNG, JPEG, BMP and TIFF",
        "/missing: no such file or folder. Check the path",
        "/*.jpg: the pattern matches no image. Check the pattern",
    ]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Seven frames, each of one grey: 0, 30, 60, ..."""
    path = tmp_path / "belt.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 24))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MJPG")
    for number in range(7):
        writer.write(np.full((24, 32, 3), 30 * number, dtype=np.uint8))
    writer.release()
    return path


def test_frames_of_a_video(video: Path) -> None:
    files = find_sources([str(video)]).files
    taken = [item for item in items(files, every=3) if isinstance(item, Item)]
    assert [item.key for item in taken] == ["belt/frame_000000", "belt/frame_000003", "belt/frame_000006"]
    assert [item.source for item in taken] == [f"{video}#0", f"{video}#3", f"{video}#6"]
    assert [round(float(item.read().mean()) / 30) for item in taken] == [0, 3, 6]
    assert taken[0].read().shape == (24, 32, 3)
    assert count_frames(video, 3) == 3
    assert round(float(read_source(f"{video}#4").mean()) / 30) == 4


def test_what_is_done_is_left_out(video: Path) -> None:
    make(video.parent, "a.png", "b.png")
    files = find_sources([str(video.parent)]).files
    done = {f"{video}#0", f"{video}#2", (video.parent / "a.png").as_posix()}
    left = [item.source for item in items(files, every=2, done=done) if isinstance(item, Item)]
    assert left == [str(video.parent / "b.png"), f"{video}#4", f"{video}#6"]


def test_a_truncated_video_gives_its_frames_and_one_error(video: Path) -> None:
    whole = video.read_bytes()
    frames = [place for place in range(len(whole)) if whole.startswith(b"00dc", place)]
    (video.parent / "cut.avi").write_bytes(whole[: frames[4]])
    *taken, last = items(find_sources([str(video.parent / "cut.avi")]).files)
    assert 1 <= len(taken) <= 4
    assert all(isinstance(item, Item) for item in taken)
    assert isinstance(last, ImageError)
    assert f"the video ends after {len(taken)} of 7 frames" in str(last)


def test_a_damaged_video_is_one_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video at all")
    (found,) = items(find_sources([str(tmp_path / "a.mp4")]).files)
    assert isinstance(found, ImageError)
    assert "not readable as a video" in str(found)
    assert count_frames(tmp_path / "a.mp4", 1) == 0


def denied(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "in/a.png", "b.png")
    monkeypatch.setattr("flawscope.inspect.sources.os.scandir", denied)
    found = find_sources([str(tmp_path / "in"), str(tmp_path / "b.png")], outside=tmp_path / "out")
    assert [path.name for path, _ in found.files] == ["b.png"]
    assert [str(problem) for problem in found.problems] == [
        f"{tmp_path / 'in'}: may not be read (permission denied). Check its permissions"
    ]


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "in/a.png")
    is_file = Path.is_file

    def refused(path: Path, **named: bool) -> bool:
        if path.name == "results.jsonl":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_file(path, **named)

    monkeypatch.setattr(Path, "is_file", refused)
    (problem,) = find_sources([str(tmp_path / "in")], outside=tmp_path / "out").problems
    assert "may not be read (permission denied)" in str(problem)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.png")
    monkeypatch.setattr("flawscope.images.decode", denied)
    with pytest.raises(ImageError) as refused:
        read_image(tmp_path / "a.png")
    said = f"{tmp_path / 'a.png'}: may not be read (permission denied). Check its permissions"
    assert str(refused.value) == said
