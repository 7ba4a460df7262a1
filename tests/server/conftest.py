"""Server processes over stdio, with the tiny model, as clients see them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.wire import Client, serve_command

EVERYTHING = {"minimumProbability": {"char": 0, "token": 0, "line": 0, "block": 0}}
"""Options by which even the tiny model, which knows nothing, has something to show."""

Start = Callable[..., Client]


@pytest.fixture(scope="session")
def start(tiny_model_path: Path) -> Iterator[Start]:
    """Return a function that starts a server, initialises it and waits for its model."""
    clients: list[Client] = []

    def started(*, model: Path | None = None, ready: bool = True, **initialize: Any) -> Client:
        client = Client(serve_command(model or tiny_model_path))
        clients.append(client)
        client.initialize(**{"options": EVERYTHING, **initialize})
        if ready:
            client.status("ready")
        return client

    yield started
    for client in clients:
        client.kill()


@pytest.fixture(scope="module")
def client(start: Start) -> Client:
    """Return a server in utf-16 that the tests of a module share."""
    return start()


@pytest.fixture(scope="module", params=["utf-8", "utf-16", "utf-32"])
def encoded(start: Start, request: pytest.FixtureRequest) -> tuple[Client, str]:
    """Return a server and the position encoding that was negotiated with it."""
    return start(encodings=[request.param]), request.param


@pytest.fixture
def uri(request: pytest.FixtureRequest) -> str:
    """Return a document's URI that no other test uses."""
    return f"file:///elsewhere/{abs(hash(request.node.nodeid))}.py"
