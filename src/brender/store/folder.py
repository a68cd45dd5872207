# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a database can live in a folder. SQLite's WAL is shared memory: over a network it loses what it promised."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from brender.store.database import StoreError

MOUNTS = Path("/proc/self/mountinfo")  # of Linux; elsewhere nothing is known about mounts

# over a network, or shared with the host of a virtual machine (9p is also how WSL shows the disks of Windows)
_NETWORK = re.compile(
    r"(9p|afs|beegfs|ceph|cifs|coda|davfs|gfs2|glusterfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|panfs|pvfs2"
    r"|smb[23]|smbfs|vboxsf|vmhgfs"
    r"|fuse\.(beegfs|ceph|curlftpfs|davfs2?|gcsfuse|glusterfs|goofys|juicefs|mfs|rclone|s3fs|smbnetfs|sshfs|vmhgfs-fuse))"
)


def network_filesystem(mountinfo_text: str, path: str) -> str | None:
    """The kind of the network file system that an absolute, resolved path is on, or None.

    `mountinfo_text` is that of proc(5). The deepest mount above the path counts, and the last one in the same place.
    """
    here = PurePosixPath(path)
    mounts = enumerate(_mounts(mountinfo_text))
    above = [(len(place.parts), nth, kind) for nth, (place, kind) in mounts if here.is_relative_to(place)]
    kind = max(above, default=(0, 0, ""))[2]
    return kind if _NETWORK.fullmatch(kind) else None


def _mounts(text: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Where each mount is, and what kind of file system."""
    for line in text.splitlines():
        mount, _, source = line.partition(" - ")
        if len(fields := mount.split(" ")) > 4:
            place = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), fields[4].encode())
            yield PurePosixPath(place.decode(errors="replace")), source.split(" ")[0]


def on_network(folder: Path) -> str | None:
    """The kind of the network file system that a folder of this machine is on, or None."""
    return network_filesystem(MOUNTS.read_text(errors="replace"), str(folder.resolve())) if MOUNTS.exists() else None


def ready(folder: Path) -> Path:
    """The folder, made if need be, resolved; StoreError where no database can live in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = folder.resolve()
        with tempfile.TemporaryFile(dir=found):
            pass
    except OSError as error:
        raise StoreError(f"The data folder {folder} cannot be written: {error.strerror or error}.") from error
    if kind := on_network(found):
        raise StoreError(
            f"The data folder {folder} is on a network file system ({kind}), where a database is not safe. "
            "Choose a folder on a disk of this machine."
        )
    return found
