//! The server: sockets, sessions, configuration. The program `reckon` is [`run`] and nothing else.

#![forbid(unsafe_code)]

mod auth;
mod budget;
mod cli;
mod config;
mod connection;
mod copy;
mod error;
mod listener;
mod memory;
mod metrics;
mod password;
mod protocol;
mod response;
mod server;
mod sessions;
mod socket;
mod startup;

pub use cli::run;
pub use reckon_sql::Broken;
