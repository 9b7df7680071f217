"""Helpers for the tests of the transport."""

from __future__ import annotations

from dataform_action.emulator import Emulator
from dataform_action.transport.client import Transport

RUNS = "/v1/project/1234/run"


def connect(emulator: Emulator, url: str | None = None) -> Transport:
    return Transport(url or emulator.url, lambda: emulator.token)
