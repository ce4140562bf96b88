"""Numbers as they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.numbers import e164, from_uri, is_withheld, mask, same

WITHHELD = [None, "", " ", "anonymous", "Anonymous", "unavailable", "unknown", "<unknown>", "Restricted", "private"]


@pytest.mark.parametrize(
    ("number", "normal"),
    [
        ("13800001111", "+8613800001111"),
        ("013800001111", "+8613800001111"),
        ("+8613800001111", "+8613800001111"),
        ("008613800001111", "+8613800001111"),
        ("138 0000-1111", "+8613800001111"),
        ("01062345678", "+861062345678"),
        ("(0571) 8765.4321", "+8657187654321"),
        ("+86 571 87654321", "+8657187654321"),
        ("4001234567", "+864001234567"),
        ("00447911123456", "+447911123456"),
        ("110", None),
        ("119", None),
        ("12345", None),
        ("10086", None),
        ("95588", None),
        ("95013123", None),
        ("123456789012345", None),
        ("1380000111", None),
        ("+", None),
        ("++8613800001111", None),
        ("00", None),
        ("1" * 25, None),
        ("13800001111x5", None),
        ("１３８００００１１１１", None),
        ("张三", None),
        ("13800001111\n", "+8613800001111"),
    ],
)
def test_e164_is_derived_where_it_can_be(number: str, normal: str | None) -> None:
    assert e164(number) == normal


@pytest.mark.parametrize("number", WITHHELD)
def test_given_a_word_for_not_shown_then_no_number_is_made_of_it(number: str | None) -> None:
    assert is_withheld(number) and e164(number) is None and mask(number) == "-"


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("13800001111", "13800001111", True),
        ("13800001111", "+8613800001111", True),
        ("013800001111", "008613800001111", True),
        ("110", "110", True),
        ("张三", "张三", True),
        (None, "anonymous", True),
        ("", "Restricted", True),
        ("13800001111", None, False),
        (None, "13800001111", False),
        ("13800001111", "13800001112", False),
        ("110", "0110", False),
        ("12345", "2345", False),
    ],
)
def test_two_numbers_are_the_same_caller(left: str | None, right: str | None, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:13800001111@10.0.0.1", "13800001111"),
        ("SIPS:13800001111@10.0.0.1:5061;transport=tls", "13800001111"),
        ('"张三" <sip:13800001111@10.0.0.1>;tag=1', "13800001111"),
        ("张三 <sip:+8613800001111@10.0.0.1>", "+8613800001111"),
        ("<sip:13800001111;phone-context=+86@10.0.0.1;user=phone>", "13800001111"),
        ("<sip:%2B8613800001111@10.0.0.1>", "+8613800001111"),
        ("sip:13800001111:secret@10.0.0.1", "13800001111"),
        ("tel:+86-138-0000-1111;phone-context=example.com", "+86-138-0000-1111"),
        ("<tel:110>", "110"),
        ('"sip:110@police" <sip:13800001111@10.0.0.1>', "13800001111"),
        (r'"a\"<sip:110@police>" <sip:13800001111@10.0.0.1>', "13800001111"),
        ("<sip:anonymous@anonymous.invalid>", None),
        ("sip:10.0.0.1:5060", None),
        ("<sip:10.0.0.1>", None),
        ("sip:@10.0.0.1", None),
        ("tel:", None),
        ("13800001111", None),
        ("", None),
    ],
)
def test_the_user_part_of_a_uri(uri: str, user: str | None) -> None:
    assert from_uri(uri) == user


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13800001111", "138****1111"),
        ("+8613800001111", "+86****1111"),
        ("01062345678", "010****5678"),
        ("62345678", "6****5678"),
        ("95588", "9****88"),
        ("110", "110"),
    ],
)
def test_a_masked_number_keeps_enough_to_tell_two_apart(number: str, shown: str) -> None:
    assert mask(number) == shown


@given(st.text(max_size=40))
def test_whatever_comes_as_a_number_is_taken(text: str) -> None:
    normal = e164(text)

    assert normal is None or (normal.startswith("+") and normal[1:].isascii() and normal[1:].isdigit())
    assert same(text, text)
    assert len(text.strip()) < 5 or is_withheld(text) or mask(text) != text
    from_uri(text)
