"""The secrets of token requests: each is masked once, and hidden in all messages."""

from __future__ import annotations

import pytest

from tests.support.google_stand_ins import IMPERSONATION, RUNTIME_TOKEN, Reply
from tests.unit.auth.support import Setting, Stop, refusal


def test_all_tokens_are_masked(setting: Setting) -> None:
    """The caller receives each token once, including those of intermediate steps."""
    source = setting.federation()
    source()
    source()
    assert setting.masked == ["identity-token-1", "federated-token-2", "impersonated-token-3"]


def test_secrets_in_the_message_of_a_service(setting: Setting) -> None:
    """Tokens that a service repeats in its message are hidden."""
    echo = (
        f"identity-token-1 federated-token-2 {RUNTIME_TOKEN} impersonated tokens "
        f"{setting.google.url}"
    )
    setting.google.fail(IMPERSONATION, Reply(403, {"error": {"message": echo}}))
    error = refusal(setting.federation())
    assert error.message.endswith(f"HTTP 403: *** *** *** impersonated tokens {setting.google.url}")


def test_signal_during_masking(setting: Setting) -> None:
    """If a signal interrupts the masking, the next call masks the rest before it returns."""

    def interrupt(count: int) -> None:
        if count == 2:
            raise Stop

    setting.on_mask = interrupt
    source = setting.federation()
    with pytest.raises(Stop):
        source()
    assert source() == "impersonated-token-3"
    assert setting.masked == [
        *("identity-token-1", "federated-token-2"),
        *("federated-token-2", "impersonated-token-3"),
    ]
