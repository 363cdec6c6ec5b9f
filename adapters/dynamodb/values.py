"""DynamoDB's wire form of values, for example `{"S": "text"}`.

boto3 has such a translation too, but its import loads all of boto3 (60 modules that delay a cold
start), and it returns numbers as Decimal.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

DIGITS = 38
"""Significant digits of DynamoDB's numbers."""


def encode(value: Any) -> dict[str, Any]:
    """Returns a value in DynamoDB's wire form.

    Raises
    ------
    TypeError: DynamoDB has no such type, or an empty set.
    ValueError: a number is not finite or has more digits than DynamoDB keeps.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float | Decimal):
        return {"N": _number(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"B": bytes(value)}
    if isinstance(value, Mapping):
        return {"M": {key: encode(inner) for key, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [encode(inner) for inner in value]}
    if isinstance(value, set | frozenset):
        return _set(value)
    raise TypeError(f"DynamoDB has no {type(value).__name__}")


def _number(value: float | Decimal) -> str:
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("DynamoDB's numbers are finite")
    # Zeros at either end do not count as digits.
    if len("".join(map(str, number.as_tuple().digits)).strip("0")) > DIGITS:
        raise ValueError(f"DynamoDB's numbers have {DIGITS} digits")
    return str(number)


def _set(values: set[Any] | frozenset[Any]) -> dict[str, Any]:
    kinds = {kind: inner for one in values for kind, inner in encode(one).items()}
    if len(kinds) != 1 or not kinds.keys() <= {"S", "N", "B"}:
        raise TypeError("DynamoDB's sets hold texts, numbers or bytes, one kind and at least one")
    (kind,) = kinds
    return {f"{kind}S": [encode(one)[kind] for one in values]}


def decode(value: Mapping[str, Any]) -> Any:
    """Returns a value in DynamoDB's wire form as a Python value; whole numbers are int.

    Raises
    ------
    TypeError: it does not have that form.
    """
    ((kind, inner),) = value.items()
    if kind not in _DECODERS:
        raise TypeError(f"DynamoDB has no type {kind}")
    return _DECODERS[kind](inner)


def _python_number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else float(number)


def _itself(value: Any) -> Any:
    return value


def _nothing(_: Any) -> None:
    return None


_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "S": _itself,
    "N": _python_number,
    "B": bytes,
    "BOOL": _itself,
    "NULL": _nothing,
    "M": lambda inner: {key: decode(one) for key, one in inner.items()},
    "L": lambda inner: [decode(one) for one in inner],
    "SS": set,
    "NS": lambda inner: {_python_number(one) for one in inner},
    "BS": lambda inner: {bytes(one) for one in inner},
}
