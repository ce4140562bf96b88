"""Where a caller is from, as the prefix says."""

from __future__ import annotations

import pytest

from telephony.regions import region_of


@pytest.mark.parametrize(
    ("number", "region"),
    [
        ("+8613800001111", "北京市 · Beijing"),
        ("+8675512345678", "广东省深圳市 · Shenzhen, Guangdong"),
        ("+861012345678", "北京市 · Beijing"),
        ("+869981234567", "新疆喀什地区 · Kashi, Xinjiang"),
        ("+8613682570000", "广东省深圳市 · Shenzhen, Guangdong"),
    ],
)
def test_given_a_number_of_a_place_then_it_is_named_in_both_languages(number: str, region: str) -> None:
    assert region_of(number) == region


@pytest.mark.parametrize("number", [None, "", "+8617012345678", "+864001234567", "+86110", "+14155552671", "110"])
def test_given_a_prefix_that_says_nothing_then_nothing_is_said(number: str | None) -> None:
    assert region_of(number) is None
