# SPDX-License-Identifier: GPL-3.0-or-later
"""How manager and worker write their logs: a line an event, and tracebacks without the values of variables, among
which a token or a key could be."""

import sys


def configure() -> None:
    """For this process, from now on."""
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
