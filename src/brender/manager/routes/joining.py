# SPDX-License-Identifier: GPL-3.0-or-later
"""`/join` and `/tokens/join`: a machine comes with a token, and tokens for machines are made."""

from typing import Any

from litestar import post
from litestar.params import JSONBody

from brender.core.joinviews import JoinedView, JoinRequest, JoinTokenRequest, JoinTokenView
from brender.core.rights import Right
from brender.manager.errors import Body, said
from brender.manager.routes.given import TheAsker, TheJoining


@post(
    "/join",
    status_code=200,
    dto=Body[JoinRequest],
    return_dto=None,
    responses=said(400, 403, 409, 413, 415, 429),
    right=Right.OPEN,
)
async def join(data: JSONBody[JoinRequest], joining: TheJoining, asker: TheAsker) -> JoinedView:
    """Become a worker of this farm. The worker's own key is its token from then on: `Authorization: Bearer KEY`.

    With a key that is known already it is the same worker, and the token is not spent.
    """
    return await joining.join(asker, data)


@post(
    "/tokens/join",
    status_code=201,
    dto=Body[JoinTokenRequest],
    return_dto=None,
    responses=said(400, 403, 409, 413, 415),
    right=Right.PEOPLE,
)
async def make_join_token(data: JSONBody[JoinTokenRequest], joining: TheJoining, asker: TheAsker) -> JoinTokenView:
    """Make a token with which machines join. It is listed and revoked like any other."""
    return await joining.make(asker, uses=data.uses, hours=data.hours, note=data.note)


HANDLERS: list[Any] = [join, make_join_token]
