"""How each kind of fault spoils an answer: one small function a kind, and the table of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from dataform_action.emulator.http.connection import Wire
from dataform_action.emulator.http.faults import Fault, FaultKind
from dataform_action.emulator.http.messages import Endpoint, Refusal, Reply

DRIP_SECONDS = 0.05
"""The time between two bytes of a drip."""

_PAGE = b"<!doctype html><html><title>Welcome</title><h1>Please sign in</h1></html>"
_BLANKS = b" " * 65_536


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request whose answer a fault spoils.

    ``carry_out`` carries the request out when it is called first, and returns the proper reply.
    """

    fault: Fault
    endpoint: Endpoint
    carry_out: Callable[[], Reply]
    wire: Wire

    def reply(
        self, body: bytes, status: int = 200, content_type: str = "application/json"
    ) -> Reply:
        """Make a reply of what the fault gives, and of the kind's own values for the rest."""
        fault = self.fault
        return Reply(
            status=status if fault.status is None else fault.status,
            body=body if fault.body is None else fault.body.encode("utf-8", "replace"),
            content_type=content_type,
            headers=fault.headers,
        )

    def plausible_reply(self) -> Reply:
        """Make a reply that looks right: the proper one, or a sample if nothing was done."""
        if not self.fault.processed:
            return self.reply(self.endpoint.sample)
        proper = self.carry_out()
        return self.reply(proper.body, proper.status)


def spoil(fault: Fault, endpoint: Endpoint, carry_out: Callable[[], Reply], wire: Wire) -> None:
    """Answer a request by its fault; ``carry_out`` is called at most once."""
    exchange = Exchange(fault, endpoint, cache(carry_out), wire)
    if fault.processed:
        exchange.carry_out()
    SPOILERS[fault.kind](exchange)


def _send_status(exchange: Exchange) -> None:
    status = 503 if exchange.fault.status is None else exchange.fault.status
    refusal = Refusal(status, f"The emulator was told to answer {status}")
    exchange.wire.send(exchange.reply(exchange.endpoint.refuse(refusal).body, status))


def _reset(exchange: Exchange) -> None:
    exchange.wire.reset()


def _close(exchange: Exchange) -> None:
    exchange.wire.close()


def _send_short(exchange: Exchange) -> None:
    reply = exchange.plausible_reply()
    exchange.wire.close()
    exchange.wire.write_head(reply, len(reply.body) + 1)
    exchange.wire.write(reply.body[: len(reply.body) // 2])


def _send_cut_json(exchange: Exchange) -> None:
    reply = exchange.plausible_reply()
    exchange.wire.send(replace(reply, body=reply.body[: len(reply.body) // 2]))


def _send_html(exchange: Exchange) -> None:
    exchange.wire.send(exchange.reply(_PAGE, content_type="text/html; charset=utf-8"))


def _send_json(exchange: Exchange) -> None:
    exchange.wire.send(exchange.reply(b"{}"))


def _hang(exchange: Exchange) -> None:
    if exchange.wire.hold(exchange.fault.seconds):
        exchange.wire.send(exchange.carry_out())


def _drip(exchange: Exchange) -> None:
    count = max(1, round(exchange.fault.seconds / DRIP_SECONDS))
    exchange.wire.close()
    exchange.wire.write_head(exchange.reply(b""), count + 1)
    for _ in range(count):
        if not exchange.wire.hold(DRIP_SECONDS):
            break
        exchange.wire.write(b" ")


def _send_huge(exchange: Exchange) -> None:
    size = exchange.fault.size
    reply = exchange.plausible_reply()
    exchange.wire.write_head(reply, size)
    exchange.wire.write(reply.body[:size])
    missing = size - len(reply.body)
    while missing > 0:
        exchange.wire.write(_BLANKS[:missing])
        missing -= len(_BLANKS)


def _redirect(exchange: Exchange) -> None:
    exchange.wire.send(exchange.reply(b"", 302, content_type="text/plain"))


SPOILERS: Mapping[FaultKind, Callable[[Exchange], None]] = MappingProxyType(
    {
        "status": _send_status,
        "reset": _reset,
        "close": _close,
        "short": _send_short,
        "cut-json": _send_cut_json,
        "html": _send_html,
        "json": _send_json,
        "hang": _hang,
        "drip": _drip,
        "huge": _send_huge,
        "redirect": _redirect,
    }
)
