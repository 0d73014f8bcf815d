"""What /openapi.json allows is asked, and what is answered is what it says."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import CHECKS, load_all_checks

from prep.images import read_header
from prep.service.body import FORM
from prep.service.fields import PNG
from prep.service.lane import Lane
from prep.service.openapi import DATASET, DRAW, LOOP, READ
from tests.support.serving import Served, served_here

load_all_checks()
CONFORM = CHECKS.get_by_names([
    "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "unsupported_method",
])  # fmt: skip
OWN = ("/v1/", "/health", "/ready", "/metrics")
A1111S = ("Invalid encoded image", "Requests not allowed")  # are 500, and its clients know them


def fails_on_purpose(ctx: Any, response: Response, case: Case) -> None:
    """No 5xx but 503, and A1111's own."""
    if response.status_code >= 500 and response.status_code != 503:
        assert not case.path.startswith(OWN) and response.json()["detail"] in A1111S, response.text


def with_pictures(case: Case) -> Case:
    """Its pictures are real ones: few strings are base64."""
    fields = case.body if isinstance(case.body, dict) else {}
    form = case.media_type == FORM
    picture = base64.b64decode(PNG) if form else PNG
    for name in ("image", "mask"):
        if fields.get(name) is not None:
            fields[name] = picture
    if "images" in fields:
        fields["images"] = [picture for _ in fields["images"][:2]]
    return case


def ask(served: Served, examples: int, checks: list[Callable], starts: tuple[str, ...] = OWN) -> list[Response]:
    """So many requests per route that its schema allows, and as many that it forbids -> the answers."""
    found = []

    def answered(case: Case) -> None:
        found.append(case.call(base_url=served.url, timeout=120))
        case.validate_response(found[-1], checks=[*checks, fails_on_purpose])

    few = settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                   suppress_health_check=list(HealthCheck))  # fmt: skip
    for cases in (*allowed(served, starts), *forbidden(served, starts)):
        few(given(case=cases)(answered))()
    return found


def allowed(served: Served, starts: tuple[str, ...]) -> Iterator[SearchStrategy[Case]]:
    for operation in operations(openapi_of(served), starts):
        cases = operation.as_strategy()
        yield cases
        if operation.body:
            yield cases.map(with_pictures)


def forbidden(served: Served, starts: tuple[str, ...]) -> Iterator[SearchStrategy[Case]]:
    """Of JSON alone: in a form every field is text."""
    openapi = openapi_of(served)
    for item in openapi["paths"].values():
        for route in item.values():
            route.get("requestBody", {}).get("content", {}).pop(FORM, None)
    for operation in operations(openapi, starts):
        if operation.body:  # other routes forbid nothing
            yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def operations(openapi: dict[str, Any], starts: tuple[str, ...]) -> list[APIOperation]:
    every = (each.ok() for each in schemathesis.openapi.from_dict(openapi).get_all_operations())
    return [operation for operation in every if operation.path.startswith(starts)]


def openapi_of(served: Served) -> dict[str, Any]:
    return served.get("/openapi.json").json()


def test_every_route_answers_what_its_openapi_says(tmp_path):
    with served_here(tmp_path, "generator.model=none") as served:
        assert len(ask(served, 4, CONFORM)) > 40
        assert served.get("/ready").text == "ready\n"


@pytest.mark.slow
def test_every_route_answers_what_its_openapi_says_to_many_requests_while_it_draws(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sets = ("serve.job_seconds=1", "serve.queue=4", f"serve.roots=['{tmp_path / 'art'}']")
    (tmp_path / "art").mkdir()
    with served_here(tmp_path / "serve", *sets) as served:
        answers = ask(served, 100, CONFORM)
        assert len(answers) > 1_000 and {answer.status_code for answer in answers} >= {200, 202, 400, 404, 422, 429}
        for id_ in {answer.json()["id"] for answer in answers if answer.status_code == 202}:
            error = served.ended(id_)["error"] or {"message": ""}
            assert not error["message"].startswith("prep failed"), error
        assert len(ask(served, 20, [], ("/sdapi/", "/tagger/", "/internal/"))) > 200
        assert served.get("/ready").text == "ready\n"


def examples(served: Served) -> list[tuple[str, str, dict]]:
    """(path, name, body) of each example that /docs shows."""
    paths = openapi_of(served)["paths"]
    return [
        (path, name, example["value"])
        for path, item in paths.items() if path.startswith("/v1") and "post" in item
        for name, example in item["post"]["requestBody"]["content"]["application/json"]["examples"].items()
    ]  # fmt: skip


def test_the_examples_are_accepted_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setattr(Lane, "start", lambda lane: None)  # what is accepted waits
    (tmp_path / "art" / "characters").mkdir(parents=True)
    assert read_header(base64.b64decode(PNG)).alpha
    with served_here(tmp_path / "serve", f"serve.roots=['{tmp_path / 'art'}']") as served:
        shown = examples(served)
        assert {name for _, name, _ in shown} == {*READ, *DRAW, *LOOP, *DATASET}
        for path, name, body in shown:
            answer = served.post(path, json=body)
            assert answer.status_code == (200 if path == "/v1/read" else 202), (name, answer.text)


@pytest.mark.slow
def test_the_examples_are_drawn_as_they_stand(served):
    for path, name, body in examples(served):
        if path in ("/v1/draw", "/v1/loop"):
            job = served.post(path, json={**body, "wait": True}).json()
            assert job["status"] == "done", (name, job)
            assert all(served.get(each["url"]).status_code == 200 for each in job["result"]["pictures"])


def test_text_that_no_tokenizer_takes_is_refused(served):
    for prompt in (r"\u0000", r"1girl \ud800", r"\udc00\ud800"):
        body = f'{{"prompt": "{prompt}"}}'.encode()
        answer = served.post("/v1/draw", data=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422 and answer.json()["detail"].startswith("prompt: "), answer.text
    answer = served.post("/v1/draw", data=rb'{"prompt": "\ud83d\ude00", "count": 99}')
    assert "at most 16" in answer.json()["detail"]  # a whole pair is a letter


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/read", {"images": [PNG], "threshold": True}, "threshold"),
        ("/v1/read", {"images": [PNG], "threshold": "0.4"}, "threshold"),
        ("/v1/draw", {"prompt": "1girl", "count": "2"}, "count"),
        ("/v1/draw", {"prompt": "1girl", "steps": True}, "steps"),
        ("/v1/draw", {"prompt": "1girl", "wait": "yes"}, "wait"),
    ],
)
def test_a_field_of_another_type_is_refused_in_json(served, path, body, field):
    answer = served.post(path, json=body)
    assert answer.status_code == 422 and answer.json()["detail"].startswith(f"{field}: "), answer.text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/jobs/x", "DELETE, GET"), ("/v1/read", "POST"), ("/sdapi/v1/options", "GET, POST"), ("/health", "GET")],
)
def test_a_wrong_method_is_told_all_right_ones(served, path, allowed):
    answer = requests.put(served.url + path, timeout=60)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json() == {"detail": "Method Not Allowed"}
