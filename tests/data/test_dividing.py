from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flawscope.data.dividing import divide, group_by, summary
from flawscope.data.samples import Sample, SegmentationData
from flawscope.errors import DataError, UsageError

ROOT = Path("data")


def dataset(pairs):
    """A dataset of one sample for each (kind, group)."""
    samples = tuple(
        Sample(f"images/n{index}", ROOT / "images" / f"n{index}.png", kind=kind, group=group)
        for index, (kind, group) in enumerate(pairs)
    )
    return SegmentationData("made", ROOT, ("defect",), samples)


MEMBERS = st.lists(
    st.tuples(st.sampled_from(["pit", "crack", None]), st.one_of(st.none(), st.integers(0, 9).map(str))),
    min_size=1,
    max_size=60,
)
SHARES = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45))


@given(MEMBERS, SHARES, st.sampled_from(["kind", "none"]), st.integers(0, 3))
def test_groups_never_part_and_nothing_is_lost(members, shares, stratify, seed):
    data = dataset(members)
    divided = divide(data, val=shares[0], test=shares[1], stratify=stratify, seed=seed)
    assert Counter(s.name for s in divided) == Counter(s.name for s in data)
    homes: dict[str, set[str]] = {}
    for sample in divided:
        assert sample.split in ("train", "val", "test")
        if sample.group is not None:
            homes.setdefault(sample.group, set()).add(sample.split)
    assert all(len(splits) == 1 for splits in homes.values())
    assert divide(data, val=shares[0], test=shares[1], stratify=stratify, seed=seed) == divided


@given(st.integers(1, 200), SHARES, st.integers(0, 3))
def test_single_images_give_exactly_the_wanted_sizes(count, shares, seed):
    val, test = shares
    divided = divide(dataset([(None, None)] * count), val=val, test=test, stratify="none", seed=seed)
    sizes = Counter(s.split for s in divided)
    for name, share in (("train", 1 - val - test), ("val", val), ("test", test)):
        assert abs(sizes[name] - share * count) < 1
    assert sum(sizes.values()) == count


def test_ten_and_twenty_per_cent_of_a_hundred():
    sizes = Counter(s.split for s in divide(dataset([(None, None)] * 100), val=0.1, test=0.2))
    assert sizes == {"train": 70, "val": 10, "test": 20}


def test_kinds_are_spread_alike():
    divided = divide(dataset([("pit", None)] * 100 + [("crack", None)] * 20), val=0.1, test=0.2)
    told = Counter((s.split, s.kind) for s in divided)
    assert told == {
        ("train", "pit"): 70, ("val", "pit"): 10, ("test", "pit"): 20,
        ("train", "crack"): 14, ("val", "crack"): 2, ("test", "crack"): 4,
    }  # fmt: skip


def test_many_rare_kinds_still_fill_every_split():
    divided = divide(dataset([(f"k{n % 50}", None) for n in range(150)]), val=0.1, test=0.2)
    assert Counter(s.split for s in divided) == {"train": 105, "val": 15, "test": 30}


def test_large_groups_of_several_kinds_do_not_starve_a_split():
    """Ten pieces of twelve images, half pits half cracks, beside two hundred single scratches."""
    members = [("pit" if n % 2 else "crack", str(n // 12)) for n in range(120)] + [("scratch", None)] * 200
    told = Counter((s.split, s.kind) for s in divide(dataset(members), val=0.1, test=0.2))
    assert told == {
        ("train", "pit"): 42, ("val", "pit"): 6, ("test", "pit"): 12,
        ("train", "crack"): 42, ("val", "crack"): 6, ("test", "crack"): 12,
        ("train", "scratch"): 140, ("val", "scratch"): 20, ("test", "scratch"): 40,
    }  # fmt: skip


def test_another_seed_divides_otherwise():
    data = dataset([(None, None)] * 50)
    first, second = (
        {s.name for s in divide(data, val=0.1, test=0.2, seed=seed) if s.split == "test"} for seed in (0, 1)
    )
    assert first != second


def test_no_share_no_split():
    assert divide(dataset([(None, None)] * 10), val=0, test=0.2).splits == ("train", "test")


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.9, 0.9)])
def test_shares_that_leave_nothing(val, test):
    with pytest.raises(UsageError, match="do not leave anything to train on"):
        divide(dataset([(None, None)]), val=val, test=test)


def named(*names):
    samples = tuple(Sample(name, ROOT / f"{name}.png") for name in names)
    return SegmentationData("made", ROOT, ("defect",), samples)


def test_group_by_a_regular_expression():
    data = named("rail7_left", "rail7_right", "rail8_left", "other")
    assert [s.group for s in group_by(data, r"(rail\d+)_")] == ["rail7", "rail7", "rail8", None]
    assert [s.group for s in group_by(data, r"rail\d+")] == ["rail7", "rail7", "rail8", None]
    with pytest.raises(UsageError, match=r"matches no sample name \(such as 'rail7_left'\)"):
        group_by(data, "tile")
    with pytest.raises(UsageError, match="is not a regular expression"):
        group_by(data, "(")


def test_group_by_a_file(tmp_path):
    data = named("a", "b", "c")
    table = tmp_path / "groups.csv"
    table.write_text("image,group\na.png,g1\nc.png,g1\n")
    assert [s.group for s in group_by(data, str(table))] == ["g1", None, "g1"]
    listed = tmp_path / "groups.json"
    listed.write_text('{"a.png": "x", "b.png": 7}')
    assert [s.group for s in group_by(data, str(listed))] == ["x", "7", None]
    table.write_text("name,piece\n")
    with pytest.raises(DataError, match="columns 'image' and 'group'"):
        group_by(data, str(table))
    table.write_text("image,group\nz.png,g1\n")
    with pytest.raises(DataError, match="names none of the 3 images"):
        group_by(data, str(table))
    with pytest.raises(UsageError, match="no such file"):
        group_by(data, str(tmp_path / "gone.csv"))


def test_summary_counts_images_groups_and_kinds():
    data = divide(dataset([("pit", "a"), ("pit", "a"), ("crack", None)]), val=0, test=0)
    assert summary(data.samples) == {"train": {"images": 3, "groups": 2, "pit": 2, "crack": 1}}
