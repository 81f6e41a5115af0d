from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from shop import migrate, migrations, store

LATEST = migrations.latest_version()
ALL = list(range(1, LATEST + 1))


def test_the_hook_has_migrated_the_live_database(live):
    assert store.schema_version(live) == LATEST
    rows = live.execute("SELECT version, checksum FROM schema_migrations ORDER BY version").fetchall()
    assert rows == [(m.version, m.checksum) for m in migrations.read()]


def test_an_empty_database_has_version_0(scratch, connect):
    assert store.schema_version(connect(scratch)) == 0


def test_a_second_time_there_is_nothing_to_do(scratch, connect):
    connection = connect(scratch)
    assert migrate.apply(connection) == ALL
    before = connection.execute("SELECT * FROM schema_migrations ORDER BY version").fetchall()
    assert migrate.apply(connection) == []
    assert connection.execute("SELECT * FROM schema_migrations ORDER BY version").fetchall() == before


def test_step_by_step_gives_the_same_schema_as_all_at_once(scratch, connect, db):
    columns = """SELECT table_name, column_name, data_type, is_nullable, column_default
                 FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"""
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    at_once = [db.execute(query).fetchall() for query in (columns, indexes)]
    db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    for count in ALL:
        assert migrate.apply(db, migrations.read()[:count]) == [count]
    assert [db.execute(query).fetchall() for query in (columns, indexes)] == at_once


def test_of_many_migrators_at_once_one_does_the_work(scratch, connect):
    connections = [connect(scratch) for _ in range(5)]
    with ThreadPoolExecutor(len(connections)) as threads:
        done = list(threads.map(migrate.apply, connections))
    assert sorted(done) == [[], [], [], [], ALL]


def test_a_failing_file_leaves_nothing_behind(scratch, connect):
    connection = connect(scratch)
    bad = migrations.Migration(LATEST + 1, "bad", "CREATE TABLE half (id int); SELECT no_such_function()")
    with pytest.raises(psycopg.errors.UndefinedFunction):
        migrate.apply(connection, [*migrations.read(), bad])
    assert store.schema_version(connection) == 0
    assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_the_old_program_accepts_the_new_schema(db):
    assert migrate.apply(db, migrations.read()[:-1]) == []
    assert store.schema_version(db) == LATEST


def test_an_edited_file_is_refused(db):
    first, *rest = migrations.read()
    edited = migrations.Migration(first.version, first.name, first.sql + "-- edited")
    with pytest.raises(migrations.MigrationError, match="was changed after it was applied"):
        migrate.apply(db, [edited, *rest])


def test_the_command_says_what_it_did(scratch, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", scratch)
    assert migrate.main(["--wait", "5"]) == 0
    assert capsys.readouterr().out == f"applied {ALL}\n"
    assert migrate.main([]) == 0
    assert capsys.readouterr().out == "nothing to do\n"


def test_the_command_fails_without_a_database(monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert migrate.main([]) == 1
    assert "migration failed, nothing was changed" in capsys.readouterr().err
