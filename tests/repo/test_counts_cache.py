"""What web processes count together: in Redis where it is, nowhere where it is away, and never pickled."""

from __future__ import annotations

import pytest

from config.cache import CountsCache, JsonSerializer, describe_cache


def test_counts_are_kept_where_every_process_sees_them(broker: str) -> None:
    described = describe_cache(broker)
    first, second = (CountsCache(described["LOCATION"], {"KEY_PREFIX": "test"}) for _ in range(2))

    first.set("failures", [1.5, 0.5], 60)

    assert second.get("failures") == [1.5, 0.5]
    assert (second.add("lock", True, 60), first.add("lock", True, 60)) == (True, False)
    assert first.delete("lock") is True
    first.delete("failures")


def test_without_redis_it_is_an_empty_cache() -> None:
    away = CountsCache("redis://127.0.0.1:9", {})

    away.set("failures", [1.0], 60)

    assert away.get("failures", []) == []
    assert away.add("lock", True, 60) is True
    assert away.delete("lock") is False


def test_what_somebody_else_put_there_is_data_and_not_code() -> None:
    with pytest.raises(ValueError):
        JsonSerializer().loads(b"cos\nsystem\n(S'id'\ntR.")


@pytest.mark.parametrize(
    ("broker", "backend", "location"),
    [
        ("redis+socket:///tmp/x/valkey.sock", "config.cache.CountsCache", "unix:///tmp/x/valkey.sock"),
        ("rediss://redis.example.org/1", "config.cache.CountsCache", "rediss://redis.example.org/1"),
        ("amqp://rabbit", "django.core.cache.backends.locmem.LocMemCache", None),
    ],
)
def test_it_follows_the_brokers_address(broker: str, backend: str, location: str | None) -> None:
    described = describe_cache(broker)

    assert (described["BACKEND"], described.get("LOCATION")) == (backend, location)
