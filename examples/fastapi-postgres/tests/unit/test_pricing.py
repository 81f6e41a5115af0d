import unittest

from shop import pricing


class Discount(unittest.TestCase):
    def test_steps_begin_exactly_at_their_quantity(self):
        for quantity, percent in ((1, 0), (9, 0), (10, 5), (99, 5), (100, 10), (10_000, 10)):
            with self.subTest(quantity=quantity):
                self.assertEqual(pricing.discount_percent(quantity), percent)

    def test_nothing_and_less_than_nothing_have_no_price(self):
        for quantity in (0, -1):
            with self.subTest(quantity=quantity), self.assertRaises(pricing.PricingError):
                pricing.discount_percent(quantity)


class Line(unittest.TestCase):
    def test_without_discount_it_is_price_times_quantity(self):
        self.assertEqual(pricing.line_total_cents(1999, 3), 5997)

    def test_half_a_cent_is_rounded_up(self):
        self.assertEqual(pricing.line_total_cents(1, 10), 10)  # 9.5
        self.assertEqual(pricing.line_total_cents(3, 10), 29)  # 28.5: up, not to the even neighbour

    def test_less_than_half_a_cent_is_rounded_down(self):
        self.assertEqual(pricing.line_total_cents(1, 14), 13)  # 13.3

    def test_more_pieces_never_cost_less_than_one_discount_step_allows(self):
        for price in (1, 7, 999, 12_345):
            for quantity in range(1, 200):
                total = pricing.line_total_cents(price, quantity)
                self.assertLessEqual(total, price * quantity)
                self.assertGreaterEqual(total, price * quantity * 9 // 10)

    def test_a_price_of_nothing_is_refused(self):
        with self.assertRaises(pricing.PricingError):
            pricing.line_total_cents(0, 1)


class Order(unittest.TestCase):
    def test_each_line_has_its_own_discount(self):
        self.assertEqual(pricing.order_total_cents([(100, 10), (100, 1)]), 950 + 100)

    def test_an_order_without_lines_is_refused(self):
        with self.assertRaisesRegex(pricing.PricingError, "at least one line"):
            pricing.order_total_cents([])

    def test_the_highest_total_is_allowed_and_one_cent_more_is_not(self):
        most = pricing.MAX_TOTAL_CENTS
        self.assertEqual(pricing.order_total_cents([(most, 1)]), most)
        with self.assertRaisesRegex(pricing.PricingError, "at most"):
            pricing.order_total_cents([(most, 1), (1, 1)])
