"""GitHub's REST API for pull requests, and a part of its GraphQL API."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

from dataform_action.emulator.clock import Clock, SystemClock
from dataform_action.emulator.github.repository import GitHubRepository, PullRequestComment
from dataform_action.emulator.github.resources import Renderer
from dataform_action.emulator.http.endpoint import Endpoint, Operation
from dataform_action.emulator.http.request import Request, parse_object
from dataform_action.emulator.http.response import HttpError, Response, json_response

T = TypeVar("T")

REST_PATH, GRAPHQL_PATH = "/api/v3", "/api/graphql"
JOB_LOGIN = "github-actions[bot]"
LONGEST_BODY = 65_536
_LARGEST_PAGE, _PAGE_SIZE = 100, 30
_VIEWER = "{viewer{login}}"
_DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True)
class TokenAccess:
    """What a token may do, and the login of its owner."""

    login: str = JOB_LOGIN
    can_write: bool = True


class GitHubApi:
    """Serves repositories, to the tokens that are known.

    Without ``repositories``, none exists. ``has_graphql``: whether the server has a GraphQL API.
    """

    def __init__(self, *repositories: GitHubRepository, clock: Clock | None = None) -> None:
        """Take the repositories."""
        self.repositories = {repository.name: repository for repository in repositories}
        self.has_graphql = True
        self._clock = SystemClock() if clock is None else clock
        self._tokens: dict[str, TokenAccess] = {}
        self._lock = threading.Lock()

    def accept_token(self, token: str, access: TokenAccess | None = None) -> None:
        """Accept a token from now on; None: that of a job, which may write."""
        self._tokens[token] = TokenAccess() if access is None else access

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        if request.path == GRAPHQL_PATH and self.has_graphql:
            return self._endpoint("viewer", request, self._query)
        match request.segments:
            case ("api", "v3", "repos", owner, name, *inner):
                return self._find(request, f"{owner}/{name}", inner)
        return None

    def _find(self, request: Request, name: str, inner: Sequence[str]) -> Endpoint:
        match request.method, inner:
            case "GET", ["compare", names]:
                return self._in(name, "compare", request, partial(_compare, names))
            case "GET", ["pulls", number]:
                return self._in(name, "pull", request, partial(_get_pull_request, number))
            case "GET", ["issues", number, "comments"]:
                return self._in(name, "comments", request, partial(_list_comments, number))
            case "POST", ["issues", number, "comments"]:
                handle: _Handle = partial(_create_comment, number)
            case "PATCH", ["issues", "comments", comment_id]:
                handle = partial(_update_comment, comment_id)
            case "DELETE", ["issues", "comments", comment_id]:
                handle = partial(_delete_comment, comment_id)
            case _:
                return self._endpoint("other", request, _refuse)
        return self._in(name, "comment", request, handle, writes=True)

    def _in(
        self,
        name: str,
        operation: Operation,
        request: Request,
        handle: "_Handle",
        *,
        writes: bool = False,
    ) -> Endpoint:
        """Return the endpoint of a request about a repository."""

        def respond(request: Request, access: TokenAccess) -> Response:
            repository = self.repositories.get(name)
            if repository is None:
                raise _not_found()
            if writes and not access.can_write:
                raise HttpError(403, "Resource not accessible by integration")
            call = Call(request, access, repository, self._clock.now())
            with self._lock:
                return handle(call)

        return self._endpoint(operation, request, respond)

    def _endpoint(
        self,
        operation: Operation,
        request: Request,
        handle: Callable[[Request, TokenAccess], Response],
    ) -> Endpoint:
        def respond() -> Response:
            try:
                return handle(request, self._authorize(request))
            except HttpError as error:
                return error_response(error)

        return Endpoint(operation, respond, error_response, b'{"id": 1, "body": ""}')

    def _authorize(self, request: Request) -> TokenAccess:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        access = self._tokens.get(token) if scheme.lower() in ("bearer", "token") else None
        if access is None:
            raise HttpError(401, "Bad credentials")
        return access

    def _query(self, request: Request, access: TokenAccess) -> Response:
        query = "".join(str(parse_object(request.body).get("query", "")).split())
        if query.removeprefix("query") != _VIEWER:
            message = f"The emulator only knows the query {_VIEWER}"
            return json_response({"data": None, "errors": [{"message": message}]})
        return json_response({"data": {"viewer": {"login": access.login}}})


@dataclass(frozen=True, slots=True)
class Call:
    """An authorized request about a repository."""

    request: Request
    access: TokenAccess
    repository: GitHubRepository
    now: float

    @property
    def render(self) -> Renderer:
        """The renderer of the repository."""
        return Renderer(self.request.origin, self.repository)

    @property
    def body(self) -> str:
        """The text of the comment in the request."""
        body = parse_object(self.request.body).get("body")
        if not isinstance(body, str) or not body.strip():
            raise HttpError(422, "Validation Failed: body cannot be blank")
        if len(body) > LONGEST_BODY:
            maximum = f"Body is too long (maximum is {LONGEST_BODY} characters)"
            raise HttpError(422, f"Validation Failed: {maximum}")
        return body

    def page(self, items: Sequence[T]) -> tuple[Sequence[T], Mapping[str, str]]:
        """Return the page of a list that the query names, and the header with the next one."""
        query = parse_qs(self.request.query)
        size = min(_LARGEST_PAGE, _number(query.get("per_page", [str(_PAGE_SIZE)])[-1]))
        page = _number(query.get("page", ["1"])[-1])
        shown = items[(page - 1) * size : page * size]
        if page * size >= len(items):
            return shown, {}
        next_query = urlencode({"per_page": size, "page": page + 1})
        url = f"{self.request.origin}{self.request.path}?{next_query}"
        return shown, {"Link": f'<{url}>; rel="next"'}


_Handle = Callable[[Call], Response]


def _compare(names: str, call: Call) -> Response:
    base_name, _, head_name = names.partition("...")
    repository = call.repository
    base, head = repository.resolve(base_name), repository.resolve(head_name)
    if base is None or head is None:
        raise _not_found()
    merge_base = repository.find_merge_base(base, head)
    if merge_base is None:
        raise HttpError(404, f"No common ancestor between {base_name} and {head_name}.")
    between = [sha for sha in repository.history(head) if sha not in repository.history(base)]
    shown, headers = call.page(between[::-1])
    data = call.render.comparison(names, base, head, merge_base, shown)
    return _with(headers, json_response(data))


def _get_pull_request(number: str, call: Call) -> Response:
    pull_request = call.repository.pull_requests.get(_number(number))
    if pull_request is None:
        raise _not_found()
    return json_response(call.render.pull_request(pull_request))


def _list_comments(number: str, call: Call) -> Response:
    if _number(number) not in call.repository.pull_requests:
        raise _not_found()
    shown, headers = call.page(call.repository.comments_of(_number(number)))
    return _with(headers, json_response([call.render.comment(comment) for comment in shown]))


def _create_comment(number: str, call: Call) -> Response:
    if _number(number) not in call.repository.pull_requests:
        raise _not_found()
    comment = call.repository.add_comment(_number(number), call.access.login, call.body, call.now)
    return json_response(call.render.comment(comment), 201)


def _update_comment(comment_id: str, call: Call) -> Response:
    comment = call.repository.update_comment(_comment(comment_id, call), call.body, call.now)
    return json_response(call.render.comment(comment))


def _delete_comment(comment_id: str, call: Call) -> Response:
    del call.repository.comments[_comment(comment_id, call).id]
    return Response(204, b"")


def _comment(comment_id: str, call: Call) -> PullRequestComment:
    comment = call.repository.comments.get(_number(comment_id))
    if comment is None:
        raise _not_found()
    return comment


def _refuse(request: Request, _access: TokenAccess) -> Response:
    raise HttpError(404, f"The emulator does not serve {request.method} {request.path}")


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else 1


def _not_found() -> HttpError:
    return HttpError(404, "Not Found")


def _with(headers: Mapping[str, str], response: Response) -> Response:
    return Response(response.status, response.body, headers=headers)


def error_response(error: HttpError) -> Response:
    """Make an error as GitHub sends it."""
    body = {
        "message": error.message,
        "documentation_url": _DOCUMENTATION,
        "status": str(error.status),
    }
    return Response(error.status, json.dumps(body).encode(), headers=error.headers)
