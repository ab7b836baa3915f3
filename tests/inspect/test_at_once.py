"""Networks that answer several images at once are asked from as many threads; results keep the images' order."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PillowImage

from flawscope.errors import WeightsError
from flawscope.inspect import Settings, Wanted, find_sources, inspect_all, items, open_results
from flawscope.segment.header import Header
from flawscope.segment.loading import LoadedSegmenter

SIDE = 8


class Slow:
    """Bright pixels are defects; the first images take longest, and grey 77 is more than it can bear."""

    header = Header(model="toy", imgsz=(SIDE, SIDE), labels=("pit",), mean=(0, 0, 0), std=(1, 1, 1))

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.most = self.now = self.asked = 0
        self.lock = threading.Lock()

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        with self.lock:
            self.now, self.asked = self.now + 1, self.asked + 1
            self.most, turn = max(self.most, self.now), self.asked
        time.sleep(0.06 / turn)
        with self.lock:
            self.now -= 1
        if round(255 * float(batch.mean())) == 77:
            raise WeightsError("cannot bear this", where="toy")
        return batch.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("at_once", [1, 3])
def test_order_failures_and_masks(tmp_path: Path, at_once: int) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    greys = [200, 10, 77, 220, 20, 240, 30, 250]
    for number, grey in enumerate(greys):
        PillowImage.fromarray(np.full((SIDE, SIDE), grey, np.uint8)).save(source / f"{number}.png")
    engine = Slow(at_once)
    segmenter = LoadedSegmenter(engine=engine, path=tmp_path / "toy.xml", name="toy")
    folder = open_results(tmp_path / "out", Wanted(masks=True, overlays=False))
    outcome = inspect_all(segmenter, items(find_sources([str(source)]).files), folder, Settings())
    assert [Path(record["source"]).stem for record in outcome.written] == list("0134567")
    assert [bool(record["defects"]) for record in outcome.written] == [g > 127 for g in greys if g != 77]
    assert [Path(name).name for name, _ in outcome.failures] == ["2.png"]
    assert engine.asked == len(greys)
    assert (engine.most > 1) == (at_once > 1)
    assert engine.most <= at_once
    for number, grey in enumerate(greys):
        if grey != 77:
            (mask,) = (tmp_path / "out" / "masks").glob(f"*{number}*.png")
            assert np.asarray(PillowImage.open(mask)).max() == (255 if grey > 127 else 0)


def test_ctrl_c_keeps_what_was_done(tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for number in range(6):
        PillowImage.fromarray(np.full((SIDE, SIDE), 200, np.uint8)).save(source / f"{number}.png")
    done: list[str] = []

    def interrupt(record: dict[str, object]) -> None:
        done.append(str(record["source"]))
        if len(done) == 2:
            raise KeyboardInterrupt

    segmenter = LoadedSegmenter(engine=Slow(2), path=tmp_path / "toy.xml", name="toy")
    folder = open_results(tmp_path / "out", Wanted(masks=True, overlays=False))
    outcome = inspect_all(
        segmenter, items(find_sources([str(source)]).files), folder, Settings(), on_written=interrupt
    )
    assert outcome.interrupted
    assert [Path(record["source"]).stem for record in outcome.written][:2] == ["0", "1"]
    assert len(folder.records) == len(outcome.written)
