"""What tests of handlers share."""

import logging
from collections.abc import Callable, Iterator
from io import StringIO

import pytest


@pytest.fixture
def logs(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Returns all that was logged and printed since; the logger took its stream at import."""
    stream = StringIO()
    taken = []
    for handler in logging.getLogger("parley").handlers:
        assert isinstance(handler, logging.StreamHandler)
        taken.append((handler, handler.setStream(stream)))

    def read() -> str:
        captured = capsys.readouterr()
        return stream.getvalue() + captured.out + captured.err

    assert taken
    yield read
    for handler, before in taken:
        handler.setStream(before)
