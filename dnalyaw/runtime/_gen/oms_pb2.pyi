from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubmitOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBMIT_OUTCOME_UNSPECIFIED: _ClassVar[SubmitOutcome]
    SUBMIT_OUTCOME_ACCEPTED: _ClassVar[SubmitOutcome]
    SUBMIT_OUTCOME_ALREADY_TAKEN: _ClassVar[SubmitOutcome]
    SUBMIT_OUTCOME_REFUSED: _ClassVar[SubmitOutcome]
SUBMIT_OUTCOME_UNSPECIFIED: SubmitOutcome
SUBMIT_OUTCOME_ACCEPTED: SubmitOutcome
SUBMIT_OUTCOME_ALREADY_TAKEN: SubmitOutcome
SUBMIT_OUTCOME_REFUSED: SubmitOutcome

class Target(_message.Message):
    __slots__ = ("instrument_id", "weight", "stop_distance", "label", "link")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    STOP_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    weight: float
    stop_distance: float
    label: str
    link: str
    def __init__(self, instrument_id: _Optional[int] = ..., weight: _Optional[float] = ..., stop_distance: _Optional[float] = ..., label: _Optional[str] = ..., link: _Optional[str] = ...) -> None: ...

class TargetPortfolio(_message.Message):
    __slots__ = ("strategy_id", "as_of_ns", "session", "targets", "correlation_id")
    STRATEGY_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_NS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    strategy_id: str
    as_of_ns: int
    session: int
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    correlation_id: str
    def __init__(self, strategy_id: _Optional[str] = ..., as_of_ns: _Optional[int] = ..., session: _Optional[int] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class SubmitTargetsRequest(_message.Message):
    __slots__ = ("region", "portfolios")
    REGION_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIOS_FIELD_NUMBER: _ClassVar[int]
    region: str
    portfolios: _containers.RepeatedCompositeFieldContainer[TargetPortfolio]
    def __init__(self, region: _Optional[str] = ..., portfolios: _Optional[_Iterable[_Union[TargetPortfolio, _Mapping]]] = ...) -> None: ...

class TargetUpdate(_message.Message):
    __slots__ = ("strategy_id", "seq", "session", "target", "correlation_id")
    STRATEGY_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    strategy_id: str
    seq: int
    session: int
    target: Target
    correlation_id: str
    def __init__(self, strategy_id: _Optional[str] = ..., seq: _Optional[int] = ..., session: _Optional[int] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class TargetUpdateAnswer(_message.Message):
    __slots__ = ("strategy_id", "seq", "outcome", "faults", "order_id", "message")
    STRATEGY_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    strategy_id: str
    seq: int
    outcome: SubmitOutcome
    faults: _containers.RepeatedCompositeFieldContainer[Fault]
    order_id: int
    message: str
    def __init__(self, strategy_id: _Optional[str] = ..., seq: _Optional[int] = ..., outcome: _Optional[_Union[SubmitOutcome, str]] = ..., faults: _Optional[_Iterable[_Union[Fault, _Mapping]]] = ..., order_id: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("strategy_id", "instrument_id", "code", "message")
    STRATEGY_ID_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    strategy_id: str
    instrument_id: int
    code: str
    message: str
    def __init__(self, strategy_id: _Optional[str] = ..., instrument_id: _Optional[int] = ..., code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class SubmitTargetsResponse(_message.Message):
    __slots__ = ("outcome", "faults", "orders_planned", "message")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_PLANNED_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    outcome: SubmitOutcome
    faults: _containers.RepeatedCompositeFieldContainer[Fault]
    orders_planned: int
    message: str
    def __init__(self, outcome: _Optional[_Union[SubmitOutcome, str]] = ..., faults: _Optional[_Iterable[_Union[Fault, _Mapping]]] = ..., orders_planned: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("region", "session", "risk_link_up", "venue_up", "trading_state", "session_state", "open_orders", "unknown_orders", "equity_micro", "cash_micro", "clock_ns", "unwindings", "differences", "worked_orders", "state_hash")
    REGION_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    RISK_LINK_UP_FIELD_NUMBER: _ClassVar[int]
    VENUE_UP_FIELD_NUMBER: _ClassVar[int]
    TRADING_STATE_FIELD_NUMBER: _ClassVar[int]
    SESSION_STATE_FIELD_NUMBER: _ClassVar[int]
    OPEN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    EQUITY_MICRO_FIELD_NUMBER: _ClassVar[int]
    CASH_MICRO_FIELD_NUMBER: _ClassVar[int]
    CLOCK_NS_FIELD_NUMBER: _ClassVar[int]
    UNWINDINGS_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    WORKED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    region: str
    session: int
    risk_link_up: bool
    venue_up: bool
    trading_state: str
    session_state: str
    open_orders: int
    unknown_orders: int
    equity_micro: int
    cash_micro: int
    clock_ns: int
    unwindings: _containers.RepeatedCompositeFieldContainer[Unwinding]
    differences: _containers.RepeatedCompositeFieldContainer[Difference]
    worked_orders: int
    state_hash: str
    def __init__(self, region: _Optional[str] = ..., session: _Optional[int] = ..., risk_link_up: _Optional[bool] = ..., venue_up: _Optional[bool] = ..., trading_state: _Optional[str] = ..., session_state: _Optional[str] = ..., open_orders: _Optional[int] = ..., unknown_orders: _Optional[int] = ..., equity_micro: _Optional[int] = ..., cash_micro: _Optional[int] = ..., clock_ns: _Optional[int] = ..., unwindings: _Optional[_Iterable[_Union[Unwinding, _Mapping]]] = ..., differences: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ..., worked_orders: _Optional[int] = ..., state_hash: _Optional[str] = ...) -> None: ...

class GetSessionReportRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: int
    def __init__(self, session: _Optional[int] = ...) -> None: ...

class OrderReport(_message.Message):
    __slots__ = ("order_id", "instrument_id", "side", "requested_qty", "approved_qty", "filled_qty", "limit_px_micro", "state", "decision", "reason_code", "reason", "decision_px_micro", "arrival_bid_micro", "arrival_ask_micro", "created_ns", "decided_ns", "done_ns", "correlation_id", "fills", "attribution")
    class AttributionEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_QTY_FIELD_NUMBER: _ClassVar[int]
    APPROVED_QTY_FIELD_NUMBER: _ClassVar[int]
    FILLED_QTY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PX_MICRO_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECISION_PX_MICRO_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_BID_MICRO_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_ASK_MICRO_FIELD_NUMBER: _ClassVar[int]
    CREATED_NS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_NS_FIELD_NUMBER: _ClassVar[int]
    DONE_NS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    order_id: int
    instrument_id: int
    side: str
    requested_qty: int
    approved_qty: int
    filled_qty: int
    limit_px_micro: int
    state: str
    decision: str
    reason_code: int
    reason: str
    decision_px_micro: int
    arrival_bid_micro: int
    arrival_ask_micro: int
    created_ns: int
    decided_ns: int
    done_ns: int
    correlation_id: str
    fills: _containers.RepeatedCompositeFieldContainer[FillReport]
    attribution: _containers.ScalarMap[str, float]
    def __init__(self, order_id: _Optional[int] = ..., instrument_id: _Optional[int] = ..., side: _Optional[str] = ..., requested_qty: _Optional[int] = ..., approved_qty: _Optional[int] = ..., filled_qty: _Optional[int] = ..., limit_px_micro: _Optional[int] = ..., state: _Optional[str] = ..., decision: _Optional[str] = ..., reason_code: _Optional[int] = ..., reason: _Optional[str] = ..., decision_px_micro: _Optional[int] = ..., arrival_bid_micro: _Optional[int] = ..., arrival_ask_micro: _Optional[int] = ..., created_ns: _Optional[int] = ..., decided_ns: _Optional[int] = ..., done_ns: _Optional[int] = ..., correlation_id: _Optional[str] = ..., fills: _Optional[_Iterable[_Union[FillReport, _Mapping]]] = ..., attribution: _Optional[_Mapping[str, float]] = ...) -> None: ...

class FillReport(_message.Message):
    __slots__ = ("exec_id", "qty", "px_micro", "fee_micro", "ts_ns", "bid_micro", "ask_micro")
    EXEC_ID_FIELD_NUMBER: _ClassVar[int]
    QTY_FIELD_NUMBER: _ClassVar[int]
    PX_MICRO_FIELD_NUMBER: _ClassVar[int]
    FEE_MICRO_FIELD_NUMBER: _ClassVar[int]
    TS_NS_FIELD_NUMBER: _ClassVar[int]
    BID_MICRO_FIELD_NUMBER: _ClassVar[int]
    ASK_MICRO_FIELD_NUMBER: _ClassVar[int]
    exec_id: int
    qty: int
    px_micro: int
    fee_micro: int
    ts_ns: int
    bid_micro: int
    ask_micro: int
    def __init__(self, exec_id: _Optional[int] = ..., qty: _Optional[int] = ..., px_micro: _Optional[int] = ..., fee_micro: _Optional[int] = ..., ts_ns: _Optional[int] = ..., bid_micro: _Optional[int] = ..., ask_micro: _Optional[int] = ...) -> None: ...

class PositionReport(_message.Message):
    __slots__ = ("instrument_id", "qty", "mark_micro")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    QTY_FIELD_NUMBER: _ClassVar[int]
    MARK_MICRO_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    qty: int
    mark_micro: int
    def __init__(self, instrument_id: _Optional[int] = ..., qty: _Optional[int] = ..., mark_micro: _Optional[int] = ...) -> None: ...

class GetSessionReportResponse(_message.Message):
    __slots__ = ("region", "session", "orders", "positions", "equity_micro", "baseline_micro", "cash_micro", "limits_hash", "reference_hash", "frames_to_risk", "risk_orders")
    REGION_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    EQUITY_MICRO_FIELD_NUMBER: _ClassVar[int]
    BASELINE_MICRO_FIELD_NUMBER: _ClassVar[int]
    CASH_MICRO_FIELD_NUMBER: _ClassVar[int]
    LIMITS_HASH_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_HASH_FIELD_NUMBER: _ClassVar[int]
    FRAMES_TO_RISK_FIELD_NUMBER: _ClassVar[int]
    RISK_ORDERS_FIELD_NUMBER: _ClassVar[int]
    region: str
    session: int
    orders: _containers.RepeatedCompositeFieldContainer[OrderReport]
    positions: _containers.RepeatedCompositeFieldContainer[PositionReport]
    equity_micro: int
    baseline_micro: int
    cash_micro: int
    limits_hash: str
    reference_hash: str
    frames_to_risk: int
    risk_orders: _containers.RepeatedCompositeFieldContainer[OrderReport]
    def __init__(self, region: _Optional[str] = ..., session: _Optional[int] = ..., orders: _Optional[_Iterable[_Union[OrderReport, _Mapping]]] = ..., positions: _Optional[_Iterable[_Union[PositionReport, _Mapping]]] = ..., equity_micro: _Optional[int] = ..., baseline_micro: _Optional[int] = ..., cash_micro: _Optional[int] = ..., limits_hash: _Optional[str] = ..., reference_hash: _Optional[str] = ..., frames_to_risk: _Optional[int] = ..., risk_orders: _Optional[_Iterable[_Union[OrderReport, _Mapping]]] = ...) -> None: ...

class CancelAllRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class CancelAllResponse(_message.Message):
    __slots__ = ("cancels_sent",)
    CANCELS_SENT_FIELD_NUMBER: _ClassVar[int]
    cancels_sent: int
    def __init__(self, cancels_sent: _Optional[int] = ...) -> None: ...

class UnwindRequest(_message.Message):
    __slots__ = ("instrument_id", "strategy_id", "who", "reason", "lift")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_ID_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LIFT_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    strategy_id: str
    who: str
    reason: str
    lift: bool
    def __init__(self, instrument_id: _Optional[int] = ..., strategy_id: _Optional[str] = ..., who: _Optional[str] = ..., reason: _Optional[str] = ..., lift: _Optional[bool] = ...) -> None: ...

class UnwindResponse(_message.Message):
    __slots__ = ("instruments", "cancels_sent")
    INSTRUMENTS_FIELD_NUMBER: _ClassVar[int]
    CANCELS_SENT_FIELD_NUMBER: _ClassVar[int]
    instruments: int
    cancels_sent: int
    def __init__(self, instruments: _Optional[int] = ..., cancels_sent: _Optional[int] = ...) -> None: ...

class Unwinding(_message.Message):
    __slots__ = ("instrument_id", "strategy_id", "who", "reason", "since_ns")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_ID_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    strategy_id: str
    who: str
    reason: str
    since_ns: int
    def __init__(self, instrument_id: _Optional[int] = ..., strategy_id: _Optional[str] = ..., who: _Optional[str] = ..., reason: _Optional[str] = ..., since_ns: _Optional[int] = ...) -> None: ...

class Difference(_message.Message):
    __slots__ = ("instrument_id", "books", "venue", "since_ns", "why")
    INSTRUMENT_ID_FIELD_NUMBER: _ClassVar[int]
    BOOKS_FIELD_NUMBER: _ClassVar[int]
    VENUE_FIELD_NUMBER: _ClassVar[int]
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    instrument_id: int
    books: int
    venue: int
    since_ns: int
    why: str
    def __init__(self, instrument_id: _Optional[int] = ..., books: _Optional[int] = ..., venue: _Optional[int] = ..., since_ns: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class AcceptBooksRequest(_message.Message):
    __slots__ = ("who", "reason")
    WHO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    who: str
    reason: str
    def __init__(self, who: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AcceptBooksResponse(_message.Message):
    __slots__ = ("differences",)
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    differences: int
    def __init__(self, differences: _Optional[int] = ...) -> None: ...

class KillRequest(_message.Message):
    __slots__ = ("who", "reason")
    WHO_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    who: str
    reason: str
    def __init__(self, who: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class KillResponse(_message.Message):
    __slots__ = ("trading_state",)
    TRADING_STATE_FIELD_NUMBER: _ClassVar[int]
    trading_state: str
    def __init__(self, trading_state: _Optional[str] = ...) -> None: ...
