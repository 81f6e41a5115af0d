from collections.abc import Iterator

import pytest

from cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def release(cluster: Cluster) -> str:
    """The namespace of the one release that the suite needs."""
    (namespace,) = cluster.release_namespaces
    return namespace
