"""What the shop does in the database: plain SQL, one transaction per action."""

from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from shop import pricing

Connection = psycopg.Connection
Row = dict[str, Any]

_PRODUCT = "sku, name, price_cents, stock"
_ORDER = "id, customer, status, total_cents, created_at, cancelled_at"


class NotFound(Exception):
    """What was asked for does not exist."""


class Conflict(Exception):
    """The request is well-formed, but what the shop holds does not allow it."""


def schema_version(connection: Connection) -> int:
    """The version of the database's schema; 0 where no migration has run."""
    table = connection.execute("SELECT to_regclass('schema_migrations')").fetchone()
    if table is None or table[0] is None:
        return 0
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()
    return row[0] if row else 0


def _rows(connection: Connection) -> psycopg.Cursor[Row]:
    return connection.cursor(row_factory=dict_row)


def add_product(connection: Connection, sku: str, name: str, price_cents: int, stock: int) -> Row:
    try:
        with connection.transaction(), _rows(connection) as cursor:
            row = cursor.execute(
                f"INSERT INTO products (sku, name, price_cents, stock) VALUES (%s, %s, %s, %s) RETURNING {_PRODUCT}",
                (sku, name, price_cents, stock),
            ).fetchone()
    except errors.UniqueViolation:
        raise Conflict(f"there is a product {sku} already") from None
    assert row is not None
    return row


def get_product(connection: Connection, sku: str) -> Row:
    with _rows(connection) as cursor:
        row = cursor.execute(f"SELECT {_PRODUCT} FROM products WHERE sku = %s", (sku,)).fetchone()
    if row is None:
        raise NotFound(f"no product {sku}")
    return row


def list_products(connection: Connection, prefix: str, in_stock: bool, limit: int, after: str) -> list[Row]:
    with _rows(connection) as cursor:
        return cursor.execute(
            f"""SELECT {_PRODUCT} FROM products
                WHERE starts_with(sku, %s) AND sku COLLATE "C" > %s AND (stock > 0 OR NOT %s)
                ORDER BY sku COLLATE "C" LIMIT %s""",
            (prefix, after, in_stock, limit),
        ).fetchall()


def change_product(connection: Connection, sku: str, price_cents: int | None, add_stock: int) -> Row:
    try:
        with connection.transaction(), _rows(connection) as cursor:
            row = cursor.execute(
                f"""UPDATE products SET price_cents = coalesce(%s, price_cents), stock = stock + %s
                    WHERE sku = %s RETURNING {_PRODUCT}""",
                (price_cents, add_stock, sku),
            ).fetchone()
    except errors.CheckViolation:
        raise Conflict(f"{sku} has fewer than {-add_stock} in stock") from None
    except errors.NumericValueOutOfRange:
        raise Conflict(f"{sku} cannot hold {add_stock} more") from None
    if row is None:
        raise NotFound(f"no product {sku}")
    return row


def delete_product(connection: Connection, sku: str) -> None:
    try:
        with connection.transaction():
            deleted = connection.execute("DELETE FROM products WHERE sku = %s", (sku,)).rowcount
    except (errors.ForeignKeyViolation, errors.RestrictViolation):
        raise Conflict(f"{sku} is part of an order") from None
    if not deleted:
        raise NotFound(f"no product {sku}")


def place_order(connection: Connection, customer: str, wanted: dict[str, int]) -> Row:
    """Takes the pieces out of stock and writes the order, all or nothing."""
    with connection.transaction(), _rows(connection) as cursor:
        # Locked in one order for everybody: two orders of the same products wait, never deadlock.
        products = cursor.execute(
            "SELECT id, sku, price_cents, stock FROM products WHERE sku = ANY(%s) ORDER BY id FOR UPDATE",
            (list(wanted),),
        ).fetchall()
        unknown = sorted(wanted.keys() - {product["sku"] for product in products})
        if unknown:
            raise NotFound(f"no product {', '.join(unknown)}")
        for product in products:
            if product["stock"] < wanted[product["sku"]]:
                raise Conflict(f"{product['sku']} has only {product['stock']} in stock")

        total = pricing.order_total_cents((product["price_cents"], wanted[product["sku"]]) for product in products)
        order = cursor.execute(
            "INSERT INTO orders (customer, total_cents) VALUES (%s, %s) RETURNING id", (customer, total)
        ).fetchone()
        assert order is not None
        for product in products:
            quantity = wanted[product["sku"]]
            cursor.execute("UPDATE products SET stock = stock - %s WHERE id = %s", (quantity, product["id"]))
            cursor.execute(
                "INSERT INTO order_lines (order_id, product_id, quantity, unit_price_cents) VALUES (%s, %s, %s, %s)",
                (order["id"], product["id"], quantity, product["price_cents"]),
            )
        return get_order(connection, order["id"])


def get_order(connection: Connection, order_id: int) -> Row:
    with _rows(connection) as cursor:
        order = cursor.execute(f"SELECT {_ORDER} FROM orders WHERE id = %s", (order_id,)).fetchone()
        if order is None:
            raise NotFound(f"no order {order_id}")
        order["lines"] = cursor.execute(
            """SELECT sku, quantity, unit_price_cents FROM order_lines JOIN products ON products.id = product_id
               WHERE order_id = %s ORDER BY product_id""",
            (order_id,),
        ).fetchall()
    return order


def list_orders(connection: Connection, customer: str, limit: int) -> list[Row]:
    with _rows(connection) as cursor:
        return cursor.execute(
            f"SELECT {_ORDER} FROM orders WHERE customer = %s ORDER BY id DESC LIMIT %s", (customer, limit)
        ).fetchall()


def cancel_order(connection: Connection, order_id: int) -> Row:
    """Puts the pieces back into stock; an order is cancelled once."""
    with connection.transaction():
        changed = connection.execute(
            "UPDATE orders SET status = 'cancelled', cancelled_at = now() WHERE id = %s AND status = 'placed'",
            (order_id,),
        ).rowcount
        if not changed:
            get_order(connection, order_id)  # raises NotFound where there is none
            raise Conflict(f"order {order_id} is cancelled already")
        # The same lock order as place_order, before any row is changed.
        connection.execute(
            """SELECT 1 FROM products WHERE id IN (SELECT product_id FROM order_lines WHERE order_id = %s)
               ORDER BY id FOR UPDATE""",
            (order_id,),
        )
        connection.execute(
            """UPDATE products SET stock = stock + quantity FROM order_lines
               WHERE order_id = %s AND product_id = products.id""",
            (order_id,),
        )
        return get_order(connection, order_id)
