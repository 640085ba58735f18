//! What the measurements of the risk engine and of the kill switch share. Run by `dnalyaw bench risk`.

pub mod allocator;
pub mod clock;
pub mod dead;
pub mod desk;
pub mod floor;
pub mod link;
pub mod market;
pub mod numbers;
pub mod programs;
pub mod relay;
