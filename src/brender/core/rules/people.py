# SPDX-License-Identifier: GPL-3.0-or-later
"""People and what opens the door to them: users, their passwords, tokens, invitations.

Secrets come here as hashes alone. Where people log in, there is always an admin who can.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from brender.core import commands as c
from brender.core.changes import Changes, Row
from brender.core.farm import Farm
from brender.core.live import Now
from brender.core.nouns import Gone, Role, Setting, Token, TokenKind, User, Value

NewId = Callable[[], str]

MOST_SESSIONS = 50  # of one user: the oldest makes room
MOST_TOKENS = 500  # of one user, besides
KEPT_S = 7 * 24 * 3600.0  # that an expired token is shown yet


def user_of(farm: Farm, name: str) -> User:
    """The user, or a refusal."""
    if found := farm.users.get(name):
        return found
    raise c.Refusal(f"There is no user {name}.", "not_found")


def token_of(farm: Farm, id_: str) -> Token:
    """The token, or a refusal."""
    if found := farm.tokens.get(id_):
        return found
    raise c.Refusal(f"There is no token {id_}.", "not_found")


def new_user(farm: Farm, values: dict[str, Value], now: Now, new_id: NewId) -> User:
    """An account without a password: a name that differs from another's in case alone is the same to a person."""
    name = str(values["name"])
    if taken := next((known for known in farm.users if _twin(known) == _twin(name)), None):
        raise c.Refusal(f"There is a user {taken} already.")
    return User(
        name=name,
        role=Role(str(values.get("role", Role.USER))),
        blocked=bool(values.get("blocked", False)),
        note=str(values.get("note", "")),
        created_at=now.wall,
    )


def _twin(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def set_password(farm: Farm, command: c.SetPassword, now: Now, new_id: NewId) -> Changes:
    """Whoever had logged in with the old one logs in again."""
    user = replace(user_of(farm, command.user), password_hash=command.password_hash)
    return Changes([user, *_ended(_sessions(farm, user.name), command.keep)], answer=user)


def put_token(farm: Farm, command: c.PutToken, now: Now, new_id: NewId) -> Changes:
    """A new one. What has expired makes room."""
    token = command.token
    user = farm.users.get(token.user)
    if user is None and token.kind is not TokenKind.JOIN:  # the machine's owner needs no account to let workers in
        raise c.Refusal(f"There is no user {token.user}.", "not_found")
    gone = [Gone(kind="token", key=each.id) for each in farm.tokens.values() if _past(each, now)]
    others = [each for each in farm.tokens.values() if each.user == token.user and not _past(each, now)]
    sessions = sorted((t for t in others if t.kind is TokenKind.SESSION), key=lambda each: each.created_at)
    if token.kind is TokenKind.SESSION:
        gone += _ended(sessions[: max(0, len(sessions) + 1 - MOST_SESSIONS)])
    elif len(others) - len(sessions) >= MOST_TOKENS:
        raise c.Refusal(f"{token.user} has {MOST_TOKENS} tokens already: revoke some of them first.")
    return Changes([*gone, token], answer=token)


def _past(token: Token, now: Now) -> bool:
    kept = KEPT_S if token.kind in (TokenKind.API, TokenKind.JOIN) else 0
    return token.expires_at is not None and token.expires_at + kept < now.wall


def spend_token(farm: Farm, command: c.SpendToken, now: Now, new_id: NewId) -> Changes:
    """The invitation is gone with it, and so are others that the user may have, and the sessions."""
    token = farm.tokens.get(command.token)
    if token is None or token.kind is not TokenKind.INVITE or token.uses == 0 or expired(token, now):
        raise c.Refusal("This invitation has been used, or is out of date: ask for a new one.", "not_found")
    user = replace(user_of(farm, token.user), password_hash=command.password_hash)
    theirs = [t for t in farm.tokens.values() if t.user == user.name and t.kind is TokenKind.INVITE]
    return Changes([user, *_ended(_sessions(farm, user.name)), *_ended(theirs)], answer=user)


def expired(token: Token, now: Now) -> bool:
    """Whether its time is over."""
    return token.expires_at is not None and token.expires_at <= now.wall


def _sessions(farm: Farm, user: str) -> list[Token]:
    return [token for token in farm.tokens.values() if token.user == user and token.kind is TokenKind.SESSION]


def _ended(tokens: Iterable[Token], keep: str = "") -> list[Gone]:
    return [Gone(kind="token", key=token.id) for token in tokens if token.id != keep]


def with_their_tokens(farm: Farm, users: Sequence[str]) -> list[Gone]:
    """What goes with users that are deleted. Tokens with which workers join stay: they are the farm's."""
    gone = set(users)
    return _ended(t for t in farm.tokens.values() if t.user in gone and t.kind is not TokenKind.JOIN)


# --- nobody locks everybody out ----------------------------------------------------------------------------------


def refuse_lockout(farm: Farm, rows: Iterable[Row]) -> None:
    """Where people log in, or will after these rows, an admin can. `Refusal` where none could."""
    about = [row for row in rows if isinstance(row, User | Setting) or (isinstance(row, Gone) and row.kind == "user")]
    if not about:
        return
    logins, users = bool(farm.setting("logins")), dict(farm.users)
    for row in about:
        if isinstance(row, User):
            users[row.name] = row
        elif isinstance(row, Gone):
            users.pop(row.key, None)
        elif row.name == "logins":
            logins = bool(row.value)
    if logins and not any(user.can_login and user.role is Role.ADMIN for user in users.values()):
        raise c.Refusal(_locked_out(bool(farm.setting("logins"))))


def _locked_out(already: bool) -> str:
    if already:
        return "This is the last admin who can log in: make another one first, or switch `logins` off."
    return "Nobody could log in then: make an admin with a password first, with `brender users add NAME --role admin`."
