"""Fixtures for tests of every kind."""

import pytest
from _pytest.nodeid import NodeId

from tests.support.dynamodb import (  # noqa: F401
    dynamo,
    dynamo_local,
    dynamodb_local,
    no_scan,
    tables,
    tables_local,
)


# After the hooks that mark.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Makes `xdist_group` work: xdist 3.8 writes groups to where pytest 9.2 reads no ids from."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        if mark is not None and not item.nodeid.endswith(f"@{mark.args[0]}"):
            item._id = NodeId.parse(f"{item.nodeid}@{mark.args[0]}")
