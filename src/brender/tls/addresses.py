# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses need no TLS: those that lead nowhere else."""

import ipaddress


def is_loopback(name: str) -> bool:
    """Whether a name or address is this machine's for itself alone."""
    if name.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback  # mapped: IPv4 on a socket of both
