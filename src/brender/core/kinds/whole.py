# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of what is the whole farm's: tags, users' shares, mappings of shared folders, and settings."""

from msgspec.structs import replace

from brender.core.attributes import Attribute, Kind
from brender.core.kinds.fields import field, of, plain_name
from brender.core.pathmap import wrong_folder
from brender.core.settings import SETTINGS

TAG = Kind(
    name="tag",
    plural="tags",
    doc="A label that ties jobs to workers.",
    attributes=(
        Attribute(
            name="name",
            type="text",
            doc="the label",
            read=of("name"),
            at_create=True,
            required=True,
            check=plain_name,
        ),
        Attribute(name="note", type="text", doc="what it is for", read=of("note"), write=field("note"), at_create=True),
        Attribute(
            name="workers",
            type="int",
            doc="workers that have it",
            read=lambda farm, tag: sum(tag.name in w.tags for w in farm.workers.values()),
        ),
        Attribute(
            name="jobs",
            type="int",
            doc="unfinished jobs that want it",
            read=lambda farm, tag: sum(tag.name in job.tags for job in farm.jobs.values()),
        ),
    ),
)

SHARE = Kind(
    name="share",
    plural="shares",
    doc="A user's weight: among jobs of one priority, workers are shared by it.",
    attributes=(
        Attribute(
            name="user",
            type="text",
            doc="the jobs' owner",
            read=of("user"),
            at_create=True,
            required=True,
            check=plain_name,
        ),
        Attribute(
            name="weight",
            type="float",
            doc="1 unless given; one of 2 gets twice as much",
            least=0.01,
            most=1000,
            read=of("weight"),
            write=field("weight"),
            at_create=True,
            required=True,
        ),
        Attribute(
            name="running",
            type="int",
            doc="workers that render for the user now",
            read=lambda farm, s: farm.shares.holding.get(s.user, 0),
        ),
    ),
)


def _folder(name: str, system: str) -> Attribute:
    windows = name == "windows"
    return Attribute(
        name=name,
        type="text",
        doc=f"where {system} has it, an absolute path; empty: nowhere",
        read=of(name),
        write=field(name),
        at_create=True,
        check=lambda path: wrong_folder(path, windows) if path else None,
    )


MAPPING = Kind(
    name="mapping",
    plural="mappings",
    doc="A folder that machines share, under the name that each system has for it.",
    attributes=(
        Attribute(
            name="name",
            type="text",
            doc="what it is called",
            read=of("name"),
            at_create=True,
            required=True,
            check=plain_name,
        ),
        _folder("linux", "Linux"),
        _folder("windows", "Windows"),
        _folder("macos", "macOS"),
        Attribute(name="note", type="text", doc="what it is for", read=of("note"), write=field("note"), at_create=True),
        Attribute(
            name="jobs",
            type="int",
            doc="unfinished jobs that are in it",
            read=lambda farm, mapping: sum(mapping in farm.needs(job).folders for job in farm.jobs.values()),
        ),
    ),
)


def setting_value(name: str) -> Attribute:
    """The value of one setting as an attribute, so that it is checked like any."""
    spec = SETTINGS[name]
    return Attribute(
        name=name,
        type=spec.type,
        doc=spec.doc,
        least=spec.least,
        most=spec.most,
        read=lambda farm, _setting: farm.setting(name),
        write=field("value"),
    )


SETTING = Kind(
    name="setting",
    plural="settings",
    doc="Something set for the whole farm.",
    attributes=(
        Attribute(name="name", type="text", doc="what it is called", read=of("name"), choices=tuple(SETTINGS)),
        Attribute(
            name="value",
            type="text",
            doc="what it is set to",
            any_scalar=True,
            read=of("value"),
            write=lambda setting, value: replace(setting, value=setting_value(setting.name).parse(value)),
        ),
        Attribute(name="default", type="text", doc="unless set", read=lambda _f, s: SETTINGS[s.name].default),
        Attribute(name="doc", type="text", doc="what it does", read=lambda _f, s: SETTINGS[s.name].doc),
    ),
    no_create="The settings there are cannot be added to: set one of them.",
    no_delete="A setting cannot be deleted: set it to its default.",
)
