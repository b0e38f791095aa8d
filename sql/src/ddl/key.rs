//! Keys, unique constraints and indexes of a definition: names, columns, checks.

use reckon_mvcc::KeyspaceId;

use super::Edit;
use super::syntax::{KeyColumn, NewKey};
use crate::catalog::{
    Column, Constraint, ConstraintKind, Index, IndexColumn, RowIdentity, Schema, Table,
};
use crate::error::{DefinitionError, NameError, Result};
use crate::types::Oid;

/// PostgreSQL's limit on the length of a name, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// PostgreSQL's limit on the columns of an index.
const INDEX_COLUMNS_MAX: usize = 32;

impl Edit<'_> {
    /// A free name in a schema, made as PostgreSQL does: `table_column_suffix`, then with a number.
    pub(super) fn free_name(
        &mut self,
        schema: &Schema,
        table: &str,
        columns: &str,
        suffix: &str,
        taken: &[String],
    ) -> Result<String> {
        for number in 0u32.. {
            let label = if number == 0 { suffix.to_owned() } else { format!("{suffix}{number}") };
            let name = made_name(table, columns, &label);
            if !taken.contains(&name) && self.claim(schema, &name)? {
                return Ok(name);
            }
        }
        Err(NameError::DuplicateTable { name: table.to_owned() }.into())
    }

    /// Positions of key columns in a table; `constraint`: the kind of the constraint it is for.
    pub(super) fn resolve_key(
        &self,
        table: &[Column],
        columns: &[KeyColumn],
        constraint: Option<&'static str>,
    ) -> Result<Vec<IndexColumn>> {
        if columns.len() > INDEX_COLUMNS_MAX {
            return Err(DefinitionError::TooManyKeyColumns { most: INDEX_COLUMNS_MAX }.into());
        }
        let mut resolved: Vec<IndexColumn> = Vec::with_capacity(columns.len());
        for column in columns {
            let position = find(table, &column.name, constraint.is_some())?;
            if let Some(what) = constraint
                && resolved.iter().any(|known| known.column == position)
            {
                let column = column.name.clone();
                return Err(DefinitionError::KeyColumnTwice { column, what }.into());
            }
            let KeyColumn { descending, nulls_first, .. } = *column;
            resolved.push(IndexColumn { column: position, descending, nulls_first });
        }
        Ok(resolved)
    }

    /// Adds a primary key or unique constraint to a definition; the index's keyspace comes from
    /// the caller.
    pub(super) fn add_key(
        &mut self,
        schema: &Schema,
        table: &mut Table,
        key: &NewKey,
        keyspace: KeyspaceId,
        taken: &mut Vec<String>,
    ) -> Result<Index> {
        let columns = self.resolve_key(&table.columns, &key.columns, Some(key.what()))?;
        let include = key.include.iter().map(|name| find(&table.columns, name, true));
        let include = include.collect::<Result<Vec<_>>>()?;
        let name = match &key.name {
            Some(name) if taken.contains(name) || !self.claim(schema, name)? => {
                return Err(NameError::DuplicateTable { name: name.clone() }.into());
            }
            Some(name) => name.clone(),
            None if key.primary => self.free_name(schema, &table.name, "", "pkey", taken)?,
            None => {
                let names = joined(&key.columns);
                self.free_name(schema, &table.name, &names, "key", taken)?
            }
        };
        taken.push(name.clone());
        let oid = self.oid()?;
        if key.primary {
            for column in &columns {
                table.columns[column.column].not_null = true;
            }
        }
        let kind = if key.primary {
            ConstraintKind::PrimaryKey { index: oid }
        } else {
            ConstraintKind::Unique { index: oid }
        };
        table.constraints.push(Constraint { oid: self.oid()?, name: name.clone(), kind });
        let (unique, primary, valid) = (true, key.primary, true);
        Ok(Index { oid, name, keyspace, columns, include, unique, primary, valid })
    }
}

impl Table {
    /// A table without rows, columns or keys.
    pub(super) fn new(oid: Oid, schema: &Schema, name: &str, owner: Oid) -> Table {
        Table {
            oid,
            schema: schema.oid,
            schema_name: schema.name.clone(),
            name: name.to_owned(),
            owner,
            keyspace: KeyspaceId(oid.0),
            identity: RowIdentity::RowId,
            columns: Vec::new(),
            indexes: Vec::new(),
            constraints: Vec::new(),
            options: Vec::new(),
        }
    }
}

/// The names of key columns as they go into a made name.
pub(super) fn joined(columns: &[KeyColumn]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    names.join("_")
}

fn find(table: &[Column], name: &str, in_key: bool) -> Result<usize> {
    let found = table.iter().position(|column| !column.dropped && column.name == name);
    found.ok_or_else(|| {
        let column = name.to_owned();
        if in_key {
            DefinitionError::UndefinedKeyColumn { column }.into()
        } else {
            NameError::UndefinedColumn { table: None, column, hint: None }.into()
        }
    })
}

/// `first_second_label`, the two parts cut, the longer one first, until it fits.
fn made_name(first: &str, second: &str, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(!second.is_empty());
    let room = NAME_BYTES_MAX.saturating_sub(overhead);
    let (mut first_bytes, mut second_bytes) = (first.len(), second.len());
    while first_bytes + second_bytes > room {
        if first_bytes > second_bytes {
            first_bytes -= 1;
        } else {
            second_bytes -= 1;
        }
    }
    let first = &first[..first.floor_char_boundary(first_bytes)];
    let second = &second[..second.floor_char_boundary(second_bytes)];
    if second.is_empty() { format!("{first}_{label}") } else { format!("{first}_{second}_{label}") }
}

#[cfg(test)]
mod tests {
    use super::made_name;

    #[test]
    fn a_made_name_fits() {
        assert_eq!(made_name("t", "", "pkey"), "t_pkey");
        assert_eq!(made_name("t", "a_b", "key"), "t_a_b_key");
        let long = made_name(&"x".repeat(70), &"y".repeat(20), "key");
        assert_eq!(long, format!("{}_{}_key", "x".repeat(38), "y".repeat(20)));
    }
}
