# SPDX-License-Identifier: GPL-3.0-or-later
"""Render orders as functions of the index: which of n tasks comes at a position, and the way back.

Each is a bijection on `range(n)`, answered in a few steps of arithmetic; nothing is listed.
`sequence`: as written. `every:N`: each Nth first, then the rest. `spread`: first, middle, last, then halves.
"""

import re

_EVERY = re.compile(r"every:([1-9][0-9]{0,6})")


def refusal(order: str) -> str | None:
    """Why a text is no render order, or None where it is one."""
    if order in ("sequence", "spread") or _EVERY.fullmatch(order):
        return None
    return f"there is no render order '{order}'; there are sequence, spread and every:N (every:10 for each tenth first)"


def at(order: str, n: int, position: int) -> int:
    """The index that comes at a position; both in `range(n)`. ValueError for no order, IndexError outside."""
    step = _checked(order, n, position)
    if order == "spread":
        return _spread_at(n, position)
    return position if step == 1 else _every_at(n, step, position)


def position(order: str, n: int, index: int) -> int:
    """The position at which an index comes: the inverse of `at`."""
    step = _checked(order, n, index)
    if order == "spread":
        return _spread_position(n, index)
    return index if step == 1 else _every_position(n, step, index)


def _checked(order: str, n: int, place: int) -> int:
    """The step of an order (1 but for `every:N`), once it and the place have been looked at."""
    if reason := refusal(order):
        raise ValueError(reason)
    if not 0 <= place < n:
        raise IndexError(f"{place} is not in a step of {n} tasks")
    every = _EVERY.fullmatch(order)
    return int(every[1]) if every else 1


def _every_at(n: int, step: int, position: int) -> int:
    firsts = -(-n // step)
    if position < firsts:
        return position * step
    block, offset = divmod(position - firsts, step - 1)
    return block * step + offset + 1


def _every_position(n: int, step: int, index: int) -> int:
    block, offset = divmod(index, step)
    return block if offset == 0 else -(-n // step) + block * (step - 1) + offset - 1


# Spread: with m = n - 1 the points floor(k * m / 2^d), k odd, are level d's; a level holds all points of the one
# above it. They are distinct as long as 2^d <= m. At the deepest such level neighbours are one or two apart,
# so that each index not yet met stands alone in a gap; those come last, from left to right.


def _spread_at(n: int, position: int) -> int:
    m = n - 1
    if position < 3:
        return (0, m // 2, m)[position] if n > 2 else position
    points = 1 << (m.bit_length() - 1)
    if position > points:
        rest = position - points
        return -(-rest * points // (m - points)) * m // points - 1
    level = 1 << ((position - 1).bit_length() - 1)
    k = 2 * (position - 1 - level) + 1
    return k * m // (2 * level)


def _spread_position(n: int, index: int) -> int:
    m = n - 1
    if n < 3 or index == 0:
        return index
    if index == m:
        return 2
    points = 1 << (m.bit_length() - 1)
    k = -(-index * points // m)
    if k * m // points != index:
        return points + 1 + index - k
    level = points // (k & -k) // 2
    return 1 if level == 1 else level + 1 + (k // (k & -k) - 1) // 2
