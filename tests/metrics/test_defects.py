import numpy as np

from flawscope.metrics import count_defects


def canvas(*boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    """Boxes of (row, column, height, width, class) on a 40x60 image."""
    mask = np.zeros((40, 60), dtype=np.uint8)
    for row, column, height, width, number in boxes:
        mask[row : row + height, column : column + width] = number
    return mask


def test_found_missed_and_false() -> None:
    truth = canvas((2, 2, 10, 10, 1), (20, 2, 5, 5, 1), (2, 40, 1, 3, 1))
    answer = canvas((2, 2, 10, 1, 1), (30, 30, 4, 4, 1))  # a tenth of the first, and one far from all
    counts = count_defects(answer, truth)
    assert sorted(counts.areas.tolist()) == [3, 25, 100]
    assert counts.areas[counts.found].tolist() == [100]
    assert (counts.answered, counts.false_alarms) == (2, 1)
    assert count_defects(answer, truth, overlap=0.11).found.sum() == 0


def test_covering_everything_finds_all_and_is_one_false_alarm() -> None:
    truth = canvas((2, 2, 5, 5, 1), (20, 20, 5, 5, 1))
    counts = count_defects(np.ones_like(truth), truth)
    assert counts.found.all()
    assert (counts.answered, counts.false_alarms) == (1, 1)


def test_diagonal_neighbours_are_one_defect() -> None:
    counts = count_defects(canvas(), canvas((0, 0, 2, 2, 1), (2, 2, 2, 2, 1)))
    assert counts.areas.tolist() == [8]


def test_classes_are_counted_apart() -> None:
    truth, answer = canvas((2, 2, 5, 5, 1), (2, 20, 5, 5, 2)), canvas((2, 2, 5, 5, 2), (2, 20, 5, 5, 2))
    first, second = count_defects(answer, truth, 1), count_defects(answer, truth, 2)
    assert (first.found.tolist(), first.answered) == ([False], 0)
    assert (second.found.tolist(), second.answered, second.false_alarms) == ([True], 2, 1)


def test_sizes_fall_into_their_classes() -> None:
    truth = canvas((0, 0, 1, 1, 1), (4, 0, 3, 5, 1), (10, 0, 4, 4, 1), (20, 0, 8, 8, 1), (0, 20, 32, 32, 1))
    total, found = count_defects(canvas((10, 0, 4, 4, 1)), truth).by_size()
    assert total.tolist() == [2, 1, 1, 0, 1, 0, 0]  # 1 and 15 px; 16; 64; none; 1024
    assert found.tolist() == [0, 1, 0, 0, 0, 0, 0]


def test_empty_masks() -> None:
    counts = count_defects(canvas(), canvas())
    assert (counts.areas.size, counts.found.size, counts.answered, counts.false_alarms) == (0, 0, 0, 0)
