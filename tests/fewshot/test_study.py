"""Rows are made, kept, resumed, and fail alone."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import DataError, UsageError, WeightsError
from flawscope.fewshot import study as study_module
from flawscope.fewshot.answers import Lesson
from flawscope.fewshot.page import write_page
from flawscope.fewshot.part import of_classes
from flawscope.fewshot.preparing import prepare
from flawscope.fewshot.segmenters import Segmenters, check_prompting
from flawscope.fewshot.settings import Row, StudySettings, make_study, rows_of
from flawscope.fewshot.store import RunFolder
from flawscope.fewshot.study import Study
from flawscope.fewshot.table import table
from flawscope.fewshot.tally import Tally
from flawscope.fewshot.tasks import Source, read_picture
from flawscope.images import read_mask, write_image
from flawscope.metrics import fb_iou, masks_iou
from flawscope.sdie.presets import make_settings
from flawscope.sdie.starting import shipped_calls
from flawscope.segment.likeness import likeness
from flawscope.segment.opening import promptable_folder
from flawscope.segment.regions import RegionSegmenter

Make = Callable[..., Path]


def masks_fb(score: dict[str, Any]) -> float:
    """FB-IoU of one image's score, which is what the oracle maximises."""
    return float(fb_iou(np.array(score["pixels"]).reshape(2, 2)))


def settings(**changes: Any) -> StudySettings:
    return make_study(
        **{"shots": 2, "rounds": 2, "budget": 24, "filters": ("identity", "unsharp"), **changes}
    )


def test_rows_are_counted_by_seeds_only_where_chance_matters(manifest: Make) -> None:
    sources = [Source(manifest("a")), Source(manifest("b"))]
    rows = rows_of(sources, ["cma", "raw"], 3)
    assert [row.name for row in rows[:4]] == ["a--raw", "a--cma--seed0", "a--cma--seed1", "a--cma--seed2"]
    assert len(rows) == 8
    for bad in (["raw", "raw"], ["nothing"], ["maps"]):
        with pytest.raises(UsageError):
            rows_of(sources, bad, 1)


def test_raw_is_the_segmenter_on_the_image(manifest: Make, tmp_path: Path) -> None:
    source = Source(manifest())
    outcome = Study(settings(), RunFolder(tmp_path / "run")).run(rows_of([source], ["raw"], 1))
    (row,) = outcome.finished
    expected = []
    for one in source.read(2).classes:
        for sample in one.query:
            picture = read_picture(sample)
            mask = RegionSegmenter().segment(picture.image).probability[0] > 0.5
            expected.append(masks_iou(mask, picture.mask))
    assert [one["iou"] for one in row.scores[""]] == pytest.approx(expected)
    assert row.facts["calls"] == {"learning": 0, "queries": 6}
    assert row.facts["queries"] == 6


def test_every_choice_comes_from_one_pass(manifest: Make, tmp_path: Path) -> None:
    study = Study(settings(), RunFolder(tmp_path / "run"))
    outcome = study.run(rows_of([Source(manifest())], ["best-single", "cma", "best-of-30", "prototype"], 1))
    assert not outcome.failures
    by_method = {row.facts["method"]: row for row in outcome.finished}
    single, cma = by_method["best-single"], by_method["cma"]
    assert set(single.scores) == {
        "last",
        "quality",
        "likeness",
        "agreement",
        "oracle",
    }  # a constant mix has no critic
    assert cma.facts["calls"]["learning"] <= 24
    rounds = single.facts["notes"]["all"]["rounds"]
    assert single.facts["calls"]["queries"] <= 6 * (rounds + 1)
    for row in (single, cma):
        for line in ("last", "quality", "likeness", "agreement"):
            for oracle, other in zip(row.scores["oracle"], row.scores[line], strict=True):
                assert masks_fb(oracle) >= masks_fb(other)
    assert by_method["best-of-30"].facts["calls"]["queries"] <= 6 * 30
    assert set(by_method["prototype"].scores) == {""}
    assert by_method["prototype"].facts["calls"] == {"learning": 0, "queries": 0}
    report = table(outcome.finished)
    labels = [line["label"] for line in report["lines"]]
    assert "cma, oracle (uses the true mask)" in labels
    assert "best-of-30 (oracle: uses the true mask)" in labels
    assert {one["against"] for one in report["differences"]} == {"best-single, last", "cma, last"}


def test_searches_may_ask_as_often_as_the_agent_and_the_policy_it_goes_on_from(tmp_path: Path) -> None:
    def budget(**changes: Any) -> int:
        study = Study(make_study(**changes), RunFolder(tmp_path))
        row = Row(Source(tmp_path / "m.json"), "cma")
        return Lesson((), row, study.settings, study.agent, study.bank, tmp_path).budget

    steps = make_settings("default").steps
    assert budget() == steps + shipped_calls(prompted=False)
    assert budget(prompted=True) == steps + shipped_calls(prompted=True)
    assert budget(kernel_size=3) == budget(adjustable=["unsharp.amount=0.5:3"]) == steps  # no policy fits
    assert budget(budget=70) == 70
    assert shipped_calls(prompted=False) > 5000


def test_pick_of_30_takes_the_mask_likest_to_what_the_supports_expect(manifest: Make, tmp_path: Path) -> None:
    study = Study(settings(), RunFolder(tmp_path / "run"))
    (row,) = study.run(rows_of([Source(manifest())], ["pick-of-30"], 1)).finished
    task = prepare(Source(manifest()).read(2).classes[0], Segmenters("regions"), study.settings, Tally())
    picture = read_picture(task.queries[0])
    evidence = task.segmenter.segment(picture.image).evidence
    assert evidence is not None
    masks = []
    for weights in np.array(row.facts["notes"]["mixes"]):
        plane = study.bank.mix(picture.image[:, :, 0], weights / weights.sum())
        masks.append(RegionSegmenter().segment(np.repeat(plane[:, :, None], 3, 2)).probability)
    likest = int(np.argmax([likeness(mask, evidence) for mask in masks]))
    assert row.scores[""][0]["iou"] == pytest.approx(
        masks_iou(masks[likest][0] > 0.5, picture.mask), abs=0.02
    )


def test_only_oracles_see_the_masks_of_the_queries(manifest: Make, tmp_path: Path) -> None:
    methods = ["raw", "cma", "cma-rollouts", "prototype", "pick-of-30", "best-of-30"]
    masks: dict[str, dict[tuple[str, str], list[list[int]]]] = {}
    for name in ("as-it-is", "inverted"):
        file = manifest(queries=2)
        if name == "inverted":
            for kind in ("square", "bar"):
                for number in (2, 3):
                    target = tmp_path / "pictures" / f"{kind}_{number}-mask.png"
                    write_image(target, np.where(read_mask(target), 0, 255).astype(np.uint8))
        outcome = Study(settings(), RunFolder(tmp_path / name)).run(rows_of([Source(file)], methods, 1))
        assert not outcome.failures
        for row in outcome.finished:
            for line, many in row.scores.items():
                answered = [[one["pixels"][1] + one["pixels"][3]] for one in many]  # pixels called a defect
                masks.setdefault(name, {})[row.facts["method"], line] = answered
    differing = {key for key, found in masks["as-it-is"].items() if masks["inverted"][key] != found}
    assert differing
    assert all(method == "best-of-30" or line.startswith("oracle") for method, line in differing)


def test_the_oracle_of_one_rollout_is_the_papers(manifest: Make, tmp_path: Path) -> None:
    study = Study(settings(), RunFolder(tmp_path / "run"))
    (row,) = study.run(rows_of([Source(manifest())], ["cma-rollouts"], 1)).finished
    one, every = row.scores["oracle of one rollout"], row.scores["oracle"]
    assert all(a["round"] <= 2 and masks_fb(a) <= masks_fb(b) for a, b in zip(one, every, strict=True))
    assert all(masks_fb(a) >= masks_fb(b) for a, b in zip(one, row.scores["last"], strict=True))
    (line,) = (line for line in table([row])["lines"] if line["choice"] == "oracle of one rollout")
    assert line["oracle"]
    assert line["label"] == "cma-rollouts, oracle of one rollout (uses the true mask)"
    # one rollout is three looks at most; a mix drawn as the identity asks for none
    assert 6 * 3 < row.facts["calls"]["queries"] <= 6 * (1 + 2 * study.agent.rollouts)


def test_a_part_of_the_classes_has_its_own_figures_and_page(manifest: Make, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    rows = Study(settings(), folder).run(rows_of([Source(manifest())], ["raw", "best-single"], 1)).finished
    whole, part = table(rows, "likeness"), table(of_classes(rows, ["bar"]), "likeness")
    assert [line["label"] for line in part["lines"]] == [line["label"] for line in whole["lines"]]
    for line, full in zip(part["lines"], whole["lines"], strict=True):
        assert line["classes"] == {"bar": full["classes"]["bar"]}
        assert line["figures"]["class_miou_pooled"]["mean"] == full["classes"]["bar"]["iou_pooled"]
        assert line["calls_learning"] == full["calls_learning"]
    assert part["differences"][0]["images"] == 3
    assert whole["differences"][0]["images"] == 6
    bars = of_classes(rows, ["bar"])
    page = write_page(tmp_path / "page.html", folder, bars, table(bars)).read_text(encoding="utf-8")
    assert "<h3>bar</h3>" in page
    assert "<h3>square</h3>" not in page
    with pytest.raises(UsageError, match=r"no such class: round\. Choose of: bar, square"):
        of_classes(rows, ["bar", "round"])


def test_an_interrupted_study_goes_on_row_by_row(
    manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of([Source(manifest())], ["raw", "search"], 2)
    whole = Study(settings(), RunFolder(tmp_path / "whole")).run(rows)

    learn, begun = study_module._learn, []

    def stop_at_the_second(lesson: Any) -> Any:
        begun.append(lesson.row.name)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return learn(lesson)

    monkeypatch.setattr(study_module, "_learn", stop_at_the_second)
    first = Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    assert first.interrupted
    assert [row.facts["name"] for row in first.finished] == ["tiny--raw"]
    before = (tmp_path / "run" / "rows" / "tiny--raw.json").read_bytes()
    second = Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    assert begun == ["tiny--raw", "tiny--search--seed0", "tiny--search--seed0", "tiny--search--seed1"]
    assert (tmp_path / "run" / "rows" / "tiny--raw.json").read_bytes() == before
    assert [row.scores for row in second.finished] == [row.scores for row in whole.finished]


def test_other_options_are_refused_in_an_old_folder(manifest: Make, tmp_path: Path) -> None:
    rows = rows_of([Source(manifest())], ["raw"], 1)
    Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    with pytest.raises(UsageError, match=r"other options: rounds \(2 before\)"):
        Study(settings(rounds=3), RunFolder(tmp_path / "run")).run(rows)


def test_a_row_of_another_manifest_is_not_taken_for_this_one(manifest: Make, tmp_path: Path) -> None:
    file = manifest()
    rows = rows_of([Source(file)], ["raw"], 1)
    Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    manifest(queries=2)
    outcome = Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    assert "made from other images" in outcome.failures[0]


@pytest.mark.parametrize("changed", ["square_4.png", "bar_2-mask.png", "square_0.png"])
def test_a_row_of_other_pixels_is_not_taken_for_this_one(
    manifest: Make, tmp_path: Path, changed: str
) -> None:
    rows = rows_of([Source(manifest())], ["raw"], 1)
    Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    again = Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    assert not again.failures
    picture = np.zeros((60, 60), np.uint8)
    picture[:30] = 255
    write_image(tmp_path / "pictures" / changed, picture)
    outcome = Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    assert "made from other images" in outcome.failures[0]


@pytest.mark.parametrize("changed", ["preset", "shipped start", "segmenter"])
def test_a_row_made_with_other_means_is_not_taken_for_this_one(
    manifest: Make, tmp_path: Path, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of([Source(manifest())], ["raw", "best-single"], 1)
    told = settings(filters=None)
    assert not Study(told, RunFolder(tmp_path / "run")).run(rows).failures
    assert not Study(told, RunFolder(tmp_path / "run")).run(rows).failures
    if changed == "preset":
        usual = study_module.agent_settings
        monkeypatch.setattr(
            study_module,
            "agent_settings",
            lambda *given: usual(*given).model_copy(update={"reward": "fb_iou_gain"}),
        )
    elif changed == "shipped start":
        found = study_module.start_of

        def another(*given: Any, **more: Any) -> tuple[Any, str]:
            policy, noted = found(*given, **more)
            assert policy is not None
            return replace(policy, mean=policy.mean + 1), noted

        monkeypatch.setattr(study_module, "start_of", another)
    else:
        method = replace(RegionSegmenter().describe(), method="other regions")
        monkeypatch.setattr(RegionSegmenter, "describe", lambda _: method)
    failures = Study(told, RunFolder(tmp_path / "run")).run(rows).failures
    assert [line.partition(":")[0] for line in failures] == (
        ["tiny--raw", "tiny--best-single"] if changed == "segmenter" else ["tiny--best-single"]
    )
    assert all("made from other images, maps, weights or settings" in line for line in failures)


def test_studies_begun_before_an_option_was_known_go_on(manifest: Make, tmp_path: Path) -> None:
    rows = rows_of([Source(manifest())], ["raw"], 1)
    Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    file = tmp_path / "run" / "study.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["settings"]["adjustable"]
    file.write_text(json.dumps(content), encoding="utf-8")
    assert len(Study(settings(), RunFolder(tmp_path / "run")).run(rows).finished) == 1
    with pytest.raises(UsageError, match=r"adjustable \(\[\] before\)"):
        Study(settings(adjustable=["unsharp.amount=0:3"]), RunFolder(tmp_path / "run")).run(rows)


def test_rows_fail_alone(manifest: Make, tmp_path: Path) -> None:
    good, bad = manifest("good"), manifest("bad", folder="other")
    (tmp_path / "other" / "bar_4.png").unlink()
    lines: list[str] = []
    outcome = Study(settings(), RunFolder(tmp_path / "run")).run(
        rows_of([Source(bad), Source(good)], ["raw"], 1), lines.append
    )
    assert len(outcome.finished) == 1
    assert len(outcome.failures) == 1
    assert "bar_4.png" in outcome.failures[0]
    assert "\n" not in outcome.failures[0]
    assert len(lines) == 2


def test_a_broken_manifest_is_told_once(manifest: Make, tmp_path: Path) -> None:
    good, bad = manifest("good"), tmp_path / "bad.json"
    bad.write_text("{", encoding="utf-8")
    lines: list[str] = []
    outcome = Study(settings(), RunFolder(tmp_path / "run")).run(
        rows_of([Source(bad), Source(good)], ["raw", "search"], 3), lines.append
    )
    assert len(outcome.finished) == 4
    assert len(outcome.failures) == 1
    assert outcome.failures[0].startswith(f"bad: {bad}: ")
    assert lines[0] == f"bad: failed: {outcome.failures[0].removeprefix('bad: ')}"
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "[1/4] good--raw",
        "[2/4] good--search--seed0",
        "[3/4] good--search--seed1",
        "[4/4] good--search--seed2",
    ]


def test_a_support_without_a_defect_teaches_nothing(manifest: Make, tmp_path: Path) -> None:
    file = manifest()
    empty = np.zeros((60, 60), np.uint8)
    write_image(tmp_path / "pictures" / "bar_0-mask.png", empty)
    rows = rows_of([Source(file)], ["prototype"], 1)
    assert len(Study(settings(), RunFolder(tmp_path / "run")).run(rows).finished) == 1
    write_image(tmp_path / "pictures" / "bar_1-mask.png", empty)
    outcome = Study(settings(), RunFolder(tmp_path / "other")).run(rows)
    assert "class 'bar': no support image with a defect" in outcome.failures[0]


def test_a_segmenter_of_nan_counts_as_seeing_nothing(
    manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flawscope.segment.base import Segmentation

    monkeypatch.setattr(
        RegionSegmenter,
        "segment",
        lambda self, image, prompts=None: Segmentation(np.full((1, *image.shape[:2]), np.nan, np.float32)),
    )
    outcome = Study(settings(), RunFolder(tmp_path / "run")).run(
        rows_of([Source(manifest())], ["raw", "best-single"], 1)
    )
    assert not outcome.failures
    for row in outcome.finished:
        for line in row.facts["lines"].values():
            assert line["figures"]["class_miou_pooled"] == 0.0


def test_maps_of_others(manifest: Make, tmp_path: Path) -> None:
    file = manifest()
    folder = tmp_path / "maps"
    for one in Source(file).read(2).classes:
        for sample in one.query:
            mask = read_picture(sample).mask
            write_image(folder / one.name / f"{sample.image.stem}.png", mask.astype(np.uint8) * np.uint8(255))
    study = Study(settings(), RunFolder(tmp_path / "run"))
    (row,) = study.run(rows_of([Source(file)], ["maps"], 1, [str(folder)])).finished
    assert row.facts["method"] == "maps:maps"
    assert row.facts["lines"][""]["figures"]["class_miou_image_mean"] == 1.0
    write_image(folder / "bar" / "bar_4.png", np.zeros((200, 200), np.uint8))
    outcome = study.run(rows_of([Source(file)], ["maps"], 1, [str(folder)]))
    assert "made from other images, maps" in outcome.failures[0]
    (folder / "bar" / "bar_4.png").unlink()
    fresh = Study(settings(), RunFolder(tmp_path / "other"))
    outcome = fresh.run(rows_of([Source(file)], ["maps"], 1, [str(folder)]))
    assert "1 of 6 query images have no map (first: bar/bar_4)" in outcome.failures[0]


def test_maps_of_two_folders_of_one_name_are_two_lines(manifest: Make, tmp_path: Path) -> None:
    file = manifest(classes=("bar",), queries=1)
    folders = [tmp_path / who / "maps" for who in ("ours", "theirs")]
    for folder, value in zip(folders, (0, 255), strict=True):
        write_image(folder / "bar_2.png", np.full((60, 60), value, np.uint8))
    rows = rows_of([Source(file)], ["maps"], 1, [f"{folder}/" for folder in folders])
    outcome = Study(settings(), RunFolder(tmp_path / "run")).run(rows)
    lines = {line["label"]: line["figures"] for line in table(outcome.finished)["lines"]}
    assert set(lines) == {"maps:ours/maps", "maps:theirs/maps"}
    assert lines["maps:ours/maps"]["class_miou_pooled"]["values"] == [0.0]
    assert lines["maps:theirs/maps"]["class_miou_pooled"]["values"][0] > 0
    with pytest.raises(UsageError, match="named twice"):
        rows_of([Source(file)], ["maps"], 1, [str(folders[0]), f"{folders[0]}/"])


def test_a_model_is_not_scored_on_its_own_material(
    manifest: Make, tmp_path: Path, bright_weights: Callable[..., Path]
) -> None:
    weights = bright_weights("onsteel", provenance={"dataset": "steel and drawn surfaces"})
    rows = rows_of([Source(manifest("s", ("steel-square",)))], ["raw"], 1)
    with pytest.raises(UsageError, match="was trained on steel"):
        Study(settings(segmenter=f"network:{weights}"), RunFolder(tmp_path / "run")).check(rows)
    tile = rows_of([Source(manifest("t", ("tile-square",)))], ["raw"], 1)
    study = Study(settings(segmenter=f"network:{weights}"), RunFolder(tmp_path / "run"))
    study.check(tile)
    assert len(study.run(tile).finished) == 1


def test_a_network_begun_with_one_that_saw_the_material_is_refused_too(
    manifest: Make, tmp_path: Path, bright_weights: Callable[..., Path]
) -> None:
    note = {"dataset": "drawn", "started_from": {"weights": "first.safetensors", "dataset": "neu-seg"}}
    weights = bright_weights("tuned", provenance=note)
    rows = rows_of([Source(manifest("s", ("steel-square",)))], ["raw"], 1)
    with pytest.raises(UsageError, match="was trained on steel"):
        Study(settings(segmenter=f"network:{weights}"), RunFolder(tmp_path / "run")).check(rows)


@pytest.mark.parametrize("copied", [False, True])
def test_a_sam_folder_is_not_scored_on_the_material_it_saw(
    manifest: Make, tmp_path: Path, copied: bool
) -> None:
    pytest.importorskip("transformers")
    folder = promptable_folder("no-steel")
    if copied:
        folder = Path(shutil.copytree(folder, tmp_path / "mine"))
    study = Study(settings(segmenter=f"sam:{folder}", prompted=True), RunFolder(tmp_path / "run"))
    with pytest.raises(UsageError, match=r"was trained on tile, .*'tile-square'"):
        study.check(rows_of([Source(manifest("t", ("tile-square",)))], ["raw"], 1))
    study.check(rows_of([Source(manifest("s", ("steel-square",)))], ["raw"], 1))


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("sam:facebook/sam-vit-base", "fetching is switched off"),
        ("sam:nothing-here", "neither a folder nor the name of a model"),
        ("sam:.", "no config.json in the folder"),
        ("promptable:no-glass", "no such promptable model: 'no-glass'"),
        ("network:nothing.safetensors", "no such weights"),
    ],
)
def test_a_segmenter_that_cannot_be_had_is_told_before_the_rows(
    manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, line: str
) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    study = Study(settings(segmenter=spec), RunFolder(tmp_path / "run"))
    with pytest.raises((UsageError, WeightsError), match=line):
        study.check(rows_of([Source(manifest())], ["raw", "search"], 2))


def test_weights_for_finetune_that_saw_the_material_are_told_before_the_rows(
    manifest: Make, tmp_path: Path, noted_weights: Path
) -> None:
    study = Study(settings(finetune_weights=str(noted_weights)), RunFolder(tmp_path / "run"))
    steel, tile = (Source(manifest(kind, (f"{kind}-square",))) for kind in ("steel", "tile"))
    with pytest.raises(UsageError, match=r"--finetune-weights: .* was trained on steel"):
        study.check(rows_of([tile, steel], ["raw", "finetune"], 1))
    study.check(rows_of([tile], ["raw", "finetune"], 1))
    study.check(rows_of([steel], ["raw"], 1))  # nothing is tuned
    missing = Study(settings(finetune_weights="missing.safetensors"), RunFolder(tmp_path / "run"))
    with pytest.raises(WeightsError, match="no such weights"):
        missing.check(rows_of([tile], ["finetune"], 1))


def test_prompting_must_suit_the_segmenter(tmp_path: Path) -> None:
    for spec, prompted in (("grabcut", False), ("ocinet-tiny", True)):
        with pytest.raises(UsageError):
            Study(settings(segmenter=spec, prompted=prompted), RunFolder(tmp_path))


@pytest.mark.parametrize("spec", ["regions", "prototype", "network:ocinet-tiny"])
def test_features_of_an_embedding_need_a_segmenter_that_embeds(tmp_path: Path, spec: str) -> None:
    with pytest.raises(UsageError, match=f"--prompt-features both: .* not '{spec}'. Use filters"):
        Study(settings(segmenter=spec, prompt_features="both"), RunFolder(tmp_path))


def test_shots_are_prompted_from_the_other_supports(manifest: Make) -> None:
    from flawscope.fewshot.preparing import prepare
    from flawscope.fewshot.segmenters import Segmenters
    from flawscope.fewshot.tally import Counted, Tally
    from flawscope.segment.prompted import Prompted

    (one, _) = Source(manifest(supports=3)).read(3).classes
    told = settings(segmenter="grabcut", prompted=True, shots=3)
    task = prepare(one, Segmenters("grabcut"), told, Tally())
    assert isinstance(task.segmenter, Counted)
    whole = task.segmenter.segmenter
    assert isinstance(whole, Prompted)
    for number, shot in enumerate(task.shots):
        assert isinstance(shot.segmenter, Counted)
        assert isinstance(shot.segmenter.segmenter, Prompted)
        np.testing.assert_array_equal(
            shot.segmenter.segmenter.support.head.weights, whole.support.without(number).head.weights
        )


def test_damaged_rows_and_no_study(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no study here"):
        RunFolder(tmp_path).settings()
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "x.json").write_text(json.dumps({"schema": "?"}), encoding="utf-8")
    with pytest.raises(DataError, match="a damaged row"):
        RunFolder(tmp_path).finished()
    assert Row(Source(tmp_path / "a b.json"), "raw").name == "a_b--raw"


def test_finetune_learns_and_follows_the_seed(manifest: Make) -> None:
    pytest.importorskip("torch")
    from flawscope.enhance import bank
    from flawscope.fewshot.answers import Lesson
    from flawscope.fewshot.finetuning import finetune
    from flawscope.fewshot.preparing import prepare
    from flawscope.fewshot.segmenters import Segmenters
    from flawscope.fewshot.tally import Tally
    from flawscope.sdie.presets import make_settings

    source = Source(manifest(classes=("square",), queries=1))
    (one,) = source.read(2).classes
    told = settings(finetune_steps=2)
    task = prepare(one, Segmenters("regions"), told, Tally())
    picture = read_picture(one.query[0])

    def answer(seed: int) -> np.ndarray:
        row = Row(source, "finetune", seed)
        lesson = Lesson((task,), row, told, make_settings("default"), bank(), Path("unused"), "cpu")
        segmenter = finetune(lesson).segmenters[task.name]  # type: ignore[attr-defined]
        return segmenter.segment(picture.image).probability

    np.testing.assert_array_equal(answer(0), answer(0))
    assert np.abs(answer(0) - answer(1)).max() > 0


def test_regions_prompted_without_a_mask_are_refused() -> None:
    with pytest.raises(UsageError, match="takes the mask alone"):
        check_prompting("regions", True, ("points", "boxes"))
