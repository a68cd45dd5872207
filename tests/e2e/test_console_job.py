# SPDX-License-Identifier: GPL-3.0-or-later
"""R23: a job is submitted, followed to its end and read from the console alone, with a real worker and Blender."""

import json
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.timeout(240), pytest.mark.bpy]

MAKE = """
import bpy, sys
scene = bpy.context.scene
scene.render.engine, scene.cycles.samples = "CYCLES", 1
scene.render.resolution_x, scene.render.resolution_y = 64, 36
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
"""


def ask(port: int, lines: str) -> str:
    """All that the console says to these lines; then it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=200) as line:
        line.sendall(lines.encode())
        line.shutdown(socket.SHUT_WR)
        with line.makefile(encoding="utf-8") as answer:
            return answer.read()


def test_a_ten_frame_job_is_followed_from_the_console_to_its_end(desk, bpy_python: str) -> None:
    """R23."""
    blend: Path = desk.folder / "shot.blend"
    subprocess.run([bpy_python, "-c", MAKE, str(blend)], check=True, capture_output=True)
    up = desk.start("up", "--port", "0")
    up.wait_for("One worker renders here")
    port = json.loads((desk.data / "manager.json").read_bytes())["console_port"]
    while "online" not in ask(port, "clients\n"):
        pass

    assert "Job 1 is queued: 10 tasks" in ask(port, f"run {blend} frames=1-10 output={desk.out}/####\n")
    said = ask(port, "watch job 1\n")
    assert "state: completed" in said
    assert said.rstrip("> \r\n").split("done: ")[-1].startswith("100% of 10 tasks (10 succeeded)")
    assert sorted(desk.frames()) == [f"{frame:04}.png" for frame in range(1, 11)]

    assert ask(port, "tasks 1 succeeded\n").count("succeeded") == 10
    assert "0001.png" in ask(port, "log 1 1\n") or "Fra:1" in ask(port, "log 1 1\n")
    assert "The manager ends." in ask(port, "shutdown\n")


def test_a_port_that_another_has_is_refused_with_what_to_do(desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = desk.run("manager", "--port", "0", "--console-port", port)
    assert code != 0
    assert f"Another program listens at 127.0.0.1, port {port}. Take another one with --console-port" in said
    assert "--no-console" in said


def test_whatever_the_manager_listens_at_the_console_is_for_this_machine_alone(desk) -> None:
    """It is open to whoever can reach it."""
    running = desk.start("manager", "--port", "0", "--listen", "0.0.0.0", "--no-announce")
    running.wait_for("manager ready")
    known = json.loads((desk.data / "manager.json").read_bytes())
    listening = {c.laddr.port: c.laddr.ip for c in psutil.Process(running.process.pid).net_connections("tcp")}
    assert listening[known["console_port"]] == "127.0.0.1"
    assert listening[int(known["url"].rpartition(":")[2])] == "0.0.0.0"
    assert known["url"].startswith("https:")


def test_a_manager_that_is_to_have_no_console_has_none(desk) -> None:
    running = desk.start("manager", "--port", "0", "--no-console")
    running.wait_for("manager ready")
    assert json.loads((desk.data / "manager.json").read_bytes())["console_port"] is None
