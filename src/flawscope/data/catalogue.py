"""Public datasets: where they are, under what terms, and how to get them. One literal table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flawscope.errors import UsageError


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One public dataset.

    Attributes:
        layout: which reader reads it.
        description: what it shows, in one line.
        source: its home page.
        terms: licence or terms as its authors state them; ``"not stated"`` when they do not.
        access: ``"open"`` can be fetched; ``"form"`` asks for something first; ``"password"`` is encrypted.
        url: the archive to download, for open sets.
        inside: the folder of the archive (below its single top folder) that is the dataset.
        steps: what a person does to get it, for sets that are not open; ``{out}`` is the folder to put it.
    """

    layout: str
    description: str
    source: str
    terms: str
    access: Literal["open", "form", "password"]
    url: str | None = None
    inside: str = ""
    steps: tuple[str, ...] = ()


CATALOGUE: dict[str, PublicSet] = {
    "sd-saliency-900": PublicSet(
        layout="sd-saliency-900",
        description="strip steel: inclusion, patches, scratches; 900 images of 200x200, 300 a kind",
        source="https://github.com/SongGuorong/MCITF",
        terms="not stated",
        access="open",
        url="https://github.com/SongGuorong/MCITF/archive/HEAD.zip",
        inside="SD-saliency-900",
    ),
    "neu-seg": PublicSet(
        layout="neu-seg",
        description="strip steel: inclusion, patches, scratches; 3,630 + 840 images. Its official split leaks",
        source="https://github.com/DHW-Master/NEU_Seg",
        terms="not stated",
        access="open",
        url="https://github.com/DHW-Master/NEU_Seg/archive/HEAD.zip",
    ),
    "magnetic-tile": PublicSet(
        layout="magnetic-tile",
        description="magnetic tiles: blowhole, break, crack, fray, uneven, free; sizes vary",
        source="https://github.com/abin24/Magnetic-tile-defect-datasets.",
        terms="not stated; its authors ask to be cited",
        access="open",
        url="https://github.com/abin24/Magnetic-tile-defect-datasets./archive/HEAD.zip",
    ),
    "crackforest": PublicSet(
        layout="crackforest",
        description="road cracks; 118 annotated images",
        source="https://github.com/cuilimeng/CrackForest-dataset",
        terms="non-commercial research only",
        access="open",
        url="https://github.com/cuilimeng/CrackForest-dataset/archive/HEAD.zip",
    ),
    "nrsd-mn": PublicSet(
        layout="nrsd-mn",
        description="rails out of service, man-made and natural defects; 2,086 images to train, 965 + 165 to test",
        source="https://github.com/zdfcvsn/MCnet",
        terms="not stated; the password is given on request",
        access="password",
        steps=(
            "Clone https://github.com/zdfcvsn/MCnet; the archives are in dataset/, in numbered parts",
            "Ask for the password at the address in its README",
            "Join the parts of each archive in order (cat annotations.zip.* > annotations.zip), then unpack",
            "Put them so that {out}/images/training and {out}/annotations/training exist, likewise"
            " validation and test",
            "To tell the subsets apart, keep man-made/ and natural/ folders inside each split of images/ and"
            " annotations/",
            "The paper's headline (train, both subsets, their mean) is then one command:"
            " flawscope train --data {out} --model ocinet --recipe paper --out runs/nrsd-mn --test",
        ),
    ),
    "fssd-12": PublicSet(
        layout="fssd-12",
        description="strip steel for few-shot segmentation; 12 classes of 50 images of 200x200",
        source="https://github.com/VDT-2048/CPANet",
        terms="not stated",
        access="form",
        steps=(
            "Open https://github.com/VDT-2048/CPANet and follow the link to the cloud drive (it asks for a login)",
            "Unpack it so that {out}/Steel_Am/Images and {out}/Steel_Am/GT exist, likewise the other classes",
        ),
    ),
    "surface-defect-4i": PublicSet(
        layout="surface-defect-4i",
        description="metal and other surfaces for few-shot segmentation; 12 classes and normal images",
        source="https://github.com/bbbbby-99/TGRNet-Surface-Defect-Segmentation",
        terms="not stated; the password is given on request",
        access="password",
        steps=(
            "Clone https://github.com/bbbbby-99/TGRNet-Surface-Defect-Segmentation",
            "Ask for the password at the address in its README, then unpack the archive",
            "Put it so that {out}/<Class>/Images, {out}/<Class>/GT and {out}/<Class>/Nd exist",
        ),
    ),
    "mvtec-ad": PublicSet(
        layout="mvtec-ad",
        description="15 kinds of objects and textures, good images to train, defective ones to test",
        source="https://www.mvtec.com/company/research/datasets/mvtec-ad",
        terms="CC BY-NC-SA 4.0 (no commercial use)",
        access="form",
        steps=(
            "Open https://www.mvtec.com/company/research/datasets/mvtec-ad and fill in the download form",
            "Unpack it so that {out}/bottle/train/good exists, likewise the other categories",
        ),
    ),
}
"""Every public dataset that ``flawscope data fetch`` knows."""


def look_up(name: str) -> PublicSet:
    """An entry of the catalogue; raises UsageError naming all when there is none."""
    if name not in CATALOGUE:
        raise UsageError(f"no public dataset named '{name}'", remedy=f"There are: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
