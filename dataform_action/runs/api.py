"""Create a run and wait for it: the functions of the library.

``on_update`` is called with an ``Update`` for everything that happens.
"""

from __future__ import annotations

from contextlib import nullcontext

from dataform_action.clock import Clock
from dataform_action.events import Observer, ignore
from dataform_action.model import Polling, Prepared, Result, Run, RunRequest
from dataform_action.runs.controller import RunController
from dataform_action.runs.creation import Shield
from dataform_action.runs.history import HistoryReader
from dataform_action.services.base import Service


def prepare(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = ignore,
    clock: Clock | None = None,
) -> Prepared:
    """Compile a request. Nothing is run.

    With ``compile_only`` and ``promote``, the release configuration then uses the compilation.

    Raises:
        CompileFailed: the compilation has errors.
        InputError: the request does not match the project.
        Refused, GaveUp, WaitTimeout: as ``run``.
    """
    return RunController(service, polling, on_update, clock).compile(request)


def run(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = ignore,
    clock: Clock | None = None,
    shielded: Shield = nullcontext,
    history: bool = False,
) -> Result:
    """Create a run and wait until it ends.

    The create request is repeated only if it was certainly not processed, and for at most
    ``polling.outage_timeout``. ``polling.timeout`` is for each run, if the failed actions are run
    again (``request.retry_failed``). ``on_update`` is called with each ``Update``. ``clock``
    provides the time. ``shielded`` protects each create request from signals, so that the id of a
    new run is not lost. With ``history``, the run is compared with earlier ones, see ``Expected``.

    Raises:
        CompileFailed, InputError: as ``prepare``.
        RunMayExist: the create request got no usable response.
        Refused, Misconfigured: the run cannot be created.
        GaveUp, WaitTimeout: as ``wait``.
    """
    reader = HistoryReader(service) if history else None
    return RunController(service, polling, on_update, clock, shielded, reader).run(request)


def start(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = ignore,
    clock: Clock | None = None,
    shielded: Shield = nullcontext,
) -> Run:
    """Create a run and do not wait for it. Raises what ``run`` raises before the wait."""
    return RunController(service, polling, on_update, clock, shielded).start(request)


def retry(
    service: Service,
    request: RunRequest,
    result: Result,
    polling: Polling | None = None,
    *,
    on_update: Observer = ignore,
    clock: Clock | None = None,
    shielded: Shield = nullcontext,
) -> Run:
    """Run again what did not succeed in the run of ``result``, and do not wait for it.

    ``run`` does this by itself if the request says so (``retry_failed``). This is for callers that
    wait in their own way. The new run has the same compilation and the same settings.

    Raises:
        InputError: there is nothing to run again, or it is not known what.
        RunMayExist, Refused, GaveUp, WaitTimeout: as ``run`` before the wait.
    """
    return RunController(service, polling, on_update, clock, shielded).retry(request, result)


def wait(
    service: Service,
    run: Run,
    polling: Polling | None = None,
    *,
    on_update: Observer = ignore,
    clock: Clock | None = None,
    history: bool = False,
) -> Result:
    """Wait until an existing run ends. ``history`` is that of ``run``.

    If ``polling.cancel`` is true, the run is cancelled at the timeout and when something else
    ends the wait, such as a signal or an observer that raises. The run is left running when the
    API refuses a request or gives no usable response for too long.

    Raises:
        GaveUp: no usable response for ``polling.outage_timeout``.
        WaitTimeout: the run did not end within ``polling.timeout``.
        Refused: the API refused the request, for example because the token expired.
    """
    reader = HistoryReader(service) if history else None
    return RunController(service, polling, on_update, clock, history=reader).wait(run)


class Poller:
    """Wait for one run, one poll per call. For hosts that sleep in their own way.

    The rules are those of ``wait``, with three differences. The run is cancelled only at the
    timeout (if ``polling.cancel``), because the host owns the loop. The progress of the actions is
    not requested. There is no ``Waiting``. Only the last call sleeps, when it retries the
    cancellation or the list of actions. ``fresh`` says that the run was just created, so the API
    may not know it yet. Calls may come from any thread, but only one at a time::

        poller = Poller(service, run)
        while not isinstance(outcome := await asyncio.to_thread(poller.poll), Result):
            await asyncio.sleep(outcome)
    """

    def __init__(
        self,
        service: Service,
        run: Run,
        polling: Polling | None = None,
        *,
        fresh: bool = False,
        on_update: Observer = ignore,
        clock: Clock | None = None,
    ) -> None:
        self._controller = RunController(service, polling, on_update, clock)
        self._controller.adopt(run, fresh=fresh)

    def poll(self) -> Result | float:
        """Request the run once; return its result, or the seconds until the next poll.

        Raises:
            GaveUp, WaitTimeout, Refused: as ``wait``. Stop polling after one of these.
        """
        outcome = self._controller.poll()
        return outcome if isinstance(outcome, Result) else self._controller.delay(outcome)
