import unittest

from shop import settings


class Load(unittest.TestCase):
    def test_defaults(self):
        loaded = settings.load({"DATABASE_URL": "postgresql://x"})
        self.assertEqual(loaded, settings.Settings("postgresql://x", None, 30, 8))

    def test_an_empty_redis_url_means_no_cache(self):
        self.assertIsNone(settings.load({"DATABASE_URL": "x", "REDIS_URL": ""}).redis_url)

    def test_the_standard_variables_are_enough(self):
        self.assertEqual(settings.load({"PGHOST": "shop-db"}).database_url, "")

    def test_no_database_is_an_error_that_names_the_variables(self):
        with self.assertRaisesRegex(settings.SettingsError, "DATABASE_URL nor PGHOST"):
            settings.load({})

    def test_numbers_that_make_no_sense_are_refused(self):
        for value in ("0", "-1", "ten", "", "1.5", "²"):
            with self.subTest(value=value), self.assertRaisesRegex(settings.SettingsError, "POOL_MAX_SIZE"):
                settings.load({"DATABASE_URL": "x", "POOL_MAX_SIZE": value})
