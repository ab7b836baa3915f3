"""``models features``: draw what a network sees after each stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
import typer

from flawscope.cli.output import JsonOption, console, emit_json
from flawscope.errors import ImageError, UsageError, WeightsError
from flawscope.images import Image, read_image, read_mask, resize, to_float, to_uint8

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from flawscope.nets import OCINet
    from flawscope.nets.feature_maps import HeatMap
    from flawscope.segment.header import Header

SCHEMA_VERSION = 1
_TITLES = {
    "adjusted": "adjusted (f_b)",
    "channel": "after channel",
    "spatial": "after spatial",
    "pixel": "after pixel",
    "attention": "after attention",
}


def features(
    image: Annotated[Path, typer.Argument(help="The image.")],
    weights: Annotated[
        str, typer.Option("--weights", help="A .safetensors file, run folder or published .pth.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The picture to write (.png).")],
    mask: Annotated[
        Path | None,
        typer.Option("--mask", help="Its true mask: also measure how far defects stand out (ROC area)."),
    ] = None,
    page: Annotated[int | None, typer.Option("--page", help="Page of a multi-page file.")] = None,
    json_target: JsonOption = None,
) -> None:
    """Draw the four levels of features after each interaction module, as heat maps."""
    if out.suffix.lower() != ".png":
        raise UsageError(
            "the picture is written as PNG", where=f"--out {out}", remedy="Use a name ending in .png"
        )
    picture = read_image(image, page=page)
    truth = None if mask is None else _true_mask(mask)
    if truth is not None and truth.shape != picture.shape[:2]:
        raise ImageError(f"is {truth.shape}, the image {picture.shape[:2]} (height, width)", where=mask)
    network, header = _load(weights)
    maps, probability = _look(network, header, picture)
    measured = {} if truth is None else _prominences(maps, truth)
    drawn = _draw(picture, probability, truth, maps, measured)
    _save(drawn, out)
    table = console(json_target)
    for stage, levels in measured.items():
        table.print(
            f"{_TITLES[stage]:<16} " + "  ".join(f"level {n} {v:.3f}" for n, v in enumerate(levels, 1))
        )
    table.print(f"{len(maps)} stages of {header.model} drawn to {out}", markup=False)
    report: dict[str, Any] = {"image": image, "model": header.model, "picture": out, "stages": list(maps)}
    if measured:
        report["prominence"] = measured
    emit_json("model-features", SCHEMA_VERSION, report, json_target)


def _true_mask(mask: Path) -> npt.NDArray[np.uint8]:
    """1 on any defect, whether the file holds 0/255 or class numbers."""
    from flawscope.data.values import guess_values

    values = guess_values([mask])
    marked: npt.NDArray[np.uint8] = read_mask(
        mask, threshold=values.threshold if values.numbers is None else 0
    )
    return marked


def _load(weights: str) -> tuple[OCINet, Header]:
    from flawscope.nets import PRESETS, OCINet, load_published
    from flawscope.segment.header import Header, read_safetensors_header
    from flawscope.segment.loading import EXPORTED_SUFFIXES, find_weights
    from flawscope.segment.network import load_network

    if Path(weights).suffix.lower() in (".pth", ".pt"):
        return load_published(weights), Header(
            model="ocinet", imgsz=PRESETS["ocinet"].input_size, labels=("defect",)
        )
    path = find_weights(weights)
    if path.suffix.lower() in EXPORTED_SUFFIXES:
        path = path.with_suffix(".safetensors")
    if not path.is_file():
        raise WeightsError(
            "exported weights give no features", where=weights, remedy="Give the .safetensors they came from"
        )
    network = load_network(path)
    assert isinstance(network, OCINet)
    return network.eval(), read_safetensors_header(path)


def _look(
    network: OCINet, header: Header, picture: Image
) -> tuple[dict[str, list[HeatMap]], npt.NDArray[np.float32]]:
    """Heat maps by stage at network size, and the probability of any defect at image size."""
    import torch

    from flawscope.nets import heat_maps
    from flawscope.segment.network import activate, finest
    from flawscope.segment.preprocess import network_input, probabilities

    batch = torch.from_numpy(network_input(picture, header))[None]
    with torch.inference_mode():
        maps = heat_maps(network.features(batch))
        activated = activate(finest(network(batch)))[0].numpy()
    # The features may cover padding below and to the right of the input; only the image's part is shown.
    for stage, levels in maps.items():
        maps[stage] = [
            heat[: -(-header.imgsz[0] // stride), : -(-header.imgsz[1] // stride)]
            for heat, stride in zip(levels, (4, 8, 16, 32), strict=True)
        ]
    height, width = picture.shape[:2]
    return maps, probabilities(activated, height, width, header.temperature).sum(axis=0)


def _prominences(maps: dict[str, list[HeatMap]], truth: npt.NDArray[np.uint8]) -> dict[str, list[float]]:
    from flawscope.nets.feature_maps import prominence

    height, width = truth.shape
    return {
        stage: [prominence(resize(heat, height, width), truth) for heat in levels]
        for stage, levels in maps.items()
    }


def _draw(
    picture: Image,
    probability: npt.NDArray[np.float32],
    truth: npt.NDArray[np.uint8] | None,
    maps: dict[str, list[HeatMap]],
    measured: dict[str, list[float]],
) -> Figure:
    from matplotlib.figure import Figure

    shown: list[tuple[str, npt.NDArray[Any]]] = [("image", to_uint8(picture)), ("probability", probability)]
    if truth is not None:
        shown.append(("true mask", truth * 255))
    rows, columns = max(len(maps), len(shown)), 5
    aspect = min(max(picture.shape[0] / picture.shape[1], 0.25), 4.0)
    figure = Figure(figsize=(columns * 2.1, rows * (2.1 * aspect + 0.28)), dpi=110, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for one in axes.flat:
        one.set_axis_off()
    for row, (title, array) in enumerate(shown):
        top = 1 if array.dtype == np.float32 else 255
        axes[row][0].imshow(array, cmap="gray", vmin=0, vmax=top)
        axes[row][0].set_title(title, fontsize=9)
    for row, (stage, levels) in enumerate(maps.items()):
        for column, heat in enumerate(levels, start=1):
            axes[row][column].imshow(_over(picture, heat))
            area = f"  {measured[stage][column - 1]:.2f}" if measured else ""
            axes[row][column].set_title(f"{_TITLES[stage]}, level {column}{area}", fontsize=8)
    return figure


def _over(picture: Image, heat: HeatMap) -> npt.NDArray[np.uint8]:
    """The heat map in colour, with the light and dark of the image showing through."""
    height, width = picture.shape[:2]
    hot = cv2.applyColorMap(np.rint(resize(heat, height, width) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    colour = cv2.cvtColor(hot, cv2.COLOR_BGR2RGB).astype(np.float32)
    grey = to_float(picture).mean(axis=2, keepdims=True)
    shaded: npt.NDArray[np.uint8] = np.rint(colour * (0.65 + 0.35 * grey)).astype(np.uint8)
    return shaded


def _save(figure: Figure, out: Path) -> None:
    from flawscope.outputs import atomic

    with atomic(out) as temporary:
        figure.savefig(temporary, format="png")
