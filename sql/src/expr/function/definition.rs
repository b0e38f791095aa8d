//! What a function, an operator, a cast and an aggregate are.

use std::fmt;

use crate::error::Result;
use crate::types::{Datum, Oid, Type};

/// When a function may be evaluated ahead of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Volatility {
    /// Same arguments, same result, always: may be folded when planning.
    Immutable,
    /// Same within a statement.
    Stable,
    /// Any call may differ.
    Volatile,
}

/// A function of `pg_proc`.
pub struct Function {
    /// OID in `pg_proc`.
    pub oid: Oid,
    /// Name.
    pub name: &'static str,
    /// Declared argument types, polymorphic ones included.
    pub args: &'static [Type],
    /// Whether the last argument may be repeated.
    pub variadic: bool,
    /// How many trailing arguments may be left out.
    pub defaults: usize,
    /// The declared result type.
    pub result: Type,
    /// Whether a NULL argument makes the result NULL without a call.
    pub strict: bool,
    /// See [`Volatility`].
    pub volatility: Volatility,
    /// What runs.
    pub body: Body,
}

/// What computes one value from its arguments.
pub type Scalar = fn(&mut Call<'_>) -> Result<Datum>;

/// All values of a set, one after another.
pub type Rows = Box<dyn Iterator<Item = Result<Datum>> + Send>;

/// What a [`Function`] runs.
#[derive(Clone, Copy)]
pub enum Body {
    /// One value from its arguments.
    Scalar(Scalar),
    /// Rows, for FROM and the select list (`generate_series`).
    Set(fn(&mut Call<'_>) -> Result<Rows>),
}

/// One call: arguments and surroundings.
pub struct Call<'a> {
    /// The arguments.
    pub args: &'a [Datum],
    /// Their types as resolved, parallel to `args`.
    pub arg_types: &'a [Type],
    /// The result type as resolved.
    pub result: Type,
    /// What the session offers.
    pub environment: &'a mut dyn Environment,
}

/// What a function may ask of the session that runs it.
pub trait Environment {
    /// `now()`: microseconds since 2000-01-01 UTC at the start of the transaction.
    fn transaction_time(&self) -> i64;
    /// `statement_timestamp()`.
    fn statement_time(&self) -> i64;
    /// `clock_timestamp()`.
    fn clock_time(&self) -> i64;
    /// A setting's current value, as SHOW prints it.
    fn setting(&self, name: &str) -> Option<String>;
    /// Sets a setting; `local`: until the end of the transaction.
    fn set_setting(&mut self, name: &str, value: &str, local: bool) -> Result<String>;
    /// How dates, intervals, floats and bytea are written and read, and in which time zone.
    fn formats(&self) -> &crate::types::Formats;
    /// Name of the session's user, of the current role, and of the database.
    fn session_user(&self) -> &str;
    /// The role whose privileges count.
    fn current_user(&self) -> &str;
    /// Whether that is a superuser.
    fn is_superuser(&self) -> bool;
    /// Name of the database.
    fn database(&self) -> &str;
    /// The process id in BackendKeyData.
    fn backend_pid(&self) -> i32;
    /// Names of the schemas on the search path that exist, in order, `pg_catalog` among them.
    fn search_path(&self) -> Vec<String>;
    /// Whether the search path was written with `pg_catalog` in it.
    fn searches_catalog(&self) -> bool;
    /// Stops the statement when it was canceled or has run out of time, and lets others have the
    /// thread when it has computed for long. To be called every so often by what may take long.
    fn check(&self) -> Result<()>;
    /// Lets others have the thread ahead of work that takes long.
    fn stand_aside(&self);
    /// Sleeps, or ends early with the error of a cancel.
    fn sleep(&mut self, duration: std::time::Duration) -> Result<()>;
    /// The relation's name as regclass prints it, when there is one.
    fn relation_name(&mut self, oid: Oid) -> Result<Option<String>>;
    /// The relation that `name` means on the search path.
    fn relation_oid(&mut self, name: &str) -> Result<Option<Oid>>;
    /// `random()` and `gen_random_uuid()`: sixteen fresh random bytes.
    fn random(&mut self) -> [u8; 16];
    /// Takes an advisory lock; false when it is not free and was not to be waited for.
    fn lock_advisory(&mut self, lock: Advisory, scope: AdvisoryScope, wait: bool) -> Result<bool>;
    /// Gives an advisory lock of the session back once; false when it does not hold it.
    fn unlock_advisory(&mut self, lock: Advisory) -> bool;
    /// Gives all advisory locks of the session back.
    fn unlock_all_advisory(&mut self);
    /// The sessions that one waits for, by their process ids.
    fn blockers(&mut self, pid: i32) -> Vec<i32>;
    /// Stops the statement of a session, or ends the session; false when there is none.
    fn stop_session(&mut self, pid: i32, ends_session: bool) -> bool;
    /// Sends a notification at commit.
    fn notify(&mut self, channel: &str, payload: &str) -> Result<()>;
    /// How full the queue of notifications is, from 0 to 1.
    fn notification_usage(&self) -> f64;
    /// The channels the session listens to.
    fn listening(&self) -> Vec<String>;
    /// Lends the statement's snapshot to others until the transaction ends; its name.
    fn export_snapshot(&mut self) -> Result<String>;
    /// The sessions that keep one from getting a safe snapshot, by their process ids.
    fn snapshot_blockers(&mut self, pid: i32) -> Vec<i32>;
    /// Whether there is a session.
    fn session_exists(&mut self, pid: i32) -> bool;
    /// Sends a WARNING.
    fn warn(&mut self, message: String);
    /// What memory holds of a table or an index, as text; None when there is no such relation.
    fn index_outline(&mut self, relation: Oid) -> Option<String>;
    /// Says whether the models of all trees are to be used, and returns whether they were.
    fn use_models(&mut self, on: bool) -> bool;
}

/// An advisory lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advisory {
    /// The high half of a bigint key, or the first of two integers.
    pub high: u32,
    /// The low half of a bigint key, or the second of two integers.
    pub low: u32,
    /// Whether it was given as two integers.
    pub pair: bool,
    /// Whether others may hold it as well.
    pub shared: bool,
}

/// Until when an advisory lock is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdvisoryScope {
    /// Until it is given back, or the session ends.
    Session,
    /// Until the transaction ends.
    Transaction,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.oid)
    }
}

/// An operator of `pg_operator`.
#[derive(Debug)]
pub struct Operator {
    /// OID in `pg_operator`.
    pub oid: Oid,
    /// The symbol.
    pub name: &'static str,
    /// Type of the left side; None for a prefix operator.
    pub left: Option<Type>,
    /// Type of the right side.
    pub right: Type,
    /// Type of the result.
    pub result: Type,
    /// OID of the function that implements it.
    pub function: Oid,
    /// `b op' a` for `a op b`.
    pub commutator: Option<Oid>,
    /// NOT (a op b).
    pub negator: Option<Oid>,
}

/// When a cast may be applied without being written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CastContext {
    /// Anywhere.
    Implicit,
    /// When storing into a column.
    Assignment,
    /// Only when written.
    Explicit,
}

/// How a cast works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CastMethod {
    /// By a function of `pg_proc`.
    Function(Oid),
    /// Same bits.
    Relabel,
    /// By way of the text form.
    Text,
}

/// A cast of `pg_cast`.
#[derive(Debug)]
pub struct Cast {
    /// From.
    pub source: Type,
    /// To.
    pub target: Type,
    /// How.
    pub method: CastMethod,
    /// When.
    pub context: CastContext,
}

/// An aggregate of `pg_aggregate`.
pub struct AggregateFunction {
    /// OID in `pg_proc`.
    pub oid: Oid,
    /// Name.
    pub name: &'static str,
    /// Declared argument types; empty for count(*).
    pub args: &'static [Type],
    /// The declared result type.
    pub result: Type,
    /// A fresh state, given the argument types as resolved.
    pub start: fn(&[Type]) -> Box<dyn Accumulator>,
}

impl fmt::Debug for AggregateFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, self.oid)
    }
}

/// The running state of one aggregate over one group.
pub trait Accumulator: Send {
    /// Takes one row's arguments.
    fn add(&mut self, args: &[Datum]) -> Result<()>;
    /// The result so far.
    fn finish(&self) -> Result<Datum>;
}
