"""Settings: from the environment, read once, checked at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(ValueError):
    """A setting is missing or makes no sense."""


@dataclass(frozen=True)
class Settings:
    database_url: str
    redis_url: str | None
    cache_ttl_seconds: int
    pool_max_size: int


def _positive(env: Mapping[str, str], name: str, default: int) -> int:
    raw = env.get(name, str(default))
    if not raw.isascii() or not raw.isdigit() or int(raw) == 0:
        raise SettingsError(f"{name} must be a whole number above 0, not {raw!r}")
    return int(raw)


def database_url(env: Mapping[str, str] = os.environ) -> str:
    """Where PostgreSQL is: DATABASE_URL, or the standard PG* variables (then it is empty)."""
    url = env.get("DATABASE_URL", "")
    if not url and "PGHOST" not in env:
        raise SettingsError("neither DATABASE_URL nor PGHOST is set")
    return url


def load(env: Mapping[str, str] = os.environ) -> Settings:
    return Settings(
        database_url=database_url(env),
        redis_url=env.get("REDIS_URL") or None,
        cache_ttl_seconds=_positive(env, "CACHE_TTL_SECONDS", 30),
        pool_max_size=_positive(env, "POOL_MAX_SIZE", 8),
    )
