"""Bodies that no database could hold are refused with their place; all others are read as they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crm.refusals import Refused
from crm.rest.parsing import DEEPEST, _without_repeats, parsed


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        (b"{", "", "line 1, column 2"),
        (b'{"a": NaN}', "", "NaN"),
        (b'{"a": -Infinity}', "", "Infinity"),
        (b'{"a": [1, 1e999]}', "a[1]", "too large"),
        (b'{"a": {"b": 9223372036854775808}}', "a.b", "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "", "too long"),
        (b'{"a": "x\\u0000y"}', "a", "NUL"),
        (b'{"x\\u0000y": 1}', "", "NUL"),
        (b'{"a": "\\ud800"}', "a", "surrogate"),
        (b'{"a": "\xff"}', "", "byte 7"),
        (b"[" * 40 + b"]" * 40, "[0]" * DEEPEST, "deeper"),
        (b"[" * 1_500 + b"]" * 1_500, "", "deeper"),
        (b"[" * 100_000, "", "deeper"),
        (b'{"a":' * 100_000, "", "deeper"),
        (b'{"a": 1, "a": 2}', "", "twice"),
        (b"", "", "line 1"),
        ("{\"a\": 1}".encode("utf-16"), "", "UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_at_its_place(body: bytes, path: str, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        parsed(body)
    assert refusal.value.path == path and words in refusal.value.message


whole_text = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]))
whole_numbers = some.integers(-(2**63) + 1, 2**63 - 1)
values = some.recursive(
    some.none() | some.booleans() | whole_numbers | some.floats(allow_nan=False, allow_infinity=False) | whole_text,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(whole_text, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(values)
def test_everything_else_is_read_like_the_standard_library_does(value: object) -> None:
    assert parsed(json.dumps(value).encode()) == value


@given(some.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_refusal(body: bytes) -> None:
    try:
        parsed(body)
    except Refused as refusal:
        assert refusal.message


def test_a_name_that_stands_twice_is_found_without_comparing_each_with_each() -> None:
    compared = []

    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            compared.append(self)
            return str.__eq__(self, other)

    pairs = [(Name(f"n{number}"), 1) for number in range(2000)] + [(Name("n1999"), 1)]
    with pytest.raises(Refused, match="n1999"):
        _without_repeats(pairs)
    assert len(compared) < 3 * len(pairs)
