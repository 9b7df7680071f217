"""The class that tests use: it connects the server, the APIs, the faults and the recorder."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self, TypeVar

from dataform_action.emulator.bigquery.jobs_api import BigQueryJobs
from dataform_action.emulator.bigquery.queries import Analyzer, DryRun, DryRuns
from dataform_action.emulator.bigquery.tables_api import SIZE_PARAMETER, make_tables_api
from dataform_action.emulator.clock import Advance, Clock, Pace, SystemClock
from dataform_action.emulator.control_api import ControlApi, redact
from dataform_action.emulator.dataform_web import DataformWeb
from dataform_action.emulator.dataform_web_runs import DEFAULT_SCHEDULES, Outcome, Run, RunStore
from dataform_action.emulator.definitions import Course, Invocation, Repository, Rules
from dataform_action.emulator.github.api import GRAPHQL_PATH, REST_PATH, GitHubApi
from dataform_action.emulator.google.api import AcceptToken, GoogleDataform
from dataform_action.emulator.google.invocation_spec import Warehouse
from dataform_action.emulator.google.parameters import Pager
from dataform_action.emulator.google.repository import RepositoryStore, Script
from dataform_action.emulator.graph.sample_repository import make_warehouse
from dataform_action.emulator.http.dispatcher import Dispatcher
from dataform_action.emulator.http.faults import Fault, FaultQueue
from dataform_action.emulator.http.recorder import Recorder
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.server import Server
from dataform_action.emulator.status_page import Card, StatusPage

T = TypeVar("T")

DEFAULT_TOKEN = "7301846295512064|jxU7Flmorr/b4PK+hiR48c/gtLYiC3il5FEWcGekiSc=|1"
"""An invented token in the documented format; only the emulator accepts it."""

_EVERYWHERE = "0.0.0.0"
_RULES = Rules()
_NO_TABLES: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


class Emulator:
    """A server of the APIs of Dataform, BigQuery and GitHub, on loopback or another ``host``.

    Use it as a context manager, or call ``start`` and ``close``.

    ``advance`` sets how runs advance: one step for each ``poll``, or by the ``clock`` within
    ``run_seconds``. ``schedules`` maps the known schedules to the outcomes of their runs.
    ``repositories`` are those of Google Cloud Dataform (None: a sample). ``rules`` set how that API
    behaves where its documentation does not say. ``warehouse`` executes workflow invocations (None:
    their course is simulated). ``tables`` are those of the emulated BigQuery, by their full names,
    with the fields of a Table resource. ``analyzer`` checks the SQL of dry runs (None: their
    results are prepared, or empty). ``github`` serves repositories of GitHub (None: it has none).
    It accepts ``token`` too. ``log`` gets one line for each request, without tokens.
    ``compresses``: whether it compresses responses as Google's APIs do: if the client accepts gzip
    and its User-Agent contains the word.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = DEFAULT_TOKEN,
        advance: Advance = "poll",
        run_seconds: float = 8.0,
        projects: Collection[str] = ("1234",),
        environments: Collection[str] = ("production", "staging"),
        schedules: Mapping[str, Outcome] = DEFAULT_SCHEDULES,
        repositories: Collection[Repository] | None = None,
        access_tokens: Collection[str] | AcceptToken | None = None,
        rules: Rules = _RULES,
        clock: Clock | None = None,
        warehouse: Warehouse | None = None,
        analyzer: Analyzer | None = None,
        tables: Mapping[str, Mapping[str, Any]] = _NO_TABLES,
        github: GitHubApi | None = None,
        log: Callable[[str], None] | None = None,
        compresses: bool = True,
    ) -> None:
        """Prepare everything except the socket; port 0 selects a free port.

        Raise ValueError for an invalid repository, OSError if its graph cannot be read.
        """
        self.token = token
        self._secrets = {token}
        self._address = (host, port)
        self._server: Server | None = None
        self._faults = FaultQueue()
        self._recorder = Recorder()
        pace = Pace(advance, run_seconds, SystemClock() if clock is None else clock)
        self._runs = RunStore(schedules, pace)
        self._web = DataformWeb(token, projects, environments, self._runs)
        self._script = Script()
        self._warehouse = warehouse
        defined = (make_warehouse(),) if repositories is None else repositories
        self._google = _make_google(defined, rules, pace, self._script, warehouse)
        self._jobs = _make_jobs(defined, rules, self._google)
        self._tables = make_tables_api(tables, DryRuns(analyzer), warehouse, pace.clock)
        self.accept_tokens((token,) if access_tokens is None else access_tokens)
        self.github = GitHubApi() if github is None else github
        self.github.accept_token(token)
        control = ControlApi(self._secrets, self._faults, self._recorder, self._runs, self.github)
        apis = (
            *(self._web, self._google, self._tables, self._jobs, self.github, control),
            StatusPage(self._cards),
        )
        write_log = None if log is None else lambda line: log(redact(line, self._secrets))
        self._dispatcher = Dispatcher(apis, self._faults, self._recorder, write_log, compresses)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def start(self) -> None:
        """Serve from now on, in threads; raise OSError if the address is not available."""
        if self._server is not None:
            raise RuntimeError("The emulator was already started: create a new one")
        self._server = Server(*self._address, self._dispatcher.respond)

    def close(self) -> None:
        """Stop serving and compiling at once; the records stay readable."""
        self._google.close()
        if self._warehouse is not None:
            self._warehouse.close()
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        """The URL of the server, without a trailing slash.

        If the server listens on every address of the machine, it is the URL on loopback.
        """
        host = "127.0.0.1" if self.is_everywhere else self._address[0]
        return f"http://{host}:{self._listening.port}"

    @property
    def github_url(self) -> str:
        """The URL of GitHub's REST API."""
        return f"{self.url}{REST_PATH}"

    @property
    def graphql_url(self) -> str:
        """The URL of GitHub's GraphQL API."""
        return f"{self.url}{GRAPHQL_PATH}"

    @property
    def is_everywhere(self) -> bool:
        """Whether it listens on every address of the machine."""
        return self._listening.server_address[0] == _EVERYWHERE

    @property
    def _listening(self) -> Server:
        if self._server is None:
            raise RuntimeError("The emulator has not started: use it in a with statement")
        return self._server

    @property
    def requests(self) -> list[Request]:
        """The requests to the emulated APIs so far, without the control API and the status page."""
        return self._recorder.requests

    @property
    def connections(self) -> int:
        """How many TCP connections sent ``requests``."""
        return self._recorder.connections

    @property
    def sent_bytes(self) -> int:
        """The length of the bodies of all responses that no fault replaced, as they were sent."""
        return self._recorder.sent_bytes

    @property
    def runs(self) -> list[Run]:
        """The runs as they are now."""
        return self._runs.snapshot()

    @property
    def invocations(self) -> list[Invocation]:
        """The workflow invocations as they are now."""
        return self._google.snapshot()

    def accept_tokens(self, tokens: Collection[str] | AcceptToken) -> None:
        """Accept these Google access tokens from now on, or those that a function accepts.

        Each request calls the function, with None if the request has no token.
        """
        if not callable(tokens):
            self._secrets.update(tokens)
            tokens = frozenset[str | None](tokens).__contains__
        self._google.accept_token = self._jobs.accept_token = tokens
        self._tables.accept_token = tokens

    def prepare_dry_run(self, part: str, result: DryRun) -> None:
        """Set the result of BigQuery's dry runs of queries that contain a text."""
        self._tables.dry_runs.prepare(part, result)

    def deny_jobs(self, project: str) -> None:
        """Refuse to show BigQuery's jobs of a project from now on (HTTP 403)."""
        self._jobs.denied.add(project)

    def add_fault(self, fault: Fault) -> None:
        """Inject a fault; if several faults are due, the one that was added first applies."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def set_outcome(self, schedule: str, statuses: Sequence[str]) -> None:
        """Set the statuses of the runs that a schedule starts from now on.

        The run keeps the last status. Without statuses, a GET never finds the runs. A new name
        becomes a known schedule.
        """
        self._runs.set_outcome(schedule, statuses)

    def fail_action(self, action: str, reason: str) -> None:
        """Make an action fail in the invocations that are created from now on.

        ``action`` is ``name``, ``dataset.name`` or ``project.dataset.name``.
        """
        self._script.fail_action(action, reason)

    def set_course(self, workflow_config: str | None, course: Course, *next_ones: Course) -> None:
        """Set the course of the invocations that a workflow configuration starts from now on.

        None means the invocations of a compilation result. Each invocation has the next course; the
        last one repeats. ``fail_action`` adds its failures to all.
        """
        self._script.set_course(workflow_config, course, *next_ones)

    def wait_for(self, condition: Callable[[], T], seconds: float = 30.0) -> T:
        """Return the value of ``condition`` once it is true; raise TimeoutError if it stays false.

        It is checked at the start, when a request arrives, and after a request is processed.
        """
        return self._recorder.wait_for(condition, seconds)

    def _cards(self) -> list[Card]:
        return sorted([*self._google.cards(), *self._web.cards()], key=lambda card: card.started)


def _make_google(
    repositories: Collection[Repository],
    rules: Rules,
    pace: Pace,
    script: Script,
    warehouse: Warehouse | None,
) -> GoogleDataform:
    stores = [
        RepositoryStore(repository, rules, pace, script, warehouse) for repository in repositories
    ]
    pager = Pager(rules.default_page_size, rules.largest_page_size)
    return GoogleDataform(stores, pager, rules)


def _make_jobs(
    repositories: Collection[Repository], rules: Rules, google: GoogleDataform
) -> BigQueryJobs:
    pager = Pager(rules.default_page_size, rules.largest_page_size, SIZE_PARAMETER)
    projects = {repository.project for repository in repositories}
    return BigQueryJobs(google.executed, projects, pager, rules)
