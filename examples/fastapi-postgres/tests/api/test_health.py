def test_healthz(api):
    answer = api.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_readyz_knows_the_schema(api):
    answer = api.get("/readyz")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["ready"] is True
    assert body["database"] == "ok"
    assert body["schema"] >= body["needs"] >= 1


def test_every_answer_names_its_instance(api):
    assert api.get("/healthz").headers["X-Served-By"]
    assert api.get("/products/NO-SUCH").headers["X-Served-By"]


def test_unknown_path_is_404(api):
    assert api.get("/nothing-here").status_code == 404


def test_cache_stats_say_whether_there_is_a_cache(api, product):
    made = product()
    source = api.get(f"/products/{made['sku']}").headers["X-Cache"]
    stats = api.get("/cache-stats").json()
    assert set(stats) == {"enabled", "hits", "misses", "errors"}
    assert stats["errors"] == 0
    assert source == ("miss" if stats["enabled"] else "off")
