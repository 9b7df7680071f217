"""Create a run and wait for its end: the functions of the library, and of the action itself.

Nothing here knows HTTP or GitHub. What happens is told to ``on_update`` as it happens.
"""

from __future__ import annotations

from contextlib import nullcontext

from dataform_action.clock import Clock
from dataform_action.events import Observer, Update
from dataform_action.model import Polling, Prepared, Result, Run, RunRequest
from dataform_action.runs.controller import RunController
from dataform_action.runs.creation import Shield
from dataform_action.services.base import Service


def _ignore(_update: Update) -> None:
    pass


def prepare(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
) -> Prepared:
    """Compile what a request asks for, and run nothing.

    Raises:
        CompileFailed: the compilation has errors.
        InputError: the request does not fit the project.
        Refused, GaveUp, WaitTimeout: as ``run``.
    """
    return RunController(service, polling, on_update, clock).prepare(request)


def run(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
    shielded: Shield = nullcontext,
) -> Result:
    """Create a run and wait for its end.

    The request to create it is repeated only when it surely was not carried out, for
    ``polling.outage_timeout`` at most. ``on_update`` is called with each ``Update`` as it
    happens; ``clock`` is the time to wait by. ``shielded`` guards each attempt, so that a
    signal cannot come between the run's creation and the knowledge of its id.

    Raises:
        CompileFailed, InputError: as ``prepare``.
        RunMayExist: the answer to the creation was lost.
        Refused, Misconfigured: the creation cannot succeed.
        GaveUp, WaitTimeout: as ``wait``.
    """
    return RunController(service, polling, on_update, clock, shielded).run(request)


def start(
    service: Service,
    request: RunRequest,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
    shielded: Shield = nullcontext,
) -> Run:
    """Create a run and leave it to itself. It raises what ``run`` does before the wait."""
    return RunController(service, polling, on_update, clock, shielded).start(request)


def wait(
    service: Service,
    run: Run,
    polling: Polling | None = None,
    *,
    on_update: Observer = _ignore,
    clock: Clock | None = None,
) -> Result:
    """Wait for the end of a run that exists already.

    The run is cancelled (if ``polling.cancel``) at the timeout and on any exception
    that is not the service's own: a kill, or an observer that fails. It is left alone
    when the wait gives up on an API that does not answer.

    Raises:
        GaveUp: no usable answer for ``polling.outage_timeout``.
        WaitTimeout: the run did not end within ``polling.timeout``.
        Refused: the API declined to tell, for instance since the token expired.
    """
    return RunController(service, polling, on_update, clock).wait(run)


class Poller:
    """A wait for one run, a poll at a time: for hosts that sleep in a way of their own.

    It keeps the rules of ``wait``, but for three: nothing is cancelled except at the timeout
    (if ``polling.cancel``), since the host owns the loop; the progress of the actions is not
    asked for; and there is no ``Waiting``. Only the last call sleeps by itself, when the cancel
    or the actions want another attempt. ``fresh`` says that the run was created just now, so
    that it may be unknown for a moment. The calls must come one after the other, from any
    thread::

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
        on_update: Observer = _ignore,
        clock: Clock | None = None,
    ) -> None:
        self._controller = RunController(service, polling, on_update, clock)
        self._controller.adopt(run, fresh=fresh)

    def poll(self) -> Result | float:
        """Ask once; return how the run ended, or the seconds until the next poll is due.

        Raises:
            GaveUp, WaitTimeout, Refused: as ``wait``. There is nothing to poll for any more.
        """
        outcome = self._controller.poll()
        return outcome if isinstance(outcome, Result) else self._controller.delay(outcome)
