//! Advisory locks, who waits for whom, stopping other sessions and telling them something.

use std::time::Duration;

use super::declare::{BOOL, FLOAT8, INT4, INT4_ARRAY, INT8, TEXT, VOID, set, volatile};
use super::definition::{Advisory, AdvisoryScope};
use super::{Call, Function, Rows};
use crate::error::{DataError, Result};
use crate::types::{Array, Datum, Type};

/// The key: one bigint, or two integers.
fn advisory(call: &Call<'_>, shared: bool) -> Result<Advisory> {
    Ok(match call.args {
        [Datum::Int8(key)] => {
            let key = *key as u64;
            Advisory { high: (key >> 32) as u32, low: key as u32, pair: false, shared }
        }
        _ => {
            let (high, low): (i32, i32) = (call.arg(0)?, call.arg(1)?);
            Advisory { high: high as u32, low: low as u32, pair: true, shared }
        }
    })
}

fn lock(call: &mut Call<'_>, shared: bool, scope: AdvisoryScope) -> Result<Datum> {
    let wanted = advisory(call, shared)?;
    call.environment.lock_advisory(wanted, scope, true)?;
    Ok(Datum::Void)
}

fn try_lock(call: &mut Call<'_>, shared: bool, scope: AdvisoryScope) -> Result<Datum> {
    let wanted = advisory(call, shared)?;
    Ok(Datum::Bool(call.environment.lock_advisory(wanted, scope, false)?))
}

fn unlock(call: &mut Call<'_>, shared: bool) -> Result<Datum> {
    let held = advisory(call, shared)?;
    let was_held = call.environment.unlock_advisory(held);
    if !was_held {
        let mode = if shared { "ShareLock" } else { "ExclusiveLock" };
        call.environment.warn(format!("you don't own a lock of type {mode}"));
    }
    Ok(Datum::Bool(was_held))
}

fn lock_session(call: &mut Call<'_>) -> Result<Datum> {
    lock(call, false, AdvisoryScope::Session)
}

fn lock_session_shared(call: &mut Call<'_>) -> Result<Datum> {
    lock(call, true, AdvisoryScope::Session)
}

fn lock_transaction(call: &mut Call<'_>) -> Result<Datum> {
    lock(call, false, AdvisoryScope::Transaction)
}

fn lock_transaction_shared(call: &mut Call<'_>) -> Result<Datum> {
    lock(call, true, AdvisoryScope::Transaction)
}

fn try_session(call: &mut Call<'_>) -> Result<Datum> {
    try_lock(call, false, AdvisoryScope::Session)
}

fn try_session_shared(call: &mut Call<'_>) -> Result<Datum> {
    try_lock(call, true, AdvisoryScope::Session)
}

fn try_transaction(call: &mut Call<'_>) -> Result<Datum> {
    try_lock(call, false, AdvisoryScope::Transaction)
}

fn try_transaction_shared(call: &mut Call<'_>) -> Result<Datum> {
    try_lock(call, true, AdvisoryScope::Transaction)
}

fn unlock_exclusive(call: &mut Call<'_>) -> Result<Datum> {
    unlock(call, false)
}

fn unlock_shared(call: &mut Call<'_>) -> Result<Datum> {
    unlock(call, true)
}

fn unlock_all(call: &mut Call<'_>) -> Result<Datum> {
    call.environment.unlock_all_advisory();
    Ok(Datum::Void)
}

fn blocking_pids(call: &mut Call<'_>) -> Result<Datum> {
    let blockers = call.environment.blockers(call.arg(0)?);
    let elements = blockers.into_iter().map(Datum::Int4).collect();
    Ok(Datum::array(Array::flat(Type::INT4.oid, elements)))
}

/// Whether a session waits for one of those given.
fn is_blocked(call: &mut Call<'_>) -> Result<Datum> {
    let others: &Array = call.arg(1)?;
    let blockers = call.environment.blockers(call.arg(0)?);
    let waits = |blocker: &i32| {
        others.elements.iter().any(|other| matches!(other, Datum::Int4(pid) if pid == blocker))
    };
    Ok(Datum::Bool(blockers.iter().any(waits)))
}

/// No right is checked: the only role there is, is a superuser.
fn stop(call: &mut Call<'_>, ends_session: bool) -> Result<Datum> {
    let pid: i32 = call.arg(0)?;
    let found = call.environment.stop_session(pid, ends_session);
    if !found {
        call.environment.warn(format!("PID {pid} is not a PostgreSQL backend process"));
    } else if pid == call.environment.backend_pid() {
        // Who stops itself does not go on first.
        call.environment.sleep(Duration::ZERO)?;
    }
    Ok(Datum::Bool(found))
}

fn cancel(call: &mut Call<'_>) -> Result<Datum> {
    stop(call, false)
}

/// How long is waited for a session to end before looking again.
const ENDING_PAUSE: Duration = Duration::from_millis(10);

/// Ends a session, and waits for that as many milliseconds as are given.
fn terminate(call: &mut Call<'_>) -> Result<Datum> {
    let pid: i32 = call.arg(0)?;
    let timeout: i64 = if call.args.len() > 1 { call.arg(1)? } else { 0 };
    let Ok(timeout_ms) = u64::try_from(timeout) else {
        return Err(DataError::NegativeTimeout.into());
    };
    let stopped = stop(call, true)?;
    if timeout_ms == 0 || !matches!(stopped, Datum::Bool(true)) {
        return Ok(stopped);
    }
    let mut left = Duration::from_millis(timeout_ms);
    while call.environment.session_exists(pid) {
        if left.is_zero() {
            let message = format!(
                "backend with PID {pid} did not terminate within {timeout_ms} milliseconds"
            );
            call.environment.warn(message);
            return Ok(Datum::Bool(false));
        }
        let pause = left.min(ENDING_PAUSE);
        call.environment.sleep(pause)?;
        left -= pause;
    }
    Ok(stopped)
}

fn snapshot_blocking_pids(call: &mut Call<'_>) -> Result<Datum> {
    let blockers = call.environment.snapshot_blockers(call.arg(0)?);
    let elements = blockers.into_iter().map(Datum::Int4).collect();
    Ok(Datum::array(Array::flat(Type::INT4.oid, elements)))
}

fn export_snapshot(call: &mut Call<'_>) -> Result<Datum> {
    Ok(Datum::text(&call.environment.export_snapshot()?))
}

/// Called with NULLs, which say nothing.
fn notify(call: &mut Call<'_>) -> Result<Datum> {
    let text = |at: usize| match call.args.get(at) {
        Some(Datum::Text(text)) => text.as_str().to_owned(),
        _ => String::new(),
    };
    let (channel, payload) = (text(0), text(1));
    call.environment.notify(&channel, &payload)?;
    Ok(Datum::Void)
}

fn usage(call: &mut Call<'_>) -> Result<Datum> {
    Ok(Datum::Float8(call.environment.notification_usage()))
}

fn listening(call: &mut Call<'_>) -> Result<Rows> {
    let channels = call.environment.listening();
    Ok(Box::new(channels.into_iter().map(|channel| Ok(Datum::text(&channel)))))
}

pub(super) static FUNCTIONS: &[Function] = &[
    volatile(2880, "pg_advisory_lock", &[INT8], VOID, lock_session),
    volatile(2886, "pg_advisory_lock", &[INT4, INT4], VOID, lock_session),
    volatile(2881, "pg_advisory_lock_shared", &[INT8], VOID, lock_session_shared),
    volatile(2887, "pg_advisory_lock_shared", &[INT4, INT4], VOID, lock_session_shared),
    volatile(3089, "pg_advisory_xact_lock", &[INT8], VOID, lock_transaction),
    volatile(3093, "pg_advisory_xact_lock", &[INT4, INT4], VOID, lock_transaction),
    volatile(3090, "pg_advisory_xact_lock_shared", &[INT8], VOID, lock_transaction_shared),
    volatile(3094, "pg_advisory_xact_lock_shared", &[INT4, INT4], VOID, lock_transaction_shared),
    volatile(2882, "pg_try_advisory_lock", &[INT8], BOOL, try_session),
    volatile(2888, "pg_try_advisory_lock", &[INT4, INT4], BOOL, try_session),
    volatile(2883, "pg_try_advisory_lock_shared", &[INT8], BOOL, try_session_shared),
    volatile(2889, "pg_try_advisory_lock_shared", &[INT4, INT4], BOOL, try_session_shared),
    volatile(3091, "pg_try_advisory_xact_lock", &[INT8], BOOL, try_transaction),
    volatile(3095, "pg_try_advisory_xact_lock", &[INT4, INT4], BOOL, try_transaction),
    volatile(3092, "pg_try_advisory_xact_lock_shared", &[INT8], BOOL, try_transaction_shared),
    volatile(3096, "pg_try_advisory_xact_lock_shared", &[INT4, INT4], BOOL, try_transaction_shared),
    volatile(2884, "pg_advisory_unlock", &[INT8], BOOL, unlock_exclusive),
    volatile(2890, "pg_advisory_unlock", &[INT4, INT4], BOOL, unlock_exclusive),
    volatile(2885, "pg_advisory_unlock_shared", &[INT8], BOOL, unlock_shared),
    volatile(2891, "pg_advisory_unlock_shared", &[INT4, INT4], BOOL, unlock_shared),
    volatile(2892, "pg_advisory_unlock_all", &[], VOID, unlock_all),
    volatile(2561, "pg_blocking_pids", &[INT4], INT4_ARRAY, blocking_pids),
    volatile(3378, "pg_isolation_test_session_is_blocked", &[INT4, INT4_ARRAY], BOOL, is_blocked),
    volatile(3036, "pg_notify", &[TEXT, TEXT], VOID, notify).takes_nulls(),
    set(3035, "pg_listening_channels", &[], TEXT, listening).varies_by_statement(),
    volatile(3296, "pg_notification_queue_usage", &[], FLOAT8, usage),
    volatile(2171, "pg_cancel_backend", &[INT4], BOOL, cancel),
    volatile(2096, "pg_terminate_backend", &[INT4, INT8], BOOL, terminate).defaults(1),
    volatile(3376, "pg_safe_snapshot_blocking_pids", &[INT4], INT4_ARRAY, snapshot_blocking_pids),
    volatile(3809, "pg_export_snapshot", &[], TEXT, export_snapshot),
];
