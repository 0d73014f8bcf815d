"""uvicorn as prep runs it, on loopback, in a thread of this process."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from prep.web.server import Server, listening, make_config


@contextlib.contextmanager
def answering(app: Any, requests: int, finish: Callable[[], None]) -> Iterator[str]:
    """-> its address, without a slash at the end. finish: see prep.web.server.serve."""
    at = listening("127.0.0.1", 0)
    server = Server(make_config(app, requests), finish)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [at]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{at.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
