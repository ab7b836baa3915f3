"""Annotation tools: COCO, LabelMe, CVAT and Label Studio, each pixel for pixel."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flawscope.data.layouts.label_studio import unpack
from flawscope.data.samples import open_data
from flawscope.errors import DataError

HEIGHT, WIDTH = 6, 8


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (WIDTH, HEIGHT), 90).save(path)


def drawn(sample):
    return ["".join(".123456789"[value] for value in row) for row in sample.read()[1]]


EMPTY = ["........"] * 6
BOX = ["........", ".111....", ".111....", "........", "........", "........"]
"""A box from (1, 1) to (4, 3): 3 x 2 pixels."""
BOX_POINTS = [1, 1, 4, 1, 4, 3, 1, 3]


def coco(tmp_path, annotations, images=("a.png",), name="annotations.json", categories=None, **extra):
    for file in images:
        image(tmp_path / "images" / file)
    content = {
        "images": [
            {"id": n, "file_name": f, "height": HEIGHT, "width": WIDTH} for n, f in enumerate(images, start=1)
        ],
        "annotations": [{"id": n, **one} for n, one in enumerate(annotations, start=1)],
        "categories": categories or [{"id": 3, "name": "pit"}, {"id": 7, "name": "crack"}],
        **extra,
    }
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_coco_polygon_of_several_rings(tmp_path):
    rings = [BOX_POINTS, [6, 4, 8, 4, 8, 6, 6, 6]]
    path = coco(tmp_path, [{"image_id": 1, "category_id": 3, "segmentation": rings}])
    for source in (tmp_path, path):
        data = open_data(source)
        assert (data.layout, data.labels) == ("coco", ("pit", "crack"))
        assert drawn(data.samples[0]) == [*BOX[:4], "......11", "......11"]


def test_coco_run_lengths_plain_and_compressed(tmp_path):
    # Down the columns of a 6x8 image: 2 background, 3 defect, 43 background.
    expected = ["........", "........", "2.......", "2.......", "2.......", "........"]
    for number, counts in enumerate(([2, 3, 43], "23[1")):
        folder = tmp_path / str(number)
        segmentation = {"size": [HEIGHT, WIDTH], "counts": counts}
        coco(folder, [{"image_id": 1, "category_id": 7, "segmentation": segmentation, "iscrowd": 1}])
        assert drawn(open_data(folder).samples[0]) == expected


def test_coco_later_annotations_lie_on_top(tmp_path):
    box = [[2, 0, 8, 0, 8, 2, 2, 2]]
    coco(
        tmp_path,
        [
            {"image_id": 1, "category_id": 3, "segmentation": [BOX_POINTS]},
            {"image_id": 1, "category_id": 7, "segmentation": box},
        ],
    )
    assert drawn(open_data(tmp_path).samples[0])[:4] == ["..222222", ".1222222", ".111....", "........"]


def test_coco_clean_unlabelled_and_missing_images(tmp_path):
    coco(
        tmp_path,
        [{"image_id": 2, "category_id": 3, "segmentation": [], "bbox": [1, 1, 3, 2]}],
        images=("a.png", "b.png", "gone.png"),
    )
    (tmp_path / "images" / "gone.png").unlink()
    data = open_data(tmp_path)
    assert [(s.image.name, s.truth is None) for s in data] == [("a.png", False), ("b.png", True)]
    assert drawn(data.samples[0]) == EMPTY
    assert [problem.what for problem in data.problems] == [
        "left unlabelled: annotation 1 is a box without an outline",
        "names an image that is not there: gone.png",
    ]


def test_coco_splits_by_file_and_by_folder(tmp_path):
    for split in ("train2017", "val2017"):
        coco(tmp_path / "a", [], images=(f"{split}.png",), name=f"annotations/instances_{split}.json")
    assert [(s.image.name, s.split) for s in open_data(tmp_path / "a")] == [
        ("train2017.png", "train"), ("val2017.png", "val"),
    ]  # fmt: skip
    alone = open_data(tmp_path / "a" / "annotations" / "instances_val2017.json")
    assert [(s.name, s.split) for s in alone] == [("images/val2017", "val")]
    for split in ("train", "valid"):
        coco(tmp_path / "b" / split, [], images=("same.png",), name="_annotations.coco.json")
        (tmp_path / "b" / split / "images" / "same.png").rename(tmp_path / "b" / split / "same.png")
    assert [(s.name, s.split) for s in open_data(tmp_path / "b")] == [
        ("train/same", "train"), ("valid/same", "val"),
    ]  # fmt: skip


def test_coco_a_category_that_only_stands_above_others_is_no_class(tmp_path):
    categories = [
        {"id": 0, "name": "flaws", "supercategory": "none"},
        {"id": 1, "name": "pit", "supercategory": "flaws"},
    ]
    coco(tmp_path, [{"image_id": 1, "category_id": 1, "segmentation": [BOX_POINTS]}], categories=categories)
    data = open_data(tmp_path)
    assert data.labels == ("pit",)
    assert drawn(data.samples[0]) == BOX


def test_coco_at_another_size_than_the_image(tmp_path):
    coco(tmp_path, [{"image_id": 1, "category_id": 3, "segmentation": [BOX_POINTS]}])
    Image.new("L", (16, 12)).save(tmp_path / "images" / "a.png")
    with pytest.raises(DataError, match="annotated at 8x6 pixels, but the image has 16x12"):
        open_data(tmp_path).samples[0].read()


def test_coco_broken_runs_name_the_file_when_read(tmp_path):
    segmentation = {"size": [HEIGHT, WIDTH], "counts": [1, 2]}
    coco(tmp_path, [{"image_id": 1, "category_id": 7, "segmentation": segmentation}])
    with pytest.raises(DataError, match=r"annotations\.json: run lengths of 3 pixels"):
        open_data(tmp_path).samples[0].read()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON .line 1"),
        ('{"images": [], "annotations": []}', "lists of images, annotations and categories"),
        ('{"images": [], "annotations": [], "categories": []}', "list of images is empty"),
    ],
)
def test_coco_that_is_none(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        open_data(path)


def labelme(tmp_path, shapes, name="a", **extra):
    image(tmp_path / f"{name}.png")
    content = {
        "version": "5.4.1",
        "shapes": shapes,
        "imagePath": f"{name}.png",
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        **extra,
    }
    (tmp_path / f"{name}.json").write_text(json.dumps(content))


def shape(kind, points, label="pit", **extra):
    return {"label": label, "shape_type": kind, "points": points, "group_id": None, "flags": {}, **extra}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (shape("polygon", [[1, 1], [4, 1], [4, 3], [1, 3]]), BOX),
        (shape("rectangle", [[4, 3], [1, 1]]), BOX),
        (
            shape("circle", [[4, 3], [4, 4.6]]),
            ["........", "...11...", "..1111..", "..1111..", "...11...", "........"],
        ),
        (shape("line", [[0.5, 0.5], [3.5, 0.5]]), ["1111....", *EMPTY[1:]]),
        (
            shape("linestrip", [[0.5, 0.5], [2.5, 0.5], [2.5, 2.5]]),
            ["111.....", "..1.....", "..1.....", *EMPTY[3:]],
        ),
    ],
    ids=["polygon", "rectangle", "circle", "line", "linestrip"],
)
def test_labelme_shapes(tmp_path, one, expected):
    labelme(tmp_path, [one])
    data = open_data(tmp_path)
    assert (data.layout, data.labels) == ("labelme", ("pit",))
    assert drawn(data.samples[0]) == expected


def test_labelme_mask_shape(tmp_path):
    picture = io.BytesIO()
    Image.fromarray(np.array([[1, 0, 1], [1, 1, 1]], dtype=np.uint8) * 255).save(picture, format="PNG")
    text = base64.b64encode(picture.getvalue()).decode()
    labelme(tmp_path, [shape("mask", [[2, 1], [4, 2]], mask=text)])
    assert drawn(open_data(tmp_path).samples[0])[:3] == ["........", "..1.1...", "..111..."]


def test_labelme_labels_clean_unlabelled_and_points(tmp_path):
    labelme(
        tmp_path, [shape("rectangle", [[1, 1], [4, 3]], "pit"), shape("rectangle", [[0, 4], [8, 6]], "crack")]
    )
    labelme(tmp_path, [shape("rectangle", [[0, 0], [8, 6]], "_background_")], name="b")
    labelme(tmp_path, [shape("point", [[1, 1]])], name="c")
    image(tmp_path / "d.png")
    data = open_data(tmp_path)
    assert data.labels == ("crack", "pit")
    assert drawn(data.samples[0]) == ["........", ".222....", ".222....", "........", "11111111", "11111111"]
    assert drawn(data.samples[1]) == EMPTY
    assert [s.truth is None for s in data] == [False, False, True, True]
    assert [problem.what for problem in data.problems] == ["left unlabelled: a point of 1 points has no area"]


def test_labelme_windows_path_and_missing_image(tmp_path):
    labelme(tmp_path, [shape("rectangle", [[1, 1], [4, 3]])], imagePath="..\\photos\\a.png")
    labelme(tmp_path, [], name="b")
    (tmp_path / "b.png").unlink()
    data = open_data(tmp_path)
    assert drawn(data.samples[0]) == BOX
    assert [problem.what for problem in data.problems] == ["its image is not there: b.png"]


def cvat(tmp_path, regions, head="", name="a.png", attributes=""):
    image(tmp_path / "images" / name)
    (tmp_path / "annotations.xml").write_text(
        f"""<?xml version="1.0" encoding="utf-8"?>
{head}<annotations><version>1.1</version><meta><task><labels>
<label><name>crack</name><type>any</type></label><label><name>pit</name><type>any</type></label>
<label><name>shift</name><type>tag</type></label><label><name>background</name><type>any</type></label>
</labels></task></meta>
<image id="0" name="{name}" width="{WIDTH}" height="{HEIGHT}" {attributes}>{regions}</image>
</annotations>"""
    )


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ('<polygon label="crack" points="1,1;4.00,1;4,3;1,3" z_order="0"/>', BOX),
        ('<box label="crack" xtl="1" ytl="1" xbr="4" ybr="3"/>', BOX),
        # A box of 3x1 about (2.5, 2.5), turned by a quarter: one column of three.
        (
            '<box label="crack" xtl="1" ytl="2" xbr="4" ybr="3" rotation="90"/>',
            ["........", "..1.....", "..1.....", "..1.....", "........", "........"],
        ),
        ('<mask label="crack" rle="1,2,3" left="5" top="1" width="3" height="2"/>',
         ["........", "......11", "........", *EMPTY[3:]]),
        ('<ellipse label="crack" cx="4" cy="3" rx="1.6" ry="1.6"/>',
         ["........", "...11...", "..1111..", "..1111..", "...11...", "........"]),
        ('<polyline label="crack" points="0.5,0.5;3.5,0.5"/>', ["1111....", *EMPTY[1:]]),
        ("", EMPTY),
    ],
    ids=["polygon", "box", "turned box", "mask", "ellipse", "polyline", "nothing"],
)  # fmt: skip
def test_cvat_regions(tmp_path, region, expected):
    cvat(tmp_path, region)
    for source in (tmp_path, tmp_path / "annotations.xml"):
        data = open_data(source)
        assert (data.layout, data.labels) == ("cvat", ("crack", "pit"))
        assert drawn(data.samples[0]) == expected


def test_cvat_z_order_decides_what_lies_on_top(tmp_path):
    top = '<box label="pit" xtl="0" ytl="0" xbr="2" ybr="2" z_order="5"/>'
    low = '<box label="crack" xtl="1" ytl="1" xbr="4" ybr="3" z_order="1"/>'
    cvat(tmp_path, top + low)
    assert drawn(open_data(tmp_path).samples[0])[:3] == ["22......", "2211....", ".111...."]


def test_cvat_points_leave_the_image_unlabelled(tmp_path):
    cvat(tmp_path, '<points label="pit" points="1,1"/>', attributes='subset="Validation"')
    data = open_data(tmp_path)
    assert (data.samples[0].truth, data.samples[0].split) == (None, "val")
    assert "type 'points' has no area" in data.problems[0].what


def test_cvat_runs_that_do_not_fill_their_box(tmp_path):
    cvat(tmp_path, '<mask label="pit" rle="1,2" left="5" top="1" width="3" height="2"/>')
    assert "do not fill its box" in open_data(tmp_path).problems[0].what


def test_cvat_entities_are_refused(tmp_path):
    cvat(tmp_path, "", head='<!DOCTYPE a [<!ENTITY b "ha">]>')
    with pytest.raises(DataError, match="document type is refused"):
        open_data(tmp_path)


def test_cvat_for_videos_is_refused(tmp_path):
    (tmp_path / "a.xml").write_text("<annotations><version>1.1</version><track id='0'/></annotations>")
    with pytest.raises(DataError, match=r"for videos.*CVAT for images"):
        open_data(tmp_path)


def label_studio(tmp_path, *results, written="/data/upload/1/0a1b2c3d-a.png", **task):
    image(tmp_path / "images" / "a.png")
    made = [{"id": n, "result": result, "was_cancelled": False} for n, result in enumerate(results)]
    tasks = [{"id": 1, "data": {"image": written}, "annotations": made, **task}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))


def region(kind, value, label="pit", **extra):
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return {
        "id": kind,
        "type": f"{kind}labels",
        "value": {**value, f"{kind}labels": [label]},
        **size,
        **extra,
    }


def percent(x, y):
    return [100 * x / WIDTH, 100 * y / HEIGHT]


def rectangle(x, y, width, height, rotation=0):
    (left, top), (across, down) = percent(x, y), percent(width, height)
    return {"x": left, "y": top, "width": across, "height": down, "rotation": rotation}


def packed(pixels):
    """A brush stream written out run by run, each with a 3-bit length and 8-bit values."""
    flat = [int(v) for v in np.repeat(np.asarray(pixels).ravel() * 255, 4)]
    bits = f"{len(flat):032b}" + f"{7:05b}" + "".join(f"{size:04b}" for size in (2, 3, 7, 15))
    at = 0
    while at < len(flat):
        end = at
        while end < len(flat) and flat[end] == flat[at] and end - at < 8:
            end += 1
        bits += "1" + "00" + f"{end - at - 1:03b}" + f"{flat[at]:08b}"
        at = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


BRUSHED = np.zeros((HEIGHT, WIDTH), dtype=int)
BRUSHED[1:3, 1:4] = 1


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (region("polygon", {"points": [percent(1, 1), percent(4, 1), percent(4, 3), percent(1, 3)]}), BOX),
        (region("rectangle", rectangle(1, 1, 3, 2)), BOX),
        # Turned by a quarter about its upper left corner (4, 1): 2 wide to the left, 3 down.
        (
            region("rectangle", rectangle(4, 1, 3, 2, 90)),
            ["........", "..11....", "..11....", "..11....", "........", "........"],
        ),
        (region("brush", {"format": "rle", "rle": packed(BRUSHED)}), BOX),
        (
            region(
                "ellipse", {**dict(zip("xy", percent(4, 3), strict=True)), "radiusX": 20, "radiusY": 160 / 6}
            ),
            ["........", "...11...", "..1111..", "..1111..", "...11...", "........"],
        ),
    ],
    ids=["polygon", "rectangle", "turned rectangle", "brush", "ellipse"],
)
def test_label_studio_regions(tmp_path, one, expected):
    label_studio(tmp_path, [one])
    data = open_data(tmp_path)
    assert (data.layout, data.labels) == ("label-studio", ("pit",))
    assert drawn(data.samples[0]) == expected


def test_label_studio_stream_by_hand():
    # 5 values of 8 bits; a run of 3 times 255, then two single values 1 and 2; all lengths of 2 bits.
    bits = f"{5:032b}" + "00111" + "0001" * 4 + "1" + "00" + "10" + "11111111" + "0" + "01" + "01"
    bits += "00000001" + "00000010"
    bits += "0" * (-len(bits) % 8)
    stream = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    assert unpack(stream).tolist() == [255, 255, 255, 1, 2]
    with pytest.raises(DataError, match="ends early"):
        unpack(stream[:8])


def test_label_studio_last_annotation_counts_and_no_region_is_clean(tmp_path):
    label_studio(tmp_path, [region("rectangle", rectangle(0, 0, 8, 6))], [])
    assert drawn(open_data(tmp_path).samples[0]) == EMPTY


def test_label_studio_without_annotation_is_unlabelled(tmp_path):
    label_studio(tmp_path)
    assert open_data(tmp_path).samples[0].truth is None


def test_label_studio_label_in_a_second_result(tmp_path):
    one = region("rectangle", rectangle(1, 1, 3, 2))
    del one["value"]["rectanglelabels"]
    bare = {**one, "type": "rectangle", "id": "r"}
    named = {"id": "r", "type": "labels", "value": {"labels": ["pit"]}}
    label_studio(tmp_path, [bare, named])
    assert drawn(open_data(tmp_path).samples[0]) == BOX


@pytest.mark.parametrize(
    "written", ["images/a.png", "a.png", "/data/local-files/?d=images/a.png", "s3://bucket/images/a.png"]
)
def test_label_studio_finds_images_however_they_are_named(tmp_path, written):
    label_studio(tmp_path, [], written=written)
    assert open_data(tmp_path).samples[0].image == tmp_path / "images" / "a.png"


def test_label_studio_turned_image_and_missing_image(tmp_path):
    label_studio(tmp_path, [region("rectangle", rectangle(1, 1, 3, 2), image_rotation=90)])
    data = open_data(tmp_path)
    assert data.samples[0].truth is None
    assert "turned image" in data.problems[0].what
