from datetime import datetime

import pytest


@pytest.fixture
def order(api):
    """Asks for an order; gives the answer."""
    return lambda *lines, customer="ada": api.post(
        "/orders", json={"customer": customer, "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
    )


@pytest.fixture
def stock(api):
    return lambda sku: api.get(f"/products/{sku}").json()["stock"]


def test_an_order_takes_from_stock_and_can_be_read(api, product, order, stock):
    cup, pot = product(price_cents=300, stock=20)["sku"], product(price_cents=1999, stock=1)["sku"]
    placed = order((cup, 10), (pot, 1))
    assert placed.status_code == 201, placed.text
    body = placed.json()
    assert placed.headers["Location"] == f"/orders/{body['id']}"
    assert body["status"] == "placed"
    assert body["total_cents"] == 2850 + 1999  # ten cups have 5 % off
    assert body["lines"] == [
        {"sku": cup, "quantity": 10, "unit_price_cents": 300},
        {"sku": pot, "quantity": 1, "unit_price_cents": 1999},
    ]
    assert api.get(placed.headers["Location"]).json() == body
    assert (stock(cup), stock(pot)) == (10, 0)


def test_the_price_of_an_order_stays_when_the_product_changes(api, product, order):
    sku = product(price_cents=100)["sku"]
    placed = order((sku, 2)).json()
    assert api.patch(f"/products/{sku}", json={"price_cents": 999}).status_code == 200
    assert api.get(f"/orders/{placed['id']}").json() == placed


def test_lines_of_one_product_are_added_up(product, order, stock):
    sku = product(stock=5)["sku"]
    placed = order((sku, 2), (sku.lower(), 3))
    assert placed.status_code == 201, placed.text
    assert [line["quantity"] for line in placed.json()["lines"]] == [5]
    assert stock(sku) == 0


def test_not_enough_stock_is_409_and_nothing_is_taken(product, order, stock):
    plenty, scarce = product(stock=9)["sku"], product(stock=2)["sku"]
    answer = order((plenty, 1), (scarce, 3))
    assert answer.status_code == 409
    assert answer.json() == {"detail": f"{scarce} has only 2 in stock"}
    assert (stock(plenty), stock(scarce)) == (9, 2)


def test_unknown_product_is_404_and_nothing_is_taken(product, order, stock, new_sku):
    known, unknown = product(stock=5)["sku"], new_sku()
    answer = order((known, 1), (unknown, 1))
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"no product {unknown}"}
    assert stock(known) == 5


def test_an_order_that_costs_too_much_is_422(product, order, stock):
    sku = product(price_cents=100_000_000, stock=2)["sku"]
    answer = order((sku, 2))
    assert answer.status_code == 422
    assert "may cost at most" in answer.json()["detail"]
    assert stock(sku) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"customer": "ada", "lines": []},
        {"customer": "", "lines": [{"sku": "AB-1", "quantity": 1}]},
        {"customer": "ada", "lines": [{"sku": "AB-1", "quantity": 0}]},
        {"customer": "ada", "lines": [{"sku": "AB-1", "quantity": 10_001}]},
        {"customer": "ada", "lines": [{"sku": "AB-1"}]},
        {"lines": [{"sku": "AB-1", "quantity": 1}]},
        [],
    ],
    ids=["no line", "no name", "no piece", "too many pieces", "no quantity", "no customer", "no object"],
)
def test_invalid_order_is_422(api, body):
    assert api.post("/orders", json=body).status_code == 422


def test_unknown_order_is_404(api):
    for answer in (api.get("/orders/9000000000000000000"), api.post("/orders/9000000000000000000/cancel")):
        assert answer.status_code == 404
    assert api.get("/orders/0").status_code == 422
    assert api.get("/orders/9223372036854775808").status_code == 422


def test_cancel_puts_the_pieces_back_once(api, product, order, stock):
    one, two = product(stock=3)["sku"], product(stock=4)["sku"]
    placed = order((one, 3), (two, 1)).json()
    cancelled = api.post(f"/orders/{placed['id']}/cancel")
    assert cancelled.status_code == 200, cancelled.text
    body = cancelled.json()
    assert body["status"] == "cancelled"
    assert datetime.fromisoformat(body["cancelled_at"]) >= datetime.fromisoformat(placed["created_at"])
    assert (stock(one), stock(two)) == (3, 4)

    again = api.post(f"/orders/{placed['id']}/cancel")
    assert again.status_code == 409
    assert "cancelled already" in again.json()["detail"]
    assert (stock(one), stock(two)) == (3, 4)


def test_orders_of_a_customer_newest_first(api, product, order, new_sku):
    customer = f"customer {new_sku()}"
    sku = product(stock=5)["sku"]
    ids = [order((sku, 1), customer=customer).json()["id"] for _ in range(3)]
    listed = api.get("/orders", params={"customer": customer}).json()
    assert [each["id"] for each in listed] == ids[::-1]
    assert [each["id"] for each in api.get("/orders", params={"customer": customer, "limit": 1}).json()] == ids[-1:]
    assert api.get("/orders", params={"customer": f"nobody {new_sku()}"}).json() == []
    assert api.get("/orders").status_code == 422
