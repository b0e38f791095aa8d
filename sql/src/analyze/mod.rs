//! From a parsed statement to a tree whose names are resolved and whose types are known.
//!
//! | file | what it decides |
//! |---|---|
//! | `scope`, `name` | what a name means, and what to say when it means nothing |
//! | `expression`, `syntax_function`, `row`, `subquery` | expressions |
//! | `call`, `operator`, `candidate` | which function or operator is meant |
//! | `coerce`, `unify`, `literal`, `type_name` | types |
//! | `select`, `from`, `group`, `order`, `set_operation`, `values` | queries |
//! | `insert`, `modify` | INSERT, UPDATE, DELETE |

mod aggregate;
mod analyzer;
mod call;
mod candidate;
mod coerce;
mod column_name;
mod default;
mod equal;
mod expression;
mod from;
mod group;
mod insert;
mod join;
mod list;
mod literal;
mod modify;
mod name;
mod operator;
mod order;
mod query;
mod row;
mod scope;
mod select;
mod set_operation;
mod standalone;
mod subquery;
mod syntax_function;
mod type_name;
mod unify;
mod values;

use analyzer::Analyzer;
pub(crate) use analyzer::analyze;
pub(crate) use default::{default_value, lasting_default};
pub(crate) use query::*;
pub(crate) use standalone::{execute_argument, system_time};
pub use type_name::{place_type_error, type_name};
