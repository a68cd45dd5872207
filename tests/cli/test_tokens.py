# SPDX-License-Identifier: GPL-3.0-or-later
"""The line with which a machine joins, and where a worker takes the token from."""

import io
import os

import pytest

from brender.cli import tokens
from brender.cli.errors import CliError
from brender.cli.tls_options import is_for_others, secured, tls_arguments
from brender.core.joinviews import JoinTokenView


def made(uses):
    return JoinTokenView(id="i", text="bj1-x", urls=("https://a",), fingerprint="", expires_at=0.0, uses=uses)


@pytest.mark.parametrize(("uses", "many"), [(None, "any number of machines"), (1, "one machine"), (5, "5 machines")])
def test_the_line_to_paste_stands_by_itself(uses, many):
    above, line = tokens.line(made(uses)).splitlines()
    assert f"(for {many}, until " in above
    assert line == "  brender worker --join bj1-x"


def test_a_token_in_the_environment_is_taken_out_of_it(monkeypatch):
    """What is rendered could read it there."""
    monkeypatch.setenv(tokens.JOIN, "bj1-x")
    assert tokens.taken(None, with_parent=False) == "bj1-x"
    assert tokens.JOIN not in os.environ
    assert tokens.taken(None, with_parent=False) is None


def test_the_one_on_the_command_line_comes_first_and_neither_is_left(monkeypatch):
    monkeypatch.setenv(tokens.JOIN, "bj1-x")
    assert tokens.taken("bj1-y", with_parent=False) == "bj1-y"
    assert tokens.JOIN not in os.environ


@pytest.mark.parametrize("pasted", ["bj1-x\n", "  bj1-x", "  brender worker --join bj1-x\nmore\n"])
def test_it_is_read_from_stdin_where_it_is_said(monkeypatch, pasted):
    monkeypatch.setattr("sys.stdin", io.StringIO(pasted))
    assert tokens.taken("-", with_parent=False) == "bj1-x"


def test_no_stdin_is_no_token(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert tokens.taken("-", with_parent=False) == ""
    with pytest.raises(CliError, match="use BRENDER_JOIN"):
        tokens.taken("-", with_parent=True)


def given(**more):
    return {"host": "127.0.0.1", "tls": False, "cert": None, "key": None, "public": "", "no_announce": False} | more


@pytest.mark.parametrize("more", [{"host": "0.0.0.0"}, {"tls": True}, {"public": "https://farm"}, {"host": "::"}])
def test_who_listens_for_others_invites_them(more):
    assert is_for_others(given(**more))
    assert not is_for_others(given())


def test_a_manager_that_is_started_is_told_the_same(tmp_path):
    own = {"cert": tmp_path / "c.pem", "key": tmp_path / "k.pem", "no_announce": True}
    assert tls_arguments(given(host="0.0.0.0", **own)) == [
        "--listen=0.0.0.0", f"--cert={tmp_path}/c.pem", f"--key={tmp_path}/k.pem", "--no-announce",
    ]  # fmt: skip
    assert secured(given(tls=True)) == {"tls": True, "cert": None, "key": None, "public": "", "announce": True}
