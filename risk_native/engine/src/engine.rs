//! The engine: feeds in, decisions out.

use crate::limits::TighterLimits;
use crate::reason::Reason;
use crate::types::*;

/// The pre-trade risk engine of one region's account. Pure: no I/O, no clock of its own, no randomness.
#[derive(Debug, Clone)]
pub struct Engine {
    limits: TighterLimits,
}

#[allow(unused_variables)]
impl Engine {
    /// An engine over `reference` under the constant limits or tighter ones.
    ///
    /// # Errors
    /// When an instrument is named twice or has an impossible lot, tick or id.
    pub fn new(
        reference: &[InstrumentReference],
        limits: TighterLimits,
    ) -> Result<Self, ReferenceError> {
        todo!()
    }

    // ---- feeds ------------------------------------------------------------------------------------------------

    /// A quote or print on the venue's clock; 0 = that side absent. Updates older than the one held are dropped.
    /// False when the instrument is unknown.
    pub fn on_price(
        &mut self,
        instrument_id: u64,
        bid: i64,
        ask: i64,
        last: i64,
        ts_ns: i64,
    ) -> bool {
        todo!()
    }
    /// The venue's settlement price: values a position until the first market price, never prices an order.
    pub fn on_settlement_price(&mut self, instrument_id: u64, price: i64) -> bool {
        todo!()
    }
    /// Cash by the venue's account report (millionths). Fills after it move it until the next report.
    pub fn on_account(&mut self, cash: i64) {
        todo!()
    }
    /// A position by the venue's report, absolute. False when the instrument is not in the reference (then no new risk is taken).
    pub fn on_position(&mut self, instrument_id: u64, quantity: i64) -> bool {
        todo!()
    }
    /// The venue has reported every position: what was not named since [`Engine::begin_positions`] is zero.
    pub fn positions_complete(&mut self) {
        todo!()
    }
    /// A new full report of positions begins; until it is complete positions count as unknown.
    pub fn begin_positions(&mut self) {
        todo!()
    }
    /// The venue's session state and date. A later date starts a new session day: baseline and kill switch are new.
    pub fn on_session(&mut self, state: SessionState, session: u32) {
        todo!()
    }
    /// The venue session is up or down.
    pub fn on_venue(&mut self, up: bool) {
        todo!()
    }
    /// The venue's clock.
    pub fn on_clock(&mut self, now_ns: i64) {
        todo!()
    }

    // ---- decisions --------------------------------------------------------------------------------------------

    /// Decide one order and, when it is accepted, reserve its worst case. Allocates nothing.
    pub fn decide(&mut self, order: &OrderRequest, now_ns: i64) -> Decision {
        todo!()
    }
    /// Decide a closing order of a flatten; the engine gives it an id of its own. The request is what to send.
    pub fn decide_close(&mut self, close: &CloseOrder, now_ns: i64) -> (OrderRequest, Decision) {
        todo!()
    }
    /// Mark a working order as being cancelled; its reserve stays until the venue reports.
    ///
    /// # Errors
    /// [`Reason::UnknownOrder`] when no working order has this id.
    pub fn request_cancel(&mut self, order_id: u64) -> Result<WorkingOrder, Reason> {
        todo!()
    }
    /// A report of the venue.
    ///
    /// # Errors
    /// See [`ExecError`]; the state is then unchanged.
    pub fn on_execution(&mut self, execution: &Execution) -> Result<ExecOutcome, ExecError> {
        todo!()
    }
    /// Reserve an order that was accepted before (recovery).
    ///
    /// # Errors
    /// The reason why it cannot be reserved.
    pub fn adopt(&mut self, order: &AdoptedOrder) -> Result<(), Reason> {
        todo!()
    }

    // ---- operator and state -----------------------------------------------------------------------------------

    /// The operator's kill switch: flatten, then reduce-only until the next session day.
    pub fn kill(&mut self, reason: Reason) {
        todo!()
    }
    /// Take only what reduces, or everything again. Cannot lift a kill.
    pub fn set_reduce_only(&mut self, on: bool) {
        todo!()
    }
    /// Take nothing but cancels, or everything again. Cannot lift a kill.
    pub fn set_halted(&mut self, on: bool) {
        todo!()
    }
    /// What must be done now (kill switch). Cheap when nothing is.
    pub fn poll_action(&mut self) -> Action {
        todo!()
    }
    /// The session's baseline, to be persisted as soon as it appears.
    pub fn baseline(&self) -> Option<Baseline> {
        todo!()
    }
    /// Put back a persisted baseline before the first feed; it counts only for its own session.
    pub fn restore_baseline(&mut self, baseline: Baseline) {
        todo!()
    }
    /// The fired kill switch, to be persisted as soon as it appears.
    pub fn killed(&self) -> Option<Kill> {
        todo!()
    }
    /// Put back a persisted kill before the first feed.
    pub fn restore_kill(&mut self, kill: Kill) {
        todo!()
    }
    /// Put back the last order ids taken (the outside's and the engine's own; 0 = none).
    pub fn restore_last_order_id(&mut self, last: u64, last_own: u64) {
        todo!()
    }

    // ---- views ------------------------------------------------------------------------------------------------

    /// Last order id taken from outside.
    pub fn last_order_id(&self) -> u64 {
        todo!()
    }
    /// Last order id of the engine's own; 0 = none.
    pub fn last_own_order_id(&self) -> u64 {
        todo!()
    }
    /// What is taken now.
    pub fn trading_state(&self) -> TradingState {
        todo!()
    }
    /// The numbers of a STATE message.
    pub fn state_report(&self) -> StateReport {
        todo!()
    }
    /// The limits in force.
    pub fn limits(&self) -> &TighterLimits {
        &self.limits
    }
    /// SHA-256 of the limits in force.
    pub fn limits_hash(&self) -> [u8; 32] {
        todo!()
    }
    /// Equity, when cash, positions and the marks of all positions are known.
    pub fn equity(&self) -> Option<i64> {
        todo!()
    }
    /// A working order.
    pub fn order(&self, order_id: u64) -> Option<WorkingOrder> {
        todo!()
    }
    /// All working orders, by id.
    pub fn working_orders(&self) -> Vec<WorkingOrder> {
        todo!()
    }
    /// All positions that are not zero, by instrument.
    pub fn positions(&self) -> Vec<PositionView> {
        todo!()
    }
    /// The prices of one instrument.
    pub fn price(&self, instrument_id: u64) -> Option<PriceView> {
        todo!()
    }
    /// The prices of all instruments that have one, by instrument.
    pub fn prices(&self) -> Vec<PriceView> {
        todo!()
    }
    /// SHA-256 of the whole state in a fixed order: two engines fed alike agree.
    pub fn state_hash(&self) -> [u8; 32] {
        todo!()
    }
}
