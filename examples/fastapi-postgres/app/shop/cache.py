"""Products kept in Redis for a short time, where REDIS_URL is set.

The database stays the truth: what changes a product forgets its entry, an entry lives at
most CACHE_TTL_SECONDS, and orders never read from here. A Redis that does not answer
costs a cache miss, is counted in `errors` and logged; it does not fail the request.
"""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import redis

log = logging.getLogger("shop.cache")


class Cache:
    """`client` is a redis.Redis, or None for no cache at all."""

    def __init__(self, client: redis.Redis | None, ttl_seconds: int) -> None:
        self._client = client
        self._ttl = ttl_seconds
        self._lock = threading.Lock()
        self._counts = {"hits": 0, "misses": 0, "errors": 0}

    @classmethod
    def connect(cls, url: str | None, ttl_seconds: int) -> "Cache":
        client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) if url else None
        return cls(client, ttl_seconds)

    def stats(self) -> dict[str, Any]:
        with self._lock:
            return {"enabled": self._client is not None, **self._counts}

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def product(self, sku: str, load: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], str]:
        """The product and where it came from: `hit`, `miss`, `error` or `off`."""
        if self._client is None:
            return load(), "off"
        try:
            kept = self._client.get(f"product:{sku}")
        except redis.RedisError as error:
            self._failed(error)
            return load(), "error"
        if kept is not None:
            self._count("hits")
            return json.loads(kept), "hit"
        self._count("misses")
        product = load()
        try:
            self._client.set(f"product:{sku}", json.dumps(product), ex=self._ttl)
        except redis.RedisError as error:
            self._failed(error)
        return product, "miss"

    def forget(self, *skus: str) -> None:
        if self._client is None or not skus:
            return
        try:
            self._client.delete(*(f"product:{sku}" for sku in skus))
        except redis.RedisError as error:
            self._failed(error)

    def _failed(self, error: redis.RedisError) -> None:
        self._count("errors")
        log.warning("cache: %s", error)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
