# SPDX-License-Identifier: GPL-3.0-or-later
"""R1: from nothing to an answer: one install into a clean virtual environment, one start, one question."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from brender.client.find import local_manager

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_clean_virtual_environment_installs_starts_and_answers(tmp_path: Path) -> None:
    """R1: three commands, and nothing else on the machine."""
    place, data = tmp_path / "venv", tmp_path / "data"
    venv.create(place, with_pip=True)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BRENDER"))}

    pip = [programs / "python", "-m", "pip", "--disable-pip-version-check", "-q", "install", ROOT]
    installed = subprocess.run(pip, env=environ, capture_output=True, text=True)
    if installed.returncode and "ConnectionError" in installed.stderr + installed.stdout:
        pytest.skip("pip reaches no package index from here")
    assert installed.returncode == 0, installed.stderr

    start = [programs / "brender", "manager", "--data", data, "--port", "0"]
    manager = subprocess.Popen(start, env=environ, cwd=tmp_path, stdout=sys.stderr, stderr=sys.stderr)
    try:
        while (client := local_manager(data)) is None:
            assert manager.poll() is None
        client.close()
        asked = [programs / "brender", "console", "--data", data]
        answer = subprocess.run(asked, env=environ, cwd=tmp_path, input="test\n", capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr
        assert "test>" in answer.stdout
    finally:
        manager.terminate()
        manager.wait(20)
