"""An emulator of the APIs of Dataform, BigQuery and GitHub, on loopback.

It is for tests, and to try the action without an account.

In a test::

    with Emulator(advance="poll") as emulator:
        emulator.add_fault(Fault("reset", on="get"))
        ...  # call emulator.url with emulator.token
        assert len(emulator.runs) == 1

From a shell: ``python -m dataform_action.emulator``.

Other packages import the names in ``__all__``, and nothing else. Where things belong:

* here: what a test defines and uses (``emulator``, ``definitions``, ``compiled_graph``,
  ``sample_repository``, ``clock``), the legacy API (``dataform_web``, ``dataform_web_runs``), the
  emulator's own API (``control_api``), the page (``status_page``) and the command line (``cli``);
* ``google``: Google Cloud Dataform's API;
* ``bigquery``: BigQuery's API, for the jobs of workflow invocations;
* ``github``: GitHub's API, for pull requests and their comments;
* ``http``: the server, the recorder and the faults;
* a new endpoint: the ``route`` of its API's module, or a row in ``google.methods`` or
  ``bigquery.jobs_api``;
* a new API: one more module with a ``route``, added to the tuple in ``Emulator``;
* a new kind of fault: one more ``FaultKind`` in ``http.faults``, and a function in the table of
  ``http.fault_effects``.
"""

from dataform_action.emulator.bigquery.queries import DryRun
from dataform_action.emulator.clock import Clock
from dataform_action.emulator.dataform_web_runs import DEFAULT_SCHEDULES, Outcome, Run
from dataform_action.emulator.definitions import (
    Commit,
    Course,
    Invocation,
    PastInvocation,
    ReleaseConfig,
    Repository,
    Rules,
    WorkflowConfig,
)
from dataform_action.emulator.emulator import DEFAULT_TOKEN, Emulator
from dataform_action.emulator.github.api import GitHubApi, TokenAccess
from dataform_action.emulator.github.repository import (
    GitHubRepository,
    PullRequest,
    PullRequestComment,
)
from dataform_action.emulator.graph.sample_repository import make_warehouse
from dataform_action.emulator.http.faults import Fault
from dataform_action.emulator.http.request import Request

__all__ = [
    "DEFAULT_SCHEDULES",
    "DEFAULT_TOKEN",
    "Clock",
    "Commit",
    "Course",
    "DryRun",
    "Emulator",
    "Fault",
    "GitHubApi",
    "GitHubRepository",
    "Invocation",
    "Outcome",
    "PastInvocation",
    "PullRequest",
    "PullRequestComment",
    "ReleaseConfig",
    "Repository",
    "Request",
    "Rules",
    "Run",
    "TokenAccess",
    "WorkflowConfig",
    "make_warehouse",
]
