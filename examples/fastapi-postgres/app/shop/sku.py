"""The article number (SKU): one spelling for what people write in many."""

import re

#: The table `products` has the same rule as a CHECK; tests/db compares the two.
PATTERN = r"^[A-Z0-9]{2,12}(-[A-Z0-9]{1,12}){0,3}$"


class InvalidSku(ValueError):
    """Not an article number in any spelling."""


def normalize(text: str) -> str:
    """`" ab  12_x "` is `AB-12-X`; what does not become a SKU is refused."""
    candidate = re.sub(r"[\s_-]+", "-", text.strip()).upper()
    # ASCII before upper(): the capital of 'ſ' is an ordinary 'S'.
    if not text.isascii() or not re.fullmatch(PATTERN, candidate):
        raise InvalidSku(
            f"{text!r} is not a SKU: 2 to 12 letters or digits, then up to three more groups of 1 to 12 after '-'"
        )
    return candidate
