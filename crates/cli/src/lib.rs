//! The binary `chancery` as a library: configuration, wiring, the server, and the commands.
//!
//! Only `init`, `serve`, `demo` and `config` touch the machine's own data; everything else is a client of the public
//! API. Adding a command: one file under `commands/` with its arguments, examples and printing, one arm in `cli.rs`.

mod certificates;
mod cli;
mod client;
mod commands;
pub mod config;
mod demo;
mod ended;
mod files;
mod init;
mod logging;
pub mod open;
mod output;
mod password;
pub mod serve;
pub mod system;

pub use cli::{cli_reference, command, run};
pub use config::{Config, configuration_reference};
pub use open::{OpenError, Start, open, open_with};
pub use serve::{ServeError, Server};
