//! CREATE DATABASE and DROP DATABASE.

use std::time::Duration;

use reckon_mvcc::RowLock;

use super::Edit;
use crate::catalog::record::CLUSTER;
use crate::catalog::{self, Catalog, Cluster, DatabaseDefinition};
use crate::database::Closed;
use crate::error::{DefinitionError, Error, NameError, Result, SqlState, SyntaxError};
use crate::parser::{DatabaseOption, SettingValue};
use crate::session::Origin;
use crate::types::Oid;

/// The database whose contents a new one starts with.
const TEMPLATE: &str = "template1";

/// How long DROP DATABASE waits for sessions that are leaving, as PostgreSQL does.
const LEAVING_MAX: Duration = Duration::from_secs(5);
/// How long it waits at most before it looks again.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// CREATE DATABASE.
///
/// # Errors
///
/// 42P04 when the name is taken, 0A000 for a template with tables.
pub(crate) fn create_database(
    edit: &mut Edit<'_>,
    name: &str,
    options: &[DatabaseOption],
) -> Result<()> {
    let template = check_options(options)?;
    let cluster = lock(edit, name)?;
    if cluster.database(name).is_some() {
        return Err(DefinitionError::DuplicateDatabase { name: name.to_owned() }.into());
    }
    let Some(template) = cluster.database(&template) else {
        return Err(DefinitionError::UndefinedTemplate { name: template }.into());
    };
    let snapshot = edit.transaction.newest_snapshot();
    let contents = Catalog::load(edit.transaction, &snapshot, template.catalog)?;
    if contents.tables().next().is_some() {
        let feature = format!("a template database with tables (\"{}\")", template.name);
        return Err(SyntaxError::Unsupported { feature }.into());
    }
    let database = DatabaseDefinition {
        oid: edit.oid()?,
        name: name.to_owned(),
        owner: edit.owner,
        catalog: edit.transaction.create_keyspace()?,
        allow_connections: true,
    };
    catalog::put(edit.transaction, CLUSTER, &database)?;
    for schema in contents.schemas() {
        catalog::put(edit.transaction, database.catalog, &**schema)?;
    }
    Ok(())
}

/// The options there are; the default of each is what a database has.
const OPTIONS: &[&str] = &[
    "template",
    "encoding",
    "locale",
    "lc_collate",
    "lc_ctype",
    "owner",
    "connection limit",
    "connection_limit",
    "tablespace",
    "allow_connections",
    "is_template",
    "strategy",
    "locale_provider",
    "icu_locale",
    "collation_version",
    "oid",
];

/// Refuses options that would change something; returns the template.
fn check_options(options: &[DatabaseOption]) -> Result<String> {
    let mut template = TEMPLATE.to_owned();
    for (at, DatabaseOption { name, value, position }) in options.iter().enumerate() {
        if options[..at].iter().any(|known| known.name == *name) {
            return Err(Error::from(SyntaxError::ConflictingOptions).at(*position));
        }
        if !OPTIONS.contains(&name.as_str()) {
            let unknown = SyntaxError::UnknownOption { option: name.clone() };
            return Err(Error::from(unknown).at(*position));
        }
        let Some(value) = value.as_ref().map(SettingValue::as_str) else { continue };
        let plain = value.to_ascii_lowercase().replace('-', "");
        let fine = match name.as_str() {
            "template" => {
                template = value.to_owned();
                true
            }
            "encoding" => matches!(&*plain, "utf8" | "unicode" | "6"),
            "locale" | "lc_collate" | "lc_ctype" => matches!(&*plain, "c" | "posix"),
            "owner" => value == catalog::POSTGRES_DATABASE,
            "connection limit" | "connection_limit" => value == "-1",
            "tablespace" => value == "pg_default",
            "strategy" => matches!(&*plain, "wal_log" | "file_copy"),
            "locale_provider" => plain == "libc",
            "allow_connections" => matches!(&*plain, "true" | "on" | "1"),
            "is_template" => matches!(&*plain, "false" | "off" | "0"),
            _ => false,
        };
        if !fine {
            let feature = format!("CREATE DATABASE with {name} = {value}");
            return Err(SyntaxError::Unsupported { feature }.into());
        }
    }
    Ok(template)
}

/// DROP DATABASE.
///
/// # Errors
///
/// 3D000 without IF EXISTS, 55006 while others are connected.
pub(crate) fn drop_database(edit: &mut Edit<'_>, name: &str, if_exists: bool) -> Result<()> {
    let cluster = lock(edit, name)?;
    let Some(database) = cluster.database(name) else {
        let error = NameError::UndefinedDatabase { name: name.to_owned() };
        if !if_exists {
            return Err(error.into());
        }
        edit.skipping(SqlState::SUCCESSFUL_COMPLETION, error.to_string());
        return Ok(());
    };
    if database.oid == edit.database {
        return Err(DefinitionError::DropOfCurrentDatabase.into());
    }
    if !database.allow_connections || name == TEMPLATE {
        return Err(DefinitionError::DropOfTemplate.into());
    }
    match close(edit, database.oid)? {
        Ok(closed) => edit.closed.push(closed),
        Err(others) => {
            return Err(DefinitionError::DatabaseInUse { name: name.to_owned(), others }.into());
        }
    }
    let prepared = prepared_in(edit, database.oid)?;
    if prepared > 0 {
        let name = name.to_owned();
        return Err(DefinitionError::DatabasePrepared { name, prepared }.into());
    }
    // A session that has left meanwhile may have made tables.
    let snapshot = edit.transaction.newest_snapshot();
    let contents = Catalog::load(edit.transaction, &snapshot, database.catalog)?;
    for table in contents.tables() {
        for keyspace in table.keyspaces() {
            edit.transaction.drop_keyspace(keyspace);
        }
    }
    edit.transaction.drop_keyspace(database.catalog);
    catalog::remove::<DatabaseDefinition>(edit.transaction, CLUSTER, database.oid)
}

/// Makes a database's name one's own until the end of the transaction. Returns what there is then.
fn lock(edit: &mut Edit<'_>, name: &str) -> Result<Cluster> {
    let key = [b"#", name.as_bytes()].concat();
    edit.transaction.lock_key(CLUSTER, &key, RowLock::ForUpdate, edit.wait)?;
    let snapshot = edit.transaction.newest_snapshot();
    Cluster::load(edit.transaction, &snapshot)
}

/// How many prepared transactions a database has. Once it is closed none comes.
fn prepared_in(edit: &Edit<'_>, database: Oid) -> Result<usize> {
    let mut count = 0;
    for prepared in edit.engine.prepared() {
        count += usize::from(Origin::of(&prepared)?.database == database);
    }
    Ok(count)
}

/// Closes a database; or how many sessions are in it, when they do not leave by themselves: one that has
/// just ended may still be on its way out.
fn close(edit: &Edit<'_>, database: Oid) -> Result<std::result::Result<Closed, usize>> {
    let (mut pause, mut waited) = (Duration::from_millis(1), Duration::ZERO);
    loop {
        match edit.presence.close(database) {
            Ok(closed) => return Ok(Ok(closed)),
            Err(others) if waited >= LEAVING_MAX => return Ok(Err(others)),
            Err(_) => edit.interrupt.sleep(pause)?,
        }
        waited += pause;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
