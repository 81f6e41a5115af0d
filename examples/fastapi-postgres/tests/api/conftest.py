import os
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest


@pytest.fixture(scope="session")
def api() -> Iterator[httpx.Client]:
    """The service, as any other pod sees it."""
    with httpx.Client(base_url=os.environ.get("SHOP_API_URL", "http://shop-api:8080"), timeout=30) as client:
        yield client


@pytest.fixture
def new_sku() -> Callable[[], str]:
    """Article numbers that no other test uses: tests share one database and may run side by side."""
    return lambda: f"TEST-{uuid.uuid4().hex[:12].upper()}"


@pytest.fixture
def product(api: httpx.Client, new_sku: Callable[[], str]) -> Callable[..., dict]:
    """Makes products."""

    def make(**fields) -> dict:
        answer = api.post(
            "/products", json={"sku": new_sku(), "name": "a thing", "price_cents": 250, "stock": 5} | fields
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make
