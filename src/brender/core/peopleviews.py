# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked and answered about people, logins and tokens: types of the HTTP API. Values only."""

from brender.core.nouns import Role, TokenKind
from brender.core.rights import Right
from brender.core.views import View

SHORTEST, LONGEST = 10, 1024  # characters of a password


class LoginRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /login`."""

    name: str
    password: str
    token: bool = False  # an API token, for a command line, instead of a browser's cookie
    note: str = ""  # of the token: where it is used


class LoginView(View, frozen=True, kw_only=True):
    """Who has logged in. A browser has a cookie from here on."""

    name: str
    role: Role
    expires_at: float
    csrf: str = ""  # of a cookie: what goes along in X-Brender-CSRF with all but GET and HEAD
    token: str = ""  # where one was wanted; it is told this once


class MeView(View, frozen=True, kw_only=True):
    """`GET /me`: who asks, as this manager sees them."""

    name: str  # of the account; "" for nobody, and for who has the data folder's token
    role: Role | None  # null: nobody
    rights: tuple[Right, ...]  # all that they may do
    local: bool  # came with the data folder's token
    logins: bool  # people log in at this farm
    csrf: str = ""  # of a cookie: what goes along in X-Brender-CSRF with all but GET and HEAD


class PasswordRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /password`."""

    old: str
    new: str  # 10 to 1024 characters


class NewPassword(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /users/{name}/password`."""

    password: str  # 10 to 1024 characters


class AcceptRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /accept`."""

    token: str  # of the invitation
    password: str  # 10 to 1024 characters


class AccountView(View, frozen=True, kw_only=True):
    """Whose password was set."""

    name: str
    role: Role


class TokenRequest(View, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /tokens`."""

    scopes: tuple[Right, ...] = ()  # rights that it is limited to; none: all that its user has
    days: float | None = 90.0  # until it expires; null: never
    note: str = ""


class TokenMade(View, frozen=True, kw_only=True):
    """A new token, and its text, which is told this once."""

    id: str
    text: str
    kind: TokenKind
    user: str
    scopes: tuple[str, ...]
    expires_at: float | None


class TokenView(View, frozen=True, kw_only=True):
    """A token, without its secret."""

    id: str
    kind: TokenKind
    user: str  # whose it is; of a join token, who made it
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None
    uses: int | None  # left; null: any number
    note: str


class TokenPage(View, frozen=True, kw_only=True):
    """`GET /tokens`: the newest first."""

    ok: bool = True
    count: int
    tokens: tuple[TokenView, ...]
