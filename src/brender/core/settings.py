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
            name="lease_s",
            type="float",
            default=60.0,
            least=5,
            most=86_400,
            doc="seconds without a sign of life after which a worker's runs are lost",
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
