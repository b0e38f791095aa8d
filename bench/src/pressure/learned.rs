//! How many leaves of pgbench's accounts carry a model, after pgbench's own initialisation at default settings.

use std::io::Write;

use reckon_tests::{Reckon, pgbench};

use super::Plan;

/// Runs the scenario.
pub(super) fn run(plan: &Plan) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let server = Reckon::start();
    pgbench::initialize(server.address(), plan.scale, "dtgvp");
    let mut session = server.connect();
    for when in ["initialisation", "a scan"] {
        let row = &session.rows(
            "select resident_leaves, learned_leaves, \
             round(100.0 * learned_leaves / greatest(resident_leaves, 1), 1), \
             round(fill::numeric, 2), round(model_error::numeric, 2), records \
             from reckon_index_stats where name = 'pgbench_accounts'",
        )[0];
        let row: Vec<&str> = row.iter().flatten().map(String::as_str).collect();
        if let [leaves, learned, percent, fill, error, records] = row[..] {
            writeln!(
                out,
                "pgbench_accounts at scale {} after {when}: {learned} of {leaves} leaves learned \
                 ({percent} %), {records} records, fill {fill}, model error {error}",
                plan.scale
            )?;
        }
        session.run("select sum(abalance) from pgbench_accounts");
    }
    Ok(())
}
