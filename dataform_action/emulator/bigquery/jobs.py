"""The jobs of workflow invocations, and how the API shows them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dataform_action.emulator.bigquery.definitions import JobDefinition, define_job
from dataform_action.emulator.google.actions import render_execution
from dataform_action.emulator.google.invocation_spec import Executed
from dataform_action.emulator.google.protobuf_json import present

CHILD_PREFIX = "script_job_"
_NOT_IN_BIGQUERY = ("notebook", "declaration")


@dataclass(frozen=True, slots=True)
class Job:
    """A job, or with ``parent`` a child job of a script."""

    id: str
    project: str
    location: str
    definition: JobDefinition
    executed: Executed
    parent: str = ""

    @property
    def is_done(self) -> bool:
        """Return whether it has ended."""
        return self.executed.ended is not None

    @property
    def created_ms(self) -> int:
        """Return when it was created, in milliseconds since 1970."""
        return int(self.executed.started * 1000)

    @property
    def state(self) -> str:
        """Return its state, as the API names it."""
        return "DONE" if self.is_done else "RUNNING"

    def render(self) -> dict[str, object]:
        """Render the Job."""
        failed = self.executed.state == "FAILED"
        error = {"reason": "invalidQuery", "message": self.executed.reason}
        default = f"dataform-runner@{self.project}.iam.gserviceaccount.com"
        return {
            "kind": "bigquery#job",
            "id": f"{self.project}:{self.location}.{self.id}",
            "jobReference": {
                "projectId": self.project,
                "jobId": self.id,
                "location": self.location,
            },
            "statistics": self._statistics(),
            "configuration": self._configuration(),
            "status": {"state": self.state, **({"errorResult": error} if failed else {})},
            "user_email": self.executed.spec.account or default,
        }

    def _configuration(self) -> dict[str, object]:
        action, spec = self.executed.action, self.executed.spec
        rendered = render_execution(action, spec.full_refresh, self.id, self.is_done)
        [details] = rendered.values()
        assert isinstance(details, dict), "all kinds of actions have an object"  # noqa: S101
        return {
            "jobType": "QUERY",
            "query": {
                "query": str(details.get("sqlScript") or details.get("generatedSql") or "SELECT 1"),
                "useLegacySql": False,
            },
            "labels": spec.make_labels(action),
        }

    def _statistics(self) -> dict[str, object]:
        definition, ended = self.definition, self.executed.ended
        times = present(
            creationTime=str(self.created_ms),
            startTime=str(self.created_ms),
            endTime=None if ended is None else str(int(ended * 1000)),
            parentJobId=self.parent,
        )
        if definition.hidden or not self.is_done:
            return times
        billed, slots = str(definition.bytes_billed), str(definition.slot_ms)
        is_script = definition.children > 0
        return times | {
            **({"numChildJobs": str(definition.children)} if is_script else {}),
            # BigQuery reports the reservation for the child jobs of a script only.
            **present(reservation_id="" if is_script else definition.reservation),
            "totalBytesProcessed": billed,
            "totalSlotMs": slots,
            "query": {
                "statementType": "SCRIPT" if is_script else "SELECT",
                "totalBytesBilled": billed,
                "totalBytesProcessed": billed,
                "totalSlotMs": slots,
            },
        }


def make_jobs(executed: Iterable[Executed]) -> list[Job]:
    """Return all jobs without the children of scripts, the newest first."""
    jobs = [job for entry in executed for job in _jobs_of(entry)]
    return sorted(jobs, key=lambda job: job.created_ms, reverse=True)


def _jobs_of(executed: Executed) -> Iterator[Job]:
    if executed.action.kind in _NOT_IN_BIGQUERY:
        return
    definition = define_job(executed.action)
    project = definition.project or executed.spec.project
    location = definition.location or executed.spec.location
    is_test = executed.action.kind == "bigqueryUnitTest"
    for suffix in ("-actual", "-expected") if is_test else ("",):
        yield Job(f"{executed.job}{suffix}", project, location, definition, executed)


def make_children(parent: Job) -> Iterator[Job]:
    """Return the child jobs of a script. The last one scans everything."""
    definition = replace(parent.definition, children=0)
    nothing = replace(definition, bytes_billed=0, slot_ms=0, reservation="")
    count = parent.definition.children
    for number in range(count):
        yield replace(
            parent,
            id=f"{CHILD_PREFIX}{parent.id.removeprefix('dataform-')}_{number}",
            definition=definition if number == count - 1 else nothing,
            parent=parent.id,
        )
