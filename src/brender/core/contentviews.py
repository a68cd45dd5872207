# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the manager about content, and what it says: the types of `/content`. Values only."""

import msgspec

MOST_HASHES = 10_000  # of one request


class HashesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /content/missing`: SHA-256s, 64 hexadecimal digits each, at most 10,000."""

    hashes: list[str]


class MissingView(msgspec.Struct, frozen=True, kw_only=True):
    """Those of the hashes whose content the manager does not have, in the order they were asked, each once."""

    missing: tuple[str, ...]


class CollectRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /content/gc`."""

    dry_run: bool = False  # say what would be removed, and remove nothing


class CollectedView(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed of the content that no job needs, and of jobs that ended long ago, or would be."""

    files: int
    bytes: int
    kept_files: int  # what stays
    kept_bytes: int
    jobs: int = 0  # whose records were, as the setting job_days says
    logs: int = 0  # jobs whose logs were (log_days)
    thumbnails: int = 0  # jobs whose small pictures were (thumbnail_days)
    frames: int = 0  # files that were kept here for jobs (output_days)
    old_bytes: int = 0  # of logs, small pictures and frames
