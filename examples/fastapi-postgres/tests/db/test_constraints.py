"""The database keeps its rules also when a program forgets them."""

import pytest
from psycopg import errors

from shop import sku, store

PRODUCT = (
    "INSERT INTO products (sku, name, price_cents, stock) VALUES (%(sku)s, %(name)s, %(price)s, %(stock)s) RETURNING id"
)
GOOD = {"sku": "AB-1", "name": "a thing", "price": 100, "stock": 1}


@pytest.fixture
def ordered(db) -> tuple[int, int]:
    """A product and an order that holds it."""
    (product,) = db.execute(PRODUCT, GOOD).fetchone()
    (order,) = db.execute("INSERT INTO orders (customer, total_cents) VALUES ('ada', 100) RETURNING id").fetchone()
    db.execute("INSERT INTO order_lines VALUES (%s, %s, 1, 100)", (order, product))
    return product, order


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"sku": "ab-1"}, "products_sku_form"),
        ({"sku": ""}, "products_sku_form"),
        ({"name": ""}, "products_name_length"),
        ({"name": "x" * 201}, "products_name_length"),
        ({"price": 0}, "products_price_positive"),
        ({"stock": -1}, "products_stock_not_below"),
    ],
)
def test_a_product_that_breaks_a_rule_is_refused(db, change, constraint):
    with pytest.raises(errors.CheckViolation) as refused:
        db.execute(PRODUCT, GOOD | change)
    assert refused.value.diag.constraint_name == constraint


def test_a_sku_is_unique(db):
    db.execute(PRODUCT, GOOD)
    with pytest.raises(errors.UniqueViolation):
        db.execute(PRODUCT, GOOD)


def test_the_rule_for_skus_is_the_programs_rule(db):
    (definition,) = db.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'products_sku_form'"
    ).fetchone()
    assert f"'{sku.PATTERN}'" in definition


def test_an_ordered_product_cannot_be_deleted(db, ordered):
    with pytest.raises(errors.ForeignKeyViolation):
        db.execute("DELETE FROM products WHERE id = %s", ordered[:1])


def test_an_order_takes_its_lines_with_it(db, ordered):
    db.execute("DELETE FROM orders WHERE id = %s", ordered[1:])
    assert db.execute("SELECT count(*) FROM order_lines").fetchone() == (0,)


@pytest.mark.parametrize("quantity", [0, -1])
def test_a_line_holds_at_least_one_piece(db, ordered, quantity):
    with pytest.raises(errors.CheckViolation):
        db.execute("UPDATE order_lines SET quantity = %s", (quantity,))


def test_a_product_is_in_an_order_once(db, ordered):
    product, order = ordered
    with pytest.raises(errors.UniqueViolation):
        db.execute("INSERT INTO order_lines VALUES (%s, %s, 1, 100)", (order, product))


@pytest.mark.parametrize("change", ["status = 'lost'", "status = 'cancelled'", "cancelled_at = now()"])
def test_the_status_of_an_order_is_consistent(db, ordered, change):
    with pytest.raises(errors.CheckViolation):
        db.execute(f"UPDATE orders SET {change}")


def test_more_than_the_stock_column_holds_is_a_conflict(db):
    db.execute(PRODUCT, GOOD)
    with pytest.raises(store.Conflict, match="cannot hold"):
        store.change_product(db, GOOD["sku"], None, 2**31 - 1)
    assert store.get_product(db, GOOD["sku"])["stock"] == GOOD["stock"]
