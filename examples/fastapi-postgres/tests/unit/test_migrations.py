import tempfile
import unittest
from pathlib import Path

from shop import migrations
from shop.migrations import Migration, MigrationError

ONE, TWO, THREE = (Migration(n, f"step_{n}", f"SELECT {n}") for n in (1, 2, 3))
KNOWN = [ONE, TWO, THREE]


def applied(*done):
    return [(migration.version, migration.checksum) for migration in done]


class Read(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, *names):
        for name in names:
            (self.folder / name).write_text("SELECT 1")

    def test_the_shipped_files_are_in_order(self):
        versions = [migration.version for migration in migrations.read()]
        self.assertEqual(versions, list(range(1, migrations.latest_version() + 1)))
        self.assertGreaterEqual(len(versions), 1)

    def test_order_is_by_number(self):
        self.write("0002_b.sql", "0001_z.sql")
        self.assertEqual([m.name for m in migrations.read(self.folder)], ["z", "b"])

    def test_a_gap_is_an_error(self):
        self.write("0001_a.sql", "0003_c.sql")
        with self.assertRaisesRegex(MigrationError, "expected migration 0002, found 0003_c"):
            migrations.read(self.folder)

    def test_a_number_used_twice_is_an_error(self):
        self.write("0001_a.sql", "0001_b.sql")
        with self.assertRaisesRegex(MigrationError, "found 0001_b"):
            migrations.read(self.folder)

    def test_a_strange_name_is_an_error(self):
        self.write("1-first.sql")
        with self.assertRaisesRegex(MigrationError, "1-first.sql"):
            migrations.read(self.folder)


class Pending(unittest.TestCase):
    def test_an_empty_database_needs_all(self):
        self.assertEqual(migrations.pending(KNOWN, []), KNOWN)

    def test_only_what_is_new(self):
        self.assertEqual(migrations.pending(KNOWN, applied(ONE, TWO)), [THREE])

    def test_nothing_when_up_to_date(self):
        self.assertEqual(migrations.pending(KNOWN, applied(*KNOWN)), [])

    def test_a_database_ahead_of_the_program_needs_nothing(self):
        self.assertEqual(migrations.pending(KNOWN[:2], applied(*KNOWN)), [])

    def test_an_edited_file_is_an_error(self):
        edited = Migration(1, "step_1", "SELECT 'other'")
        with self.assertRaisesRegex(MigrationError, "0001_step_1 was changed"):
            migrations.pending([edited, TWO], applied(ONE))

    def test_a_hole_in_the_database_is_an_error(self):
        with self.assertRaisesRegex(MigrationError, r"lacks \[2\]"):
            migrations.pending(KNOWN, applied(ONE, THREE))
