# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's document is whole, and says all that the API has; its pages are what it says."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from litestar.routes import HTTPRoute
from openapi_spec_validator import validate

from brender.manager import http
from brender.manager.apidoc import METHODS, document, operations, types
from brender.manager.docspage import page
from tools import write_api

APP = http.application({})
FOUND = document(APP)
NOT_THE_API = {"/", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/docs/openapi.json", "/api/v1/docs/{path}"}


def everything(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from everything(each)


def routes() -> Iterator[tuple[str, str]]:
    for route in APP.routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        if isinstance(route, HTTPRoute) and path not in NOT_THE_API:
            yield from ((path, method.lower()) for method in route.route_handler_map if method != "OPTIONS")


def test_every_route_of_the_application_is_in_it() -> None:
    said = {(path, method) for path, item in FOUND["paths"].items() for method in METHODS if method in item}
    assert said == set(routes())


def test_it_is_valid_openapi() -> None:
    """R13. The specification's own schema for version 3.1, and what that cannot say."""
    validate(FOUND)


def test_it_says_which_openapi_it_is_and_what_opens_the_door() -> None:
    assert FOUND["openapi"].startswith("3.1")
    assert FOUND["security"] == [{"token": []}, {"session": [], "csrf": []}]
    schemes = FOUND["components"]["securitySchemes"]
    assert {name: (said["type"], said.get("name", said.get("scheme"))) for name, said in schemes.items()} == {
        "token": ("http", "bearer"),
        "session": ("apiKey", "brender_session"),
        "csrf": ("apiKey", "X-Brender-CSRF"),
    }


def test_every_operation_says_which_right_it_takes_or_that_it_takes_none() -> None:
    for path, item in FOUND["paths"].items():
        for method, operation in item.items():
            is_open = operation.get("security") == []
            assert is_open is not ("Takes the right" in operation["description"]), (method, path)
            assert is_open or {"401", "403"} <= operation["responses"].keys(), (method, path)


def test_every_reference_leads_somewhere() -> None:
    schemas = FOUND["components"]["schemas"]
    references = {each["$ref"] for each in everything(FOUND) if "$ref" in each}
    assert {ref.removeprefix("#/components/schemas/") for ref in references} <= set(schemas)


def test_every_operation_is_whole() -> None:
    """OpenAPI 3.1, 4.8.10: unique ids; every parameter of the path is said, and required; every answer is described."""
    ids = [each.id for each in operations(FOUND)]
    assert len(ids) == len(set(ids))
    for each in operations(FOUND):
        in_path = {field.name for field in each.parameters if field.place == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", each.path)), each.id
        assert all(field.required for field in each.parameters if field.place == "path"), each.id
        assert all(text for _, _, text in each.answers), each.id
        assert each.text, each.id


def test_every_error_is_an_error_body() -> None:
    """The description says so, and what is answered is one."""
    kinds = {kind for each in operations(FOUND) for status, kind, _ in each.answers if status >= "400"}
    assert kinds == {"ErrorBody"}


def test_what_need_not_be_sent_is_said_to_be_so() -> None:
    body = FOUND["paths"]["/api/v1/workers/{worker}/disable"]["post"]["requestBody"]
    assert body["required"] is False
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/WishRequest"}


def test_pictures_are_bytes_and_an_event_has_a_type() -> None:
    schemas = {media: said["schema"] for each in everything(FOUND) for media, said in each.get("content", {}).items()}
    assert schemas["image/jpeg"] == schemas["application/octet-stream"] == {"type": "string", "format": "binary"}
    assert "`Hint`" in schemas["text/event-stream"]["description"]
    assert FOUND["components"]["schemas"]["Hint"]["required"] == ["kind"]


NEVER_ABSENT = ("content_standing", "send_content")  # of content that is not there, nothing is there


@pytest.mark.parametrize(
    "operation",
    [o for o in operations(FOUND) if "{" in o.path and o.id not in NEVER_ABSENT],
    ids=lambda o: o.id,
)
def test_what_names_a_thing_says_that_it_may_not_be_there(operation: Any) -> None:
    assert "404" in {status for status, _, _ in operation.answers}


def test_every_type_has_its_words_and_its_fields_their_comments() -> None:
    assert [each.name for each in types(FOUND) if not each.text] == []
    job = next(each for each in types(FOUND) if each.name == "JobView")
    texts = {field.name: field.text for field in job.fields}
    assert texts["eta_s"] == "time left"


# --- its pages -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser would look at, or fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_needs_nothing_from_elsewhere_and_no_script() -> None:
    seen = Page(page(FOUND))
    assert {tag for tag, _ in seen.tags} & {"script", "link", "img", "iframe"} == set()
    links = [str(attrs["href"]) for _, attrs in seen.tags if "href" in attrs]
    assert all(link.startswith(("#", "/api/v1/")) for link in links)
    assert "url(" not in page(FOUND)


def test_every_link_on_the_page_leads_somewhere() -> None:
    seen = Page(page(FOUND))
    ids = [attrs["id"] for _, attrs in seen.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for _, a in seen.tags if str(a.get("href", "")).startswith("#")} <= set(ids)


def test_the_page_shows_every_operation_and_type() -> None:
    ids = {attrs.get("id") for _, attrs in Page(page(FOUND)).tags}
    assert {each.id for each in operations(FOUND)} <= ids
    assert {f"type-{each.name}" for each in types(FOUND)} <= ids


def test_the_page_of_the_api_in_the_documents_is_written_from_it_as_it_is() -> None:
    assert write_api.PAGE.read_text(encoding="utf-8") == write_api.page(), "run tools/write_api.py"
