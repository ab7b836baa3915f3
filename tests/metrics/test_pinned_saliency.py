"""Saliency figures against PySODMetrics 1.6.2, which was run once on these maps; the numbers are its own.

``as it is`` was run with ``normalize=False`` on the map divided by 255, ``stretched`` with its min-max stretch.
"""

import numpy as np
import pytest

from flawscope.metrics import (
    e_adaptive,
    e_curve,
    f_adaptive,
    f_curve,
    level_counts,
    mae,
    s_measure,
    weighted_f,
)
from flawscope.metrics.arrays import min_max

NAMES = ("wfm", "s", "e_mean", "e_max", "e_adp", "f_mean", "f_max", "f_adp", "mae")
AS_IT_IS = {
    "patch": (
        0.866905566456, 0.942986724992, 0.920717877186, 0.994664664767, 0.967162153981,
        0.876992699291, 0.985971065322, 0.894336754086, 0.045549938725,
    ),
    "scratch": (
        0.546052111061, 0.723783267152, 0.630017520435, 0.995309990922, 0.625254707352,
        0.464380601246, 0.939822294023, 0.398724567264, 0.039712775735,
    ),
    "both_shifted": (
        0.75335483705, 0.852999343939, 0.855490864005, 0.932865356683, 0.922972976362,
        0.7747554361, 0.84539443891, 0.797116097298, 0.095517769608,
    ),
    "specks": (
        0.066293608025, 0.432914140633, 0.877340566189, 0.937999847363, 0.937484967755,
        0.02552743269, 0.052424411986, 0.028708133971, 0.075143229167,
    ),
    "missed": (
        0.0, 0.247468260057, 0.645188713411, 0.698003817221, 0.643302397554,
        0.000852397872, 0.218213855142, 0.0, 0.354059436275,
    ),
}  # fmt: skip
STRETCHED = {
    "scratch": (
        0.588918647125, 0.701737062671, 0.715362926891, 0.995309990922, 0.625254707352,
        0.568833360925, 0.939822294023, 0.398724567264, 0.039771446815,
    ),
    "specks": (
        0.066375410255, 0.431798618926, 0.893485982283, 0.937999847363, 0.937484967755,
        0.026150395787, 0.052424411986, 0.028708133971, 0.076112021169,
    ),
}  # fmt: skip


def measure(soft, truth) -> dict[str, float]:
    counts = level_counts(soft, truth)
    return {
        "wfm": weighted_f(soft, truth),
        "s": s_measure(soft, truth),
        "e_mean": float(e_curve(counts).mean()),
        "e_max": float(e_curve(counts).max()),
        "e_adp": e_adaptive(soft, truth),
        "f_mean": float(f_curve(counts).mean()),
        "f_max": float(f_curve(counts).max()),
        "f_adp": f_adaptive(soft, truth),
        "mae": mae(soft, truth),
    }


def test_as_it_is(drawn_name, drawing) -> None:
    grey, truth = drawing(drawn_name)
    expected = dict(zip(NAMES, AS_IT_IS[drawn_name], strict=True))
    assert measure(grey / 255, truth) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", STRETCHED)
def test_stretched(name, drawing) -> None:
    grey, truth = drawing(name)
    expected = dict(zip(NAMES, STRETCHED[name], strict=True))
    assert measure(min_max(grey / 255), truth) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("turn", range(4))
def test_a_turn_of_the_square_changes_nothing_but_ties(turn, drawing) -> None:
    # the nearest defect pixel is ambiguous where two are equally near, so weighted F is only nearly invariant
    grey, truth = drawing("both_shifted")
    straight = measure(grey / 255, truth)
    turned = measure(np.rot90(grey, turn) / 255, np.rot90(truth, turn))
    for name in ("wfm", "mae", "f_max", "e_mean"):
        assert turned[name] == pytest.approx(straight[name], abs=1e-3 if name == "wfm" else 1e-12)


def test_a_perfect_map_is_perfect(drawing) -> None:
    _, truth = drawing("both_shifted")
    figures = measure(truth.astype(float), truth)
    assert figures["mae"] == 0
    assert figures["wfm"] == pytest.approx(1, abs=1e-12)
    assert figures["s"] == pytest.approx(1, abs=1e-12)
    assert figures["f_max"] == pytest.approx(1, abs=1e-12)


class TestEmptyAndFullTruth:
    """What the formulas leave open; PySODMetrics' answers are in the comments."""

    empty = np.zeros((20, 30), dtype=bool)
    dark = np.full((20, 30), 0.25)

    def bright(self):
        soft = self.dark.copy()
        soft[5, 5] = 0.75
        return soft

    def test_weighted_f(self) -> None:
        assert weighted_f(self.dark, self.empty) == 1.0  # 0 there
        assert weighted_f(self.bright(), self.empty) == 0.0  # 0

    def test_f(self) -> None:
        curve = f_curve(level_counts(self.bright(), self.empty))
        # 0.25 is level 63, 0.75 is level 191: above that nothing is answered  (0 everywhere there)
        np.testing.assert_array_equal(curve, [0.0] * 192 + [1.0] * 64)
        assert f_adaptive(np.zeros((4, 4)), np.zeros((4, 4))) == 0.0  # threshold 0 answers everything

    def test_e(self) -> None:
        curve = e_curve(level_counts(self.bright(), self.empty))  # the same there
        assert curve[0] == 0.0
        assert curve[64] == pytest.approx(599 / 599)
        assert curve[192] == pytest.approx(600 / 599)
        full = e_curve(level_counts(self.dark, ~self.empty))
        assert full[63] == pytest.approx(600 / 599)
        assert full[64] == 0.0

    @pytest.mark.parametrize("true", [0, 1])
    def test_e_of_a_single_pixel(self, true) -> None:
        # the formula divides by one pixel less than there are: by nothing, here
        curve = e_curve(level_counts(np.array([[0.75]]), np.array([[true]])))
        np.testing.assert_array_equal(curve, [true] * 192 + [1 - true] * 64)

    def test_s(self) -> None:
        assert s_measure(self.dark, self.empty) == 0.75  # the same there
        assert s_measure(self.dark, ~self.empty) == 0.25

    def test_mae(self) -> None:
        assert mae(self.dark, self.empty) == 0.25

    def test_single_pixel_and_border(self) -> None:
        truth = self.empty.copy()
        truth[19, 29] = True  # the last row and column: two of the four regions are empty
        assert s_measure(truth.astype(float), truth) == pytest.approx(1.0)
        assert weighted_f(truth.astype(float), truth) == pytest.approx(1.0)
        # a quirk of the formula: beyond the image nothing errs, so a miss in the corner is partly forgiven
        kernel = np.exp(-(np.arange(-3, 4) ** 2) / 50)
        recall = 1 - (kernel[:4].sum() / kernel.sum()) ** 2
        assert weighted_f(np.zeros((20, 30)), truth) == pytest.approx(2 * recall / (1 + recall))


@pytest.mark.parametrize("bad", [np.full((4, 4), 1.5), np.full((4, 4), np.nan), np.full((4, 4), -0.1)])
def test_maps_outside_the_unit_interval_are_refused(bad) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        weighted_f(bad, np.ones((4, 4)))


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        weighted_f(np.zeros((4, 4)), np.zeros((4, 5)))
