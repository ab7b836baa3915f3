"""The enhancer as a segmenter, and its artefact without stable-baselines3 or torch."""

import inspect
import itertools
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from flawscope.enhance.presets import bank as make_bank
from flawscope.errors import UsageError, WeightsError
from flawscope.metrics import masks_fb_iou
from flawscope.sdie.artefact import WEIGHTS, load_artefact, save_artefact
from flawscope.sdie.artefact_description import DESCRIPTION
from flawscope.sdie.enhanced import Enhanced
from flawscope.sdie.observation import OBSERVATIONS
from flawscope.sdie.policy import ConstantPolicy, MlpPolicy
from flawscope.sdie.presets import make_settings
from flawscope.sdie.reopening import SUPPORT
from flawscope.sdie.rounds import choose
from flawscope.segment.base import Segmenter, predict
from flawscope.segment.description import describe
from flawscope.segment.likeness import agreement
from flawscope.segment.prompted import Prompted, PrototypeSegmenter, Witnessed
from flawscope.segment.regions import RegionSegmenter
from flawscope.segment.support import SupportModel

EVEN = np.full(4, 0.25)


def mlp(filters: int = 4, seed: int = 0, observation: str = "evidence") -> MlpPolicy:
    rng = np.random.default_rng(seed)
    length = OBSERVATIONS[observation].length(filters)

    def layers(*widths: int):
        return tuple(
            (
                rng.normal(0, 0.3, (after, before)).astype(np.float32),
                rng.normal(0, 0.1, after).astype(np.float32),
            )
            for before, after in itertools.pairwise(widths)
        )

    critics = tuple(layers(length + filters, 16, 1) for _ in range(2))
    return MlpPolicy(
        observation,
        layers(length, 16, filters),
        critics,
        rng.normal(0, 1, length),
        rng.uniform(0.5, 2, length),
    )


def test_it_is_a_segmenter(small_bank, speckled) -> None:
    enhanced = Enhanced(ConstantPolicy(EVEN), small_bank, RegionSegmenter(), rounds=2)
    assert isinstance(enhanced, Segmenter)
    assert enhanced.name == "sdie(regions)"
    assert enhanced.labels == RegionSegmenter().labels
    result = predict(enhanced, speckled[0])
    plane = small_bank.enhance(speckled[0][:, :, None].repeat(3, 2), [EVEN, EVEN])[-1]
    expected = RegionSegmenter().segment(plane[:, :, None].repeat(3, 2)).probability
    np.testing.assert_array_equal(result.probability, expected)


def test_last_asks_the_segmenter_once(toy) -> None:
    segmenter = toy.segmenter()
    Enhanced(ConstantPolicy(toy.best), toy.bank, segmenter, rounds=4).segment(
        toy.image()[:, :, None].repeat(3, 2)
    )
    assert len(segmenter.asked) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(37, 61), (64, 48, 3), (250, 300)])
def test_images_of_any_size_depth_and_colour_go_through(small_bank, dtype, shape) -> None:
    rng = np.random.default_rng(0)
    image = rng.random(shape, np.float32)
    if dtype != np.float32:
        image = (image * np.iinfo(dtype).max).astype(dtype)
    enhanced = Enhanced(mlp(), small_bank, RegionSegmenter(), rounds=2)
    result = predict(enhanced, image)
    assert result.mask.shape == shape[:2]
    rounds = enhanced.rounds_of(image)
    assert [one.plane.shape for one in rounds] == [shape[:2]] * 3
    assert all(one.weights.sum() == pytest.approx(1) for one in rounds[1:])


def test_the_oracle_is_labelled_and_needs_a_mask(small_bank, speckled) -> None:
    image, mask = speckled
    enhanced = Enhanced(mlp(), small_bank, RegionSegmenter(), "oracle", rounds=2)
    assert "ORACLE" in enhanced.name
    with pytest.raises(UsageError, match="needs the true mask"):
        enhanced.segment(np.repeat(image[:, :, None], 3, 2))
    answer = enhanced.oracle(image, mask)
    rounds = enhanced.rounds_of(image)
    chosen = enhanced.chosen(rounds, mask)
    np.testing.assert_array_equal(answer.probability, rounds[chosen].seen.segmentation.probability)
    with pytest.raises(UsageError, match="no choice of round named 'luck'"):
        Enhanced(mlp(), small_bank, RegionSegmenter(), "luck")


def test_rounds_of_all_rollouts_are_candidates(small_bank, speckled) -> None:
    image, mask = speckled
    one = Enhanced(mlp(), small_bank, RegionSegmenter(), "oracle", rounds=2)
    three = replace(one, rollouts=3, rollout_noise=0.4)
    rounds = three.rounds_of(image)
    assert [(at.rollout, at.number) for at in rounds] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]
    reached = [masks_fb_iou(at.seen.foreground, mask > 0) for at in rounds]
    assert three.chosen(rounds, mask) == int(np.argmax(reached))
    last = replace(three, choice="last")
    assert last.chosen(rounds) == 2
    expected = replace(one, choice="last").segment(np.repeat(image[:, :, None], 3, 2)).probability
    np.testing.assert_array_equal(last.segment(np.repeat(image[:, :, None], 3, 2)).probability, expected)


def test_it_describes_itself_and_two_policies_have_two_fingerprints(small_bank) -> None:
    told = {"seed": 3, "shots": ["a.png"]}
    one = Enhanced(mlp(), small_bank, RegionSegmenter(), "quality", 3, rollouts=4, provenance=told)
    about = one.describe()
    inner = describe(RegionSegmenter())
    assert about.method.startswith(
        "SDIE: identity, unsharp, median, clahe mixed for 3 rounds, 4 times over; kept is "
    )
    assert about.method.endswith(inner.method)
    assert "trusts most" in about.method
    assert about.labels == inner.labels
    assert about.provenance == {"seed": 3}
    assert about.fingerprint == replace(one, policy=mlp()).describe().fingerprint
    assert len(about.fingerprint) == 12
    others = [
        replace(one, policy=mlp(seed=1)),
        replace(one, policy=ConstantPolicy(EVEN)),
        replace(one, bank=make_bank(filters=("identity", "unsharp", "clahe", "median"))),
    ]
    assert len({about.fingerprint, *(other.describe().fingerprint for other in others)}) == 4
    oracle = replace(one, choice="oracle").describe()
    assert "ORACLE" in oracle.method


@pytest.fixture
def folder(tmp_path, small_bank):
    return save_artefact(
        tmp_path / "artefact",
        mlp(),
        small_bank,
        preset="default",
        rounds=3,
        choice="critic",
        reward="iou_gain",
        rollouts=2,
        rollout_noise=0.7,
        segmenter="regions",
        provenance={"seed": 4},
    )


def test_an_artefact_comes_back_as_it_was(folder, small_bank, speckled) -> None:
    loaded = load_artefact(folder)
    assert (loaded.rounds, loaded.choice, loaded.reward, loaded.rollouts) == (3, "critic", "iou_gain", 2)
    assert loaded.bank == small_bank
    assert loaded.provenance == {"seed": 4}
    before = Enhanced(mlp(), small_bank, RegionSegmenter(), "critic", 3, "iou_gain", 2, 0.7)
    image = np.repeat(speckled[0][:, :, None], 3, 2)
    np.testing.assert_array_equal(loaded.segment(image).probability, before.segment(image).probability)
    rounds = loaded.rounds_of(image)
    assert len(rounds) == 1 + 2 * 3
    for one, other in zip(rounds, before.rounds_of(image), strict=True):
        assert one.plane.tobytes() == other.plane.tobytes()
    assert loaded.describe() == replace(before.describe(), provenance={"seed": 4})


def test_what_is_not_told_is_as_in_the_default_preset(tmp_path, small_bank) -> None:
    usual = make_settings("default").reward
    folder = save_artefact(tmp_path, mlp(), small_bank, preset="default", rounds=2)
    assert load_artefact(folder, segmenter=RegionSegmenter()).reward == usual
    assert Enhanced(mlp(), small_bank, RegionSegmenter()).reward == usual
    assert inspect.signature(choose).parameters["reward"].default == usual


def test_a_constant_mix_is_an_artefact_too(tmp_path, small_bank) -> None:
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    folder = save_artefact(tmp_path, ConstantPolicy(weights), small_bank, preset="cma", rounds=2)
    loaded = load_artefact(folder, segmenter=RegionSegmenter(), choice="agreement")
    np.testing.assert_array_equal(loaded.policy.weights, weights)
    assert loaded.choice == "agreement"
    with pytest.raises(UsageError, match=r"sdie\.json: names no segmenter"):
        load_artefact(folder)


def test_a_segmenter_prompted_from_supports_travels_with_the_artefact(tmp_path, small_bank, speckled) -> None:
    image, mask = speckled
    support = SupportModel.fit([image], [mask])
    query = np.ascontiguousarray(image[::-1, :, None].repeat(3, 2))
    for spec, segmenter in (
        ("regions", Prompted(RegionSegmenter(), support, ("mask",))),
        ("prototype", PrototypeSegmenter(support)),
    ):
        folder = save_artefact(
            tmp_path / spec,
            ConstantPolicy(EVEN),
            small_bank,
            preset="cma",
            rounds=1,
            segmenter=spec,
            support=support,
            use=("mask",),
        )
        expected = Enhanced(ConstantPolicy(EVEN), small_bank, segmenter, rounds=1).segment(query)
        loaded = load_artefact(folder)
        assert loaded.name == f"sdie({segmenter.name})"
        np.testing.assert_array_equal(loaded.segment(query).probability, expected.probability)
        assert expected.probability.max() > 0.5
        (folder / SUPPORT).unlink()
        with pytest.raises(WeightsError, match=r"support\.safetensors is missing"):
            load_artefact(folder)


def test_a_witness_travels_with_the_artefact(tmp_path, small_bank, speckled) -> None:
    """Without prompts the support model still gives evidence and quality, and so chooses the round."""
    image, mask = speckled
    support = SupportModel.fit([image], [mask])
    query = np.ascontiguousarray(image[::-1, :, None].repeat(3, 2))
    witnessed = Witnessed(RegionSegmenter(), support)
    before = Enhanced(mlp(), small_bank, witnessed, "likeness", 2, rollouts=2)
    folder = save_artefact(
        tmp_path / "witnessed",
        before.policy,
        small_bank,
        preset="default",
        rounds=2,
        choice="likeness",
        rollouts=2,
        segmenter="regions",
        support=support,
        use=(),
    )
    assert json.loads((folder / DESCRIPTION).read_text())["use"] == []
    loaded = load_artefact(folder)
    assert isinstance(loaded.segmenter, Witnessed)
    assert loaded.name == "sdie(regions)"
    plain = RegionSegmenter().segment(query)
    answer, known = loaded.segmenter.segment(query), witnessed.segment(query)
    np.testing.assert_array_equal(answer.probability, plain.probability)
    np.testing.assert_array_equal(answer.evidence, support.similarity(query))
    assert answer.quality == known.quality == agreement(plain.probability[0], answer.evidence)
    rounds, expected = loaded.rounds_of(query), before.rounds_of(query)
    assert [one.seen.segmentation.quality for one in rounds] == [
        one.seen.segmentation.quality for one in expected
    ]
    assert loaded.chosen(rounds) == before.chosen(expected)
    np.testing.assert_array_equal(loaded.segment(query).probability, before.segment(query).probability)
    assert "judged by supports" in loaded.describe().method
    (folder / SUPPORT).write_bytes(b"\x00" * 40)
    with pytest.raises(WeightsError, match=r"support\.safetensors: damaged"):
        load_artefact(folder)
    edit(folder, use=None)  # without a support model: the segmenter alone
    assert isinstance(load_artefact(folder).segmenter, RegionSegmenter)


def test_the_artefact_runs_without_stable_baselines3_gymnasium_and_torch(folder, tmp_path, speckled) -> None:
    np.save(tmp_path / "image.npy", speckled[0])
    code = f"""
import sys
for name in ("stable_baselines3", "gymnasium", "torch", "cma"):
    sys.modules[name] = None
import numpy as np
from flawscope.sdie.artefact import load_artefact
from flawscope.segment.base import predict
result = predict(load_artefact({str(folder)!r}), np.load({str(tmp_path / "image.npy")!r}))
np.save({str(tmp_path / "answer.npy")!r}, result.probability)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    expected = predict(load_artefact(folder), speckled[0]).probability
    np.testing.assert_array_equal(np.load(tmp_path / "answer.npy"), expected)


def edit(folder, **changes) -> None:
    file = folder / DESCRIPTION
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_what_is_wrong_with_an_artefact_is_one_line(folder, tmp_path, small_bank) -> None:
    def refused(match: str, **changes) -> None:
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        if "prepare" in changes:
            changes.pop("prepare")(copy)
        edit(copy, **changes)
        with pytest.raises(WeightsError, match=match) as caught:
            load_artefact(copy)
        assert "\n" not in str(caught.value)

    described = json.loads((folder / DESCRIPTION).read_text())
    refused("schema is 'flawscope/sdie/9'", schema="flawscope/sdie/9")
    refused("not valid .rounds", rounds=0)
    refused("not valid .choice", choice="oracles")
    refused("not valid .rollouts", rollouts=0)
    refused("not valid .discount", discount=0.9)
    refused("not valid .use", use=["smell"])
    refused("no observation named 'smell'", observation="smell")
    refused("policy.safetensors is missing", prepare=lambda copy: (copy / WEIGHTS).unlink())
    refused("damaged", prepare=lambda copy: (copy / WEIGHTS).write_bytes(b"\x00" * 40))
    other = {**described["bank"], "filters": described["bank"]["filters"][::-1]}
    refused("weights of another bank", bank=other)
    save_artefact(
        tmp_path / "other", mlp(), small_bank.__class__(small_bank.filters[::-1]), preset="x", rounds=1
    )
    refused(
        "weights of another bank",
        prepare=lambda copy: shutil.copy(tmp_path / "other" / WEIGHTS, copy / WEIGHTS),
    )
    refused("a policy for other observations", observation="round")
    with pytest.raises(WeightsError, match=r"sdie\.json is missing"):
        load_artefact(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="cannot choose its round by the true mask"):
        save_artefact(tmp_path / "x", mlp(), small_bank, preset="x", rounds=1, choice="oracle")


def test_the_numpy_mlp_by_hand() -> None:
    one = np.array([[1.0, -1.0]], np.float32), np.array([0.5], np.float32)
    two = np.array([[2.0]], np.float32), np.array([-1.0], np.float32)
    low = (np.array([[1.0, 0.0, 1.0]], np.float32), np.array([0.0], np.float32))
    high = (np.array([[1.0, 0.0, 2.0]], np.float32), np.array([0.0], np.float32))
    policy = MlpPolicy("round", (one, two), ((low,), (high,)), np.array([1.0, 2.0]), np.array([4.0, 1.0]))
    # normalised (5, 0) -> ((5 - 1) / 2, (0 - 2) / 1) = (2, -2); 2 + 2 + .5 = 4.5; 2 * 4.5 - 1 = 8
    assert policy.act(np.array([5.0, 0.0]))[0] == pytest.approx(np.tanh(8))
    assert policy.value(np.array([5.0, 0.0]), np.array([0.5])) == pytest.approx(2.5)
    assert policy.value(np.array([5.0, 0.0]), np.array([-0.5])) == pytest.approx(1.0)
    assert policy.value(np.array([9999.0, 0.0]), np.array([0.0])) == pytest.approx(10)  # clipped
