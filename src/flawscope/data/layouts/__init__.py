"""Layouts: the ways in which datasets lie on disk. One literal table, nothing registers itself."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.layouts import (
    coco,
    cracks,
    cvat,
    fewshot_sets,
    label_studio,
    labelme,
    mvtec,
    plain,
    rail,
    steel,
    tiles,
)
from flawscope.data.layouts.base import Layout
from flawscope.data.samples import SegmentationData
from flawscope.errors import DataError

LAYOUTS: dict[str, Layout] = {
    "plain": Layout(
        plain.read,
        plain.recognise,
        "images/ and masks/ of the same names; also per split: images/train or train/images",
        "0/255 (threshold 127), 0/1 or class numbers, found by looking; dataset.yaml overrides",
        "your own",
    ),
    "nrsd-mn": Layout(
        rail.read,
        rail.recognise,
        "images/{training,validation,test}/*.png and annotations/<split>/*.jpg",
        "defect above 127 (JPEG masks)",
        "github.com/zdfcvsn/MCnet",
    ),
    "neu-seg": Layout(
        steel.read_neu_seg,
        steel.recognise_neu_seg,
        "images/{training,test}/*.jpg and annotations/<split>/*.png",
        "0 background, 1 inclusion, 2 patches, 3 scratches",
        "github.com/DHW-Master/NEU_Seg",
    ),
    "sd-saliency-900": Layout(
        steel.read_sd900,
        steel.recognise_sd900,
        "Source Images/{In,Pa,Sc}_<n>.bmp and Ground truth/<stem>.png",
        "defect above 127; the prefix is the kind",
        "github.com/SongGuorong/MCITF",
    ),
    "magnetic-tile": Layout(
        tiles.read,
        tiles.recognise,
        "MT_{Blowhole,Break,Crack,Fray,Uneven,Free}/Imgs/<stem>.jpg with <stem>.png",
        "defect above 127; the folder is the kind, Free is clean",
        "github.com/abin24/Magnetic-tile-defect-datasets.",
    ),
    "crackforest": Layout(
        cracks.read,
        cracks.recognise,
        "image/NNN.jpg and groundTruth/NNN.mat",
        "groundTruth.Segmentation: 1 background, 2 crack",
        "github.com/cuilimeng/CrackForest-dataset",
    ),
    "fssd-12": Layout(
        fewshot_sets.read_fssd12,
        fewshot_sets.recognise_fssd12,
        "Steel_XX/Images/Steel_XX_<n>.jpg and Steel_XX/GT/Steel_XX_<n>.png",
        "defect above 127; XX is the kind",
        "github.com/VDT-2048/CPANet",
    ),
    "surface-defect-4i": Layout(
        fewshot_sets.read_surface_defect_4i,
        fewshot_sets.recognise_surface_defect_4i,
        "<Class>/Images, <Class>/GT and <Class>/Nd (normal)",
        "defect above 127; the folder is the kind, Nd is clean",
        "github.com/bbbbby-99/TGRNet-Surface-Defect-Segmentation",
    ),
    "mvtec-ad": Layout(
        mvtec.read,
        mvtec.recognise,
        "train/good, test/<type> and ground_truth/<type>/<stem>_mask.png; one category or all",
        "defect above 127; the type is the kind, good is clean",
        "www.mvtec.com/company/research/datasets/mvtec-ad",
    ),
    "coco": Layout(
        coco.read,
        coco.recognise,
        "JSON with images, annotations (polygons or run lengths) and categories; or the JSON file itself",
        "categories by id; pixel centres inside a polygon",
        "cocodataset.org/#format-data, and most tools' exports",
    ),
    "labelme": Layout(
        labelme.read,
        labelme.recognise,
        "a JSON file with shapes beside each image",
        "labels by alphabet; polygon, rectangle, circle, mask; lines one pixel wide",
        "github.com/wkentaro/labelme",
    ),
    "cvat": Layout(
        cvat.read,
        cvat.recognise,
        "annotations.xml of the export 'CVAT for images 1.1', images below its folder",
        "labels in the task's order; polygon, box, ellipse, mask; polylines one pixel wide",
        "docs.cvat.ai",
    ),
    "label-studio": Layout(
        label_studio.read,
        label_studio.recognise,
        "the export 'JSON' (a list of tasks), images below its folder",
        "labels by alphabet; polygon, brush, rectangle, ellipse",
        "labelstud.io",
    ),
}
"""Every known layout, by the name that ``--layout`` and ``dataset.yaml`` take."""


def read_layout(path: Path, layout: str = "auto") -> SegmentationData:
    """Read ``path`` in a named layout, or in the one that recognises it (see :func:`which_layout`).

    Raises:
        DataError: also when nothing with a mask is read in a named layout that ``path`` does not look like.
    """
    chosen = LAYOUTS[which_layout(path, layout)]
    data = chosen.read(path)
    if layout != "auto" and not data.labelled().samples and chosen.recognise(path) is None:
        others = ", ".join(recognise(path))
        raise DataError(
            f"does not fit the layout '{layout}', which looks like {chosen.description}",
            where=path,
            remedy=f"It looks like: {others}" if others else "Leave --layout out to have it recognised",
        )
    return data


def which_layout(path: Path, layout: str = "auto") -> str:
    """The name of the layout to read ``path`` in.

    Raises:
        DataError: nothing recognised it, or more than one did, or the name is unknown.
    """
    if layout != "auto":
        if layout not in LAYOUTS:
            raise DataError(
                f"no layout named '{layout}'", where=path, remedy=f"There are: {', '.join(LAYOUTS)}"
            )
        return layout
    seen = recognise(path)
    if len(seen) == 1:
        return next(iter(seen))
    if not seen:
        raise DataError(
            "not a dataset in any known layout",
            where=path,
            remedy=f"Known are {', '.join(LAYOUTS)}; 'flawscope data list' shows how each looks",
        )
    told = "; ".join(f"{name} ({what})" for name, what in seen.items())
    raise DataError(
        f"looks like several layouts at once: {told}",
        where=path,
        remedy="Say which with 'layout:' in a dataset.yaml, or open the annotation file itself",
    )


def recognise(path: Path) -> dict[str, str]:
    """Names of the layouts that ``path`` looks like, with what speaks for each."""
    seen = {name: layout.recognise(path) for name, layout in LAYOUTS.items()}
    return {name: what for name, what in seen.items() if what is not None}
