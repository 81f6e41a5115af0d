"""The HTTP service: `uvicorn shop.main:app`."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Literal

import psycopg
from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shop import migrations, pricing, settings, sku, store
from shop.cache import Cache

INSTANCE = os.environ.get("POD_NAME") or socket.gethostname()
NEEDED_SCHEMA = migrations.latest_version()

Sku = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(sku.normalize)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Cents = Annotated[int, Field(gt=0, le=pricing.MAX_TOTAL_CENTS)]
Quantity = Annotated[int, Field(ge=1, le=10_000)]
OrderId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewProduct(Strict):
    sku: Sku
    name: Name
    price_cents: Cents
    stock: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class ProductChange(Strict):
    price_cents: Cents | None = None
    add_stock: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0


class Product(BaseModel):
    sku: str
    name: str
    price_cents: int
    stock: int


class NewLine(Strict):
    sku: Sku
    quantity: Quantity


class NewOrder(Strict):
    customer: Name
    lines: Annotated[list[NewLine], Field(min_length=1, max_length=100)]


class Line(BaseModel):
    sku: str
    quantity: int
    unit_price_cents: int


class OrderSummary(BaseModel):
    id: int
    customer: str
    status: Literal["placed", "cancelled"]
    total_cents: int
    created_at: datetime
    cancelled_at: datetime | None


class Order(OrderSummary):
    lines: list[Line]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    config = settings.load()
    app.state.cache = Cache.connect(config.redis_url, config.cache_ttl_seconds)
    # Opened without waiting: the service starts, and says that it is not ready, without a database.
    app.state.pool = ConnectionPool(
        config.database_url,
        min_size=1,
        max_size=config.pool_max_size,
        timeout=10,
        reconnect_timeout=2,
        check=ConnectionPool.check_connection,
        kwargs={"connect_timeout": 3, "autocommit": True, "application_name": "shop-api"},
        open=False,
    )
    app.state.pool.open()
    try:
        yield
    finally:
        app.state.pool.close()
        app.state.cache.close()


app = FastAPI(title="shop", lifespan=lifespan)


@app.middleware("http")
async def name_the_instance(request: Request, call_next: Callable) -> Response:
    response = await call_next(request)
    response.headers["X-Served-By"] = INSTANCE
    return response


def _answer(status: int) -> Callable[[Request, Exception], JSONResponse]:
    return lambda request, error: JSONResponse({"detail": str(error)}, status_code=status)


def _unavailable(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"the database cannot answer: {error}".strip()}, status_code=503)


app.add_exception_handler(store.NotFound, _answer(404))
app.add_exception_handler(store.Conflict, _answer(409))
app.add_exception_handler(pricing.PricingError, _answer(422))
app.add_exception_handler(sku.InvalidSku, _answer(422))
app.add_exception_handler(PoolTimeout, _unavailable)
app.add_exception_handler(psycopg.OperationalError, _unavailable)
app.add_exception_handler(psycopg.errors.UndefinedTable, _unavailable)  # before the first migration


def _connection(request: Request) -> Iterator[psycopg.Connection]:
    with request.app.state.pool.connection() as connection:
        yield connection


def _cache(request: Request) -> Cache:
    return request.app.state.cache


Db = Annotated[psycopg.Connection, Depends(_connection, scope="function")]
Kept = Annotated[Cache, Depends(_cache)]


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers. Says nothing about the database: a restart would not mend that."""
    return {"status": "ok"}


@app.get("/readyz")
def readyz(request: Request, empty: Literal["ok", "no"] = "no") -> JSONResponse:
    """The database answers and its schema is at least as new as this program needs.

    `?empty=ok` also accepts a database on which no migration has run at all: the state
    between a first installation and its post-install hook.
    """
    try:
        with request.app.state.pool.connection(timeout=2) as connection:
            version = store.schema_version(connection)
    except (PoolTimeout, psycopg.Error) as error:
        return JSONResponse({"ready": False, "database": "unreachable", "detail": str(error)}, status_code=503)
    # A newer schema is fine: while an upgrade rolls out, old pods run on the new schema.
    ready = version >= NEEDED_SCHEMA or (empty == "ok" and version == 0)
    body = {"ready": ready, "database": "ok", "schema": version, "needs": NEEDED_SCHEMA}
    return JSONResponse(body, status_code=200 if ready else 503)


@app.get("/cache-stats")
def cache_stats(cache: Kept) -> dict[str, bool | int]:
    """Counts of this instance since it started."""
    return cache.stats()


@app.post("/products", status_code=201)
def add_product(new: NewProduct, db: Db, response: Response) -> Product:
    row = store.add_product(db, new.sku, new.name, new.price_cents, new.stock)
    response.headers["Location"] = f"/products/{new.sku}"
    return Product(**row)


@app.get("/products")
def list_products(
    db: Db,
    prefix: Annotated[str, Query(max_length=80, pattern=r"^[A-Z0-9-]*$")] = "",
    in_stock: bool = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    after: Annotated[str, Query(max_length=80, pattern=r"^[A-Z0-9-]*$")] = "",
) -> list[Product]:
    return [Product(**row) for row in store.list_products(db, prefix, in_stock, limit, after)]


@app.get("/products/{wanted}")
def get_product(wanted: str, request: Request, cache: Kept, response: Response) -> Product:
    number = sku.normalize(wanted)

    def load() -> store.Row:
        with request.app.state.pool.connection() as connection:
            return store.get_product(connection, number)

    row, source = cache.product(number, load)
    response.headers["X-Cache"] = source
    return Product(**row)


@app.patch("/products/{wanted}")
def change_product(wanted: str, change: ProductChange, db: Db, cache: Kept) -> Product:
    number = sku.normalize(wanted)
    row = store.change_product(db, number, change.price_cents, change.add_stock)
    cache.forget(number)
    return Product(**row)


@app.delete("/products/{wanted}", status_code=204)
def delete_product(wanted: str, db: Db, cache: Kept) -> None:
    number = sku.normalize(wanted)
    store.delete_product(db, number)
    cache.forget(number)


@app.post("/orders", status_code=201)
def place_order(new: NewOrder, db: Db, cache: Kept, response: Response) -> Order:
    wanted: dict[str, int] = {}
    for line in new.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    order = Order(**store.place_order(db, new.customer, wanted))
    cache.forget(*wanted)
    response.headers["Location"] = f"/orders/{order.id}"
    return order


@app.get("/orders")
def list_orders(
    customer: Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")],
    db: Db,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> list[OrderSummary]:
    return [OrderSummary(**row) for row in store.list_orders(db, customer, limit)]


@app.get("/orders/{order_id}")
def get_order(order_id: OrderId, db: Db) -> Order:
    return Order(**store.get_order(db, order_id))


@app.post("/orders/{order_id}/cancel")
def cancel_order(order_id: OrderId, db: Db, cache: Kept) -> Order:
    order = Order(**store.cancel_order(db, order_id))
    cache.forget(*(line.sku for line in order.lines))
    return order
