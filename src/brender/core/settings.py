# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be set for the whole farm, and what holds unless it is. A setting's row is kept only once it was set."""

from typing import Literal

import msgspec

TypeName = Literal["text", "int", "float", "bool", "choice", "list"]


class SettingSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be set."""

    name: str
    type: TypeName
    doc: str
    default: str | int | float | bool
    least: float | None = None
    most: float | None = None


SETTINGS: dict[str, SettingSpec] = {
    spec.name: spec
    for spec in (
        SettingSpec(
            name="enable_on_connect",
            type="bool",
            default=False,
            doc="a known worker that connects is enabled, even where an administrator had disabled it",
        ),
        SettingSpec(
            name="legacy_clients",
            type="bool",
            default=False,
            doc="clients of 2013 (identify_client) may connect to the console",
        ),
        SettingSpec(
            name="logins",
            type="bool",
            default=False,
            doc="people log in, also on the manager's own machine: the data folder's token alone looks and works",
        ),
        SettingSpec(
            name="lease_s",
            type="float",
            default=60.0,
            least=5,
            most=86_400,
            doc="seconds without a sign of life after which a worker's runs are lost",
        ),
        SettingSpec(
            name="allow_scripts",
            type="bool",
            default=True,
            doc="Python of a job may run where the job asks for it (-y, -P, --python-expr, --python-text)",
        ),
        SettingSpec(
            name="log_days",
            type="float",
            default=90.0,
            least=0,
            most=36_500,
            doc="days after a job's end until what Blender printed for it is removed; 0: never",
        ),
        SettingSpec(
            name="thumbnail_days",
            type="float",
            default=180.0,
            least=0,
            most=36_500,
            doc="days after a job's end until its small pictures are removed; 0: never",
        ),
        SettingSpec(
            name="job_days",
            type="float",
            default=0.0,
            least=0,
            most=36_500,
            doc="days after a job's end until its record is deleted, logs and small pictures with it; 0: never",
        ),
        SettingSpec(
            name="output_days",
            type="float",
            default=0.0,
            least=0,
            most=36_500,
            doc="days after a job's end until frames that the manager keeps for it are removed; 0: never",
        ),
        SettingSpec(
            name="content_days",
            type="float",
            default=30.0,
            least=0,
            most=36_500,
            doc="days after a job's end until files that were sent for it, and that no other job needs, are removed",
        ),
        SettingSpec(
            name="keep_free_gb",
            type="float",
            default=2.0,
            least=0,
            most=1_000_000,
            doc="GB (2**30 bytes) that stay free on the manager's disks: what is sent to it is refused before that",
        ),
        SettingSpec(
            name="largest_file_gb",
            type="float",
            default=200.0,
            least=0.001,
            most=1_000_000,
            doc="GB (2**30 bytes) of the largest file that may be sent to the manager",
        ),
        SettingSpec(
            name="share_floor_s",
            type="float",
            default=60.0,
            least=1,
            most=86_400,
            doc="seconds of rendering by which a user with nothing may fall behind another of the same priority",
        ),
    )
}
