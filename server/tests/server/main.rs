//! The server from outside: real sockets, real SQL.

#![forbid(unsafe_code)]

mod protocol;
mod sessions;
mod support;
