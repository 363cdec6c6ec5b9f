"""Fixtures for tests of every kind."""

from tests.support.dynamodb import (  # noqa: F401
    dynamo,
    dynamo_local,
    dynamodb_local,
    no_scan,
    tables,
    tables_local,
)
