"""What rules say, in sentences, so that their author sees whether it is what was meant."""

from __future__ import annotations

from collections.abc import Iterator

from flawscope.inspect.rules import Density, Range, Rule, Rules


def in_words(rules: Rules) -> Iterator[str]:
    """A sentence for each rule, then for the default."""
    for rule in rules:
        yield f"{rule.name}: {_sentence(rule)}"
    if rules.file.default == "accept":
        yield "Everything else is accepted."
    else:
        yield f"Any defect of which no rule for single defects speaks: {rules.file.default}. No defect: accept."


def _sentence(rule: Rule) -> str:
    which = "defect" if rule.classes is None else " or ".join(rule.classes)
    parts = [] if rule.zone is None else [f"in {rule.zone}"]
    parts += [] if rule.outside is None else [f"outside {rule.outside}"]
    parts += [f"{name} {_ends(limits)}" for name, limits in rule.limits.items()]
    selected = ", ".join([f"every {which}", *parts])
    if rule.total is None:
        return f"{rule.then} {selected}"
    name, limits = rule.total
    if isinstance(limits, Density):
        much = f"{limits.min:g} or more a metre in the densest {limits.window_m:g} m"
    else:
        much = f"{name} {_ends(limits)}"
    return f"{rule.then} if [{selected}] together: {much}"


def _ends(limits: Range) -> str:
    if limits.min is None:
        return f"at most {limits.max:g}"
    if limits.max is None:
        return f"at least {limits.min:g}"
    return f"from {limits.min:g} to {limits.max:g}"
