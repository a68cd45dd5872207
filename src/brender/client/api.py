# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP API of a manager, typed: a method a request, views as they are in `core.views`.

Every error is an `ApiError` with a sentence. Asking twice is the caller's decision: nothing here repeats a request.
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar
from urllib.parse import quote

import msgspec

from brender.client import places
from brender.client.errors import ApiError, Distrusted, TooSlow, Unreachable
from brender.core.contentviews import CollectedView, CollectRequest, HashesRequest, MissingView
from brender.core.joinviews import JoinTokenRequest, JoinTokenView
from brender.core.objectviews import (
    AuditPage,
    Changed,
    ChangeRequest,
    CommandAnswer,
    CommandRequest,
    CreateRequest,
    KindView,
    ObjectPage,
    Pong,
    Selection,
    TaskNames,
    WishesRequest,
)
from brender.core.peopleviews import (
    AcceptRequest,
    AccountView,
    LoginRequest,
    LoginView,
    MeView,
    NewPassword,
    PasswordRequest,
    TokenMade,
    TokenPage,
    TokenRequest,
)
from brender.core.rights import Right
from brender.core.views import (
    ErrorBody,
    FarmView,
    FramePage,
    JobAction,
    JobPage,
    JobPatch,
    JobRequest,
    JobView,
    Problem,
    WhyView,
    WorkerAction,
    WorkerPage,
)
from brender.tls import trust

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Value = str | int | Sequence[str] | None

HASHING_S = 600.0  # a submit reads the .blend and its libraries whole


class LogPiece(msgspec.Struct, frozen=True):
    """A piece of a run's log, and where the next one begins."""

    text: str
    offset: int


class Client:
    """One manager. To be closed, or used in a `with`."""

    def __init__(self, url: str, token: str, timeout_s: float = 20.0, certificate: str = "") -> None:
        """`certificate`: PEM, of the only one that is believed with https; "": the manager is known by its name."""
        import httpx

        self.url = url.rstrip("/")
        self.token = token
        self._certificate = certificate
        try:
            base = httpx.URL(f"{self.url}/api/v1")
        except httpx.InvalidURL as error:
            raise Unreachable(f"{url} is no address of a manager ({error}).") from None
        self._http = httpx.Client(
            base_url=base,
            headers=_own_headers(token),
            timeout=timeout_s,
            verify=trust.context_for(certificate) if base.scheme == "https" else True,
            trust_env=False,  # a proxy of the surroundings has no business between this machine and its manager
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def fingerprint(self) -> str:
        """Of the one certificate that is believed; "": there is none of its own."""
        return trust.fingerprint(self._certificate) if self._certificate else ""

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def farm(self, timeout_s: float | None = None) -> FarmView:
        """What it is."""
        return self._get(FarmView, "/farm", timeout_s=timeout_s)

    def submit(self, request: JobRequest) -> JobView:
        """Submit a job; with a `request_id` that it knows, the job that was submitted then."""
        return self._send(JobView, "POST", "/jobs", request, timeout_s=HASHING_S)

    def jobs(self, limit: int | None = None, before: int | None = None, state: str | None = None) -> JobPage:
        """The newest jobs first; those before job `before`."""
        return self._get(JobPage, "/jobs", {"limit": limit, "before": before, "state": state})

    def job(self, job: int, timeout_s: float | None = None) -> JobView:
        """One job as it is now."""
        return self._get(JobView, f"/jobs/{job}", timeout_s=timeout_s)

    def frames(self, job: int, first: int = 0, count: int | None = None) -> FramePage:
        """The records of `count` tasks from index `first` on."""
        return self._get(FramePage, f"/jobs/{job}/frames", {"first": first, "count": count})

    def states(self, job: int) -> bytes:
        """The state of each task, a byte a task: a position in `views.state_names()`."""
        return self._ask("GET", f"/jobs/{job}/states").content

    def why(self, job: int) -> WhyView:
        """Why a job is where it is."""
        return self._get(WhyView, f"/jobs/{job}/why")

    def act(self, job: int, action: JobAction, timeout_s: float | None = None) -> JobView:
        """Pause, resume, cancel or retry a job."""
        return self._send(JobView, "POST", f"/jobs/{job}/{action}", timeout_s=timeout_s)

    def set_priority(self, job: int, priority: int) -> JobView:
        """0 to 100, higher first."""
        return self._send(JobView, "PATCH", f"/jobs/{job}", JobPatch(priority=priority))

    def log(self, job: int, *, run: str | None = None, frame: int | None = None, offset: int = 0) -> LogPiece:
        """What Blender printed in a run, or in a frame's last one, from `offset` on."""
        answer = self._ask("GET", f"/jobs/{job}/log", {"run": run, "frame": frame, "offset": offset})
        text = answer.content.decode("utf-8", "replace")
        return LogPiece(text, int(answer.headers.get("X-Next-Offset", offset + len(answer.content))))

    def thumbnail(self, job: int, frame: int) -> bytes:
        """A JPEG."""
        return self._ask("GET", f"/jobs/{job}/frames/{frame}/thumbnail").content

    def sheet(self, job: int, columns: int | None = None) -> bytes:
        """A PNG of all thumbnails of a job."""
        return self._ask("GET", f"/jobs/{job}/sheet", {"columns": columns}, timeout_s=120.0).content

    def workers(self) -> WorkerPage:
        """All workers that it knows."""
        return self._get(WorkerPage, "/workers")

    def wish(self, filters: Sequence[str], action: WorkerAction, now: bool = False) -> Changed:
        """Enable, drain or disable the workers that are meant; `now` gives back what they render, too."""
        return self._send(Changed, "POST", f"/workers/{action}", WishesRequest(filters=list(filters), now=now))

    def order(self, filters: Sequence[str], action: Literal["pause", "resume", "kill"]) -> Changed:
        """Pause or resume the workers that are meant; kill what they render, and name the tasks."""
        return self._send(Changed, "POST", f"/workers/{action}", Selection(filters=list(filters)))

    def kill_tasks(self, tasks: Sequence[str]) -> Changed:
        """End the runs of tasks, each job/step/index."""
        return self._send(Changed, "POST", "/tasks/kill", TaskNames(tasks=list(tasks)))

    def ping(self, worker: str) -> Pong:
        """Ask a worker whether it listens."""
        return self._send(Pong, "POST", f"/workers/{quote(worker, safe='')}/ping")

    # --- people --------------------------------------------------------------------------------------------------

    def me(self) -> MeView:
        """Who asks, as it sees them."""
        return self._get(MeView, "/me")

    def login(self, name: str, password: str, note: str = "") -> LoginView:
        """An API token for the password."""
        return self._send(
            LoginView, "POST", "/login", LoginRequest(name=name, password=password, token=True, note=note)
        )

    def logout(self) -> None:
        """Revoke the token that this client shows."""
        self._ask("POST", "/logout")

    def accept(self, invitation: str, password: str) -> AccountView:
        """Use an invitation: set its user's password."""
        return self._send(AccountView, "POST", "/accept", AcceptRequest(token=invitation, password=password))

    def change_password(self, old: str, new: str) -> AccountView:
        """One's own."""
        return self._send(AccountView, "POST", "/password", PasswordRequest(old=old, new=new))

    def set_password(self, name: str, password: str) -> AccountView:
        """A user's."""
        return self._send(
            AccountView, "POST", f"/users/{quote(name, safe='')}/password", NewPassword(password=password)
        )

    def invite(self, name: str) -> TokenMade:
        """An invitation for a user; its text is told this once."""
        return self._send(TokenMade, "POST", f"/users/{quote(name, safe='')}/invite")

    def make_token(self, scopes: Sequence[str], days: float | None, note: str = "") -> TokenMade:
        """An API token of one's own; its text is told this once."""
        wanted = TokenRequest(scopes=tuple(map(Right, scopes)), days=days, note=note)
        return self._send(TokenMade, "POST", "/tokens", wanted)

    def tokens(self, everybodys: bool = False) -> TokenPage:
        """One's own, or all."""
        return self._get(TokenPage, "/tokens", {"all": "true" if everybodys else None})

    def revoke_token(self, token: str) -> None:
        """End a token, by its id."""
        self._ask("DELETE", f"/tokens/{quote(token, safe='')}")

    # --- content -------------------------------------------------------------------------------------------------

    def missing_content(self, hashes: Sequence[str]) -> tuple[str, ...]:
        """Which of these SHA-256s it does not have."""
        return self._send(
            MissingView, "POST", "/content/missing", HashesRequest(hashes=list(hashes)), timeout_s=HASHING_S
        ).missing

    def send_content(self, path: Path, sha256: str, size: int, told: Callable[[int], None]) -> None:
        """Bring it a file's content. Raises `transfer.TransferError`. May be called from several threads."""
        from brender.transfer import send

        send(self._http, f"/content/{sha256}", path, sha256, size, told)

    def collect_content(self, dry_run: bool) -> CollectedView:
        """Remove the content that no job needs, or say what that is."""
        return self._send(CollectedView, "POST", "/content/gc", CollectRequest(dry_run=dry_run), timeout_s=HASHING_S)

    def fetch_frame_file(
        self,
        job: int,
        frame: int,
        number: int,
        target: Path,
        sha256: str,
        size: int,
        told: Callable[[int], None],
        patience_s: float | None = None,
    ) -> None:
        """Bring a file of a frame that is done to `target`. Raises `transfer.TransferError`; `Silent` where nothing
        moved for `patience_s`. May be called from several threads.
        """
        from brender.transfer import PATIENCE_S, fetch

        path = f"/jobs/{job}/frames/{frame}/files/{number}"
        fetch(self._http, path, target, sha256, size, told, PATIENCE_S if patience_s is None else patience_s)

    # --- objects of any kind -------------------------------------------------------------------------------------

    def objects(
        self, kind: str, filters: Sequence[str] = (), limit: int | None = None, offset: int | None = None
    ) -> ObjectPage:
        """Those that are meant, and all their attributes; a page of them."""
        return self._get(ObjectPage, _objects(kind), {"filter": filters, "limit": limit, "offset": offset})

    def describe(self, kind: str) -> KindView:
        """What a kind of object has."""
        return self._get(KindView, f"{_objects(kind)}/describe")

    def create(self, kind: str, values: Mapping[str, str]) -> Changed:
        """Make one."""
        return self._send(Changed, "POST", _objects(kind), CreateRequest(values=dict(values)))

    def set(self, kind: str, filters: Sequence[str], values: Mapping[str, str]) -> Changed:
        """Set attributes of those that are meant: of all of them, or of none."""
        return self._send(Changed, "PATCH", _objects(kind), ChangeRequest(filters=list(filters), values=dict(values)))

    def delete(self, kind: str, filters: Sequence[str]) -> Changed:
        """Delete those that are meant: all of them, or none."""
        return self._send(Changed, "DELETE", _objects(kind), Selection(filters=list(filters)))

    def audit(self, limit: int | None = None, before: str | None = None, **wanted: str | None) -> AuditPage:
        """Who changed what, the newest first; `wanted`: who, door, verb, kind."""
        return self._get(AuditPage, "/audit", {"limit": limit, "before": before, **wanted})

    def command(self, line: str) -> CommandAnswer:
        """What the console answers to a line."""
        return self._send(CommandAnswer, "POST", "/command", CommandRequest(line=line))

    def make_join_token(self, uses: int | None, hours: float, note: str = "") -> JoinTokenView:
        """A token with which machines join; its text is told this once."""
        return self._send(JoinTokenView, "POST", "/tokens/join", JoinTokenRequest(uses=uses, hours=hours, note=note))

    def shutdown(self) -> None:
        """End the manager."""
        self._ask("POST", "/shutdown")

    def _get(
        self, kind: type[T], path: str, params: Mapping[str, Value] | None = None, timeout_s: float | None = None
    ) -> T:
        return _decode(self._ask("GET", path, params, timeout_s=timeout_s), kind)

    def _send(
        self, kind: type[T], method: str, path: str, body: msgspec.Struct | None = None, timeout_s: float | None = None
    ) -> T:
        return _decode(self._ask(method, path, body=body, timeout_s=timeout_s), kind)

    def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Value] | None = None,
        body: msgspec.Struct | None = None,
        timeout_s: float | None = None,
    ) -> "httpx.Response":
        import httpx

        try:
            answer = self._http.request(
                method,
                path,
                params={k: v for k, v in (params or {}).items() if v is not None},
                content=None if body is None else msgspec.json.encode(body),
                headers={"Content-Type": "application/json"} if body is not None else None,
                timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
            )
        except httpx.TimeoutException:
            raise TooSlow(f"The manager at {self.url} did not answer in time.") from None
        except httpx.HTTPError as error:
            if trust.is_distrust(error):
                raise Distrusted(self._distrust()) from None
            raise Unreachable(f"No manager answers at {self.url} ({error}).") from None
        if not answer.is_success:
            raise _refused(answer)
        return answer

    def _distrust(self) -> str:
        url = self._http.base_url
        reason = trust.distrust(url.host, url.port or 443, self._certificate)
        return f"The manager at {self.url} is not believed: {reason}."


def _own_headers(token: str) -> dict[str, str]:
    """What opens the door, and who asks: the audit log keeps it. A header holds no more than ASCII."""
    known = {"X-Brender-Door": "cli", "X-Brender-User": quote(places.user())}
    return known | ({"Authorization": f"Bearer {token}"} if token else {})


def _objects(kind: str) -> str:
    return f"/objects/{quote(kind, safe='')}"


def _decode(answer: "httpx.Response", kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as error:
        message = (
            f"What answers at {answer.request.url.host} does not speak as a manager of this version does ({error})."
        )
        raise ApiError(message, answer.status_code, "foreign") from None


def _refused(answer: "httpx.Response") -> ApiError:
    try:
        problem = msgspec.json.decode(answer.content, type=ErrorBody).error
    except msgspec.MsgspecError:
        problem = Problem(message=f"The manager answered: {_phrase(answer.status_code)}.", reason="foreign")
    return ApiError(problem.message, answer.status_code, problem.reason, problem.where)


def _phrase(status: int) -> str:
    known = {s.value: s.phrase for s in HTTPStatus}
    return f"{status} {known.get(status, '')}".strip()
