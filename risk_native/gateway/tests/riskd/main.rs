//! riskd as a process: a venue on one side, a client on the other, signals and files around it.

mod account;
mod cancels;
mod command_line;
mod control;
mod corrections;
mod garbage;
mod journal;
mod kill;
mod legs;
mod line;
mod lists;
mod officer;
mod operate;
mod operator;
mod orders;
mod page;
mod paths;
mod recovery;
mod replace;
mod second_wire;
mod shadow;
mod standing;
mod stops;
mod support;
mod unknown;
