# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that joins: what a token lets in, what it is spent by, and whom a key belongs to (C13)."""

from typing import Any

import pytest
from msgspec.structs import replace

from brender.core import commands as c
from brender.core import messages as m
from brender.core.nouns import Gone, Token, TokenKind, Worker
from tests.farm_builder import World, host

ADA, COPY = replace(host(), hostname="ada", machine="m1"), replace(host(), hostname="bob", machine="m2")


@pytest.fixture
def world() -> World:
    return World()


def token(world: World, *, kind: TokenKind = TokenKind.JOIN, uses: int | None = None, lives_s: float = 60) -> str:
    now = world.now.wall
    row = Token(id="t1", kind=kind, secret_hash="h", user="admin", created_at=now, expires_at=now + lives_s, uses=uses)
    world.farm.apply([row], world.now)
    return row.id


def join(world: World, key: str = "k1", name: str = "ada", host: m.Host = ADA) -> Any:
    return world.do(c.Join(token="t1", key_hash=key, name=name, host=host))


def test_a_token_of_two_uses_lets_two_machines_in(world: World) -> None:
    token(world, uses=2)
    assert [join(world, key).name for key in ("k1", "k2")] == ["ada", "ada-2"]
    assert world.farm.tokens["t1"].uses == 0
    assert world.farm.tokens["t1"].used_at == world.now.wall
    with pytest.raises(c.Refusal, match="used up: as many machines") as refused:
        join(world, "k3")
    assert refused.value.reason == "forbidden"


def test_the_same_key_again_is_the_same_worker_and_spends_nothing(world: World) -> None:
    """An answer that was lost on the way is asked for once more, also when the token is used up or out of date."""
    token(world, uses=1)
    first: Worker = join(world)
    world.mono += 3600
    assert join(world).id == first.id
    assert world.farm.tokens["t1"].uses == 0
    assert len(world.farm.workers) == 1


def test_a_token_of_any_number_of_uses_stays_so(world: World) -> None:
    token(world)
    for n in range(5):
        join(world, f"k{n}")
    assert world.farm.tokens["t1"].uses is None


def test_one_that_has_run_out_lets_nobody_in(world: World) -> None:
    token(world, lives_s=60)
    world.mono += 60
    with pytest.raises(c.Refusal, match=r"has run out\. Make another"):
        join(world)


@pytest.mark.parametrize("kind", [TokenKind.API, TokenKind.INVITE, TokenKind.SESSION])
def test_a_token_of_another_kind_lets_no_machine_in(world: World, kind: TokenKind) -> None:
    token(world, kind=kind)
    with pytest.raises(c.Refusal, match="not known here any more"):
        join(world)


def test_one_that_was_revoked_lets_nobody_in(world: World) -> None:
    token(world)
    world.farm.apply([Gone(kind="token", key="t1")], world.now)
    with pytest.raises(c.Refusal, match="it was revoked"):
        join(world)


def test_a_worker_that_was_prepared_is_taken_up_by_the_machine_of_its_name(world: World) -> None:
    token(world)
    prepared = world.do(c.CreateObject(kind="worker", values={"name": "ada"}))
    assert join(world).id == prepared.id


def test_a_copy_of_a_workers_files_on_another_machine_is_refused_and_both_are_named(world: World) -> None:
    """C13: whichever of the two is connected."""
    worker = world.join("w", host=ADA)
    refused = world.join("w", host=COPY)
    assert isinstance(refused, m.Refused)
    assert not refused.again
    assert "Worker w is the machine ada, and its key came from another, bob" in refused.reason
    world.leave(worker)
    world.mono += 100
    assert isinstance(world.join("w", host=COPY), m.Refused)
    assert world.join("w", host=ADA) == worker


def test_where_the_copy_came_first_it_is_the_worker_and_the_other_is_refused(world: World) -> None:
    """C13: nobody can know which of the two is the copy; never both are in."""
    worker = world.join("w", host=COPY)
    assert isinstance(world.join("w", host=ADA), m.Refused)
    assert world.join("w", host=COPY) == worker


def test_a_worker_of_an_earlier_version_is_bound_to_its_machine_when_it_comes(world: World) -> None:
    worker = world.join("w", host=replace(ADA, machine=""))
    assert world.join("w", host=ADA) == worker
    assert isinstance(world.join("w", host=COPY), m.Refused)


def test_a_copy_does_not_join_as_the_worker_that_it_is_a_copy_of(world: World) -> None:
    """C13."""
    token(world)
    join(world)
    with pytest.raises(c.Refusal, match="its files were copied"):
        join(world, host=COPY)


def test_a_key_that_was_deleted_meanwhile_is_no_newcomer(world: World) -> None:
    hello = m.Hello(protocol=m.PROTOCOL, key="k", boot="b", name="ada", host=ADA)
    said = world.do(c.WorkerHello(connection="c1", hello=hello, key_hash="gone", joined=True))
    assert isinstance(said, m.Refused)
    assert not said.again
    assert world.farm.workers == {}


def test_who_joined_is_in_the_audit_log_and_no_secret_is(world: World) -> None:
    token(world)
    by = c.By(who="join token t1", door="http", origin="192.0.2.9")
    world.do(c.Join(by=by, token="t1", key_hash="k1", name="ada", host=ADA))
    (entry,) = (row for row in world.rows if type(row).__name__ == "AuditEntry")
    assert (entry.verb, entry.kind, entry.keys, entry.who, entry.origin) == (  # type: ignore[union-attr]
        "join", "worker", ("ada",), "join token t1", "192.0.2.9",
    )  # fmt: skip
