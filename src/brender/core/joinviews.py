# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked and shown when a machine joins, and when a token for that is made."""

from typing import Annotated

from msgspec import Meta

from brender.core.messages import Host
from brender.core.views import View

DAY_H = 24.0
MOST_H = 366 * DAY_H


class JoinRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine that has a join token: `POST /join`. The key that it has made for itself is never sent here."""

    token: Annotated[str, Meta(max_length=256)]  # `ID.SECRET`
    key_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]  # SHA-256 of the worker's own key
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    host: Host


class JoinedView(View, frozen=True, kw_only=True):
    """The worker that the machine is from now on; it comes with its key."""

    worker: str
    name: str


class JoinTokenRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token for machines: `POST /tokens/join`."""

    uses: Annotated[int, Meta(ge=1, le=100_000)] | None = None  # how many machines may join; null: any number
    hours: Annotated[float, Meta(gt=0, le=MOST_H)] = DAY_H
    note: Annotated[str, Meta(max_length=200)] = ""


class JoinTokenView(View, frozen=True, kw_only=True):
    """A token that was made. Its text is shown this once."""

    id: str
    text: str  # for `brender worker --join`
    urls: tuple[str, ...]  # where it leads
    fingerprint: str  # of the certificate there; "": it is known by its name
    expires_at: float
    uses: int | None = None
