from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.cmd.healthcheck import ping
from compute_service.domain.errors import Unavailable
from compute_service.store.database import EngineOptions, PoolUse
from compute_service.store.engine import Store, StoreUrls


def test_a_store_tells_how_its_pools_are_used(tmp_path: Path) -> None:
    store = Store(
        StoreUrls(api=f"sqlite:///{tmp_path}/api.sqlite"), EngineOptions(pool_size=2, max_overflow=3)
    )
    assert store.pools() == {}, "nothing is connected to before it is used"
    with store.api.read(), store.api.read():
        assert store.pools() == {"api": PoolUse(in_use=2, idle=0, most=5)}
    assert store.pools() == {"api": PoolUse(in_use=0, idle=2, most=5)}
    store.close()


def test_a_ping_says_whether_the_database_answers(tmp_path: Path) -> None:
    there = Store(StoreUrls(api=f"sqlite:///{tmp_path}/api.sqlite"))
    ping(there)
    there.close()
    gone = Store(StoreUrls(api="mysql://nova:sesame@127.0.0.1:1/nova"))
    with pytest.raises(Unavailable):
        ping(gone)
    gone.close()
