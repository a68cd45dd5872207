# SPDX-License-Identifier: GPL-3.0-or-later
"""The session's final reports. An id is made of the run, so that the same report twice is the same as once."""

from brender.core import messages as m
from brender.core.failures import Kind
from brender.worker.session.events import Verified
from brender.worker.session.state import Checking


def stopped(run: str) -> m.Stopped:
    return m.Stopped(id=f"{run}.stopped", run=run)


def unstarted(run: str, reason: str) -> m.Unstarted:
    return m.Unstarted(id=f"{run}.unstarted", run=run, reason=reason)


def failed(run: str, kind: Kind, message: str, result: m.Result) -> m.Failed:
    return m.Failed(id=f"{run}.failed", run=run, kind=kind, message=message, result=result)


def result(checking: Checking, verified: Verified | None) -> m.Result:
    rendered, opened = checking.rendered, checking.opened
    return m.Result(
        files=verified.files if verified else (),
        blender=opened.blender,
        device=opened.device,
        peak_memory_mb=rendered.peak_memory_mb,
        cpu_s=rendered.cpu_s,
        open_s=opened.open_s if checking.nth == 0 else 0.0,
        sync_s=rendered.sync_s,
        render_s=rendered.render_s,
        write_s=rendered.write_s,
        verify_s=verified.verify_s if verified else 0.0,
        gap_s=rendered.gap_s,
        warm=checking.nth > 0,
        warnings=rendered.warnings,
    )
