"""The server over a desk that reads from a table and paints one colour: what is asked of a desk, and said of it."""

import base64
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi.testclient import TestClient

from prep.images import encode_png
from prep.service.access import Access
from prep.service.app import app_of
from tests.service.a1111.desk import TableDesk
from tests.support.pictures import drawing


@pytest.fixture
def desk():
    return TableDesk()


@pytest.fixture
def client(desk):
    return TestClient(app_of(desk, Access({})), "http://localhost")


@pytest.fixture
def listening(desk) -> Iterator[str]:
    """Its address; it asks for ann and secret."""
    server = uvicorn.Server(uvicorn.Config(app_of(desk, Access({"ann": "secret"})), log_level="warning", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as at:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        yield f"http://127.0.0.1:{at.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def picture() -> str:
    """A picture file as base64."""
    return base64.b64encode(encode_png(drawing(1))).decode()
