# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as a whole: its help, what it imports for it, its exit codes, and that nobody sees a traceback."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from brender.cli.exits import Exit
from brender.cli.main import COMMANDS, brender

ROOT = Path(__file__).parents[2]
HEAVY = {
    "httpx", "rich", "psutil", "litestar", "uvicorn", "sqlalchemy", "alembic", "websockets", "OpenImageIO", "PIL",
    "numpy", "bpy", "asyncio", "structlog", "blender_asset_tracer", "zstandard", "brender.manager", "brender.store",
    "brender.worker", "brender.imaging", "brender.blendfile",
}  # fmt: skip
IMPORTS = """
import sys
from brender.cli.main import main
code = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def run(*arguments, **environ):
    return subprocess.run(
        [sys.executable, "-m", "brender", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environ},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=lambda c: " ".join(c) or "brender")
def test_help_imports_nothing_heavy(command):
    """Help is to take under 150 ms. What is imported takes the time, and is the same on a busy machine."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *command, "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: brender")
    assert not HEAVY & set(done.stderr.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_commands_help_says(name):
    command = brender.get_command(None, name)
    assert command is not None
    assert command.name == name
    text = (command.help or "").removesuffix(".")
    assert text.startswith(COMMANDS[name][1].removesuffix("."))


def test_the_exit_codes_are_in_the_help():
    text = run("--help").stdout
    for code in Exit:
        assert re.search(rf"^ +{code.value}  {re.escape(code.meaning)}$", text, re.MULTILINE)


def test_the_exit_codes_are_documented():
    text = (ROOT / "docs/exit-codes.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(str(code.value), code.name, code.meaning) for code in Exit]


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["jobs", "--nonsense"], ["job"], ["job", "seven"], ["priority", "1", "101"]]
)
def test_a_wrong_command_line_is_told_and_ends_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == Exit.USAGE
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_manager_a_command_says_so_and_ends_with_4(tmp_path):
    done = run("jobs", "--data", str(tmp_path))
    assert done.returncode == Exit.NO_MANAGER
    assert done.stderr.startswith("Error: No manager is running")
    assert "brender up" in done.stderr


def test_a_manager_that_is_not_there_ends_with_4(tmp_path):
    done = run("jobs", "--data", str(tmp_path), "--manager", "http://127.0.0.1:1")
    assert done.returncode == Exit.NO_MANAGER
    assert "http://127.0.0.1:1" in done.stderr


def test_a_nonsense_address_is_a_sentence(tmp_path):
    done = run("jobs", "--data", str(tmp_path), "--manager", "http://[::1")
    assert done.returncode == Exit.NO_MANAGER
    assert "Traceback" not in done.stderr


def test_what_nobody_expected_goes_to_a_file(tmp_path):
    code = (
        "import sys; from brender.cli.errors import guarded\n"
        "def broken(): raise KeyError('oh no')\n"
        "sys.exit(guarded(broken))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == Exit.INTERNAL
    assert "Traceback" not in done.stderr
    [written] = tmp_path.iterdir()
    assert str(written) in done.stderr
    assert "Traceback" in written.read_text()


def test_the_version_is_told():
    assert re.fullmatch(r"brender \d+\.\d+.*\n", run("--version").stdout)


def test_doctor_gives_json(tmp_path):
    done = run("doctor", "--json", "--data", str(tmp_path))
    findings = json.loads(done.stdout)
    assert {"data folder", "memory", "disk", "port 8080"} <= {f["name"] for f in findings}
    assert all(f["level"] in ("ok", "warn", "fail") for f in findings)
    assert done.returncode == (Exit.FAILED if any(f["level"] == "fail" for f in findings) else Exit.OK)
