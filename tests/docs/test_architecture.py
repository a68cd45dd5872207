# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms keep to themselves: import contracts that hold and break when they should, and pure rooms that are pure."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src/brender"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

# the pure rooms: values in, values out
PURE_IMPORTS = {
    "__future__", "abc", "array", "base64", "bisect", "collections", "dataclasses", "enum", "fnmatch", "fractions",
    "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string", "types", "typing",
    "unicodedata",
    "msgspec", "brender.core", "brender.scheduler", "brender.worker.session",
}  # fmt: skip
PURE_FROM = {"pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath"}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "id", "hash"}


# ---------------------------------------------------------------- the contracts


def lint_imports(src: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", ROOT / "pyproject.toml"]
    path = os.pathsep.join([str(src), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "400", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=src, env=environment, capture_output=True, text=True)


def test_every_import_contract_holds() -> None:
    done = lint_imports(ROOT / "src")
    assert done.returncode == 0, done.stdout


def test_every_room_has_a_contract() -> None:
    rooms = {f"brender.{folder.name}" for folder in SRC.iterdir() if any(folder.glob("*.py"))}
    assert rooms <= {contract["room"] for contract in CONTRACTS}


@pytest.fixture(scope="module")
def report_on_intruders(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the house where each room imports what it may not."""
    src = tmp_path_factory.mktemp("house")
    shutil.copytree(SRC, src / "brender", ignore=shutil.ignore_patterns("__pycache__"))
    for contract in CONTRACTS:
        intrude(src, contract)
    done = lint_imports(src)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def intrude(src: Path, contract: dict[str, object]) -> None:
    for name in forbidden(contract):
        if name.startswith("brender."):
            place(src, name)
    room = place(src, str(contract["room"]))
    file = room / "intruder.py" if room.is_dir() else room
    with file.open("a") as lines:
        lines.writelines(f"\nimport {name}\n" for name in forbidden(contract))


def place(src: Path, module: str) -> Path:
    """The folder or file of a module of the house; an empty one where the house has none yet."""
    path = src.joinpath(*module.split("."))
    if path.is_dir() or path.parent == src / "brender":  # a room, not a file in one
        path.mkdir(exist_ok=True)
        (path / "__init__.py").touch()
        return path
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(".py").touch()
    return path.with_suffix(".py")


def forbidden(contract: dict[str, object]) -> list[str]:
    """Every other room and every library that some contract names, less the room's own."""
    named = {name for other in CONTRACTS for name in [other["room"], *other["may_import"]]} | {"yaml"}
    allowed = [contract["room"], *contract["may_import"]]  # type: ignore[misc]
    return sorted(n for n in named - {"brender"} if not any(covers(a, n) or covers(n, a) for a in allowed))


def covers(given: str, name: str) -> bool:
    return name == given or (given != "brender" and name.startswith(f"{given}."))


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_a_contract_breaks_for_every_import_it_does_not_allow(
    contract: dict[str, object], report_on_intruders: str
) -> None:
    missed = [name for name in forbidden(contract) if not reported(report_on_intruders, contract, name)]
    assert missed == []


def reported(report: str, contract: dict[str, object], name: str) -> bool:
    return f"imports {name}, which is not for {contract['room']}\n" in report


# ---------------------------------------------------------------- the pure rooms


def pure_files() -> list[Path]:
    return sorted(file for room in ("core", "scheduler", "worker/session") for file in (SRC / room).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, "a relative import that leaves its folder hides which room it reaches"
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.level == 0)


def is_pure(name: str) -> bool:
    return name in PURE_FROM or any(covers(allowed, name) for allowed in PURE_IMPORTS)


@pytest.mark.parametrize("file", pure_files(), ids=lambda file: str(file.relative_to(SRC)))
def test_a_pure_room_imports_from_the_short_list_alone(file: Path) -> None:
    assert [name for name in imports(ast.parse(file.read_text())) if not is_pure(name)] == []


@pytest.mark.parametrize("file", pure_files(), ids=lambda file: str(file.relative_to(SRC)))
def test_a_pure_room_does_nothing_but_return_values(file: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    assert [call.id for call in calls if isinstance(call, ast.Name) and call.id in IMPURE_CALLS] == []


@pytest.mark.parametrize("line", ["import time", "from random import choice", "from pathlib import Path", "import os"])
def test_clocks_dice_and_files_are_seen_for_what_they_are(line: str) -> None:
    assert not all(is_pure(name) for name in imports(ast.parse(line)))


def test_what_runs_inside_blender_imports_python_and_bpy_alone() -> None:
    allowed = {*sys.stdlib_module_names, "bpy", "gpu", "mathutils", "addon_utils", "_cycles", "brender.inblender"}
    found = {
        name
        for file in (SRC / "inblender").rglob("*.py")
        for name in imports(ast.parse(file.read_text()))
        if not any(covers(given, name) for given in allowed)
    }
    assert found == set()
