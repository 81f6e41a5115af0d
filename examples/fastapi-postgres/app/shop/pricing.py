"""Prices: pure functions, whole cents, no I/O."""

from collections.abc import Iterable

#: From this quantity on, this many percent off the line.
DISCOUNTS = ((100, 10), (10, 5), (1, 0))

#: What a column of type bigint can hold is far more; this is what the shop sells.
MAX_TOTAL_CENTS = 100_000_000


class PricingError(ValueError):
    """The asked line or order cannot be priced."""


def discount_percent(quantity: int) -> int:
    """The discount for so many pieces of one product."""
    for least, percent in DISCOUNTS:
        if quantity >= least:
            return percent
    raise PricingError(f"quantity must be at least 1, not {quantity}")


def line_total_cents(unit_price_cents: int, quantity: int) -> int:
    """The price of one line after discount, half a cent rounded up."""
    if unit_price_cents <= 0:
        raise PricingError(f"unit price must be above 0, not {unit_price_cents}")
    hundredths = unit_price_cents * quantity * (100 - discount_percent(quantity))
    return (hundredths + 50) // 100


def order_total_cents(lines: Iterable[tuple[int, int]]) -> int:
    """The price of an order, given (unit price, quantity) of each line."""
    totals = [line_total_cents(price, quantity) for price, quantity in lines]
    if not totals:
        raise PricingError("an order needs at least one line")
    total = sum(totals)
    if total > MAX_TOTAL_CENTS:
        raise PricingError(f"an order may cost at most {MAX_TOTAL_CENTS} cents, not {total}")
    return total
