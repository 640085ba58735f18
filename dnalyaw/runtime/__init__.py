"""Talks to the compiled runtime, and starts it for local use. It hands over weights, never orders."""

from dnalyaw.runtime._client import ACCEPTED, ALREADY_TAKEN, REFUSED, OmsClient, OmsError
from dnalyaw.runtime._control import RiskAbsentError, RiskControlError, latched, risk_control
from dnalyaw.runtime._costs import CostsError, session_costs
from dnalyaw.runtime._files import (
    INITIAL_CASH,
    MAX_STRATEGIES,
    Stage,
    exact_ratio,
    registered_strategies,
    update_register,
    write_atomically,
    write_market,
    write_reference,
)
from dnalyaw.runtime._gen import oms_pb2 as messages
from dnalyaw.runtime._layout import DEFAULT_SPEED, PROGRAMS, Layout, RuntimeStartError, program_path
from dnalyaw.runtime._processes import ProcessStatus, down, status, up
from dnalyaw.runtime._session import volume_curve, write_session
from dnalyaw.runtime._signals import reap, send_signal
from dnalyaw.runtime._venue import VenueControlError, control, wait_closed
from dnalyaw.runtime._venue_model import VENUE_PARTS

__all__ = [
    "ACCEPTED",
    "ALREADY_TAKEN",
    "DEFAULT_SPEED",
    "INITIAL_CASH",
    "MAX_STRATEGIES",
    "PROGRAMS",
    "REFUSED",
    "VENUE_PARTS",
    "CostsError",
    "Layout",
    "OmsClient",
    "OmsError",
    "ProcessStatus",
    "RiskAbsentError",
    "RiskControlError",
    "RuntimeStartError",
    "Stage",
    "VenueControlError",
    "control",
    "down",
    "exact_ratio",
    "latched",
    "messages",
    "program_path",
    "reap",
    "registered_strategies",
    "risk_control",
    "send_signal",
    "session_costs",
    "status",
    "up",
    "update_register",
    "volume_curve",
    "wait_closed",
    "write_atomically",
    "write_market",
    "write_reference",
    "write_session",
]
