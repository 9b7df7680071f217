"""Faults between the action and the service, or of the machine itself: rows of both tables.

The service gets no request, so the create request is sent later or again.
"""

from __future__ import annotations

from typing import Any

from tests.faults.row import NIGHTLY, Row

_TITLE = "Dataform: no usable response"


def _row(name: str, network: str, **options: Any) -> Row:  # noqa: ANN401
    return Row(name=name, network=network, google_request=NIGHTLY, **options)


def _row_without_connection(name: str, network: str, **options: Any) -> Row:  # noqa: ANN401
    return _row(name, network, exit_code=4, title=_TITLE, creates=0, runs=0, **options)


NETWORK_TABLE: tuple[Row, ...] = (
    _row("TLS", "TLS", outages=0),
    _row("the connection is closed during the first TLS handshake", "handshake ends"),
    _row("the connection is reset during the first TLS handshake", "handshake is reset"),
    _row("the first TLS handshake is incomplete", "handshake is cut"),
    _row("TLS through a proxy", "proxy", outages=0),
    _row("the proxy responds with 502 once", "proxy fails once"),
    _row("the proxy drops the first CONNECT", "proxy drops one"),
    _row("no thread for the first requests", "no thread for the create"),
    _row("no thread for one poll", "no thread for a poll"),
    # The step fails at once or after the outage: both are correct.
    _row_without_connection("an https address with a port for http", "no TLS", outages=None),
    _row_without_connection("the proxy drops each CONNECT", "proxy drops all", outages=None),
    _row_without_connection(
        "an https:// proxy with a port for http", "proxy speaks http", outages=None
    ),
    _row_without_connection(
        "the proxy responds with 407", "proxy wants a password", outages=0, most_seconds=60
    ),
    _row_without_connection(
        "`SSLKEYLOGFILE` in a folder that does not exist", "no key log", outages=0, most_seconds=60
    ),
    _row(
        "eight IPv6 addresses that do not respond, then one that does",
        "dead addresses",
        outages=0,
    ),
    _row_without_connection(
        "a proxy on loopback where nothing listens", "no proxy there", outages=None
    ),
)
