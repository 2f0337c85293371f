//! The conformance suite: what a store must do, on every engine, through its public interface alone.

mod engine;
mod rows;
mod write_sets;
