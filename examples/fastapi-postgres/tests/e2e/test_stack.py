"""The full stack of values-e2e.yaml. Under values-integration.yaml every test here fails."""

import os
import uuid

import httpx
import pytest

from cluster import is_ready

API = os.environ.get("SHOP_API_URL", "http://shop-api:8080")


@pytest.fixture(scope="module")
def fresh():
    """Requests, each on a connection of its own: the Service picks a pod per connection."""
    with httpx.Client(base_url=API, timeout=30, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        yield client.request


@pytest.fixture
def api_pods(cluster, release):
    return cluster.items(release, "pods", component="api")


@pytest.fixture
def sku(fresh) -> str:
    sku = f"TEST-{uuid.uuid4().hex[:12].upper()}"
    answer = fresh("POST", "/products", json={"sku": sku, "name": "a thing", "price_cents": 250, "stock": 9})
    assert answer.status_code == 201, answer.text
    return sku


def test_two_replicas_on_two_nodes(api_pods):
    assert len(api_pods) == 2
    assert all(is_ready(pod) for pod in api_pods)
    assert len({pod["spec"]["nodeName"] for pod in api_pods}) == 2


def test_both_replicas_serve(fresh, api_pods):
    seen = {fresh("GET", "/healthz").headers["X-Served-By"] for _ in range(60)}
    assert seen == {pod["metadata"]["name"] for pod in api_pods}
    assert len(seen) == 2


def test_replicas_share_one_cache(fresh, sku):
    first = fresh("GET", f"/products/{sku}")
    assert first.headers["X-Cache"] == "miss"
    # The other replica has never read this product, and still finds it in the cache.
    others = []
    while not others or len(others) < 60 and others[-1].headers["X-Served-By"] == first.headers["X-Served-By"]:
        others.append(fresh("GET", f"/products/{sku}"))
    assert {answer.headers["X-Cache"] for answer in others} == {"hit"}
    assert others[-1].headers["X-Served-By"] != first.headers["X-Served-By"]
    assert others[-1].json() == first.json()


def test_a_change_on_one_replica_is_seen_on_all(fresh, sku):
    assert fresh("GET", f"/products/{sku}").headers["X-Cache"] == "miss"
    assert fresh("POST", "/orders", json={"customer": "e2e", "lines": [{"sku": sku, "quantity": 4}]}).status_code == 201
    answers = [fresh("GET", f"/products/{sku}") for _ in range(20)]
    assert {answer.json()["stock"] for answer in answers} == {5}
    assert [answer.headers["X-Cache"] for answer in answers] == ["miss"] + ["hit"] * 19


def test_cache_counts_hits_and_no_errors(fresh, sku):
    for _ in range(20):
        fresh("GET", f"/products/{sku}")
    by_instance = {}
    for _ in range(60):
        answer = fresh("GET", "/cache-stats")
        by_instance[answer.headers["X-Served-By"]] = answer.json()
    assert all(stats["enabled"] and stats["errors"] == 0 for stats in by_instance.values()), by_instance
    assert sum(stats["hits"] for stats in by_instance.values()) >= 19


def test_the_database_has_a_volume_of_its_own(cluster, release):
    found = cluster.items(release, "persistentvolumeclaims", component="database")
    assert [claim["status"]["phase"] for claim in found] == ["Bound"]
    (pod,) = cluster.items(release, "pods", component="database")
    claims = [v["persistentVolumeClaim"]["claimName"] for v in pod["spec"]["volumes"] if "persistentVolumeClaim" in v]
    assert claims == [found[0]["metadata"]["name"]]


def test_the_policies_are_there(cluster, release):
    names = {
        each["metadata"]["name"] for each in cluster.items(release, "networkpolicies", "apis/networking.k8s.io/v1")
    }
    assert names == {"shop-deny-ingress", "shop-api", "shop-db", "shop-cache"}
