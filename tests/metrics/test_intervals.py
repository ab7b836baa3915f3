import numpy as np
import pytest

from flawscope.metrics.intervals import bootstrap, clopper_pearson, wilson


def mean(sums: np.ndarray) -> dict[str, np.ndarray]:
    return {"mean": sums[..., 0] / sums[..., 1]}


def test_wilson_by_the_book() -> None:
    # Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662, 15 of 148 gives 0.0624 to 0.1605
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0
    assert np.isnan(wilson(0, 0)).all()


def test_bootstrap_is_as_wide_as_theory_says() -> None:
    generator = np.random.default_rng(5)
    values = generator.normal(3, 2, 400)
    low, high = bootstrap(mean, np.stack([values, np.ones(400)], 1), resamples=2000)["mean"]
    standard_error = values.std(ddof=1) / 20
    assert low == pytest.approx(values.mean() - 1.96 * standard_error, abs=0.1 * standard_error * 2)
    assert high == pytest.approx(values.mean() + 1.96 * standard_error, abs=0.1 * standard_error * 2)


def test_same_seed_same_interval() -> None:
    sums = np.stack([np.arange(30.0), np.ones(30)], 1)
    assert bootstrap(mean, sums, seed=1) == bootstrap(mean, sums, seed=1)
    assert bootstrap(mean, sums, seed=1) != bootstrap(mean, sums, seed=2)


def test_copies_in_one_group_are_no_evidence() -> None:
    values = np.random.default_rng(0).normal(size=20)
    single = np.stack([values, np.ones(20)], 1)
    tenfold = np.repeat(single, 10, axis=0)
    groups = [str(number) for number in range(20) for _ in range(10)]
    alone = bootstrap(mean, single, [str(number) for number in range(20)])["mean"]
    grouped = bootstrap(mean, tenfold, groups)["mean"]
    naive = bootstrap(mean, tenfold)["mean"]
    assert np.diff(grouped) > 2 * np.diff(naive)
    np.testing.assert_allclose(np.diff(grouped), np.diff(alone), rtol=0.1)


def test_one_group_has_no_interval() -> None:
    sums = np.ones((3, 2))
    assert bootstrap(mean, sums, ["a", "a", "a"]) == {}


def test_clopper_pearson_by_the_book() -> None:
    """Printed tables: 0 and 1 of 10, and 10 of 10; the rule of three is the one-sided limit."""
    low, high = clopper_pearson([0, 1, 10], 10)
    assert low.tolist() == pytest.approx([0, 0.0025, 0.6915], abs=5e-5)
    assert high.tolist() == pytest.approx([0.3085, 0.4450, 1], abs=5e-5)
    assert clopper_pearson(0, 300, confidence=0.9)[1] == pytest.approx(1 - 0.05 ** (1 / 300), abs=1e-9)
    assert np.isnan(clopper_pearson([0, 0], 0)[0]).all()


def test_clopper_pearson_rounds_parts_outwards() -> None:
    low, high = clopper_pearson([3.5, 3.0 - 1e-12], 10)
    assert low[0] == low[1] == pytest.approx(clopper_pearson(3, 10)[0])
    assert high[0] == pytest.approx(clopper_pearson(4, 10)[1])
    assert high[1] == pytest.approx(clopper_pearson(3, 10)[1])
