# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error of the API as one body: a sentence, a reason for programs, and the field or header at fault.

What nobody expected is logged with its traceback, and answered without.
"""

import re
from typing import Any, TypeVar

import msgspec
import structlog
from litestar import MediaType, Request, Response
from litestar._openapi.schema_generation import SchemaCreator
from litestar.dto import MsgspecDTO
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from brender.core.commands import Refusal
from brender.core.views import ErrorBody, Problem
from brender.manager.backoff import TooSoon
from brender.manager.storage import StorageError
from brender.store import StoreError

log = structlog.get_logger()
T = TypeVar("T", bound=msgspec.Struct)

MOST_BYTES = 8 * 2**20  # of a request's body: a million frames written one by one fit

STATUS = {  # of a refusal, by its reason; all others 422
    "unauthorized": 401, "forbidden": 403, "not_found": 404, "conflict": 409, "too_soon": 429,
}  # fmt: skip
REASONS = {
    400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    413: "too_large", 415: "unsupported_media_type", 429: "too_soon", 503: "unavailable",
}  # fmt: skip
_LEFT = "client disconnected prematurely"  # Litestar's word for it, with status 500
SENTENCES = {
    404: "There is nothing at {method} {path}. What there is: /api/v1/docs.",
    405: "{path} does not take {method}. What it takes: /api/v1/docs.",
    413: f"The body is larger than {MOST_BYTES // 2**20} MB.",
}
DOCUMENTED = {
    400: "The request cannot be read: the field at fault is in `where`.",
    401: "What was shown opens nothing here.",
    403: "Whoever asks may not.",
    404: "There is no such thing.",
    408: "Nothing came for too long. What came is kept.",
    409: "As things are, it cannot be done.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    429: "Not so soon: `Retry-After` says when.",
    422: "It was understood, and is refused. `kind` says which failure a .blend that is refused would have had.",
    507: "There is no room for it. What came is kept.",
}


class Wrong(Exception):
    """A request that cannot be read."""

    def __init__(self, status: int, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.where = where


def said(*statuses: int) -> dict[int, ResponseSpec]:
    """For the API's document: these errors can be the answer."""
    return {
        status: ResponseSpec(ErrorBody, description=DOCUMENTED[status], generate_examples=False) for status in statuses
    }


# --- answers -----------------------------------------------------------------------------------------------------


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorBody]:
    """Whatever went wrong, as a response."""
    status, problem = _problem(request, error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if isinstance(error, TooSoon):
        headers["Retry-After"] = str(error.retry_after_s)
    return Response(ErrorBody(error=problem), status_code=status, media_type=MediaType.JSON, headers=headers)


def _problem(request: Request[Any, Any, Any], error: Exception) -> tuple[int, Problem]:
    match error:
        case Refusal():
            return STATUS.get(error.reason, 422), _of_refusal(error)
        case Wrong():
            return error.status, Problem(message=error.message, reason=REASONS[error.status], where=error.where)
        case ValidationException():
            return 400, _of_parameter(error)
        case HTTPException() if error.status_code < 500:
            return error.status_code, _of_http(request, error)
        case HTTPException() if error.detail == _LEFT:  # nobody reads the answer, and nothing is wrong here
            return 400, Problem(message="The body ended before it was whole.", reason="invalid")
        case StoreError() | StorageError():
            log.error("the store failed", path=request.url.path, error=str(error))
            return 503, Problem(message=str(error), reason="unavailable")
    log.error("a request failed", method=request.method, path=request.url.path, exc_info=error)
    text = "A mistake in the manager: it is in its log. Nothing more is known here; please report it."
    return 500, Problem(message=text, reason="internal")


def _of_refusal(error: Refusal) -> Problem:
    return Problem(
        message=error.message,
        reason=error.reason,
        where=getattr(error, "where", None),
        kind=getattr(error, "kind", None),
    )


def _of_parameter(error: ValidationException) -> Problem:
    """Litestar's word on a parameter of the path or the query."""
    first: Any = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    field, text = first.get("key"), str(first.get("message") or error.detail)
    return Problem(message=f"{field}: {text}." if field else f"{text}.", where=field)


def _of_http(request: Request[Any, Any, Any], error: HTTPException) -> Problem:
    text = SENTENCES.get(error.status_code, "{detail}.")
    filled = text.format(method=request.method, path=request.url.path, detail=error.detail.rstrip("."))
    return Problem(message=filled, reason=REASONS.get(error.status_code, "invalid"))


# --- bodies ------------------------------------------------------------------------------------------------------


def refuse_other_media(request: Request[Any, Any, Any]) -> None:
    """A body is JSON and says so: nothing that a form of a web page could send."""
    headers = request.headers
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if request.route_handler.opt.get("octets"):
        if request.content_type[0] != "application/octet-stream":
            raise Wrong(415, "The body is a file: Content-Type: application/octet-stream.", "Content-Type")
    elif has_body and request.content_type[0] != "application/json":
        raise Wrong(415, "The body of a request is JSON: Content-Type: application/json.", "Content-Type")


class Body(MsgspecDTO[T]):
    """A body read strictly by msgspec alone: Litestar would take "5" for 5, and not say where a fault is."""

    def decode_bytes(self, value: bytes) -> T:
        """The body as its type; `Wrong` names the field that is at fault."""
        try:
            return msgspec.json.decode(value, type=self.model_type)
        except msgspec.ValidationError as error:
            raise _misfit(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Wrong(400, f"The body is no JSON: {error}.") from None

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Litestar would build a type to transfer through; there is none."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: SchemaCreator
    ) -> Reference | Schema:
        """The type itself."""
        return schema_creator.for_field_definition(field_definition)


_AT = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)  # the name of a field may be anything
_FIELD = re.compile(r".*field `(.+)`", re.DOTALL)


def _misfit(text: str) -> Wrong:
    """msgspec's "Expected `int`, got `str` - at `$.settings.samples`" as a sentence and a place."""
    found = _AT.fullmatch(text)
    assert found is not None  # it matches everything
    inner = _FIELD.fullmatch(found[1])
    where = ".".join(part for part in (found[2], inner and inner[1]) if part)
    return Wrong(400, f"{where or 'The body'}: {found[1]}.", where or None)
