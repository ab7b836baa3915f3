"""Training on the toy: it is learnt, and the same seed gives the same bytes, killed and resumed or not."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from flawscope.errors import UsageError, WeightsError
from flawscope.metrics import masks_iou
from flawscope.sdie.agent import train
from flawscope.sdie.artefact import WEIGHTS, load_artefact, save_artefact
from flawscope.sdie.enhanced import Enhanced
from flawscope.sdie.environments import vector_env
from flawscope.sdie.learner import make_learner, policy_of
from flawscope.sdie.noise import FallingNoise
from flawscope.sdie.policy import mlp_policy
from flawscope.sdie.presets import make_settings
from flawscope.sdie.shots import Shot, symmetries
from flawscope.segment.prompted import Witnessed
from flawscope.segment.regions import RegionSegmenter
from flawscope.segment.support import SupportModel

TINY = {
    "observation": "round",
    "rounds": 2,
    "symmetries": False,
    "hidden": (8,),
    "batch": 8,
    "warmup": 8,
    "gradient_steps": 1,
    "steps": 40,
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def final(folder: Path) -> bytes:
    return (folder / WEIGHTS).read_bytes()


def load_policy(folder: Path, bank):
    """The toy's bank has no description to load an artefact with."""
    return mlp_policy(load_file(folder / WEIGHTS), "round", str(folder), len(bank), 1)


@pytest.mark.slow
def test_the_toy_is_learnt(toy, tmp_path) -> None:
    changes = {
        "observation": "round",
        "rounds": 1,
        "symmetries": False,
        "reward": "iou",
        "hidden": (32, 32),
        "noise": 0.2,
        "noise_end": 0.05,
        "steps": 500,
        "warmup": 150,
        "batch": 64,
        "lr": 3e-3,
        "gradient_steps": 2,
        "tau": 0.02,
    }
    told = []
    folder = train([toy.shot()], toy.bank, out=tmp_path / "run", changes=changes, progress=told.append)
    with (folder / "episodes.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 500
    assert np.mean([float(row["return"]) for row in rows[:150]]) < 0.6
    assert told[-1].step == told[-1].steps == told[-1].episodes == 500
    assert told[-1].mean_return == pytest.approx(np.mean([float(row["return"]) for row in rows[-50:]]))
    policy = load_policy(folder, toy.bank)
    shot = toy.shot()
    enhanced = Enhanced(policy, toy.bank, shot.segmenter, rounds=1)
    np.testing.assert_allclose(enhanced.rounds_of(shot.image)[1].weights, toy.best, atol=0.05)
    assert masks_iou(enhanced.segment(shot.image).probability[0] > 0.5, shot.mask) > 0.9


def test_same_seed_same_bytes_another_seed_others(small_bank, speckled, tmp_path) -> None:
    image, mask = speckled
    image, mask = image[50:90, 90:130], mask[50:90, 90:130]
    shots = [
        Shot(image, mask, RegionSegmenter(), source="one"),
        Shot(image.T.copy(), mask.T, RegionSegmenter()),
    ]
    changes = {**TINY, "observation": "evidence", "steps": 20, "envs": 2}
    runs = [
        train(shots, small_bank, out=tmp_path / str(number), seed=seed, changes=changes)
        for number, seed in enumerate((4, 4, 5))
    ]
    assert final(runs[0]) == final(runs[1])
    assert final(runs[0]) != final(runs[2])
    assert (runs[0] / "episodes.csv").read_text() == (runs[1] / "episodes.csv").read_text()


class KilledError(RuntimeError):
    pass


@pytest.mark.parametrize("envs", [1, 2])
def test_a_run_killed_and_resumed_ends_with_the_bytes_of_one_left_alone(toy, tmp_path, envs) -> None:
    shots = [toy.shot(source=f"s{number}") for number in range(3)]
    changes = {**TINY, "envs": envs}
    alone = train(shots, toy.bank, out=tmp_path / "alone", changes=changes, checkpoint_seconds=0)

    def die(progress) -> None:
        if progress.step >= 20:
            raise KilledError  # before the checkpoint of this episode: the last one is an episode older

    with pytest.raises(KilledError):
        train(shots, toy.bank, out=tmp_path / "cut", changes=changes, checkpoint_seconds=0, progress=die)
    cut = json.loads((tmp_path / "cut" / "sdie.json").read_text())["provenance"]
    assert 8 < cut["steps"] < 40
    assert not cut["finished"]
    np.random.seed(99)  # noqa: NPY002 (what another process would have)
    torch.manual_seed(99)
    resumed = train(shots, toy.bank, out=tmp_path / "cut", changes=changes, resume=True)
    assert final(resumed) == final(alone)
    assert (resumed / "episodes.csv").read_text() == (alone / "episodes.csv").read_text()


def test_minutes_stop_a_run_that_can_go_on(toy, tmp_path) -> None:
    whole = train([toy.shot()], toy.bank, out=tmp_path / "whole", changes=TINY)
    folder = train([toy.shot()], toy.bank, out=tmp_path / "run", changes=TINY, minutes=0)
    assert json.loads((folder / "sdie.json").read_text())["provenance"]["steps"] == 0
    assert final(train([toy.shot()], toy.bank, out=folder, changes=TINY, resume=True)) == final(whole)


def test_symmetries_are_eight_shots(small_bank, speckled, tmp_path) -> None:
    image, mask = speckled
    shot = Shot(image[40:80, 90:140], mask[40:80, 90:140], RegionSegmenter(), source="one.png")
    changes = {**TINY, "rounds": 1, "steps": 16, "symmetries": True}
    folder = train([shot], small_bank, out=tmp_path / "run", changes=changes)
    with (folder / "episodes.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    turned = {one.source for one in symmetries(shot)}
    assert len(turned) == 8
    assert {row["shot"] for row in rows[:8]} == {row["shot"] for row in rows[8:]} == turned
    assert json.loads((folder / "sdie.json").read_text())["provenance"]["shots"] == ["one.png"]


def test_drawn_tasks_take_half_of_the_episodes(small_bank, speckled, tmp_path) -> None:
    image, mask = speckled
    shot = Shot(image[40:80, 90:140], mask[40:80, 90:140], RegionSegmenter(), source="one.png")
    changes = {**TINY, "observation": "evidence", "rounds": 1, "steps": 16, "drawn_tasks": 2}

    def known(model: SupportModel) -> Witnessed:
        return Witnessed(RegionSegmenter(), model)

    folder = train([shot], small_bank, out=tmp_path / "run", changes=changes, known=known)
    with (folder / "episodes.csv").open() as opened:
        shots = [row["shot"] for row in csv.DictReader(opened)]
    assert shots.count("one.png") == 8
    assert len(set(shots)) == 9  # four queries of each of two tasks
    told = json.loads((folder / "sdie.json").read_text())["provenance"]
    assert (told["shots"], told["drawn_shots"]) == (["one.png"], 8)
    with pytest.raises(UsageError, match="begun with other drawn"):
        train([shot], small_bank, out=folder, changes=changes, resume=True)


@pytest.fixture
def begun(small_bank, speckled):
    """Arguments of a training, and the policy that some other training left."""
    image, mask = speckled
    shots = [Shot(image[50:90, 90:130], mask[50:90, 90:130], RegionSegmenter())]
    changes = {**TINY, "observation": "evidence", "steps": 20}
    settings = make_settings("default", changes)
    learner = make_learner(vector_env(shots, small_bank, settings), small_bank, settings, seed=7)
    learner.learn(12)
    return {"shots": shots, "bank": small_bank, "changes": changes}, policy_of(learner, settings)


def same_tensors(one, other, only="") -> bool:
    first, second = one.tensors(), other.tensors()
    assert first.keys() == second.keys()
    return all(
        np.allclose(first[name], second[name], rtol=1e-9, atol=0) for name in first if name.startswith(only)
    )


def test_a_policy_trained_no_further_answers_as_before(begun, tmp_path) -> None:
    told, start = begun
    folder = train(**told, out=tmp_path / "run", start=start, minutes=0)
    after = load_artefact(folder, segmenter=RegionSegmenter()).policy
    assert same_tensors(start, after)
    rng = np.random.default_rng(0)
    for _ in range(5):
        observed = rng.normal(start.mean, 2 * np.sqrt(start.variance)).astype(np.float32)
        np.testing.assert_allclose(after.act(observed), start.act(observed), rtol=0, atol=1e-6)
        action = after.act(observed)
        assert after.value(observed, action) == pytest.approx(start.value(observed, action), abs=1e-5)


def test_going_on_from_a_policy_moves_its_networks_and_keeps_its_scale(begun, tmp_path) -> None:
    told, start = begun
    runs = [train(**told, out=tmp_path / str(at), start=given) for at, given in enumerate((start, None))]
    further, fresh = (load_artefact(folder, segmenter=RegionSegmenter()).policy for folder in runs)
    assert same_tensors(start, further, "norm.")
    assert not same_tensors(start, fresh, "norm.")
    assert not same_tensors(start, further, "actor.")
    assert not same_tensors(start, further, "critic0.")

    def moved(policy) -> float:
        return float(np.abs(policy.actor[0][0] - start.actor[0][0]).max())

    assert moved(further) < 0.2 * moved(fresh)


def test_a_run_with_a_start_resumes_to_the_same_bytes(begun, tmp_path) -> None:
    told, start = begun
    whole = train(**told, out=tmp_path / "whole", start=start)

    def die(progress) -> None:
        if progress.step >= 12:
            raise KilledError

    cut = tmp_path / "cut"
    with pytest.raises(KilledError):
        train(**told, out=cut, start=start, checkpoint_seconds=0, progress=die)
    with pytest.raises(UsageError, match="begun with other start"):
        train(**told, out=cut, resume=True)
    assert final(train(**told, out=cut, start=start, resume=True)) == final(whole)


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("default", {"hidden": (9,)}),
        ("default", {"hidden": (8, 8)}),
        ("default", {"observation": "round"}),
        ("paper", {}),
    ],
)
def test_a_start_of_other_layers_is_refused_in_one_line(begun, tmp_path, preset, changes) -> None:
    told, start = begun
    given = {**told["changes"], **changes} if preset == "default" else {"batch": 2, "buffer": 20}
    with pytest.raises(WeightsError, match=r"^start: the policy to start from has other layers") as caught:
        train(told["shots"], told["bank"], preset, out=tmp_path / "run", changes=given, start=start)
    assert "\n" not in str(caught.value)


def test_a_run_stopped_before_its_first_checkpoint_begins_anew(toy, tmp_path) -> None:
    whole = train([toy.shot()], toy.bank, out=tmp_path / "whole", changes=TINY)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert final(train([toy.shot()], toy.bank, out=folder, changes=TINY)) == final(whole)


def test_resuming_needs_the_same_run(toy, tmp_path) -> None:
    folder = train([toy.shot()], toy.bank, out=tmp_path / "run", changes=TINY, minutes=0)
    with pytest.raises(UsageError, match="already holds a run"):
        train([toy.shot()], toy.bank, out=folder, changes=TINY)
    with pytest.raises(UsageError, match="begun with other settings, seed"):
        train([toy.shot()], toy.bank, out=folder, changes={**TINY, "lr": 1e-2}, seed=1, resume=True)
    with pytest.raises(UsageError, match="begun with other shots"):
        train([toy.shot(), toy.shot()], toy.bank, out=folder, changes=TINY, resume=True)
    with pytest.raises(UsageError, match="no run to resume"):
        train([toy.shot()], toy.bank, out=tmp_path / "none", changes=TINY, resume=True)
    checkpoint = folder / "resume" / "last.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(UsageError, match="its checkpoint cannot be used"):
        train([toy.shot()], toy.bank, out=folder, changes=TINY, resume=True)
    checkpoint.unlink()  # killed before the first one was written
    train([toy.shot()], toy.bank, out=folder, changes=TINY, resume=True)
    assert final(folder) == final(train([toy.shot()], toy.bank, out=tmp_path / "whole", changes=TINY))


def test_the_numpy_policy_is_the_torch_policy(small_bank, speckled) -> None:
    image, mask = speckled
    settings = make_settings("default", {**TINY, "observation": "evidence", "rounds": 3})
    env = vector_env([Shot(image, mask, RegionSegmenter())], small_bank, settings)
    learner = make_learner(env, small_bank, settings, seed=2)
    learner.learn(30)
    observed = env.reset()  # moves the running mean a last time
    policy = policy_of(learner, settings)
    plain = env.get_original_obs()[0]
    action = policy.act(plain)
    np.testing.assert_allclose(action, learner.predict(observed)[0][0], atol=1e-5)
    with torch.no_grad():
        both = learner.critic(torch.as_tensor(observed), torch.as_tensor(action[None]))
    assert policy.value(plain, action) == pytest.approx(min(float(one) for one in both), abs=1e-4)


def test_a_fresh_default_policy_favours_the_identity(small_bank, speckled) -> None:
    settings = make_settings("default", {"identity_bias": 1.0, "rounds": 1})
    env = vector_env([Shot(*speckled, RegionSegmenter())], small_bank, settings)
    action = policy_of(make_learner(env, small_bank, settings, seed=0), settings).act(
        np.zeros(48, np.float32)
    )
    assert action.argmax() == 0
    assert action[0] == pytest.approx(np.tanh(1), abs=0.2)
    np.testing.assert_allclose(action[1:], np.tanh(-1), atol=0.2)


def test_noise_falls_is_reproducible_and_waits_for_the_warm_up() -> None:
    settings = make_settings("default", {"warmup": 10, "steps": 110, "noise": 0.2, "noise_end": 0.05})
    noise = FallingNoise(1000, settings, seed=1, env=0)
    assert [noise.sigma(step) for step in (9, 10, 60, 110, 999)] == pytest.approx([0, 0.2, 0.125, 0.05, 0.05])
    noise.calls = 10
    drawn = noise()
    assert drawn.std() == pytest.approx(0.2, rel=0.1)
    noise.calls = 10
    np.testing.assert_array_equal(noise(), drawn)
    other = FallingNoise(1000, settings, seed=1, env=1)
    other.calls = 10
    assert abs(np.corrcoef(other(), drawn)[0, 1]) < 0.1
    shared = FallingNoise(5, make_settings("paper"), seed=1, env=0)
    shared.calls = 1000
    assert len(set(shared())) == 1


def test_networks_that_cannot_read_the_observation_are_refused(toy) -> None:
    settings = make_settings("default", {"observation": "image"})
    env = vector_env([toy.shot()], toy.bank, settings)
    with pytest.raises(UsageError, match="mlp cannot read the observation image"):
        make_learner(env, toy.bank, settings, seed=0)


def test_presets() -> None:
    paper = make_settings("paper")
    assert (paper.lr, paper.discount, paper.tau, paper.policy_delay) == (3e-4, 0.99, 0.005, 2)
    assert (paper.noise, paper.smoothing, paper.smoothing_clip, paper.noise_shared) == (0.05, 0.1, 0.5, True)
    assert (paper.buffer, paper.batch, paper.rounds, paper.reward) == (8192, 32, 5, "fb_iou")
    assert (paper.rollouts, paper.symmetries, paper.pretrained, paper.sparse) == (1, False, False, False)
    default = make_settings("default")
    assert (default.observation, default.reward, default.discount) == ("evidence", "iou_gain", 0)
    assert (default.rollouts, default.symmetries, default.pretrained, default.sparse) == (6, True, True, True)
    assert (paper.drawn_tasks, default.drawn_tasks) == (0, 25)
    with pytest.raises(UsageError, match=r"no preset named 'best'"):
        make_settings("best")
    with pytest.raises(UsageError, match="rounds: input should be greater than or equal to 1"):
        make_settings("default", {"rounds": 0})


@pytest.mark.slow
def test_the_paper_preset_learns_saves_and_loads(small_bank, speckled, tmp_path) -> None:
    image, mask = speckled
    settings = make_settings("paper", {"rounds": 1, "warmup": 2, "batch": 2})
    env = vector_env([Shot(image, mask, RegionSegmenter())], small_bank, settings)
    learner = make_learner(env, small_bank, settings, seed=0)
    before = {name: value.clone() for name, value in learner.actor.state_dict().items()}
    learner.learn(4)
    moved = [
        name for name, value in learner.actor.state_dict().items() if not torch.equal(value, before[name])
    ]
    assert any("conv1" in name for name in moved)
    policy = policy_of(learner, settings)
    folder = save_artefact(
        tmp_path / "paper", policy, small_bank, preset="paper", rounds=1, segmenter="regions"
    )
    enhanced = load_artefact(folder, "cpu")
    rounds = enhanced.rounds_of(image)
    assert len(rounds) == 2
    assert rounds[1].weights.sum() == pytest.approx(1)
    observed = env.reset()[0]
    action = enhanced.policy.act(observed)
    np.testing.assert_allclose(action, learner.predict(observed)[0], atol=1e-6)
    with torch.no_grad():
        both = learner.critic(torch.as_tensor(observed[None]), torch.as_tensor(action[None]))
    assert enhanced.policy.value(observed, action) == pytest.approx(min(float(one) for one in both), abs=1e-5)


@pytest.mark.slow
def test_imagenet_weights_come_from_a_file(tmp_path) -> None:
    torchvision = pytest.importorskip("torchvision")
    from safetensors.torch import save_file

    from flawscope.sdie.resnet import ResNetCritic, fill_backbone

    given = torchvision.models.resnet18()
    save_file(given.state_dict(), tmp_path / "resnet18.safetensors")
    critic = ResNetCritic(6)
    head = critic.network.fc.weight.clone()
    fill_backbone(critic, tmp_path / "resnet18.safetensors")
    assert torch.equal(critic.network.layer4[1].conv2.weight, given.layer4[1].conv2.weight)
    assert torch.equal(critic.network.fc.weight, head)
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not a ResNet-18"):
        fill_backbone(critic, tmp_path / "other.safetensors")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_keeps_a_checkpoint_that_goes_on_alike(toy, tmp_path) -> None:
    changes = {**TINY, "steps": 60}
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import torch; torch.set_num_threads(1)\n"
        "from conftest import ToyBank, toy_shot\n"
        "from flawscope.sdie.agent import train\n"
        "def say(p):\n    print(p.step, flush=True); sys.stdin.readline()\n"
        f"train([toy_shot()], ToyBank(), out=sys.argv[1], changes={changes!r}, checkpoint_seconds=0,\n"
        "      progress=say)\n"
    )
    cut = tmp_path / "cut"
    pipe = subprocess.PIPE
    running = subprocess.Popen(
        [sys.executable, "-c", script, str(cut)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    for line in running.stdout:
        if int(line) >= 20:
            running.send_signal(signal.SIGINT)
            break
        running.stdin.write("\n")
        running.stdin.flush()
    assert "KeyboardInterrupt" in running.communicate(timeout=60)[1]
    assert 10 < json.loads((cut / "sdie.json").read_text())["provenance"]["steps"] <= 20
    train([toy.shot()], toy.bank, out=cut, changes=changes, resume=True)
    whole = train([toy.shot()], toy.bank, out=tmp_path / "whole", changes=changes)
    assert final(cut) == final(whole)
