import pytest


def test_add_and_get(api, new_sku):
    sku = new_sku()
    added = api.post("/products", json={"sku": sku, "name": "teapot", "price_cents": 1999, "stock": 3})
    assert added.status_code == 201, added.text
    assert added.headers["Location"] == f"/products/{sku}"
    got = api.get(added.headers["Location"])
    assert got.status_code == 200
    assert got.json() == added.json() == {"sku": sku, "name": "teapot", "price_cents": 1999, "stock": 3}


def test_any_spelling_of_a_sku_finds_the_product(api, product):
    made = product()
    assert api.get(f"/products/{made['sku'].lower().replace('-', '_')}").json() == made


def test_duplicate_sku_is_409_and_changes_nothing(api, product):
    made = product(name="first")
    again = api.post("/products", json={"sku": made["sku"].lower(), "name": "second", "price_cents": 1})
    assert again.status_code == 409
    assert made["sku"] in again.json()["detail"]
    assert api.get(f"/products/{made['sku']}").json() == made


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"sku": "?"}, id="no sku"),
        pytest.param({"name": ""}, id="empty name"),
        pytest.param({"name": "x" * 201}, id="long name"),
        pytest.param({"name": "nul \x00 byte"}, id="name with NUL"),
        pytest.param({"name": None}, id="name null"),
        pytest.param({"price_cents": 0}, id="price 0"),
        pytest.param({"price_cents": "250"}, id="price as text"),
        pytest.param({"price_cents": 2.5}, id="half a cent"),
        pytest.param({"stock": -1}, id="stock below 0"),
        pytest.param({"colour": "red"}, id="unknown field"),
    ],
)
def test_invalid_product_is_422_and_names_the_field(api, new_sku, change):
    sku = new_sku()
    answer = api.post("/products", json={"sku": sku, "name": "a", "price_cents": 1} | change)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", *change]
    assert api.get(f"/products/{sku}").status_code == 404


def test_unknown_product_is_404(api, new_sku):
    sku = new_sku()
    for answer in (
        api.get(f"/products/{sku}"),
        api.patch(f"/products/{sku}", json={"add_stock": 1}),
        api.delete(f"/products/{sku}"),
    ):
        assert answer.status_code == 404
        assert answer.json() == {"detail": f"no product {sku}"}


def test_what_is_no_sku_is_422(api):
    assert api.get("/products/(!)").status_code == 422


def test_change_price_and_stock(api, product):
    sku = product(price_cents=100, stock=5)["sku"]
    changed = api.patch(f"/products/{sku}", json={"price_cents": 120, "add_stock": 2})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["price_cents"], changed.json()["stock"]) == (120, 7)
    assert api.get(f"/products/{sku}").json() == changed.json()


def test_stock_never_falls_below_nothing(api, product):
    sku = product(stock=5)["sku"]
    assert api.patch(f"/products/{sku}", json={"add_stock": -6}).status_code == 409
    emptied = api.patch(f"/products/{sku}", json={"add_stock": -5})
    assert emptied.status_code == 200
    assert emptied.json()["stock"] == 0


def test_a_change_without_sense_is_422(api, product):
    sku = product()["sku"]
    for change in ({"add_stock": 2**31}, {"price_cents": -1}, {"name": "cannot be changed"}):
        assert api.patch(f"/products/{sku}", json=change).status_code == 422


def test_delete(api, product):
    sku = product()["sku"]
    assert api.delete(f"/products/{sku}").status_code == 204
    assert api.get(f"/products/{sku}").status_code == 404


def test_an_ordered_product_cannot_be_deleted(api, product):
    sku = product()["sku"]
    assert api.post("/orders", json={"customer": "c", "lines": [{"sku": sku, "quantity": 1}]}).status_code == 201
    answer = api.delete(f"/products/{sku}")
    assert answer.status_code == 409
    assert answer.json() == {"detail": f"{sku} is part of an order"}
    assert api.get(f"/products/{sku}").status_code == 200


def test_list_is_sorted_filtered_and_paged(api, product, new_sku):
    prefix = new_sku()
    made = [product(sku=f"{prefix}-{letter}", stock=stock) for letter, stock in (("C", 1), ("A", 1), ("B", 0))]
    first, second, third = sorted(made, key=lambda each: each["sku"])

    def listed(**query):
        answer = api.get("/products", params={"prefix": prefix} | query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert listed() == [first, second, third]
    assert listed(in_stock=True) == [first, third]
    assert listed(limit=2) == [first, second]
    assert listed(limit=2, after=second["sku"]) == [third]


def test_list_refuses_senseless_pages(api):
    assert api.get("/products", params={"limit": 0}).status_code == 422
    assert api.get("/products", params={"limit": 101}).status_code == 422
    assert api.get("/products", params={"prefix": "%"}).status_code == 422
