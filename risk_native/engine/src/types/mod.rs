//! What goes into the engine and what comes out.

mod decision;
mod order;
mod reference;
mod report;
mod state;
mod view;

pub use decision::*;
pub use order::*;
pub use reference::*;
pub use report::*;
pub use state::*;
pub use view::*;
