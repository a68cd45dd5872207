# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m brender` is `brender`: so the processes that brender starts need nothing on the PATH."""

import sys

from brender.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
