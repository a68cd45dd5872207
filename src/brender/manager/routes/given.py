# SPDX-License-Identifier: GPL-3.0-or-later
"""What every route is given: parts of the manager by their names, and what stands in the path."""

from typing import Annotated, TypeAlias

from litestar.di import NamedDependency
from litestar.params import PathParameter

from brender.core.commands import By
from brender.core.views import FarmView
from brender.manager.carrying import Carrying
from brender.manager.content import Content
from brender.manager.events import Events
from brender.manager.files import Files
from brender.manager.hub import Hub
from brender.manager.joining import Joining
from brender.manager.people import People
from brender.manager.service import Service
from brender.manager.views import Views

TheViews: TypeAlias = NamedDependency[Views]
TheFiles: TypeAlias = NamedDependency[Files]
TheEvents: TypeAlias = NamedDependency[Events]
TheHub: TypeAlias = NamedDependency[Hub]
TheFacts: TypeAlias = NamedDependency[FarmView]
TheService: TypeAlias = NamedDependency[Service]
TheAsker: TypeAlias = NamedDependency[By]
ThePeople: TypeAlias = NamedDependency[People]
TheContent: TypeAlias = NamedDependency[Content]
TheCarrying: TypeAlias = NamedDependency[Carrying]
TheJoining: TypeAlias = NamedDependency[Joining]

JobId: TypeAlias = Annotated[int, PathParameter(description="The job's number.")]
WorkerKey: TypeAlias = Annotated[str, PathParameter(description="The worker's id or name.")]
FrameNumber: TypeAlias = Annotated[int, PathParameter(description="The frame's number, as the scene has it.")]
