"""Random sequences of faults for a step that runs again what failed, on Google Cloud.

They are those of ``sequences``, with runs that fail, and with faults of the second and third create
request.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

from dataform_action.emulator import DEFAULT_TOKEN, Course, Fault
from tests.faults.sequences import Ended, Sequence, make_sequence, run
from tests.support.leaks import Leaks

_FAILING = Course(failures={"orders_cleaned": "Out of memory"})
_LEAKS = Leaks({"the token": DEFAULT_TOKEN})
_VAGUE = (500, 502, 503, 504, 408)


def make_retry(seed: int) -> Sequence:
    """Return the sequence of a seed."""
    choose = random.Random(f"retry {seed}")  # noqa: S311
    sequence = make_sequence("google", seed)
    retries = choose.choice((1, 1, 2, 3))
    later = tuple(
        choose.choice((_FAILING, Course(), Course(steps=3), Course(ending="CANCELLED")))
        for _ in range(retries)
    )
    faults = [fault for fault in sequence.faults if fault.on != "create"]
    if choose.random() < 0.6:
        faults.append(_make_lost_create(choose, retries))
    inputs = {**sequence.inputs, "wait": "true", "retry-failed": str(retries)}
    return replace(
        sequence,
        name=f"retry {seed}",
        inputs=inputs,
        faults=tuple(faults),
        course=_FAILING,
        next_courses=later,
        throttled=0,
        create=None,
    )


def _make_lost_create(choose: random.Random, retries: int) -> Fault:
    """Return a fault of a create request of another attempt."""
    kind: Any = choose.choice(("reset", "close", "short", "html", "json", "status", "status"))
    status = choose.choice((*_VAGUE, 429, 403, 404)) if kind == "status" else 500
    return Fault(
        kind,
        on="create",
        after=choose.randint(1, retries),
        status=status,
        processed=status in _VAGUE and choose.random() < 0.6,
        body="{}" if kind == "json" else None,
    )


def check_retry(sequence: Sequence) -> str:
    """Run a sequence; return the kind of its outcome.

    Raises:
        AssertionError: an attempt has two runs, the outcome is not that of the last run, a run
            continues and nothing says so, or a secret was written.
    """
    ended = run(sequence)
    problems = [*_problems(ended), *_LEAKS.find(ended.text)]
    if problems:
        log = "\n".join(ended.step.log)
        raise AssertionError(f"{sequence}\n{log}\n{ended.runs}\n{'; '.join(problems)}")
    return f"{ended.step.exit_code} after {len(ended.runs)} runs"


def _problems(ended: Ended) -> list[str]:
    step, runs = ended.step, ended.runs
    attempts = 1 + sum(line.startswith("Attempt ") for line in step.log)
    throttled = sum("HTTP 429" in line for line in step.log)
    last = runs[-1] if runs else None
    problems = {
        f"{len(runs)} runs of {attempts} attempts": len(runs) > attempts,
        f"{ended.creates} requests to create": ended.creates > attempts + throttled,
        "an earlier run did not fail": any(state != "FAILED" for state in runs[:-1]),
        "a run continues, and nothing says so": last == "RUNNING" and not _says_so(ended),
        "success, although the last run did not succeed": step.exit_code == 0
        and (last != "SUCCEEDED" or step.outputs["attempts"] != str(len(runs))),
        "failure, although the last run did not fail": step.exit_code == 1
        and last not in ("FAILED", "CANCELLED"),
        f"exit code {step.exit_code}": step.exit_code not in (0, 1, 3, 4, 5),
    }
    return [problem for problem, is_so in problems.items() if is_so]


def _says_so(ended: Ended) -> bool:
    error = ended.step.errors[-1] if ended.step.errors else ""
    return re.search("may still be running|may exist|HTTP 40[0-9]", error) is not None
