"""The jobs of a run are found in few requests, and what is not found is not known."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import responses

from dataform_action.bigquery.costs import read_costs
from dataform_action.costs import ActionCost, Costs, JobCost
from dataform_action.errors import NoResponse
from dataform_action.events import Noted, Update
from dataform_action.model import ActionState, Job, Result
from tests.support.fakes import FakeClock
from tests.unit.bigquery.support import (
    API,
    BYTES,
    END,
    JOBS,
    SLOT_MS,
    START,
    action,
    add_error,
    add_page,
    listed,
    make_bigquery,
    queries,
    result_of,
)

KNOWN = JobCost("a", BYTES, SLOT_MS, reserved=False)


def _read(result: Result, clock: FakeClock | None = None, **more: object) -> Costs:
    arguments = {"clock": clock or FakeClock(), **more}
    return read_costs(make_bigquery(), result, **arguments)  # type: ignore[arg-type]


def test_one_request_for_all_actions(api: responses.RequestsMock) -> None:
    """A page has all jobs, also those of others. The window is that of the run, and a minute."""
    add_page(api, listed("b"), listed("other"), listed("a"))
    costs = _read(result_of(action("d.one", "a"), action("d.two", "b")))
    assert costs.actions == (
        ActionCost("my-project.d.one", (KNOWN,)),
        ActionCost("my-project.d.two", (KNOWN._replace(id="b"),)),
    )
    assert costs.is_complete
    assert queries(api) == [
        {
            "allUsers": "true",
            "projection": "full",
            "stateFilter": "done",
            "minCreationTime": str(int((START.timestamp() - 60) * 1000)),
            "maxCreationTime": str(int((END.timestamp() + 60) * 1000)),
            "maxResults": "1000",
        }
    ]


def test_pages_are_read_until_all_jobs_are_found(api: responses.RequestsMock) -> None:
    """The rest of the list is not read."""
    add_page(api, listed("x"), token="t 2")
    add_page(api, listed("a"), token="t 3")
    assert _read(result_of(action("d.one", "a"))).is_complete
    assert [query.get("pageToken") for query in queries(api)] == [None, "t 2"]


def test_nothing_is_sent_without_jobs(api: responses.RequestsMock) -> None:
    """Skipped actions have no jobs, and notebooks have none in BigQuery."""
    notebook = replace(
        action("d.notebook"), jobs=(Job("notebook execution", "5", in_bigquery=False),)
    )
    costs = _read(result_of(notebook, action("d.skipped", state=ActionState.SKIPPED)))
    assert costs == Costs(actions=())
    assert costs.is_complete
    assert len(api.calls) == 0


def test_an_action_that_succeeded_had_a_job(api: responses.RequestsMock) -> None:
    """If the service does not name it, its costs are not known."""
    costs = _read(result_of(action("d.one")))
    assert costs.unknown_jobs == 1
    assert len(api.calls) == 0


def test_attempts_of_a_run_are_added_up(api: responses.RequestsMock) -> None:
    """An action that was run again has the jobs of both attempts. A job counts once."""
    first, second = result_of(action("d.one", "a")), result_of(action("d.one", "b", "a"))
    second = replace(second, run=replace(second.run, finished=END + timedelta(hours=1)))
    add_page(api, listed("a"), listed("b"))
    costs = _read(replace(second, attempts=(first, second)))
    assert costs.actions == (ActionCost("my-project.d.one", (KNOWN, KNOWN._replace(id="b"))),)
    assert queries(api)[0]["maxCreationTime"] == str(int((END.timestamp() + 3660) * 1000))


def test_full_names_of_jobs(api: responses.RequestsMock) -> None:
    """The service may name a job with its project and location."""
    add_page(api, listed("a"))
    assert _read(result_of(action("d.one", "my-project:EU.a"))).bytes_billed == BYTES


def test_jobs_in_the_projects_of_actions(api: responses.RequestsMock) -> None:
    """After the project of the repository, those of the missing actions are searched."""
    add_page(api, listed("a"))
    add_page(api, listed("b"), url=f"{API}/other/jobs")
    costs = _read(result_of(action("d.one", "a"), action("other.d.two", "b"), action("third.d.x")))
    assert costs.bytes_billed == 2 * BYTES


def test_refused_project_without_any_job(api: responses.RequestsMock) -> None:
    """If another project has all jobs, the refusal of the first one does not matter."""
    add_error(api, 403)
    add_page(api, listed("a"), url=f"{API}/other/jobs")
    costs = _read(result_of(action("other.d.one", "a")))
    assert costs.error is None
    assert costs.is_complete


def test_few_projects_are_searched() -> None:
    """Names of many projects do not lead to as many requests."""
    actions = [action(f"project-{n}.d.one", f"job-{n}") for n in range(20)]
    with responses.RequestsMock() as api:
        api.add("GET", re.compile(f"{API}/[a-z0-9-]+/jobs[?].*"), json={})
        api.add("GET", re.compile(f"{API}/[a-z0-9-]+/jobs/.*"), json={}, status=404)
        assert _read(result_of(*actions)).unknown_jobs == 20
        assert len(api.calls) == 6 + 20


def test_a_job_that_no_list_has(api: responses.RequestsMock) -> None:
    """It is requested by its id, with the location of the run's other jobs."""
    add_page(api, listed("a", "europe-west3"))
    api.add("GET", f"{JOBS}/b%2Fc", json=listed("b/c", "europe-west3"))
    costs = _read(result_of(action("d.one", "a"), action("d.two", "b/c")))
    assert costs.bytes_billed == 2 * BYTES
    assert queries(api)[1] == {"location": "europe-west3"}


@pytest.mark.parametrize("locations", [(), ("EU", "US")])
def test_unknown_location(api: responses.RequestsMock, locations: tuple[str, ...]) -> None:
    """Without a single known location, a job is requested without one."""
    add_page(api, *(listed(f"job-{place}", place) for place in locations))
    api.add("GET", f"{JOBS}/a", json=listed("a"))
    known = [action(f"d.{place}", f"job-{place}") for place in locations]
    assert _read(result_of(*known, action("d.one", "a"))).is_complete
    assert queries(api)[1] == {}


def test_a_job_that_is_running_or_missing_is_not_known(api: responses.RequestsMock) -> None:
    """Its numbers would not be final."""
    add_page(api)
    api.add("GET", f"{JOBS}/a", json={**listed("a"), "status": {"state": "RUNNING"}})
    add_error(api, 404, url=f"{JOBS}/b")
    costs = _read(result_of(action("d.one", "a"), action("d.two", "b")))
    assert (costs.unknown_jobs, costs.bytes_billed, costs.error) == (2, 0, None)


def test_refused_job(api: responses.RequestsMock) -> None:
    """If a single job is refused, no other one is requested in that project."""
    add_page(api)
    add_error(api, 403, url=f"{JOBS}/a")
    costs = _read(result_of(action("d.one", "a"), action("d.two", "b")))
    assert costs.unknown_jobs == 2
    assert costs.error is not None


def test_refused_list(api: responses.RequestsMock) -> None:
    """Nothing else is requested in that project, and the error names the role."""
    add_error(api, 403)
    costs = _read(result_of(action("d.one", "a")))
    assert costs.unknown_jobs == 1
    assert costs.error is not None
    assert costs.error.hint == (
        "Grant the caller roles/bigquery.resourceViewer on project my-project."
    )


def test_list_that_ends_in_an_error(api: responses.RequestsMock) -> None:
    """After two retries, the jobs of the first page are kept, and the others are not known."""
    add_page(api, listed("a"), token="t")
    for _ in range(3):
        add_error(api, 503)
    clock = FakeClock()
    costs = _read(result_of(action("d.one", "a"), action("d.two", "b")), clock=clock)
    assert (costs.bytes_billed, costs.unknown_jobs) == (BYTES, 1)
    assert isinstance(costs.error, NoResponse)
    assert clock.sleeps == [2.0, 2.0]


def test_retry_after_is_respected(api: responses.RequestsMock) -> None:
    """A pause that the API requests is respected, up to ten seconds."""
    for seconds in ("5", "500"):
        api.add("GET", JOBS, json={}, status=429, headers={"Retry-After": seconds})
    add_page(api, listed("a"))
    clock = FakeClock()
    assert _read(result_of(action("d.one", "a")), clock=clock).is_complete
    assert clock.sleeps == [5.0, 10.0]


def test_deadline(api: responses.RequestsMock) -> None:
    """A list that takes too long is not read to its end. After ten seconds, an update says so."""
    clock, updates = FakeClock(), list[Update]()

    def respond(_request: object) -> tuple[int, dict[str, str], str]:
        clock.time += 12
        return 200, {}, '{"nextPageToken": "t"}'

    for _ in range(5):
        api.add_callback("GET", JOBS, respond)
    result = result_of(action("d.one", "a"))
    costs = _read(result, clock=clock, on_update=updates.append)
    assert costs.error is not None
    assert costs.error.message == "Reading the jobs took longer than 1m."
    assert clock.now() == 1060
    assert updates == [Noted("Still reading the costs of the run from BigQuery")] * 4


def test_endless_list(api: responses.RequestsMock) -> None:
    """A list with a next page each time ends after 200 pages."""
    api.assert_all_requests_are_fired = False
    for _ in range(201):
        add_page(api, token="t")
    costs = _read(result_of(action("d.one", "a")))
    assert costs.error is not None
    assert costs.error.message == "The list of jobs has more than 200 pages."
    assert len(api.calls) == 200


def _add_children(api: responses.RequestsMock, *, reserved: bool) -> None:
    """Send the children of a script: the first one needs no slots."""
    used = {"reservation_id": "admin:EU.etl"} if reserved else {}
    add_page(api, listed("child-1", totalBytesBilled="0"), listed("child-2", **used))


@pytest.mark.parametrize("reserved", [True, False])
def test_reservation_of_scripts(api: responses.RequestsMock, reserved: bool) -> None:
    """The child jobs of the largest scripts say whether those of a place have one."""
    sizes = {f"job-{n}": BYTES + n for n in range(8)}
    scripts = [
        listed(name, numChildJobs="2", totalBytesBilled=str(size)) for name, size in sizes.items()
    ]
    add_page(api, *scripts, listed("plain"))
    for _ in range(5):
        _add_children(api, reserved=reserved)
    names = [*sizes, "plain"]
    costs = _read(result_of(*(action(f"d.{name}", name) for name in names)))
    assert [job.reserved for job in costs.jobs] == [reserved] * 8 + [False]
    checked = [query["parentJobId"] for query in queries(api)[1:]]
    assert checked == ["job-7", "job-6", "job-5", "job-4", "job-3"]
    assert "stateFilter" not in queries(api)[1]
    # The bytes of the children are part of those of the scripts.
    assert costs.bytes_billed == 9 * BYTES + sum(range(8))


def test_scripts_with_different_reservations(api: responses.RequestsMock) -> None:
    """If those that were checked differ, the others are not known."""
    add_page(api, *(listed(f"job-{n}", numChildJobs="2") for n in range(7)))
    for number in range(5):
        _add_children(api, reserved=number == 2)
    costs = _read(result_of(*(action(f"d.{n}", f"job-{n}") for n in range(7))))
    assert [job.reserved for job in costs.jobs] == [False, False, True, False, False, None, None]
    assert costs.unpriced_jobs == 2


def test_unknown_reservation_of_scripts(api: responses.RequestsMock) -> None:
    """If the child jobs cannot be read, or there are none, the scripts have no known price."""
    scripts = [listed(name, name, numChildJobs="2") for name in ("EU", "US", "asia")]
    add_page(api, *scripts)
    add_page(api)
    add_error(api, 403)
    costs = _read(result_of(*(action(f"d.{name}", name) for name in ("EU", "US", "asia"))))
    assert costs.unpriced_jobs == 3
    assert costs.is_complete
    assert costs.error is not None
    assert costs.price == 0


def test_a_script_without_bytes_is_not_checked(api: responses.RequestsMock) -> None:
    """Its price is 0 in any case."""
    add_page(api, listed("a", numChildJobs="2", totalBytesBilled="0"))
    assert _read(result_of(action("d.one", "a"))).is_complete


def test_hidden_statistics(api: responses.RequestsMock) -> None:
    """BigQuery lists jobs of others without numbers if the caller may not see them."""
    add_page(api, listed("a", totalBytesBilled=None, totalSlotMs=None))
    costs = _read(result_of(action("d.one", "a")))
    assert (costs.unknown_jobs, costs.error) == (1, None)


def test_unread_actions(api: responses.RequestsMock) -> None:
    """If not all actions of the run are known, neither are their costs."""
    add_page(api, listed("a"))
    error = NoResponse("x")
    costs = _read(result_of(action("d.one", "a"), actions_error=error))
    assert costs.has_unread_actions
    assert not costs.is_complete
    assert costs.error is None


def test_run_without_times(api: responses.RequestsMock) -> None:
    """The times of its actions are used. Without any time, nothing is sent."""
    result = result_of(action("d.one", "a"))
    run = replace(result.run, started=None, finished=None)
    assert _read(replace(result, run=run, actions=())).error is None
    costs = _read(replace(result, run=run))
    assert costs.error is not None
    assert costs.error.message == "The service does not report when the run started and ended."
    assert len(api.calls) == 0
    add_page(api, listed("a"))
    timed = replace(result.actions[0], started=START, finished=END)
    assert _read(replace(result, run=run, actions=(timed,))).is_complete
    assert queries(api)[0]["maxCreationTime"] == str(int((END.timestamp() + 60) * 1000))


@pytest.mark.parametrize("name", ["one", "d.one", "a/b.d.one", "", "..", "a.b.c.d"])
def test_names_without_a_project(api: responses.RequestsMock, name: str) -> None:
    """Only a valid project in a full name is searched."""
    add_page(api)
    add_error(api, 404, url=f"{JOBS}/a")
    strange = replace(action("d.one", "a"), name=name)
    assert _read(result_of(strange)).unknown_jobs == 1


def test_a_missing_job_after_the_limit_of_retries(api: responses.RequestsMock) -> None:
    """A failed request for one job ends the requests for others in this project."""
    add_page(api)
    for _ in range(3):
        add_error(api, 500, url=f"{JOBS}/a")
    costs = _read(result_of(action("d.one", "a"), action("d.two", "b")))
    assert costs.unknown_jobs == 2
    assert isinstance(costs.error, NoResponse)


@pytest.mark.parametrize("job_id", [".", ".."])
def test_an_id_that_would_change_the_path_is_not_requested(
    api: responses.RequestsMock, job_id: str
) -> None:
    """Only the list is requested, and the job is not known."""
    add_page(api, listed("a"))
    costs = _read(result_of(action("d.one", job_id)))
    assert (costs.unknown_jobs, costs.error) == (1, None)
    assert len(queries(api)) == 1
