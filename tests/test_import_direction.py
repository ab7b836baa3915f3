"""The arrows of docs/architecture.md, read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import flawscope

SOURCE = Path(flawscope.__file__).parent
LEVELS = [
    {"errors"},
    {"outputs", "decoding", "machine", "digests"},
    {"images"},
    {"runs"},
    {"results"},
    {"data", "nets", "metrics", "enhance"},
    {"segment"},
    {"train", "sdie", "evaluate", "inspect", "export"},
    {"fewshot", "offline", "speed"},
    {"study"},
    {"cli"},
]
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "flawscope" and len(parts) > 1 else None


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            assert node.module is not None
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SOURCE).as_posix())
def test_arrows_go_one_way(file: Path) -> None:
    own = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return  # the front doors name everything, lazily
    assert own in LEVEL, f"room '{own}' is not drawn in docs/architecture.md"
    for module in imports(file):
        room = room_of(module)
        if room in (None, own) or room not in LEVEL:
            continue
        assert LEVEL[room] < LEVEL[own], f"{file.relative_to(SOURCE)} imports {module}"


@pytest.mark.parametrize(
    "module", ["flawscope", "flawscope.cli.app", "flawscope.data.samples", "flawscope.evaluate"]
)
def test_light_imports_leave_torch_alone(module: str) -> None:
    code = f"import sys, {module}; import flawscope.cli.app as a; a.build(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_importing_flawscope_imports_nothing_heavy() -> None:
    code = "import sys, flawscope; print(sorted({'numpy', 'cv2', 'torch', 'onnxruntime'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
