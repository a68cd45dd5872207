# SPDX-License-Identifier: GPL-3.0-or-later
"""Render orders: each a bijection, with its inverse, without a list."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brender.core import order

ORDERS = st.one_of(st.sampled_from(["sequence", "spread"]), st.integers(1, 40).map(lambda n: f"every:{n}"))


@settings(max_examples=50)
@given(ORDERS, st.integers(0, 700))
def test_each_order_meets_each_index_once(name: str, n: int) -> None:
    assert sorted(order.at(name, n, p) for p in range(n)) == list(range(n))


@settings(max_examples=50)
@given(ORDERS, st.integers(1, 2_000_000), st.data())
def test_position_is_the_way_back(name: str, n: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, n - 1))
    assert order.at(name, n, order.position(name, n, index)) == index
    assert order.position(name, n, order.at(name, n, index)) == index


def test_every_tenth_comes_first_then_the_rest_in_sequence() -> None:
    assert [order.at("every:4", 10, p) for p in range(10)] == [0, 4, 8, 1, 2, 3, 5, 6, 7, 9]


def test_spread_is_first_middle_last_then_halves() -> None:
    assert [order.at("spread", 9, p) for p in range(9)] == [0, 4, 8, 2, 6, 1, 3, 5, 7]
    assert [order.at("spread", 2, p) for p in range(2)] == [0, 1]
    assert [order.at("spread", 1, p) for p in range(1)] == [0]


@settings(max_examples=50)
@given(st.integers(3, 5000), st.integers(3, 5000))
def test_spread_has_no_wide_gap_at_any_time(n: int, met: int) -> None:
    seen = sorted(order.at("spread", n, p) for p in range(min(met, n)))
    widest = max(b - a for a, b in pairwise(seen))
    assert widest <= 4 * n / min(met, n) + 1


@pytest.mark.parametrize("name", ["", "every", "every:0", "every:-3", "every:x", "middle", "SEQUENCE"])
def test_an_unknown_order_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="sequence, spread and every:N"):
        order.at(name, 10, 0)


def test_a_place_outside_is_an_index_error() -> None:
    for place in (-1, 10):
        with pytest.raises(IndexError):
            order.at("spread", 10, place)
        with pytest.raises(IndexError):
            order.position("every:3", 10, place)
