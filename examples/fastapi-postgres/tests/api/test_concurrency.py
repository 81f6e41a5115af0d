"""What only a real database shows: many at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor


def at_once(calls):
    with ThreadPoolExecutor(len(calls)) as threads:
        return [each.result() for each in [threads.submit(call) for call in calls]]


def place(api, *lines):
    body = {"customer": "many", "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
    return lambda: api.post("/orders", json=body)


def test_the_last_pieces_are_sold_once(api, product):
    sku = product(stock=3)["sku"]
    answers = at_once([place(api, (sku, 1))] * 10)
    assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 7}
    assert api.get(f"/products/{sku}").json()["stock"] == 0


def test_orders_of_the_same_products_in_opposite_order_do_not_deadlock(api, product):
    one, two = product(stock=100)["sku"], product(stock=100)["sku"]
    calls = [place(api, (one, 1), (two, 1)), place(api, (two, 1), (one, 1))] * 8
    assert Counter(answer.status_code for answer in at_once(calls)) == {201: 16}
    assert {api.get(f"/products/{sku}").json()["stock"] for sku in (one, two)} == {84}


def test_a_sku_is_given_once(api, new_sku):
    body = {"sku": new_sku(), "name": "same", "price_cents": 1}
    answers = at_once([lambda: api.post("/products", json=body)] * 6)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}


def test_an_order_is_cancelled_once(api, product):
    sku = product(stock=1)["sku"]
    order = place(api, (sku, 1))().json()
    answers = at_once([lambda: api.post(f"/orders/{order['id']}/cancel")] * 5)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 4}
    assert api.get(f"/products/{sku}").json()["stock"] == 1
