"""The verb ``models``: what networks there are, what they cost, and what they see."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from flawscope.cli import models_features
from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.nets.library_names import EXAMPLES, library_name
from flawscope.nets.presets import PRESETS, Preset, preset
from flawscope.segment.header import read_safetensors_header
from flawscope.segment.loading import shipped_weights

SCHEMA_VERSION = 1


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    models = typer.Typer(
        help="List networks, convert published weights, draw features.", no_args_is_help=True
    )
    models.command("list")(list_models)
    models.command("show")(show)
    models.command("convert")(convert)
    models.command("features")(models_features.features)
    app.add_typer(models, name="models")


def list_models(json_target: JsonOption = None) -> None:
    """All networks by name, the rows of the paper's ablation tables included."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for heading in ("params M", "paper M", "GMACs"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what it is")
    for row in PRESETS.values():
        printed = "" if row.paper_parameters is None else f"{row.paper_parameters:.3f}"
        table.add_row(
            row.name,
            f"{row.parameters / 1e6:.3f}",
            printed,
            f"{row.multiply_adds / 1e9:.2f}",
            row.summary,
        )
    out = console(json_target)
    out.print(table)
    out.print("GMACs: billions of multiply-adds, at 352 x 352 (tiny, nano, pvt-b0 and lcnet: 256 x 256)")
    shipped = _shipped()
    out.print("Weights that come along (--weights NAME), each with a model card beside it:", markup=False)
    for weights in shipped:
        side = " x ".join(map(str, weights["imgsz"]))
        size = weights["bytes"] / 2**20
        out.print(
            f"  {weights['name']:<12} {', '.join(weights['labels'])}; input {side}; threshold "
            f"{weights['threshold']:.2f}; {size:.1f} MiB",
            markup=False,
        )
    out.print("Networks of other libraries, with the extra [baselines]:", markup=False)
    for name, family in EXAMPLES:
        out.print(f"  {name:<42} {family}", markup=False)
    emit_json(
        "models",
        SCHEMA_VERSION,
        {"models": [_report(row) for row in PRESETS.values()], "weights": shipped},
        json_target,
    )


def _shipped() -> list[dict[str, Any]]:
    found = []
    for name, file in shipped_weights().items():
        header = read_safetensors_header(file.with_suffix(".safetensors"))
        size = file.stat().st_size
        found.append(
            {
                "name": name,
                "model": header.model,
                "labels": list(header.labels),
                "imgsz": list(header.imgsz),
                "threshold": header.threshold,
                "bytes": size,
            }
        )
    return found


def show(
    name: Annotated[str, typer.Argument(help="A name from 'flawscope models list'.")],
    json_target: JsonOption = None,
) -> None:
    """Everything about one network."""
    if library_name(name) is not None:
        out = console(json_target)
        out.print(f"[bold]{name}[/bold]")
        out.print("  a network of another library, as it is; it takes no options", markup=False)
        out.print(f"  flawscope train --data DIR --model {name} --out runs/baseline", markup=False)
        emit_json("model", SCHEMA_VERSION, {"model": {"name": name}}, json_target)
        return
    row = preset(name)
    height, width = row.input_size
    modules = " -> ".join(row.modules) or "none"
    lines = {
        "what": row.summary,
        "parameters": f"{row.parameters:,}" + _printed(row),
        "multiply-adds": f"{row.multiply_adds:,} at {height} x {width} (convolutions and linear layers)",
        "input": f"RGB, {height} x {width} by default; any size is accepted",
        "backbone": f"{row.backbone} (timm), stochastic depth to {row.drop_path_rate:g}",
        "width": f"{row.width} channels, {row.groups} groups",
        "interactions": modules,
        "source": row.source + ("" if row.paper_row is None else f', row "{row.paper_row}"'),
        "licence": row.licence,
        "train it": f"flawscope train --data DIR --model {row.name} --out runs/{row.name}",
    }
    out = console(json_target)
    out.print(f"[bold]{row.name}[/bold]")
    for label, text in lines.items():
        out.print(f"  {label:<14} {text}", markup=False)
    emit_json("model", SCHEMA_VERSION, {"model": _report(row)}, json_target)


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of the OCINet authors (.pth).")],
    out: Annotated[Path, typer.Option("--out", help="The .safetensors file to write.")],
    label: Annotated[str, typer.Option("--label", help="What to call its one class.")] = "defect",
    json_target: JsonOption = None,
) -> None:
    """Turn published OCINet weights into a weights file of Flawscope; no code in the file is run."""
    from flawscope.errors import UsageError
    from flawscope.nets import load_published, parameters
    from flawscope.segment.header import Header
    from flawscope.segment.network import save_safetensors

    if out.suffix.lower() != ".safetensors":
        raise UsageError("weights are written as .safetensors", where=f"--out {out}")
    net = load_published(checkpoint)
    header = Header(
        model="ocinet",
        options={"shared_first_head": True},
        imgsz=PRESETS["ocinet"].input_size,
        labels=(label,),
        provenance={"converted_from": checkpoint.name, "source": "weights published by the OCINet authors"},
    )
    save_safetensors(net, header, out)
    console(json_target).print(f"{parameters(net):,} parameters written to {out}", markup=False)
    report = {"model": "ocinet", "parameters": parameters(net), "weights": out}
    emit_json("model-convert", SCHEMA_VERSION, report, json_target)


def _report(row: Preset) -> dict[str, Any]:
    return asdict(row)


def _printed(row: Preset) -> str:
    return "" if row.paper_parameters is None else f" (the paper prints {row.paper_parameters:.3f} M)"
