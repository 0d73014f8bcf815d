"""The server over a desk that reads from a table and paints one colour: what is asked of a desk, and said of it."""

import base64
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from prep.images import encode_png
from prep.service.a1111.options import Options
from prep.service.app import app_of
from prep.web.access import Access
from tests.service.a1111.desk import TableDesk
from tests.support.pictures import drawing


@pytest.fixture(scope="session")
def open_app() -> FastAPI:
    return app_of(TableDesk(), Access({}))


@pytest.fixture(scope="session")
def locked_app() -> FastAPI:
    return app_of(TableDesk(), Access({"ann": "secret"}))


@pytest.fixture(scope="session")
def locked_address(locked_app) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(locked_app, log_level="warning", ws="none", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as at:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        yield f"http://127.0.0.1:{at.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def desk() -> TableDesk:
    return TableDesk()


@pytest.fixture
def client(open_app, desk) -> TestClient:
    open_app.state.desk, open_app.state.a1111_options = desk, Options()
    return TestClient(open_app, "http://localhost")


@pytest.fixture
def listening(locked_app, locked_address, desk) -> str:
    """Its address; it asks for ann and secret."""
    locked_app.state.desk, locked_app.state.a1111_options = desk, Options()
    return locked_address


@pytest.fixture(scope="session")
def picture() -> str:
    """A picture file as base64."""
    return base64.b64encode(encode_png(drawing(1))).decode()
