# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes between a worker and its manager over HTTP: a scene's content in, a frame's files out. A real manager's
routes on a real server, threads, and files.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from brender.core import manifest as manifests
from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.manifest import Manifest, SceneFile
from brender.core.scene import Scene, Script, Settings
from brender.worker.cache import Cache
from brender.worker.carried import BadName, Carried, NotOpened
from brender.worker.connection import Connection
from brender.worker.delivery import Brought, Delivery, is_carried
from brender.worker.link import Address, UnknownAddressError
from tests.farm_builder import BLENDER
from tests.manager.carried import Served, held, sha
from tests.manager.house import House

WITHIN_S = 20.0


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "manager").mkdir()
    house = House(tmp_path / "manager")
    async with house.running():
        there = Served(house)
        yield there
        await there.close()
    house.close()


def rendered(folder: Path, run: str, **files: bytes) -> m.Rendered:
    """The report of a run whose files lie in the folder."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    told = tuple(
        m.File(temporary=str(folder / name), final=f"{name}.png", size=len(data), sha256=sha(data))
        for name, data in files.items()
    )
    return m.Rendered(id=f"{run}.rendered", run=run, result=m.Result(files=told))


@contextlib.asynccontextmanager
async def delivering(connection: Connection) -> AsyncIterator[tuple[Delivery, "asyncio.Queue[Brought]"]]:
    loop, told = asyncio.get_running_loop(), asyncio.Queue[Brought]()
    delivery = Delivery(connection, lambda each: loop.call_soon_threadsafe(told.put_nowait, each) and None)
    yield delivery, told
    delivery.end()
    await idle(lambda: delivery.busy)


async def idle(busy: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while busy():  # noqa: ASYNC110 - a thread tells nobody
            await asyncio.sleep(0.01)


async def within(told: "asyncio.Queue[Brought]") -> Brought:
    async with asyncio.timeout(WITHIN_S):
        return await told.get()


# --- out -------------------------------------------------------------------------------------------------------------


async def test_files_are_brought_and_then_it_is_told(served: Served, tmp_path: Path) -> None:
    (run,) = await held(served.house)
    await served.open()
    large = bytes(range(256)) * 20_000
    async with delivering(served.connection()) as (delivery, told):
        delivery.bring(rendered(tmp_path, run.id, a=b"small", b=large))
        assert await within(told) == Brought(run.id)
        assert served.house.carrying.standing(run.id, sha(large)) == (len(large), True)
        delivery.bring(rendered(tmp_path, run.id, a=b"small", b=large))  # once more, as after a start
        assert await within(told) == Brought(run.id)


async def test_a_manager_that_is_away_is_waited_for(served: Served, tmp_path: Path) -> None:
    """C07."""
    (run,) = await held(served.house)
    async with delivering(served.connection()) as (delivery, told):
        delivery.bring(rendered(tmp_path, run.id, a=b"picture"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(told.get(), 0.5)
        await served.open()
        assert await within(told) == Brought(run.id)


async def test_a_manager_that_nobody_knows_the_address_of_is_waited_for(served: Served, tmp_path: Path) -> None:
    (run,), known = await held(served.house), list[Address]()
    await served.open()

    def addresses() -> list[Address]:
        if not known:
            raise UnknownAddressError("not yet")
        return known

    async with delivering(served.connection(addresses)) as (delivery, told):
        delivery.bring(rendered(tmp_path, run.id, a=b"picture"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(told.get(), 0.3)
        known.append(served.address)
        assert await within(told) == Brought(run.id)


async def test_a_run_that_is_not_wanted_is_given_up_and_reported(served: Served, tmp_path: Path) -> None:
    await held(served.house)
    await served.open()
    async with delivering(served.connection()) as (delivery, told):
        delivery.bring(rendered(tmp_path, "cancelled", a=b"x", b=bytes(3 * 2**20)))
        assert await within(told) == Brought("cancelled")  # the report is sent, and answered "stop"


@pytest.mark.parametrize("what", ["gone", "changed"])
async def test_files_that_are_not_what_they_were_are_lost_in_words(served: Served, tmp_path: Path, what: str) -> None:
    (run,) = await held(served.house)
    await served.open()
    report = rendered(tmp_path, run.id, a=b"picture")
    if what == "gone":
        (tmp_path / "a").unlink()
    else:
        (tmp_path / "a").write_bytes(b"pixture")
    async with delivering(served.connection()) as (delivery, told):
        delivery.bring(report)
        brought = await within(told)
        assert brought.run == run.id
        assert str(tmp_path / "a") in brought.lost


async def test_a_manager_without_room_is_asked_again_until_it_has_some(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("brender.worker.delivery.AGAIN_S", 0.1)
    (run,), room = await held(served.house), [0]
    served.house.carrying._incoming._room = lambda: room[0]
    await served.open()
    async with delivering(served.connection()) as (delivery, told):
        delivery.bring(rendered(tmp_path, run.id, a=b"picture"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(told.get(), 1.0)
        room[0] = 2**30
        assert await within(told) == Brought(run.id)


@pytest.mark.parametrize("how", ["forgotten", "ended"])
async def test_what_nobody_waits_for_any_more_ends_soon(served: Served, tmp_path: Path, how: str) -> None:
    async with delivering(served.connection()) as (delivery, told):  # nobody answers there
        delivery.bring(rendered(tmp_path, "r", a=b"picture"))
        assert delivery.busy
        if how == "forgotten":
            delivery.forget("r")
        else:
            delivery.end()
        await idle(lambda: delivery.busy)
        assert told.empty()


@pytest.mark.parametrize(
    ("final", "carried"), [("f.png", True), ("a/f.png", True), ("/out/f.png", False), ("C:\\out\\f.png", False)]
)
def test_relative_names_are_those_of_carried_scenes(final: str, carried: bool) -> None:
    file = m.File(temporary="/t", final=final, size=1, sha256="a" * 64)
    assert is_carried(m.Rendered(id="i", run="r", result=m.Result(files=(file,)))) is carried


# --- in --------------------------------------------------------------------------------------------------------------


def sent(house: House, folder: Path, files: dict[str, bytes], manifest: Manifest | None = None) -> str:
    """Content as a client has sent it. The manifest's hash."""
    made = manifest or Manifest(
        blend="a.blend",
        files=tuple(SceneFile(path=p, sha256=sha(data), size=len(data)) for p, data in sorted(files.items())),
    )
    for data in [*files.values(), manifests.encode(made)]:
        path = folder / "sent"
        path.write_bytes(data)
        house.content.storage.take(f"content/{sha(data)[:2]}/{sha(data)}", path)
    return sha(manifests.encode(made))


FILES = {"a.blend": b"scene", "textures/wood.png": b"wood" * 500_000, "tools/x.py": b"pass"}


@pytest.fixture
def carried(served: Served, tmp_path: Path) -> Carried:
    (tmp_path / "worker").mkdir()
    return Carried(Cache(tmp_path / "worker" / "cache"), served.connection(), tmp_path / "worker" / "carried")


async def test_a_scene_is_fetched_once_and_opened_in_its_tree(served: Served, carried: Carried, tmp_path: Path) -> None:
    await held(served.house)
    name = sent(served.house, tmp_path, FILES)
    await served.open()
    scene = Scene(
        blend="a.blend",
        blender=BLENDER,
        manifest=name,
        scripts=(Script(kind="file", source="tools/x.py"), Script(kind="expr", source="1")),
        settings=Settings(output="f_####", samples=4),
    )
    said: list[str] = []
    there = await carried.localised(scene, said.append)
    tree = Path(there.blend).parent
    assert {path: (tree / path).read_bytes() for path in FILES} == FILES
    assert Path(there.scripts[0].source) == tree / "tools" / "x.py"
    assert there.scripts[1].source == "1"
    assert there.settings == Settings(output=str(tmp_path / "worker" / "carried" / "f_####"), samples=4)
    assert said[-1].startswith("fetching")
    served.asked.clear()
    assert await carried.localised(scene, said.append) == there
    assert served.asked == []  # next frames, and next jobs, fetch nothing


async def test_what_has_come_is_not_fetched_again(served: Served, carried: Carried, tmp_path: Path) -> None:
    await held(served.house)
    first = sent(served.house, tmp_path, {"a.blend": b"scene", "wood": b"wood"})
    second = sent(served.house, tmp_path, {"a.blend": b"scene 2", "wood": b"wood"})
    await served.open()
    await asyncio.to_thread(carried.opened, first)
    served.asked.clear()
    await asyncio.to_thread(carried.opened, second)
    assert sorted(served.asked) == sorted(f"GET /api/v1/content/{each}" for each in (second, sha(b"scene 2")))


async def refused(carried: Carried, manifest: str) -> NotOpened:
    with pytest.raises(NotOpened) as caught:
        await asyncio.to_thread(carried.opened, manifest)
    return caught.value


async def test_content_that_the_manager_has_no_more_fails_in_words(
    served: Served, carried: Carried, tmp_path: Path
) -> None:
    await held(served.house)
    name = sent(served.house, tmp_path, FILES)
    served.house.content.storage.delete(f"content/{sha(b'scene')[:2]}/{sha(b'scene')}")
    await served.open()
    error = await refused(carried, name)
    assert error.kind is Kind.FILES_NOT_FETCHED
    assert "is not here" in error.message
    assert (await refused(carried, "f" * 64)).kind is Kind.FILES_NOT_FETCHED


@pytest.mark.parametrize("path", ["../a.blend", "/a.blend", "b/../../a.blend", "CON.blend", "a\\b.blend"])
async def test_a_name_that_leaves_the_tree_is_never_laid_out(
    served: Served, carried: Carried, tmp_path: Path, path: str
) -> None:
    """The manager has looked at it already, and is not believed."""
    await held(served.house)
    hostile = Manifest(blend=path, files=(SceneFile(path=path, sha256=sha(b"scene"), size=5),))
    name = sent(served.house, tmp_path, {"a.blend": b"scene"}, hostile)
    await served.open()
    assert (await refused(carried, name)).kind is Kind.FILES_NOT_FETCHED


async def test_a_scene_that_is_larger_than_the_cache_is_refused(served: Served, tmp_path: Path) -> None:
    await held(served.house)
    name = sent(served.house, tmp_path, FILES)
    await served.open()
    small = Carried(Cache(tmp_path / "small", 1000), served.connection(), tmp_path / "out")
    error = await refused(small, name)
    assert error.kind is Kind.DISK_FULL
    assert "--cache-gb" in error.message


async def test_a_scene_that_nobody_wants_any_more_ends_while_it_waits(served: Served, carried: Carried) -> None:
    """A kill, while the manager is away."""
    said: list[str] = []
    scene = Scene(blend="a.blend", blender=BLENDER, manifest="a" * 64)
    opening = asyncio.create_task(carried.localised(scene, said.append))
    await idle(lambda: not said)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await idle(lambda: carried.busy)


def test_names_of_frames_are_relative(carried: Carried, tmp_path: Path) -> None:
    frames = tmp_path / "worker" / "carried"
    assert carried.relative([str(frames / "f_1.png"), str(frames / "passes" / "z.exr")]) == ["f_1.png", "passes/z.exr"]
    with pytest.raises(BadName, match="device"):
        carried.relative([str(frames / "NUL.png")])
    with pytest.raises(BadName, match="take for one"):
        carried.relative([str(frames / "F.png"), str(frames / "f.png")])
