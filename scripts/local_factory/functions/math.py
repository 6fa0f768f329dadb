"""The math functions: 64-bit integers and double-precision numbers; a number of each gives the latter."""

import math
import random
from typing import Any

from local_factory.functions.signature import INTEGER, NUMBER, NUMBER_OR_ARRAY, Function
from local_factory.functions.values import checked_float, checked_integer, describe

Number = int | float

MAX_RANGE = 100_000
"""The most items `range` gives: what a ForEach takes at most."""

# Tests replace this by a seeded one. Nothing secret is made of it.
generator = random.Random()  # noqa: S311


def _add(left: Number, right: Number) -> Number:
    return _checked(left + right)


def _sub(left: Number, right: Number) -> Number:
    return _checked(left - right)


def _mul(left: Number, right: Number) -> Number:
    return _checked(left * right)


def _div(dividend: Number, divisor: Number) -> Number:
    """Divide: integers give the integer towards zero."""
    _refuse_zero(divisor)
    if isinstance(dividend, int) and isinstance(divisor, int):
        quotient = abs(dividend) // abs(divisor)
        return checked_integer(quotient if (dividend < 0) == (divisor < 0) else -quotient)
    return checked_float(dividend / divisor)


def _mod(dividend: Number, divisor: Number) -> Number:
    """Return the remainder, which has the dividend's sign."""
    _refuse_zero(divisor)
    if isinstance(dividend, int) and isinstance(divisor, int):
        remainder = abs(dividend) % abs(divisor)
        return -remainder if dividend < 0 else remainder
    return math.fmod(dividend, divisor)


def _max(*numbers: Number | list[Any]) -> Number:
    return max(_numbers(numbers))


def _min(*numbers: Number | list[Any]) -> Number:
    return min(_numbers(numbers))


def _numbers(arguments: tuple[Number | list[Any], ...]) -> list[Number]:
    """Return the numbers of either form, `max(1, 2)` or `max(array)`; with one float among them, all as floats."""
    if len(arguments) == 1 and isinstance(arguments[0], list):
        numbers = arguments[0]
        if not numbers:
            raise ValueError("the array is empty")
    else:
        numbers = list(arguments)
    for number in numbers:
        if not NUMBER.accepts(number):
            raise ValueError(f"takes numbers, or one array of numbers; {describe(number)} is no number")
    return [float(n) for n in numbers] if any(isinstance(n, float) for n in numbers) else numbers


def _rand(least: int, limit: int) -> int:
    """Return an integer from `least` to below `limit`; both may be the same."""
    if least > limit:
        raise ValueError(f"there is no integer from {least} to below {limit}")
    return generator.randrange(least, max(limit, least + 1))


def _range(start: int, count: int) -> list[int]:
    if not 0 <= count <= MAX_RANGE:
        raise ValueError(f"the count {count} is not between 0 and {MAX_RANGE}")
    if not -(2**31) <= start < 2**31 or start + count > 2**31:
        raise ValueError(f"{count} integers from {start} are not integers of 32 bits, which a range has")
    return list(range(start, start + count))


def _checked(number: Number) -> Number:
    return checked_integer(number) if isinstance(number, int) else checked_float(number)


def _refuse_zero(divisor: Number) -> None:
    if divisor == 0:
        raise ValueError("division by zero")


FUNCTIONS = {
    "add": Function(_add, NUMBER, NUMBER),
    "div": Function(_div, NUMBER, NUMBER),
    "max": Function(_max, NUMBER_OR_ARRAY),
    "min": Function(_min, NUMBER_OR_ARRAY),
    "mod": Function(_mod, NUMBER, NUMBER),
    "mul": Function(_mul, NUMBER, NUMBER),
    "rand": Function(_rand, INTEGER, INTEGER),
    "range": Function(_range, INTEGER, INTEGER),
    "sub": Function(_sub, NUMBER, NUMBER),
}
