# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of people and of what opens the door: users and tokens. No secret is one, nor the hash of one."""

from typing import Any

from brender.core.attributes import Attribute, Kind
from brender.core.farm import Farm
from brender.core.kinds.fields import field, of, plain_name
from brender.core.nouns import Role, Token, TokenKind
from brender.core.rights import Right

LONGEST_NAME = 64


def wrong_name(value: str) -> str | None:
    """Why a text cannot be the name of a user."""
    if len(value) > LONGEST_NAME:
        return f"a user's name has at most {LONGEST_NAME} characters"
    return plain_name(value)


def _role(user: Any, value: str) -> Any:
    return field("role")(user, Role(value))


USER = Kind(
    name="user",
    plural="users",
    doc="A person with an account.",
    attributes=(
        Attribute(
            name="name",
            type="text",
            doc="what they log in as, and jobs of theirs belong to",
            read=of("name"),
            at_create=True,
            required=True,
            check=wrong_name,
        ),
        Attribute(
            name="role",
            type="choice",
            doc="what they may do",
            choices=tuple(role.value for role in Role),
            read=lambda _farm, user: user.role.value,
            write=_role,
            at_create=True,
        ),
        Attribute(
            name="blocked",
            type="bool",
            doc="may do nothing, with no password and no token",
            read=of("blocked"),
            write=field("blocked"),
            at_create=True,
        ),
        Attribute(
            name="can_login",
            type="bool",
            doc="has a password, and is not blocked",
            read=lambda _farm, user: user.can_login,
        ),
        Attribute(
            name="tokens",
            type="int",
            doc="API tokens and sessions that they have",
            read=lambda farm, user: sum(token.user == user.name for token in farm.tokens.values()),
        ),
        Attribute(name="created_at", type="float", doc="seconds since 1970", read=of("created_at")),
        Attribute(name="note", type="text", doc="for people", read=of("note"), write=field("note"), at_create=True),
    ),
    see=Right.PEOPLE,
    make=Right.PEOPLE,
    change=Right.PEOPLE,
)


def _scopes(_farm: Farm, token: Token) -> tuple[str, ...]:
    return token.scopes


TOKEN = Kind(
    name="token",
    plural="tokens",
    doc="A secret that opens something: the API, the way in for a worker, a new password.",
    attributes=(
        Attribute(name="id", type="text", doc="what it is called; its secret was shown once", read=of("id")),
        Attribute(
            name="kind",
            type="choice",
            doc="what it opens",
            choices=tuple(kind.value for kind in TokenKind),
            read=lambda _farm, token: token.kind.value,
        ),
        Attribute(name="user", type="text", doc="whose it is; of a join token, who made it", read=of("user")),
        Attribute(
            name="scopes", type="list", doc="rights that it is limited to; none: all of its user's", read=_scopes
        ),
        Attribute(name="created_at", type="float", doc="seconds since 1970", read=of("created_at")),
        Attribute(name="expires_at", type="float", doc="seconds since 1970; none: never", read=of("expires_at")),
        Attribute(name="uses", type="int", doc="how often it can be used yet; none: any number", read=of("uses")),
        Attribute(name="note", type="text", doc="for people", read=of("note"), write=field("note")),
    ),
    words={kind.value: ("kind", kind.value) for kind in TokenKind},
    no_create="A token is made by `brender tokens`, which shows its secret once.",
    see=Right.PEOPLE,
    make=Right.PEOPLE,
    change=Right.PEOPLE,
)
