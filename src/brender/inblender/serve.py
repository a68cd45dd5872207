# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that Blender is started with: takes orders from the channel, one after the other, until it closes.

It loads its own package under a name that is not brender's, so that scripts of a scene meet no module of ours
they did not ask for. Nothing it prints is read by anyone but people.
"""

import importlib.util
import sys
from pathlib import Path

PACKAGE = "brender_inblender"


def load_package() -> None:
    """Makes the folder beside this file importable as `brender_inblender`."""
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_package()
    importlib.import_module(f"{PACKAGE}.loop").run()
