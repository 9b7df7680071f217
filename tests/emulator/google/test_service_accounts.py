"""Which service accounts the caller may use for invocations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dataform_action.emulator import Emulator, make_warehouse
from tests.emulator.google.support import DENIED, HOME, INVALID, RUNNER, Warehouse, serve


def account_of(**changes: Any) -> Emulator:  # noqa: ANN401
    """Make an emulator of the sample with other rules for service accounts."""
    return serve(replace(make_warehouse(), **changes))


def test_strict_act_as_needs_a_service_account() -> None:
    """Under strict checks an invocation has to run as somebody, by any of three ways."""
    with account_of(service_account="") as emulator:
        client = Warehouse(emulator.url)
        order: dict[str, object] = {"compilationResult": client.compile()}
        message = "Service account must be set when strict act as checks are enabled"
        for body in (order, {"workflowConfig": f"{HOME}/workflowConfigs/nightly"}):
            assert client.refusal("POST", "/workflowInvocations", body) == (INVALID, message)
        configs: tuple[object, ...] = (
            {"serviceAccount": RUNNER},
            {"endUserAuthConfig": {"oauthConfig": {}}},
        )
        for config in configs:
            body = order | {"invocationConfig": config}
            assert client.data("POST", "/workflowInvocations", body)["state"] == "RUNNING"
        client.close()


def test_callers_may_not_act_as_everybody() -> None:
    """A refused service account spoils invocations, and releases that its workflows would run."""
    with account_of(refused_service_accounts=(RUNNER,)) as emulator:
        client = Warehouse(emulator.url)
        message = f"The caller does not have permission to act as service account: {RUNNER}"
        order: dict[str, object] = {"compilationResult": client.compile()}
        assert client.refusal("POST", "/workflowInvocations", order) == (DENIED, message)
        order["invocationConfig"] = {"serviceAccount": "other@example.com"}
        assert client.ask("POST", "/workflowInvocations", order).status == 200
        patch = "/releaseConfigs/production?updateMask=disabled"
        assert client.refusal("PATCH", patch, {"disabled": True}) == (DENIED, message)
        patch = "/releaseConfigs/staging?updateMask=disabled"
        assert client.ask("PATCH", patch, {"disabled": True}).status == 200
        client.close()


def test_loose_checks_take_anybody() -> None:
    """Without strict checks an invocation runs as nobody in particular."""
    with account_of(service_account="", strict_act_as=False) as emulator:
        client = Warehouse(emulator.url)
        assert client.finish(client.invoke("nightly")) == "SUCCEEDED"
        client.close()
