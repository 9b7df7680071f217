"""The settings of a job: the inputs, checked and converted."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.input_values import InputValues
from dataform_action.errors import InputError
from dataform_action.events import Fact
from dataform_action.model import Polling, RunRequest
from dataform_action.services.specs import Problem, ServiceSpec

_POSITIONS = {declared.name: position for position, declared in enumerate(INPUTS)}


class CostSettings(NamedTuple):
    """How to report what a run scanned and used: the price of a TiB, and BigQuery's address.

    ``price_per_tib`` is None for the list price, and ``api_url`` empty for the default address.
    """

    price_per_tib: float | None = None
    api_url: str = ""


class Settings(NamedTuple):
    """What to run, on which service, and how to wait for it.

    ``location`` and ``repository`` are empty for a service without them. ``token`` is empty if the
    service uses other credentials. ``costs`` is None if they are not reported.
    """

    service: ServiceSpec
    place: tuple[Fact, ...]
    project_id: str
    location: str
    repository: str
    token: str
    api_url: str
    request: RunRequest
    polling: Polling
    wait: bool
    run_id: str | None
    summary: bool
    costs: CostSettings | None = None
    history: bool = True


def parse_settings(
    given: Mapping[str, str],
    specs: Sequence[ServiceSpec],
    *,
    remedies: Mapping[str, str] | None = None,
) -> Settings:
    """Check the inputs, and return the settings; a blank input is not set.

    The first of ``specs`` that the inputs select is the service. ``remedies`` overrides the
    service's texts on what to do about a missing input.

    Raises:
        InputError: with the problems of all inputs, in the order of the table of inputs. Those of
            the service's address come first.
    """
    inputs = InputValues(given)
    values = inputs.values
    spec = next(spec for spec in specs if spec.is_chosen(values))
    request, polling = inputs.request(), inputs.polling()
    settings = Settings(
        service=spec,
        place=spec.place(values),
        project_id=values["project-id"],
        location=values["location"],
        repository=values["repository"],
        token=inputs.token(),
        api_url=inputs.address("api-url") or spec.api_url,
        request=request,
        polling=polling,
        wait=inputs.boolean("wait"),
        run_id=values["run-id"] or None,
        summary=inputs.boolean("summary"),
        costs=_costs(inputs),
        history=inputs.boolean("history"),
    )
    remedies = {**spec.required, **(remedies or {}), **spec.guess(values)}
    first = inputs.require(remedies, spec)
    inputs.problems += [*spec.check(values, request), *_combinations(settings)]
    inputs.refuse_others(spec, specs)
    if inputs.problems:
        raise InputError(
            sorted(inputs.problems, key=lambda found: (found[0] not in first, _POSITIONS[found[0]]))
        )
    return settings


def _combinations(settings: Settings) -> list[Problem]:
    """Return which settings cannot be combined, for any service."""
    request, watches = settings.request, settings.run_id is not None
    problems: list[Problem] = []
    if watches and not settings.wait:
        text = "cannot be combined with wait: false, as it waits for a run: remove one of them"
        problems.append(("run-id", text))
    if watches:
        flags = {
            "compile-only": request.compile_only,
            "promote": request.promote,
            "resume": request.resume,
            "retry-failed": request.retry_failed,
        }
        problems += [
            (name, "cannot be combined with run-id, which starts no run: remove one of them")
            for name, is_set in flags.items()
            if is_set
        ]
    if request.retry_failed and not settings.wait:
        text = "cannot be combined with wait: false, as it waits for a failure"
        problems.append(("retry-failed", text))
    if request.retry_failed and request.compile_only:
        problems.append(
            ("retry-failed", "cannot be combined with compile-only, which runs nothing")
        )
    if request.promote and not (settings.wait or request.compile_only):
        problems.append(("promote", "cannot be combined with wait: false, as it waits for success"))
    if settings.costs is not None and (request.compile_only or not settings.wait):
        other = "compile-only" if request.compile_only else "wait: false"
        text = f"cannot be combined with {other}, as it measures a run that has ended"
        problems.append(("costs", text))
    return problems


def _costs(inputs: InputValues) -> CostSettings | None:
    if inputs.boolean("costs"):
        return CostSettings(inputs.price("price-per-tib"), inputs.address("bigquery-url"))
    inputs.problems += [
        (name, "requires costs: true")
        for name in ("price-per-tib", "bigquery-url")
        if inputs.values[name]
    ]
    return None
