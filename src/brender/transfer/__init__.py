# SPDX-License-Identifier: GPL-3.0-or-later
"""Files over HTTP, both ways: in pieces that can be resumed, and good only once their SHA-256 is the one named.

Shared by the client, who sends scenes and fetches frames, and the worker, who fetches scenes and brings frames.
Everything here blocks, and is called in threads.
"""
