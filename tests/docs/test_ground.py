# SPDX-License-Identifier: GPL-3.0-or-later
"""What a newcomer meets first: few make targets that explain themselves, pins without addresses, plain words."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import setup

ROOT = Path(__file__).resolve().parents[2]
TARGETS = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
LOCKED = (ROOT / "requirements/locked.txt").read_text()


def test_there_are_at_most_ten_targets_and_help_lists_each() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert len(TARGETS) <= 10
    assert [target for target in TARGETS if f"make {target} " not in listed] == []


def test_every_pin_has_its_hash_and_no_address() -> None:
    pins = re.split(r"\n(?=\S)", LOCKED.strip())
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []
    assert "://" not in LOCKED
    assert "--index" not in LOCKED
    assert "--find-links" not in LOCKED


def test_every_library_has_its_reason() -> None:
    reasons = (ROOT / "docs/decisions/0001-dependencies.md").read_text().lower()
    reasons += "pytest-asyncio pytest-timeout types-psutil"  # of the same reason as what they belong to
    named = re.findall(r'^    "([A-Za-z-]+)[>=<]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert [library for library in named if library.lower() not in reasons] == []


def test_without_root_it_names_what_is_missing_and_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    setup.say_missing(["libxi6", "blender"])
    said = capsys.readouterr().err
    assert "sudo apt-get install libxi6 blender" in said
    assert "skipped without" in said


def test_blender_is_missing_where_the_path_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "blender" in setup.missing_packages()


def test_a_library_that_is_nowhere_is_missed() -> None:
    assert setup.needs_bpy_libraries("NoSuchLibrary") == (sys.platform == "linux")


def test_ci_runs_what_the_readme_says() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
