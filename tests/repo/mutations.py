"""Break each rule of the code at least once, and check that a test fails: ``make mutations``.

A mutation names no file: its text must occur exactly once in the whole code. The text is replaced
in a copy of the project, and the tests of some folders run in that copy. The command fails if none
of these tests fails.

To add a mutation, add it to ``MUTATIONS``. A short text on one line survives most refactorings.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_IGNORED = shutil.ignore_patterns(
    *(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "node_modules"),
    *("build", "dist", "images"),
    # It fails for every mutation, because the copy lacks the text.
    "test_mutations.py",
)
_FAILED = re.compile(r"^FAILED ([^\s\[]+)", re.MULTILINE)

RULES = {
    1: "A run is created at most once",
    2: "Polling survives",
    3: "Any response that the API may give can be read",
    4: "Cancel fits into the runner's time",
    5: "Nothing remote is trusted",
    6: "The workspace and the job's environment are not trusted",
    7: "No secret is printed",
    8: "Silence is never success",
    9: "Extras never break a run",
}


@dataclass(frozen=True)
class Mutation:
    """A claim of a rule, the change that breaks it, and the folders of the tests that must fail."""

    rule: int
    claim: str
    old: str
    new: str
    tests: str


MUTATIONS = (
    Mutation(
        1,
        "only a proof that nothing was sent allows another create",
        "return self._is_watched and not self._has_begun",
        "return self._is_watched",
        "unit/transport",
    ),
    Mutation(
        1,
        "nothing is sent after the caller has stopped waiting",
        "if not self._decision.acquire(blocking=False):",
        "if self._decision.acquire(blocking=False) is None:",
        "unit/transport",
    ),
    Mutation(
        1,
        "a create whose response is lost is not repeated",
        "unprocessed = False",
        "unprocessed = True",
        "unit/services",
    ),
    Mutation(
        1,
        "an earlier attempt is never taken for the new one",
        "return before | {run.id} | frozenset(ids_of_runs(api, compilation.name))",
        "return before | frozenset(ids_of_runs(api, compilation.name))",
        "unit/services",
    ),
    Mutation(
        1,
        "a lost run of another attempt is searched among new runs",
        "known_runs=frozenset() if rerun is None else rerun.known_runs,",
        "known_runs=frozenset(),",
        "unit/runs",
    ),
    Mutation(
        1,
        "a retry never runs everything",
        "if problem := problem_of_rerun(last):",
        "if (problem := problem_of_rerun(last)) and last.actions:",
        "unit/runs",
    ),
    Mutation(
        1,
        "a lost run is found by its compilation",
        "if self._service.can_find_runs and",
        "if False and",
        "unit/runs",
    ),
    Mutation(
        2,
        "a step is slower for good after a 429",
        "self.pace.slow_down()\n        if since",
        "pass\n        if since",
        "unit/runs",
    ),
    Mutation(
        2,
        "parallel runs share the quota",
        "return max(self._polling.delay(elapsed), share)",
        "return self._polling.delay(elapsed)",
        "unit/runs",
    ),
    Mutation(
        2,
        "only the failed request is retried",
        "page = self.retry(reader)",
        "page = reader()",
        "unit/services",
    ),
    Mutation(
        2,
        "no wait exceeds a deadline",
        "return min(now + delay, self._deadline, give_up)",
        "return now + delay",
        "unit/runs",
    ),
    Mutation(
        2,
        "a server error is an outage, not a refusal",
        "lambda failure: failure.status >= 500",
        "lambda failure: failure.status >= 600",
        "unit/transport unit/services",
    ),
    Mutation(
        2,
        "the wait lasts no longer than outage-timeout",
        ">= self._outage_since + limit:",
        ">= self._outage_since + 5 * limit:",
        "unit/runs",
    ),
    Mutation(
        2,
        "a run that has ended at the timeout keeps its own outcome",
        "ended = ended_before_cancel(self._service, run, self._cancellation)",
        "ended = None",
        "unit/runs",
    ),
    Mutation(
        2,
        "an access token is renewed before it expires",
        "self._left(known) <= _MARGIN:",
        "self._left(known) <= 0:",
        "unit/auth",
    ),
    Mutation(
        2,
        "a compilation that is still running is not started again",
        'raise NotDone("The compilation is not done.")',
        'raise NoResponse("The compilation is not done.")',
        "unit/services",
    ),
    Mutation(
        2,
        "an API without operations compiles in one request",
        "if not _lacks_method(error):",
        "if error:",
        "unit/services",
    ),
    Mutation(
        2,
        "the wait for a compilation ends at the timeout",
        "self._wait_until_done(consequence)",
        "self.pause(None)",
        "unit/services",
    ),
    Mutation(
        3,
        "every page of a list is read",
        "if not token or pages == most:",
        "if pages == max(most, 1):",
        "unit/services",
    ),
    Mutation(
        3,
        "a page that is too large is read in parts",
        "if self.size == 1:",
        "if self.size:",
        "unit/services",
    ),
    Mutation(
        3,
        "a request names the fields that it needs",
        'return "?".join(filter(None, (path, "&".join(parts))))',
        'return "?".join(filter(None, (path, "&".join(parts[:1]))))',
        "unit/services",
    ),
    Mutation(
        3,
        "if an API does not know a field, all fields are requested",
        "if error.status != _BAD_REQUEST:",
        "if error.status:",
        "unit/services",
    ),
    Mutation(
        3,
        "an action may have an unknown state",
        "_ACTION_STATES.get(state, ActionState.PENDING)",
        "_ACTION_STATES[state]",
        "unit/services",
    ),
    Mutation(
        3,
        "a list of jobs has limits",
        "for _ in range(_MOST_PAGES):",
        "while True:",
        "unit/bigquery",
    ),
    Mutation(
        3,
        "a field that is newer than the code may decide what is built",
        "*(pair for pair in compiled.items() if not _is_read(*pair)),",
        "",
        "unit/services/google",
    ),
    Mutation(
        4,
        "the post step does not take an earlier attempt for the run",
        'STATE_RUN_ID: "",',
        "",
        "unit/action",
    ),
    Mutation(
        4,
        "a create delays a signal for at most 3 seconds",
        "if self._shielded and not self._broken and self.received is not None:",
        "if False:",
        "unit/github",
    ),
    Mutation(
        4,
        "the second signal ends the process at once",
        "os._exit(128 + signal_number)",
        "pass",
        "unit/github",
    ),
    Mutation(
        4,
        "the run's id is kept for the post step as soon as it is known",
        "self._files.state(self._state | known)",
        "pass",
        "integration",
    ),
    Mutation(
        4,
        "an outage does not cancel the run",
        "if error is not self._backoff.verdict:\n                #",
        "if True:\n                #",
        "unit/runs",
    ),
    Mutation(
        4,
        "the post step does what a killed step could not",
        "if state[STATE_SETTLED] or not (known",
        "if True or not (known",
        "unit/action",
    ),
    Mutation(
        5,
        "remote text cannot become a workflow command",
        'while "::" in line:',
        "while False:",
        "unit/github",
    ),
    Mutation(
        5,
        "an id cannot leave its segment of a path",
        '_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,200}"',
        '_SEGMENT = re.compile(r"[^ ]{1,200}"',
        "unit/services unit/action",
    ),
    Mutation(
        5,
        "only http(s) addresses become links",
        "and re.fullmatch(_LINK, text, re.ASCII) is not None",
        'and text != ""',
        "unit/services unit/report",
    ),
    Mutation(
        5,
        "a copied marker does not make a comment ours",
        "return comment.author == self._login",
        "return bool(comment.author)",
        "unit/action",
    ),
    Mutation(
        5,
        "the name of a branch cannot change an address of GitHub",
        "compare/{quote(base, safe='')}...",
        "compare/{base}...",
        "unit/github",
    ),
    Mutation(
        5,
        "the type of a column cannot add SQL to a query",
        'raise NotShadowable(f"It reads a table with a column of an unknown type: {type_}")',
        "parts.append(word)",
        "unit/plans/checks",
    ),
    Mutation(
        5,
        "a plan is of the requested commits",
        "if is_commit(requested) and compiled and not requested.startswith(compiled):",
        "if not requested:",
        "unit/services",
    ),
    Mutation(
        6,
        "the interpreter is isolated from the workspace",
        '"/usr/local/bin/python3", "-I", "-S", "-u"',
        '"/usr/local/bin/python3", "-S", "-u"',
        "repo",
    ),
    Mutation(
        6,
        "a variable of the job does not become an input",
        "return variable if _is_set_by_runner(environ) else",
        "return variable if environ.get(variable) else",
        "unit/action",
    ),
    Mutation(
        6,
        "a .netrc does not replace the token",
        "prepared.prepare_body(request.data, None, request.json)",
        "prepared.prepare_body(request.data, None, request.json)\n"
        "    prepared.prepare_auth(requests.utils.get_netrc_auth(request.url))",
        "unit/transport",
    ),
    Mutation(
        6,
        "a plan is not made with secrets for a stranger's SQL",
        'case "pull_request_target":',
        'case "pull_request_target_":',
        "unit/github",
    ),
    Mutation(
        6,
        "a plan is not made with credentials for the SQL of a fork",
        "if str(repository).lower() != _repository_of(environ).lower():",
        "if False:",
        "unit/github",
    ),
    Mutation(
        7,
        "the token is hidden if the API repeats it",
        "spans = _find(text, forms)",
        "spans = []",
        "unit/transport",
    ),
    Mutation(
        7,
        "a secret is hidden in every spelling",
        "return re.sub(_ESCAPE, lambda match: _meaning(match[0]), text)",
        "return text",
        "unit/transport unit/github",
    ),
    Mutation(
        7,
        "no part of a secret is left at the place where a long response is cut",
        "clean[:-_LONGEST_SECRET]",
        "clean",
        "unit/transport",
    ),
    Mutation(
        7,
        "the token is masked before anything is printed",
        'console.mask(raw_value(environ, "token"))\n        return',
        "return",
        "integration",
    ),
    Mutation(
        7,
        "secrets are hidden before a text is cut",
        "new = value if clean_text == value else clean_text",
        "new = value",
        "unit/report",
    ),
    Mutation(
        8,
        "an unknown status is not the end of a run",
        'raise InvalidResponse(f"Unknown run status: {status!r:.200}")',
        'status = "SUCCESSFUL"',
        "unit/services",
    ),
    Mutation(
        8,
        "unreadable compile errors do not count as no errors",
        "if errors is not None and entries != errors:",
        "if False:",
        "unit/services",
    ),
    Mutation(
        8,
        "an invalid input is reported, and nothing is sent",
        "if inputs.problems:",
        "if False:",
        "unit/action",
    ),
    Mutation(
        8,
        "a tag that no action has is refused",
        "problems += tag_problems(request.tags, compiled)",
        "problems += tag_problems((), compiled)",
        "integration",
    ),
    Mutation(
        8,
        "a schedule that selects nothing is refused",
        "    if not names:\n        raise make_input_error([_empty",
        "    if names is None:\n        raise make_input_error([_empty",
        "integration",
    ),
    Mutation(
        8,
        "an explicit false overrides the schedule",
        "return self.boolean(name) if self.values[name] else None",
        "return self.boolean(name) if self.values[name] else False",
        "integration",
    ),
    Mutation(
        8,
        "a false that has no effect on a schedule is refused",
        "            check_schedule_alone(api, request)",
        "            pass",
        "integration",
    ),
    Mutation(
        8,
        "the log shows the settings that a run takes from its schedule",
        "for note in self._prepared.notes:",
        "for note in self._prepared.notes[:0]:",
        "integration",
    ),
    Mutation(
        8,
        "a list without names does not select everything",
        "if self.values[name] and not items:",
        "if False:",
        "integration",
    ),
    Mutation(
        8,
        "a flag without a selection is refused",
        "elif not (request.schedule or request.tags or request.actions):",
        "elif False:",
        "integration",
    ),
    Mutation(
        8,
        "a schedule of another environment is named",
        'name = own.rpartition("/")[2]',
        'name = own.rpartition("/")[0]',
        "integration",
    ),
    Mutation(
        8,
        "a refusal names only given inputs",
        "names = context.inputs if context.repository_seen else (*context.inputs, *_PLACE)",
        'names = ("schedule", "environment", *context.inputs, *_PLACE)',
        "unit/services",
    ),
    Mutation(
        8,
        "the reason of a refusal is read",
        "if error.reason in rule.reasons or",
        "if",
        "unit/services",
    ),
    Mutation(
        8,
        "a promotion names the accounts of all schedules",
        "error.hint = promote_hint(environment, _accounts(api, name))",
        "pass",
        "unit/services",
    ),
    Mutation(
        8,
        "the project that pays for the quota is sent",
        'return {"X-Goog-User-Project": project} if project else {}',
        "return {}",
        "unit/services",
    ),
    Mutation(
        8,
        "a refusal of Dataform Web names only given inputs",
        "given = tuple(name for name, value in inputs if value)",
        "given = tuple(name for name, _ in inputs)",
        "unit/services",
    ),
    Mutation(
        8,
        "a part of a name must have its format",
        "if re.fullmatch(_NAME_PART, value, re.ASCII) is None:",
        "if False:",
        "unit/services",
    ),
    Mutation(
        8,
        "a pull request's ref gets an explanation",
        "if re.fullmatch(_PULL_REQUEST, value):",
        "if False:",
        "unit/services",
    ),
    Mutation(
        8,
        "the log says which ref is compiled",
        "notes = (*compilation.notes_on_ref(request), *selected.notes)",
        "notes = selected.notes",
        "integration",
    ),
    Mutation(
        8,
        "unreadable actions do not count as no actions",
        "return Details(actions_error=error)",
        "return Details()",
        "unit/runs",
    ),
    Mutation(
        8,
        "a run without actions is reported",
        "if has_actions and {action.state for",
        "if False and {action.state for",
        "unit/report",
    ),
    Mutation(
        8,
        "a shortened list of failed actions is reported",
        "if count == listed:",
        "if True:",
        "unit/report",
    ),
    Mutation(
        8,
        "a job that was not found is not free",
        "else JobCost(job_id)",
        "else JobCost(job_id, 0, 0)",
        "unit/bigquery",
    ),
    Mutation(
        8,
        "incomplete costs are no output",
        "if outcome.costs is not None and outcome.costs.is_complete:",
        "if outcome.costs is not None:",
        "unit/report",
    ),
    Mutation(
        8,
        "bytes under a reservation have no price",
        "if self.reserved is False else 0",
        "if self.reserved is not None else 0",
        "unit/report",
    ),
    Mutation(
        8,
        "nothing is said of earlier runs if the last ones may be missing",
        "return found, not token or _is_newest_first(found)",
        "return found, True",
        "unit/services",
    ),
    Mutation(
        8,
        "what reads an affected action is affected",
        "                waiting.append(action)",
        "                pass",
        "unit/plans",
    ),
    Mutation(
        8,
        "a table that BigQuery reads as it is in production proves nothing",
        "    if escaped:",
        "    if False:",
        "unit/plans",
    ),
    Mutation(
        8,
        "a script that BigQuery checks only in part is not accepted",
        "    if not result.columns:",
        "    if False:",
        "unit/plans",
    ),
    Mutation(
        8,
        "an error that hidden tables may cause is not one of the query",
        "    if statement.doubt:",
        "    if False:",
        "unit/plans",
    ),
    Mutation(
        8,
        "an error that was there before the change does not fail a plan",
        "        if self._baseline.failure:",
        "        if False:",
        "unit/plans",
    ),
    Mutation(
        8,
        "invalid SQL fails the step",
        "ExitCode.SUCCESS if status in _SUCCESSES else",
        "ExitCode.SUCCESS if status in PlanStatus else",
        "unit/report/plan",
    ),
    Mutation(
        8,
        "a change of a compiled action is seen whatever its form",
        "return isinstance(value, list) and all(isinstance(text, str) for text in value)",
        "return isinstance(value, list)",
        "unit/services",
    ),
    Mutation(
        9,
        "an error in the report changes neither the rest of it nor the exit code",
        "if not isinstance(error, Exception):",
        "if not isinstance(error, OSError):",
        "unit/report",
    ),
    Mutation(
        9,
        "a list of earlier runs that cannot be read changes nothing",
        "except DataformError as error:\n            return error\n",
        "except KeyError as error:\n            return None\n",
        "unit/runs",
    ),
    Mutation(
        9,
        "a failed clean-up does not fail the job",
        "except BaseException as error:\n        # Without",
        "except KeyError as error:\n        # Without",
        "unit/action",
    ),
    Mutation(
        9,
        "an error of BigQuery is not an error of the step",
        "self.error = self.error or error",
        "raise error",
        "unit/bigquery",
    ),
    Mutation(
        9,
        "a comment of a later run is not replaced",
        "if marker is not None and marker.is_later_than(self._marker):",
        "if marker is None:",
        "unit/action",
    ),
    Mutation(
        9,
        "a comment never shows a commit that is no longer the last one",
        "if pull_request.head != self._marker.head:",
        "if not pull_request.head:",
        "unit/action",
    ),
    Mutation(
        9,
        "a comment that cannot be written does not change the outcome",
        "    except DataformError as error:\n        has_hint",
        "    except KeyError as error:\n        has_hint",
        "unit/action/plan",
    ),
)


def sources() -> list[Path]:
    """Return the files to search: the package, its entry points and the Dockerfile."""
    names = ("Dockerfile", "entrypoint.py", "post_entrypoint.py")
    return [*sorted(Path(ROOT, "dataform_action").rglob("*.py")), *(ROOT / name for name in names)]


def places(mutation: Mutation) -> list[tuple[Path, int]]:
    """Return the file and the line of each occurrence of a mutation's text."""
    found = []
    for path in sources():
        before, *rest = path.read_text("utf-8").split(mutation.old)
        for part in rest:
            found.append((path, before.count("\n") + 1))
            before += mutation.old + part
    return found


def problems() -> list[str]:
    """Return the problems of the list, one line each."""
    return [
        f"{mutation.claim}: occurs {len(found)} times instead of once: {mutation.old!r}"
        for mutation in MUTATIONS
        if len(found := places(mutation)) != 1
    ]


def copy_project(folder: Path) -> None:
    """Copy the project without generated files."""
    shutil.copytree(ROOT, folder, ignore=_IGNORED, dirs_exist_ok=True)


def failing_test(project: Path, folders: str) -> str:
    """Run the tests of some folders until one fails; return its name.

    Return an empty text if all tests pass, or if they cannot run, which proves nothing.
    """
    tests = [f"tests/{folder}" for folder in folders.split()]
    # With CI set, tests fail if a tool is missing, and this copy lacks the npm packages.
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests],
            cwd=project,
            env={**environ, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        # Broken code may wait forever, which developers notice.
        return "tests that do not end"
    found = _FAILED.search(done.stdout)
    return found[1] if found else ""


def run_mutation(mutation: Mutation) -> str:
    """Return the first test that fails with a mutation, or an empty text."""
    [(path, _)] = places(mutation)
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        copy_project(project)
        mutated = path.read_text("utf-8").replace(mutation.old, mutation.new)
        Path(project, path.relative_to(ROOT)).write_text(mutated, "utf-8")
        return failing_test(project, mutation.tests)


def main() -> None:
    """Run all mutations; print the rule, the broken place, and the failing test of each."""
    if problems():
        sys.exit("\n".join(problems()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        noticed = list(pool.map(run_mutation, MUTATIONS))
    shown = 0
    for mutation, test in zip(MUTATIONS, noticed, strict=True):
        if mutation.rule != shown:
            shown = mutation.rule
            print(f"\n{shown}. {RULES[shown]}")
        [(path, line)] = places(mutation)
        print(f"   {mutation.claim}")
        print(f"      broken in  {path.relative_to(ROOT)}:{line}")
        print(f"      noticed by {test or 'NO TEST'}")
    print(f"\n{len(noticed) - noticed.count('')} of {len(noticed)} mutations noticed")
    sys.exit("" in noticed)


if __name__ == "__main__":
    main()
