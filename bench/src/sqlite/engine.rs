//! What both engines do here.

/// An embedded engine with one session on a database of its own.
///
/// Its methods panic when the engine reports an error: then there is nothing to compare.
pub(crate) trait Engine {
    /// Runs a statement without rows.
    fn run(&mut self, sql: &str);

    /// Prepares `sql` and runs it with each list of parameters that `next` gives; the sum of all
    /// integers returned.
    fn repeat(&mut self, sql: &str, next: &mut dyn FnMut() -> Option<Vec<i64>>) -> i64;
}
