import unittest

from shop import sku


class Normalize(unittest.TestCase):
    def test_many_spellings_become_one(self):
        for text in ("AB-12-X", "ab-12-x", " ab 12_x ", "Ab__12 - x"):
            with self.subTest(text=text):
                self.assertEqual(sku.normalize(text), "AB-12-X")

    def test_normal_form_stays_as_it_is(self):
        for text in ("AB", "A1B2C3D4E5F6", "AB-1-2-3", "AB-ABCDEFGHIJKL"):
            with self.subTest(text=text):
                self.assertEqual(sku.normalize(sku.normalize(text)), text)

    def test_what_is_no_sku_is_refused(self):
        for text in ("", " ", "A", "-AB", "AB-", "AB-1-2-3-4", "A1B2C3D4E5F6G", "AB/1", "ÄB", "AB\n; DROP TABLE", "١٢"):
            with self.subTest(text=text), self.assertRaises(sku.InvalidSku):
                sku.normalize(text)

    def test_letters_whose_capital_is_ascii_do_not_slip_through(self):
        # 'ſ'.upper() is 'S' and 'ı'.upper() is 'I': another text would be stored than was written.
        for text in ("aſ", "aı"):
            with self.subTest(text=text), self.assertRaises(sku.InvalidSku):
                sku.normalize(text)
