"""JSON as all verifiers read it.

A number has to survive as a double. Python could hold more, but then two APIs could read two tenants in
one token (RFC 8259 section 6). Code that handles a value later may use recursion, so its depth is bounded.
"""

import json
import math
import re
from typing import Any, Final, NoReturn

MOST_LEVELS: Final = 32
_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")


def parse(text: str) -> Any:
    """Parses JSON as RFC 8259 has it: without ``NaN`` and ``Infinity``.

    :raises ValueError: for anything else, however deep or long
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it goes deeper than can be read") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _members(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def is_too_deep(value: object) -> bool:
    """Whether a value has more than ``MOST_LEVELS`` levels. It works level by level, without recursion."""
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        level = [member for each in level for member in _members(each)]
        if not level:
            return False
    return True


def well_formed(value: Any) -> Any:
    """A value in whose texts and names U+FFFD stands for each half of a surrogate pair: UTF-8 has no bytes for it.

    :param value: not too deep
    """
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        return {well_formed(name): well_formed(member) for name, member in value.items()}
    return [well_formed(member) for member in value] if isinstance(value, list) else value


def find_inexact(claims: dict[str, Any]) -> str | None:
    """The claim that holds a number which a double would change.

    :param claims: not too deep
    """
    return next((name for name, value in claims.items() if not _is_exact(value)), None)


def _is_exact(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return as_double(value) == value
    return all(_is_exact(member) for member in _members(value))


def as_double(number: int | float) -> float:
    """A number as a double; too large ones are infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def is_number(value: object) -> bool:
    """Whether a value is a finite number. ``True`` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(as_double(value))
