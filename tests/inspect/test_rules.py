"""Rule files: what they may say, and the line of what they may not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flawscope.errors import DataError
from flawscope.inspect.rule_reading import examine_rules, read_rules

PLAIN = "rules:\n  - name: any\n    then: reject\n"


def complaints(tmp_path: Path, text: str | bytes, labels: tuple[str, ...] | None = None) -> list[str]:
    file = tmp_path / "rules.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    rules, problems = examine_rules(file, labels)
    assert (rules is None) == bool(problems)
    return [str(problem).removeprefix(str(file)).removeprefix(", ") for problem in problems]


def rule(*lines: str) -> str:
    return PLAIN + "".join(f"    {line}\n" for line in lines)


def two(first: str, second: str, top: str = "") -> str:
    return f"{top}rules:\n  - {{name: one, {first}}}\n  - {{name: two, {second}}}\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", None, "the file is empty"),
        ("# nothing\n", None, "the file is empty"),
        ("- a\n", 1, "a rule file has keys"),
        ("default: accept\n", 1, "'rules' is missing"),
        ("rules: []\n", 1, "there are no rules"),
        (rule("lenght_mm: {min: 2}"), 4, "unknown key 'lenght_mm'. Did you mean 'length_mm'?"),
        (rule("length_mm: {min: 2, mx: 3}"), 4, "unknown key 'mx'. Did you mean 'max'? Allowed: min, max"),
        (rule("", "length_mm: {min: 3, max: 2}"), 5, "min 3 is above max 2"),
        (rule("length_mm: {}"), 4, "neither 'min' nor 'max'"),
        (
            rule("length_mm: 3"),
            4,
            "'length_mm' is '3', but it has keys of its own. Allowed below it: min, max",
        ),
        (rule("length_mm: {min: long}"), 4, "'min' must be a number, not the text 'long'"),
        (rule("length_mm: {min: yes}"), 4, "'min' must be a number"),
        (rule("length_mm: {min: .inf}"), 4, "'min' is 'inf'"),
        (rule("score: {min: 1.2}"), 4, "can never speak. score goes from 0 to 1"),
        (rule("area_px: {max: -1}"), 4, "can never speak. area_px is never below 0"),
        (rule("count: {min: 2}", "area_share: {min: 0.1}"), 2, "count and area_share stand in one rule"),
        (rule("count_per_metre: {window_m: 1}"), 4, "'min' is missing. Known keys: min, window_m"),
        (rule("class: []"), 4, "'class' is a list"),
        (rule("class: scrach"), 4, "'scrach' is not one of the classes. Did you mean 'scratch'?"),
        (rule("zone: rim"), 4, "there is no zone 'rim'. Allowed: none"),
        (
            "rules:\n  - name: a\n    then: rejct\n",
            3,
            "'then' cannot be 'rejct'. Allowed: accept, review, reject",
        ),
        ("rules:\n  - then: reject\n", 2, "'name' is missing"),
        ("rules:\n  - name: default\n    then: reject\n", 2, "cannot be named 'default'"),
        ("rules:\n  - 5\n", 2, "'rules 1' is '5'"),
        (PLAIN + "zones:\n  a: {columns: [5, 5]}\n", 5, "the zone is empty: columns from 5 to 5"),
        (PLAIN + "zones:\n  a: {polygon: [[0, 0], [4, 4], [8, 8]]}\n", 5, "its polygon has no area"),
        (PLAIN + "zones:\n  a: {edges: {left: 0}}\n", 5, "every edge is 0"),
        (PLAIN + "zones:\n  a: {unit: share, rows: [0, 2]}\n", 5, "lies outside: shares go from 0 to 1"),
        (PLAIN + "zones:\n  a: {columns: [-5, 5]}\n", 5, "greater than or equal to 0"),
        (PLAIN + "zones:\n  a: {unit: px}\n", 5, "either columns and rows, or a polygon, or edges"),
        (PLAIN + "zones:\n  a:\n", 5, "'a' is empty"),
        (two("then: reject", "then: review").replace("two", "one"), 3, "another rule named 'one' (line 2)"),
        (
            two("class: pit, then: reject", "class: [pit], then: review"),
            3,
            "'two' says review where 'one' says reject, for the same defects (line 2)",
        ),
        (two("then: reject", "then: reject"), 3, "'two' repeats 'one' (line 2)"),
        (
            two("class: pit, then: reject", "class: pit, area_px: {min: 9}, then: review"),
            3,
            "'two' can never decide: 'one' says reject whenever it would speak (line 2)",
        ),
        (
            two("area_px: {min: 9}, count: {min: 5}, then: review", "area_px: {min: 3}, then: reject"),
            2,
            "'one' can never decide: 'two' says reject",
        ),
        (
            two("count: {min: 5}, then: reject", "count: {min: 8}, then: review"),
            3,
            "'two' can never decide",
        ),
        ("rules:\n  - name: a\n    then: accept\n", 3, "every defect is accepted by default"),
        (rule("then: accept"), 4, "the key 'then' stands twice (line 3)"),
        ("rules:\n\t- name: a\n", 2, "a tab. Indent with spaces"),
        ("rules:\n  - name: [a\n    then: b\n", 3, "not valid YAML"),
        ("a: &x [1]\nb: *x\n", 1, "anchors (&) and aliases (*) are not read"),
        ("rules:\n  - name: !!python/object/apply:os.system [ls]\n", 2, "the tag"),
        ("rules:\n  - ? [a]\n    : b\n", 2, "a key that is no word"),
        ("rules:\n  - name: 2020-99-99\n", 2, "'2020-99-99' is not read"),
        (b"rules:\n  - name: \xff\n", 2, "not UTF-8 text"),
        (b"rules:\n  - name: \x01\n", 2, "a character that YAML does not allow"),
        ("[" * 50_000, 1, "nested too deep"),
        ("rules:\n" + "- 1\n" * 30_000, 19_998, "more than 20000 values"),
        ("- 1\n" * 1_000_000, None, "more than 256 KiB"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str | bytes) else None,
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str | bytes, line: int | None, says: str) -> None:
    found = complaints(tmp_path, text, ("scratch", "pit"))
    assert found
    assert says in found[0]
    assert found[0].startswith(":" if line is None else f"line {line}:"), found[0]


def test_names_are_looked_at_even_where_keys_are_wrong(tmp_path: Path) -> None:
    text = (
        "zones: {rim: {edges: {lift: 2}}}\n"
        "rules:\n"
        "  - {name: a, then: reject, zone: rim}\n"
        "  - name: a\n"
        "    lenght_mm: {min: 2}\n"
        "    zone: rimm\n"
        "    class: [pit, scrach, 5]\n"
        "    then: never\n"
        "  - {name: default, then: review, outside: [rim]}\n"
        "  - 7\n"
    )
    found = complaints(tmp_path, text, ("scratch", "pit"))
    assert [one.split(". ")[0] for one in found] == [
        "line 1: unknown key 'lift'",
        "line 4: there is another rule named 'a' (line 3)",
        "line 5: unknown key 'lenght_mm'",
        "line 6: there is no zone 'rimm'",
        "line 7: 'class 3' is '5': input should be a valid string",
        "line 7: 'scrach' is not one of the classes",
        "line 8: 'then' cannot be 'never'",
        "line 9: 'outside' is a list: input should be a valid string",
        "line 9: a rule cannot be named 'default'",
        "line 10: 'rules 4' is '7', but it has keys of its own",
    ]
    assert complaints(tmp_path, "rules: 5\nzones: 7\n")[0].startswith("line 1: 'rules' is '5'")


def test_every_problem_is_listed_in_order(tmp_path: Path) -> None:
    text = "default: no\nrules:\n  - name: a\n    clas: pit\n    then: never\n"
    assert [one.split(":")[0] for one in complaints(tmp_path, text)] == ["line 1", "line 4", "line 5"]
    with pytest.raises(
        DataError, match=r"line 1: 'default' cannot be .*\(and 2 more: flawscope rules check "
    ):
        read_rules(tmp_path / "rules.yaml")


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [1,1,1,1]\n"
        + "".join(f"{x}: &{x} [*{y},*{y},*{y}]\n" for x, y in zip("bcdefgh", "abcdefg", strict=True)),
        "rules:\n" + "- 1\n" * 15_000,
        "rules: {" + "a: {" * 9 + "}" * 10,
        "rules:\n  - name: " + "9" * 100_000 + "\n",
    ],
    ids=["aliases", "a long list", "nested", "a huge number"],
)
def test_hostile_files_are_refused_soon(tmp_path: Path, bomb: str) -> None:
    before = time.process_time()
    found = complaints(tmp_path, bomb)
    assert 1 <= len(found) <= 50
    assert time.process_time() - before < 5


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.yaml: cannot be read \(no such file"):
        read_rules(tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    "text",
    [
        two("class: pit, then: reject", "class: scratch, then: review"),
        two("area_px: {min: 1, max: 9}, then: review", "area_px: {min: 5, max: 20}, then: reject"),
        two("area_px: {min: 3}, then: review", "area_px: {min: 9}, then: reject"),
        two("count: {max: 3}, then: review", "then: reject"),
        two("zone: a, then: reject", "then: review", "zones: {a: {columns: [0, 5]}}\n"),
        two("zone: a, then: reject", "outside: a, then: review", "zones: {a: {columns: [0, 5]}}\n"),
        two("then: accept, area_px: {max: 5}", "class: pit, then: reject", "default: review\n"),
        two(
            "count_per_metre: {min: 5}, then: reject",
            "count_per_metre: {min: 8, window_m: 0.1}, then: review",
        ),
        two("count: {min: 3}, then: reject", "then: review"),
    ],
)
def test_rules_that_have_their_place(tmp_path: Path, text: str) -> None:
    assert complaints(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (rule("length_mm: {min: 1}"), "rule 'any' limits length_mm"),
        (rule("area_mm2: {min: 1}"), "rule 'any' limits area_mm2"),
        (rule("count_per_metre: {min: 1}"), "rule 'any' limits count_per_metre"),
        (PLAIN + "zones: {a: {unit: mm, columns: [0, 5]}}\n", "zone 'a' is given in mm"),
        (PLAIN + "requires: calibration\n", "these rules require one"),
        (rule("length_px: {min: 1}"), None),
    ],
)
def test_what_needs_a_calibration(tmp_path: Path, text: str, why: str | None) -> None:
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    needed = read_rules(tmp_path / "rules.yaml").calibration_for
    assert (None if needed is None else needed[1]) == why
