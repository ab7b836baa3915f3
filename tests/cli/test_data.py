"""``flawscope data list | fetch | split | convert`` as a user types them."""

import http.server
import io
import json
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from flawscope.cli.app import run
from flawscope.data.samples import open_data


@pytest.fixture
def folder(tmp_path):
    """Twenty images of ten pieces in the plain layout."""
    root = tmp_path / "data"
    for name in [f"piece{n}_{side}" for n in range(10) for side in "ab"]:
        for part in ("images", "masks"):
            (root / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.eye(4, dtype=np.uint8)).save(root / part / f"{name}.png")
    return root


def report(capsys):
    return json.loads(capsys.readouterr().out)


def test_list_shows_every_layout_and_dataset(capsys):
    assert run(["data", "list"]) == 0
    text = capsys.readouterr().out
    for name in ("plain", "nrsd-mn", "label-studio", "crackforest", "mvtec-ad"):
        assert name in text
    assert "terms       non-commercial research only" in text


def test_list_as_json(capsys):
    assert run(["data", "list", "--json", "-"]) == 0
    told = report(capsys)
    assert told["schema"] == "flawscope/data-list/1"
    assert [layout["name"] for layout in told["layouts"]] == [
        "plain", "nrsd-mn", "neu-seg", "sd-saliency-900", "magnetic-tile", "crackforest", "fssd-12",
        "surface-defect-4i", "mvtec-ad", "coco", "labelme", "cvat", "label-studio",
    ]  # fmt: skip
    for entry in told["datasets"]:
        assert entry["terms"]
        assert (entry["access"] == "open") == (entry["url"] is not None) == (not entry["steps"])


def test_split_writes_groups_that_stay_together(folder, tmp_path, capsys):
    out = tmp_path / "s.json"
    rule = r"(piece\d+)_"
    assert run(["data", "split", str(folder), "--group-by", rule, "--out", str(out), "--json", "-"]) == 0
    told = report(capsys)
    assert {name: (part["images"], part["groups"]) for name, part in told["splits"].items()} == {
        "train": (14, 7), "val": (2, 1), "test": (4, 2),
    }  # fmt: skip
    homes = {(s.group, s.split) for s in open_data(folder, splits=out)}
    assert len(homes) == 10
    assert len(open_data(out)) == 20


def test_split_says_when_nothing_is_grouped_and_when_a_part_is_empty(folder, tmp_path, capsys):
    out = tmp_path / "s.json"
    assert run(["data", "split", str(folder), "--out", str(out)]) == 0
    assert "Every image is its own group" in capsys.readouterr().out
    arguments = ["--group-by", "piece", "--out", str(out), "--json", "-"]
    assert run(["data", "split", str(folder), *arguments]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["empty"] == ["val", "test"]
    assert "'val' is empty" in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["split", "{data}", "--val", "0.6", "--test", "0.6"], "do not leave anything to train on"),
        (["split", "{data}", "--group-by", "("], "is not a regular expression"),
        (["split", "{gone}"], "no such file or folder"),
        (["convert", "{data}", "--out", "{data}"], "is the dataset itself"),
        (["convert", "{data}", "--out", "{out}", "--to", "voc"], "'voc'"),
        (["fetch", "imagenet"], "no public dataset named 'imagenet'"),
        (["fetch", "neu-seg", "--out", "{data}"], "is not empty"),
        (["fetch", "neu-seg", "--out", "{out}", "--url", "{gone}"], "only http and https"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(folder, tmp_path, capsys, arguments, message):
    names = {"data": str(folder), "gone": str(tmp_path / "gone"), "out": str(tmp_path / "out")}
    assert run(["data", *(argument.format(**names) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_convert_there_and_back(folder, tmp_path, capsys):
    first, second = str(tmp_path / "coco"), str(tmp_path / "plain")
    assert run(["data", "convert", str(folder), "--to", "coco", "--out", first]) == 0
    told = capsys.readouterr()
    assert "20 images, 20 with a mask" in told.out
    assert "" not in (told.out + told.err).splitlines()
    assert run(["data", "convert", first, "--to", "plain", "--out", second, "--json", "-"]) == 0
    assert report(capsys)["masks"] == 20
    again = {s.image.stem: s.read()[1].tolist() for s in open_data(second)}
    assert again == {s.image.stem: s.read()[1].tolist() for s in open_data(folder)}


def test_convert_reports_what_it_left_out(folder, tmp_path, capsys):
    (folder / "images" / "piece0_a.png").write_bytes(b"")
    assert run(["data", "convert", str(folder), "--out", str(tmp_path / "out"), "--json", "-"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert (told["images"], len(told["problems"])) == (19, 1)
    assert "the file is empty" in told["problems"][0]
    assert "1 problem(s)" in captured.err


def archive_of_tiles() -> bytes:
    held = io.BytesIO()
    picture = io.BytesIO()
    Image.new("L", (3, 2), 255).save(picture, format="PNG")
    with zipfile.ZipFile(held, "w") as opened:
        for kind in ("Crack", "Free"):
            for suffix in ("jpg", "png"):
                opened.writestr(f"repo-1/MT_{kind}/Imgs/exp1_num_1.{suffix}", picture.getvalue())
        opened.writestr("repo-1/README.md", "hello")
    return held.getvalue()


@pytest.fixture
def mirror():
    content = archive_of_tiles()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/tiles.zip" else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_fetch_from_a_mirror_then_find_it_present(mirror, tmp_path, capsys):
    out = tmp_path / "tiles"
    arguments = ["data", "fetch", "magnetic-tile", "--out", str(out), "--json", "-"]
    assert run([*arguments, "--url", f"{mirror}/tiles.zip"]) == 0
    told = report(capsys)
    assert (told["status"], told["images"]) == ("fetched", 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiles"]
    assert [s.kind for s in open_data(out)] == ["crack", "free"]
    assert run(arguments) == 0
    assert report(capsys)["status"] == "present"


def test_fetch_that_is_not_there(mirror, tmp_path, capsys):
    out = tmp_path / "tiles"
    assert run(["data", "fetch", "magnetic-tile", "--out", str(out), "--url", f"{mirror}/gone.zip"]) == 2
    assert "the server answers 404" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_fetch_of_another_dataset_than_expected(mirror, tmp_path, capsys):
    out = tmp_path / "neu"
    assert run(["data", "fetch", "neu-seg", "--out", str(out), "--url", f"{mirror}/tiles.zip"]) == 2
    assert "does not look like 'neu-seg'" in capsys.readouterr().err


def test_fetch_from_an_archive_on_this_machine(tmp_path, capsys):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(archive_of_tiles())
    assert run(["data", "fetch", "magnetic-tile", "--out", str(tmp_path / "t"), "--url", str(archive)]) == 0
    assert "2 images, classes: defect" in capsys.readouterr().out
    assert archive.exists()


@pytest.mark.parametrize("name", ["nrsd-mn", "fssd-12", "surface-defect-4i", "mvtec-ad"])
def test_what_lies_behind_a_form_says_where_and_what_then(name, tmp_path, capsys):
    out = tmp_path / "here"
    assert run(["data", "fetch", name, "--out", str(out), "--json", "-"]) == 2
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["status"] == "manual"
    assert told["source"].startswith("https://")
    assert any(str(out) in step for step in told["steps"])
    assert str(out) in captured.err
    assert not out.exists()


def test_the_papers_headline_is_one_printed_command(tmp_path, capsys):
    out = tmp_path / "nrsd"
    assert run(["data", "fetch", "nrsd-mn", "--out", str(out)]) == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert f"flawscope train --data {out} --model ocinet --recipe paper --out runs/nrsd-mn --test" in printed


def test_what_was_put_there_by_hand_is_recognised(tmp_path, capsys):
    for part in ("Images", "GT"):
        (tmp_path / "Steel_Am" / part).mkdir(parents=True)
        Image.new("L", (3, 2)).save(tmp_path / "Steel_Am" / part / "Steel_Am_1.png")
    assert run(["data", "fetch", "fssd-12", "--out", str(tmp_path)]) == 0
    assert "present" in capsys.readouterr().out
