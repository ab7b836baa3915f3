"""The verb ``doctor``."""

from __future__ import annotations

import typer

from flawscope.cli.output import JsonOption, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("doctor")(doctor)


def doctor(json_file: JsonOption = None) -> int:
    """Examine this installation: versions, extras, weights, disk, and a prediction on a drawn image.

    Exit code 0 when everything that the base install needs works, 2 otherwise.
    """
    from rich.markup import escape
    from rich.table import Table

    from flawscope.cli.examination import examine
    from flawscope.inspect.counted import number_of

    report = examine()
    emit_json("doctor", 1, report, json_file)
    screen = console(json_file)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    machine = report["machine"]
    table.add_row("Flawscope", f"{report['flawscope']}, Python {report['python']}")
    table.add_row(
        "System", f"{machine['system']}, {machine['cores']} cores, {machine['memory_gib'] or '?'} GiB memory"
    )
    table.add_row("CPU", " ".join(machine["cpu_features"]) or "unknown")
    for name, packages in report["packages"].items():
        present = {package: version for package, version in packages.items() if version}
        absent = [package for package in packages if package not in present]
        text = ", ".join(f"{package} {version}" for package, version in present.items()) or "none"
        if absent:
            text += f"; not installed: {', '.join(absent)}"
        table.add_row("Base packages" if name == "base" else escape(f"Extra [{name}]"), escape(text))
    for weights in report["weights"]:
        state = (
            weights["error"] or f"{weights['bytes'] / 2**20:.1f} MiB, labels {', '.join(weights['labels'])}"
        )
        table.add_row("Weights", escape(f"{weights['name']}: {state}"))
    table.add_row("Free disk", f"{report['free_disk_gib']:.1f} GiB here")
    test = report["self_test"]
    table.add_row(
        "Self-test",
        test["error"]
        or f"one image in {test['milliseconds']:.0f} ms, {number_of(test['defects'], 'defect')}",
    )
    screen.print(table)
    for problem in report["problems"]:
        screen.print(f"problem: {problem}", markup=False)
    if not report["problems"]:
        screen.print("Everything the base install needs works.")
    return 2 if report["problems"] else 0
