# SPDX-License-Identifier: GPL-3.0-or-later
"""What every suite may ask for: the shared scenes, an installed Blender, a Python with bpy. Absent ones skip.

HYPOTHESIS_PROFILE=thorough tries the properties with many more examples.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("quick", max_examples=40)  # the rules are proven in three seconds at every change
settings.register_profile("thorough", max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def scenes() -> Path:
    """The folder of real .blend files that lies beside the checkout; BRENDER_SCENES names another."""
    folder = Path(os.environ.get("BRENDER_SCENES") or ROOT.parent / "shared/scenes")
    if not folder.is_dir():
        pytest.skip(f"no scenes in {folder} (BRENDER_SCENES names another folder)")
    return folder


@pytest.fixture(scope="session")
def blender() -> str:
    """The path of the installed Blender."""
    found = shutil.which("blender")
    if not found:
        pytest.skip("no blender on the PATH")
    return found


@pytest.fixture(scope="session")
def bpy_python() -> str:
    """The path of a Python that has the bpy module; it is never imported into the tests' own process."""
    if not importlib.util.find_spec("bpy"):
        pytest.skip("bpy is not installed in this Python")
    return sys.executable
