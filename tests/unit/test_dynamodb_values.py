"""Values in DynamoDB's wire form: as boto3 writes them, and back as they were."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.values import decode, encode

ATOMS: Any = (
    st.none()
    | st.booleans()
    | st.integers(-(10**37), 10**37)
    | st.text()
    | st.binary()
    | st.sets(st.text(), min_size=1)
    | st.sets(st.integers(-(10**9), 10**9), min_size=1)
    | st.sets(st.binary(), min_size=1)
)
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES)
def test_as_boto3_writes_it_and_back(value: Any) -> None:
    wire = encode(value)
    assert wire == TypeSerializer().serialize(value)
    assert decode(wire) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_as_it_was(value: float) -> None:
    assert float(decode(encode(value))) == value


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("5.0", 5), ("1E+2", 100), ("0.5", 0.5), ("-3", -3)]
)
def test_whole_numbers_are_int(text: str, number: float) -> None:
    read = decode({"N": text})
    assert read == number
    assert isinstance(read, type(number))


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), Decimal("Infinity"), int("1" * 39), Decimal("1." + 38 * "1")],
)
def test_numbers_that_dynamodb_would_not_keep_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="DynamoDB's numbers"):
        encode(value)


@pytest.mark.parametrize("value", [object(), set(), {1, "a"}, {None}, 1j])
def test_what_dynamodb_has_no_type_for_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="DynamoDB"):
        encode(value)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(TypeError, match="DynamoDB has no type X"):
        decode({"X": "1"})
