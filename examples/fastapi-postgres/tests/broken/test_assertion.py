"""A test that fails as tests should: the others still count."""

from shop import pricing


def test_that_passes():
    assert pricing.line_total_cents(100, 2) == 200


def test_that_fails():
    assert pricing.line_total_cents(100, 10) == 1000, "ten pieces have 5 % off"
