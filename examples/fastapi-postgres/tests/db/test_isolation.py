"""Transactions against each other, with the service's own statements."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop import store


@pytest.fixture
def other(scratch, connect, db):
    """A second session on the same database."""
    return connect(scratch)


def stock(connection, sku="AB-1"):
    return store.get_product(connection, sku)["stock"]


def wait_until_blocked(observer, connection):
    """Until the session of `connection` waits for a lock."""
    deadline = time.monotonic() + 10
    query = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s"
    while observer.execute(query, (connection.info.backend_pid,)).fetchone() != ("Lock",):
        assert time.monotonic() < deadline, "the other session never waited for a lock"
        time.sleep(0.01)


def test_what_is_not_committed_is_not_seen(db, other):
    with db.transaction(force_rollback=True):
        store.add_product(db, "AB-1", "a", 100, 1)
        assert store.list_products(other, "AB", False, 10, "") == []
    with pytest.raises(store.NotFound):
        store.get_product(db, "AB-1")


def test_the_second_buyer_waits_and_finds_nothing_left(db, other):
    store.add_product(db, "AB-1", "a", 100, 1)
    with ThreadPoolExecutor(1) as threads:
        with db.transaction():
            store.place_order(db, "first", {"AB-1": 1})
            second = threads.submit(store.place_order, other, "second", {"AB-1": 1})
            wait_until_blocked(db, other)
        with pytest.raises(store.Conflict, match="only 0 in stock"):
            second.result(timeout=10)
    assert stock(db) == 0


def test_the_second_buyer_gets_it_when_the_first_gives_up(db, other):
    store.add_product(db, "AB-1", "a", 100, 1)
    with ThreadPoolExecutor(1) as threads:
        with db.transaction(force_rollback=True):
            store.place_order(db, "first", {"AB-1": 1})
            second = threads.submit(store.place_order, other, "second", {"AB-1": 1})
            wait_until_blocked(db, other)
        assert second.result(timeout=10)["customer"] == "second"
    assert stock(db) == 0


def test_a_failed_order_leaves_nothing(db):
    store.add_product(db, "AB-1", "a", 100, 5)
    store.add_product(db, "AB-2", "b", 100, 0)
    with pytest.raises(store.Conflict):
        store.place_order(db, "ada", {"AB-1": 1, "AB-2": 1})
    assert stock(db) == 5
    assert db.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_cancelling_twice_at_once_puts_back_once(db, other):
    store.add_product(db, "AB-1", "a", 100, 1)
    order = store.place_order(db, "ada", {"AB-1": 1})["id"]
    with ThreadPoolExecutor(1) as threads:
        with db.transaction():
            store.cancel_order(db, order)
            second = threads.submit(store.cancel_order, other, order)
            wait_until_blocked(db, other)
        with pytest.raises(store.Conflict, match="cancelled already"):
            second.result(timeout=10)
    assert stock(db) == 1
