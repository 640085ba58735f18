"""Python's side of the hand-off: target weights go to omsd, and what became of them comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import grpc

from dnalyaw.runtime._gen import oms_pb2 as pb
from dnalyaw.runtime._gen.oms_pb2_grpc import OrderManagementStub
from dnalyaw.runtime._layout import Layout

ACCEPTED = pb.SUBMIT_OUTCOME_ACCEPTED
ALREADY_TAKEN = pb.SUBMIT_OUTCOME_ALREADY_TAKEN
REFUSED = pb.SUBMIT_OUTCOME_REFUSED

PASSING_FAULTS = frozenset({"NO_ACCOUNT", "VENUE_DOWN"})
"""Faults that end by themselves: riskd still asks the venue, after a start or a lost connection."""
ASK_AGAIN_SECONDS = 0.5


class OmsError(Exception):
    """omsd did not answer, or answered with an error."""


class OmsClient:
    """A connection to a region's omsd over its Unix socket.

    Parameters
    ----------
    layout : Layout
    timeout : float
        Seconds that one call may take.
    """

    def __init__(self, layout: Layout, timeout: float = 20.0) -> None:
        self._region = layout.region
        self._timeout = timeout
        self._channel = grpc.insecure_channel(
            f"unix:{layout.oms_socket}",
            # A session's report has every order and every fill of it: 200,000 orders are some 40 MB.
            options=[("grpc.default_authority", "localhost"), ("grpc.max_receive_message_length", -1)],
        )
        self._stub = OrderManagementStub(self._channel)

    def __enter__(self) -> OmsClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def _call(self, name: str, request: object) -> Any:
        try:
            return getattr(self._stub, name)(request, timeout=self._timeout)
        except grpc.RpcError as error:
            code = error.code().name if hasattr(error, "code") else "?"
            detail = error.details() if hasattr(error, "details") else str(error)
            raise OmsError(f"omsd ({self._region}) answered {name} with {code}: {detail}") from error

    def submit(self, portfolios: Sequence[pb.TargetPortfolio]) -> pb.SubmitTargetsResponse:
        """Hand over the target portfolios of one session."""
        return self._call(
            "SubmitTargets", pb.SubmitTargetsRequest(region=self._region, portfolios=portfolios)
        )

    def hand_over(
        self, portfolios: Sequence[pb.TargetPortfolio], seconds: float = 20.0
    ) -> pb.SubmitTargetsResponse:
        """Submit, and again while riskd is still learning the account from the venue.

        A refused hand-off is refused whole and one that was taken is taken once, so asking again is safe.
        Any other fault, the kill switch's HALTED among them, is answered at once; after `seconds` the last
        refusal is the answer.
        """
        deadline = time.monotonic() + seconds
        while True:
            answer = self.submit(portfolios)
            codes = {fault.code for fault in answer.faults}
            # While riskd does not know the account it is HALTED too, for that reason.
            passing = bool(codes & PASSING_FAULTS) and codes <= PASSING_FAULTS | {"HALTED"}
            if answer.outcome != REFUSED or not passing or time.monotonic() > deadline:
                return answer
            time.sleep(ASK_AGAIN_SECONDS)

    def status(self) -> pb.GetStatusResponse:
        """What omsd is doing."""
        return self._call("GetStatus", pb.GetStatusRequest())

    def report(self, session: int) -> pb.GetSessionReportResponse:
        """Everything that happened in a session (YYYYMMDD)."""
        return self._call("GetSessionReport", pb.GetSessionReportRequest(session=session))

    def cancel_all(self, reason: str) -> int:
        """Cancel every working order; the number of cancels sent."""
        return int(self._call("CancelAll", pb.CancelAllRequest(reason=reason)).cancels_sent)

    def unwind(
        self, who: str, reason: str, *, instrument_id: int = 0, strategy_id: str = "", lift: bool = False
    ) -> pb.UnwindResponse:
        """Take one name or one strategy down to nothing, and keep it there until it is lifted.

        Returns
        -------
        UnwindResponse
            How many instruments are being sold, and how many cancels were sent.
        """
        request = pb.UnwindRequest(
            instrument_id=instrument_id, strategy_id=strategy_id, who=who, reason=reason, lift=lift
        )
        return self._call("Unwind", request)

    def accept_books(self, who: str, reason: str) -> int:
        """Accept the venue's account where the books cannot explain it; how many differences there were."""
        request = pb.AcceptBooksRequest(who=who, reason=reason)
        return int(self._call("AcceptBooks", request).differences)

    def kill(self, who: str, reason: str) -> str:
        """Throw the kill switch; the trading state afterwards."""
        return str(self._call("Kill", pb.KillRequest(who=who, reason=reason)).trading_state)

    def wait_ready(self, seconds: float = 20.0) -> pb.GetStatusResponse:
        """Wait until omsd is linked to riskd and riskd to the venue; OmsError says which link is missing."""
        deadline = time.monotonic() + seconds
        last = "no answer yet"
        while time.monotonic() < deadline:
            try:
                status = self.status()
                if status.risk_link_up and status.venue_up:
                    return status
                last = f"link to riskd {_up(status.risk_link_up)}, venue {_up(status.venue_up)}"
            except OmsError as error:
                last = str(error)
            time.sleep(0.05)
        raise OmsError(f"the {self._region} runtime is not ready after {seconds:.0f} s: {last}")


def _up(state: bool) -> str:
    return "up" if state else "down"
