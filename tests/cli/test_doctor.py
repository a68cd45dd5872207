# SPDX-License-Identifier: GPL-3.0-or-later
"""What doctor finds, and what it says to do."""

import datetime
import os
import socket

import pytest

from brender.cli import doctor
from brender.core.scene import Blender, FoundBlender
from brender.tls import files


def test_no_blender_is_something_to_mend():
    [found] = doctor.blenders([])
    assert found.level == "fail"
    assert "brender-farm[blender]" in found.advice


def test_each_blender_is_named_with_its_place():
    found = FoundBlender(blender=Blender(kind="blender", version="3.4.1"), path="/usr/bin/blender")
    assert doctor.blenders([found]) == [doctor.Finding("Blender", "ok", "Blender 3.4.1 at /usr/bin/blender")]


def test_missing_libraries_are_named_by_their_packages():
    found = doctor.bpy_libraries("linux", lambda library: library not in ("libXi.so.6", "libSM.so.6"))
    assert found.level == "fail"
    assert found.advice.endswith("apt-get install libxi6 libsm6")


def test_all_libraries_there_is_well_and_other_systems_need_none():
    assert doctor.bpy_libraries("linux", lambda _: True).level == "ok"
    assert doctor.bpy_libraries("darwin", lambda _: False).level == "ok"


def test_a_python_that_no_bpy_is_built_for_is_told():
    [found] = doctor.bpy_module((3, 12), installed=False)
    assert found.level == "ok"
    assert "none for Python 3.12" in found.message


def test_a_folder_that_is_not_there_yet_can_be_made(tmp_path):
    found = doctor.folder("data folder", tmp_path / "a" / "b", "")
    assert (found.level, found.message) == ("ok", f"{tmp_path / 'a' / 'b'} can be made")
    assert not (tmp_path / "a").exists()


def test_a_folder_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    assert doctor.nearest(tmp_path / "file" / "data") == tmp_path


def test_a_port_in_use_is_told_with_its_owner(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        found = doctor.port(number, "the page", tmp_path)
    assert found.level == "warn"
    assert f"(process {os.getpid()})" in found.message
    assert doctor.port(number, "the page", tmp_path).level == "ok"


@pytest.mark.parametrize(("free", "level"), [(16000, "ok"), (1000, "warn")])
def test_little_memory_is_worth_knowing(free, level):
    assert doctor.memory(32000, free).level == level


def test_the_verdict_counts_what_is_to_be_done():
    findings = [doctor.Finding("a", "fail", "is bad", "mend it"), doctor.Finding("b", "ok", "is well")]
    assert list(doctor.lines(findings)) == [
        "fail  a: is bad", "      mend it", "  ok  b: is well", "1 to mend, 0 to know.",
    ]  # fmt: skip
    assert list(doctor.lines(findings[1:]))[-1] == "All is well."


def test_the_managers_certificate_is_shown_with_its_end_and_what_it_is_for(tmp_path):
    now = datetime.datetime.now(datetime.UTC)
    assert doctor.certificate(tmp_path, now) == []  # it has never listened for others
    files.own(tmp_path, "ada", ["192.0.2.7"], now)
    [found] = doctor.certificate(tmp_path, now)
    assert found.level == "ok"
    assert "for ada, localhost, 127.0.0.1, ::1, 192.0.2.7" in found.message
    [soon] = doctor.certificate(tmp_path, now + datetime.timedelta(days=3640))
    assert (soon.level, soon.advice) == ("warn", "Have it renewed soon.")
    [over] = doctor.certificate(tmp_path, now + datetime.timedelta(days=4000))
    assert over.level == "fail"


def test_a_certificate_that_is_none_is_something_to_mend(tmp_path):
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "certificate.pem").write_text("hello")
    [found] = doctor.certificate(tmp_path, datetime.datetime.now(datetime.UTC))
    assert found.level == "fail"
    assert "holds no certificate as PEM" in found.message
