"""A web UI on loopback that speaks as AUTOMATIC1111, SD.Next and the extension do, and the broken kinds of it.

It reads with the starter tagger, or from the picture's mean colour, and draws a colour of the seed. It keeps what it
was asked, and can do without anything that real servers lack.
"""

import base64
import io
import json
import threading
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

TAGS = (
    "1girl",
    "solo",
    "blue_hair",
    "smile",
    ":d",
    "white_shirt",
    "a_(b)",
    "outdoors",
    "rating:safe",
    "rating:explicit",
)
OPTIONS = {
    "sd_model_checkpoint": "anime.safetensors [0123456789]",
    "sd_vae": "Automatic",
    "CLIP_stop_at_last_layers": 2,
    "interrogate_return_ranks": False,
    "interrogate_deepbooru_score_threshold": 0.5,
    "deepbooru_use_spaces": True,
    "deepbooru_escape": True,
    "deepbooru_filter_tags": "",
}
MODELS = [
    {"title": "anime.safetensors [0123456789]", "model_name": "anime", "hash": "0123456789", "sha256": "01" * 32},
    {"title": "other.safetensors", "model_name": "other", "hash": None, "sha256": None},
]
LASTING = ExitStack()
TRICKLE_SECONDS = 0.02  # between two bytes
PAGE = b"<!DOCTYPE html><html><title>Stable Diffusion</title></html>"


def of_its_colour(pixels: np.ndarray) -> dict[str, float]:
    """uint8 [H, W, 3] -> tag -> score: the same for the same picture, a few below any threshold."""
    mean = pixels.mean() / 255
    return {tag: round(float(abs(np.sin(7 * mean + at)) * (at % 4 > 0 or 0.01)), 3) for at, tag in enumerate(TAGS)}


class WebUI:
    """kind: a1111, sdnext, wd14, page (HTML everywhere), no_api (404 everywhere), deaf (heeds no option), prose.

    faults: each is used up by one POST: 500, silent, cut, page, slow header, slow body (both byte by byte, without an
    end). password: asked for by Basic. After `changes_after` readings it has another model.
    """

    def __init__(self, kind: str = "a1111", read: Callable[[np.ndarray], dict[str, float]] = of_its_colour) -> None:
        self.kind, self.read = kind, read
        self.options = dict(OPTIONS)
        self.models = [dict(each) for each in MODELS]
        self.faults: list[str] = []
        self.asked: list[tuple[str, Any]] = []  # (path, body) of each request that was answered
        self.tokens: list[str | None] = []
        self.password = ""
        self.drawn: list[int] = []  # seeds
        self.side_px = 0  # 0: draws the size that it is asked for
        self.changes_after: int | None = None
        self.readings = 0
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.url = ""

    def posts(self, path: str) -> list[Any]:
        return [body for there, body in self.asked if there == path and body is not None]

    def get(self, path: str) -> Any:
        if path == "/sdapi/v1/options":
            return self.options
        if path == "/sdapi/v1/sd-models":
            return self.models
        if path == "/sdapi/v1/samplers":
            return [{"name": name, "aliases": [], "options": {}} for name in ("Euler a", "Euler", "DPM++ 2M", "UniPC")]
        if path == "/sdapi/v1/tagger/models" and self.kind == "sdnext":
            return [{"name": "deepbooru", "type": "deepbooru"}]
        if path == "/tagger/v1/interrogators" and self.kind == "wd14":
            return {"models": ["wd14-vit-v2"]}
        return 405 if path == "/sdapi/v1/interrogate" and self.kind in ("a1111", "deaf", "prose") else 404

    def post(self, path: str, body: dict) -> Any:
        if path == "/sdapi/v1/options":
            if self.kind != "deaf":
                self.options |= body
            wanted = self.options["sd_model_checkpoint"]
            for model in self.models:
                if model["title"] == wanted and not model["sha256"]:
                    model |= {"sha256": "02" * 32, "hash": "0202020202"}
            return None
        if path == "/sdapi/v1/interrogate" and self.kind in ("a1111", "deaf", "prose"):
            return self._interrogated(body)
        if path == "/sdapi/v1/tagger" and self.kind == "sdnext":
            return self._tagged(body)
        if path == "/tagger/v1/interrogate" and self.kind == "wd14":
            return {"caption": {tag: score for tag, score in self._scores(body).items() if score >= body["threshold"]}}
        if path in ("/sdapi/v1/txt2img", "/sdapi/v1/img2img"):
            return self._drawn(body)
        return 404

    def _scores(self, body: dict) -> dict[str, float]:
        self.readings += 1
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(body["image"]))).convert("RGB"))
        found = self.read(pixels)
        if self.changes_after is not None and self.readings > self.changes_after:
            found = dict(zip(found, [*found.values()][::-1], strict=True))
        return found

    def _interrogated(self, body: dict) -> Any:
        if body["model"] != "deepdanbooru":
            return 404
        if self.kind == "prose":
            return {"caption": "A girl, standing in a field, smiles at the viewer."}
        options = self.options
        least = options["interrogate_deepbooru_score_threshold"]
        found = {tag: score for tag, score in sorted(self._scores(body).items()) if score >= least}
        words = []
        for tag in found:
            text = tag.replace("_", " ") if options["deepbooru_use_spaces"] else tag
            text = text.replace("(", r"\(").replace(")", r"\)") if options["deepbooru_escape"] else text
            words.append(f"({text}:{found[tag]:.3f})" if options["interrogate_return_ranks"] else text)
        return {"caption": ", ".join(word for word in words if "rating:" not in word)}

    def _tagged(self, body: dict) -> Any:
        without = {tag.strip() for tag in body["exclude_tags"].split(",")}
        least = body["threshold"] or 0.5
        found = sorted(self._scores(body).items(), key=lambda each: -each[1])
        found = [(tag, score) for tag, score in found if score >= least and tag not in without]
        found = found[: body["max_tags"]]
        scores = {tag: score for tag, score in found} if body["show_scores"] else None
        return {"tags": ", ".join(f"({tag}:{score:.2f})" for tag, score in found), "scores": scores}

    def _drawn(self, body: dict) -> Any:
        if body["sampler_name"] not in ("Euler", "Euler a", "DPM++ 2M", "UniPC"):
            return 404
        size = (self.side_px, self.side_px) if self.side_px else (body["width"], body["height"])
        colour = np.random.default_rng(body["seed"]).integers(40, 216, 3)
        pixels = np.random.default_rng(body["seed"]).integers(-30, 30, (*size[::-1], 3)) + colour
        self.drawn.append(body["seed"])
        file = io.BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
        model = next(each for each in self.models if each["title"] == self.options["sd_model_checkpoint"])
        info = {"seed": body["seed"], "sd_model_name": model["model_name"], "sd_model_hash": model["hash"]}
        return {"images": [base64.b64encode(file.getvalue()).decode()], "parameters": {}, "info": json.dumps(info)}


@contextmanager
def web_ui(kind: str = "a1111", read: Callable[[np.ndarray], dict[str, float]] = of_its_colour, port: int = 0):
    ui = WebUI(kind, read)
    with serving(ui, port):
        yield ui


@contextmanager
def serving(ui: WebUI, port: int = 0):
    """The same web UI may be stopped, and served again at its old port."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(ui))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    ui.done.clear()
    ui.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield ui
    finally:
        ui.done.set()
        server.shutdown()
        thread.join()
        server.server_close()


@cache
def lasting_web_ui() -> WebUI:
    """One for all tests of a process that leave it as it is."""
    return LASTING.enter_context(serving(WebUI()))


def _handler(ui: WebUI) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            ui.tokens.append(self.headers.get("Authorization"))
            fault = ui.faults.pop(0) if ui.faults and body is not None else ""
            wanted = "Basic " + base64.b64encode(ui.password.encode()).decode()
            if ui.password and self.headers.get("Authorization") != wanted:
                self._send(401, {"detail": "Incorrect username or password"})
            elif fault == "silent":
                ui.done.wait()
            elif fault == "500":
                self._send(500, {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory"})
            elif fault == "cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"caption"')
                self.close_connection = True
            elif fault == "slow header":
                self._trickle(b"HTTP/1.1 200 OK\r\nX-Long: ")
            elif fault == "slow body":
                self._trickle(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
            elif ui.kind == "page" or fault == "page":
                self._send(200, PAGE, "text/html")
            elif ui.kind == "no_api":
                self._send(404, {"detail": "Not Found"})
            else:
                with ui.lock:
                    ui.asked.append((self.path, body))
                    found = ui.get(self.path) if body is None else ui.post(self.path, body)
                named = {404: "Model not found" if body else "Not Found", 405: "Method Not Allowed"}
                status = found if isinstance(found, int) else 200
                self._send(status, {"detail": named[found]} if isinstance(found, int) else found)

        def _send(self, status: int, body: Any, kind: str = "application/json") -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _trickle(self, begin: bytes) -> None:
            self.close_connection = True
            with suppress(OSError):  # the other side is gone
                self.wfile.write(begin)
                while not ui.done.wait(TRICKLE_SECONDS):
                    self.wfile.write(b" ")

        def log_message(self, *_) -> None:
            pass

    return Handler
