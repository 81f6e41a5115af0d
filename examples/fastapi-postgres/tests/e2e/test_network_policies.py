"""The policies at work. Needs a network plugin that enforces NetworkPolicies.

Run as a suite of its own (see ket.yaml): with a plugin that ignores policies these tests
fail, and they should.
"""

import socket

import httpx
import pytest

LIMIT_SECONDS = 5


def test_the_api_is_reached_from_its_namespace():
    assert httpx.get("http://shop-api:8080/readyz", timeout=10).status_code == 200


@pytest.mark.parametrize(("host", "port"), [("shop-cache", 6379), ("shop-db", 5432)])
def test_what_only_the_api_may_reach_is_denied(host, port):
    # The name must resolve: a connection that fails for want of an address would prove nothing.
    assert socket.getaddrinfo(host, port)
    with pytest.raises((TimeoutError, ConnectionRefusedError)):
        socket.create_connection((host, port), timeout=LIMIT_SECONDS).close()


def test_the_denied_services_are_up():
    """Denied by the policy, not because nobody listens: the API reaches both."""
    assert httpx.get("http://shop-api:8080/readyz", timeout=10).json()["database"] == "ok"
    httpx.get("http://shop-api:8080/products/NO-SUCH", timeout=10)
    stats = httpx.get("http://shop-api:8080/cache-stats", timeout=10).json()
    assert stats["enabled"] and stats["errors"] == 0
