//! CREATE TABLE.

use std::sync::Arc;

use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{ColumnDef, ColumnOption, CreateTable, CreateTableOptions, TableConstraint};

use super::Edit;
use super::syntax::{
    KeyColumn, NewKey, characteristics, key_columns, names, refuse, storage_parameters, unsupported,
};
use crate::analyze;
use crate::catalog::{Column, RowIdentity, Schema, Table};
use crate::error::{DefinitionError, NameError, Result, SqlState};
use crate::parser::Name;
use crate::parser::{fold, object_name};

/// PostgreSQL's limit on the columns of a table.
const COLUMNS_MAX: usize = 1600;

impl Edit<'_> {
    /// CREATE TABLE.
    ///
    /// # Errors
    ///
    /// 42P07 when the name is taken, 42701 for a column given twice, 42P16 for two primary keys,
    /// 0A000 for what is not supported.
    pub(crate) fn create_table(&mut self, statement: &CreateTable) -> Result<()> {
        check_supported(statement)?;
        let name = object_name(&statement.name, &self.source)?;
        let schema = self.creation_schema(&name)?;
        if !self.claim(&schema, &name.name)? {
            return self.is_taken(&name, statement.if_not_exists);
        }
        let keyspace = self.new_keyspace()?;
        let oid = crate::types::Oid(keyspace.0);
        let mut table = Table::new(oid, &schema, &name.name, self.owner);
        let mut keys = Vec::new();
        for column in &statement.columns {
            let column = self.column(&name.name, column, &mut keys)?;
            if table.column(&column.name).is_some() {
                return Err(DefinitionError::DuplicateColumn { column: column.name }.into());
            }
            table.columns.push(column);
        }
        if table.columns.len() > COLUMNS_MAX {
            return Err(DefinitionError::TooManyColumns { most: COLUMNS_MAX }.into());
        }
        for constraint in &statement.constraints {
            keys.push(table_key(constraint)?);
        }
        if let CreateTableOptions::With(options) = &statement.table_options {
            table.options = storage_parameters(options)?;
        }
        self.add_keys(&schema, &mut table, &keys)?;
        self.put(&table)
    }

    fn is_taken(&mut self, name: &Name, if_not_exists: bool) -> Result<()> {
        let error = NameError::DuplicateTable { name: name.name.clone() };
        if !if_not_exists {
            return Err(error.into());
        }
        self.skipping(SqlState::DUPLICATE_TABLE, error.to_string());
        Ok(())
    }

    fn add_keys(&mut self, schema: &Arc<Schema>, table: &mut Table, keys: &[NewKey]) -> Result<()> {
        let mut taken = vec![table.name.clone()];
        // The primary key first, as PostgreSQL does.
        for key in keys.iter().filter(|key| key.primary) {
            if table.primary_key().is_some() {
                return Err(
                    DefinitionError::SeveralPrimaryKeys { table: table.name.clone() }.into()
                );
            }
            let keyspace = table.keyspace;
            let index = self.add_key(schema, table, key, keyspace, &mut taken)?;
            table.identity = RowIdentity::PrimaryKey(index);
        }
        for key in keys.iter().filter(|key| !key.primary) {
            let keyspace = self.new_keyspace()?;
            let index = self.add_key(schema, table, key, keyspace, &mut taken)?;
            table.indexes.push(index);
        }
        Ok(())
    }

    /// One column; its keys are added to `keys`.
    fn column(
        &mut self,
        table: &str,
        column: &ColumnDef,
        keys: &mut Vec<NewKey>,
    ) -> Result<Column> {
        let ColumnDef { name, data_type, options } = column;
        let position = self.source.next_position(name.span);
        let name = fold(name);
        let ty = analyze::type_name(data_type, &self.source).map_err(|error| error.at(position))?;
        let mut made = Column { name, ty, not_null: false, default: None, dropped: false };
        let mut nullable = false;
        for option in options {
            let constraint = option.name.as_ref().map(fold);
            match &option.option {
                ColumnOption::Null => nullable = true,
                ColumnOption::NotNull => made.not_null = true,
                ColumnOption::Default(expr) => {
                    let (names, formats) = (self.names(), &self.formats);
                    analyze::check_default(expr, &self.source, &made, &names, formats)?;
                    made.default = Some(expr.to_string());
                }
                ColumnOption::PrimaryKey(key) => {
                    characteristics(key.characteristics.as_ref())?;
                    keys.push(column_key(&made.name, constraint, true));
                }
                ColumnOption::Unique(key) => {
                    characteristics(key.characteristics.as_ref())?;
                    keys.push(column_key(&made.name, constraint, false));
                }
                ColumnOption::Check(_) => return unsupported("a CHECK constraint"),
                ColumnOption::ForeignKey(_) => return unsupported("a FOREIGN KEY constraint"),
                ColumnOption::Generated { .. } | ColumnOption::Identity(_) => {
                    return unsupported("a generated column");
                }
                ColumnOption::Collation(name) => collation(&name.to_string())?,
                other => return unsupported(format!("the column option {other}")),
            }
        }
        if nullable && made.not_null {
            let (table, column) = (table.to_owned(), made.name);
            return Err(DefinitionError::ConflictingNull { table, column }.into());
        }
        Ok(made)
    }
}

/// The one collation there is has two names.
fn collation(name: &str) -> Result<()> {
    let plain = name.trim_matches('"');
    refuse(!matches!(plain, "C" | "POSIX" | "default"), &format!("collation {name}"))
}

fn column_key(column: &str, name: Option<String>, primary: bool) -> NewKey {
    let column = KeyColumn { name: column.to_owned(), descending: false, nulls_first: false };
    NewKey { name, primary, columns: vec![column], include: Vec::new() }
}

/// A PRIMARY KEY or UNIQUE constraint of a table; others are refused.
pub(super) fn table_key(constraint: &TableConstraint) -> Result<NewKey> {
    match constraint {
        TableConstraint::PrimaryKey(key) => {
            characteristics(key.characteristics.as_ref())?;
            refuse(!key.include.is_empty(), "INCLUDE in a primary key")?;
            refuse(!key.index_options.is_empty(), "an index option")?;
            Ok(NewKey {
                name: key.name.as_ref().map(fold),
                primary: true,
                columns: key_columns(&key.columns)?,
                include: Vec::new(),
            })
        }
        TableConstraint::Unique(key) => {
            characteristics(key.characteristics.as_ref())?;
            refuse(!key.index_options.is_empty(), "an index option")?;
            let distinct = sqlparser::ast::NullsDistinctOption::NotDistinct;
            refuse(key.nulls_distinct == distinct, "NULLS NOT DISTINCT")?;
            Ok(NewKey {
                name: key.name.as_ref().map(fold),
                primary: false,
                columns: key_columns(&key.columns)?,
                include: names(&key.include),
            })
        }
        TableConstraint::ForeignKey(_) => unsupported("a FOREIGN KEY constraint"),
        TableConstraint::Check(_) => unsupported("a CHECK constraint"),
        other => unsupported(format!("the constraint {other}")),
    }
}

/// Refuses every clause that is not looked at above, by name where it is a common one.
fn check_supported(statement: &CreateTable) -> Result<()> {
    refuse(statement.temporary, "a temporary table")?;
    refuse(statement.unlogged, "an unlogged table")?;
    refuse(statement.query.is_some(), "CREATE TABLE AS")?;
    refuse(statement.like.is_some(), "CREATE TABLE ... LIKE")?;
    refuse(statement.inherits.is_some(), "INHERITS")?;
    refuse(statement.partition_by.is_some(), "PARTITION BY")?;
    refuse(statement.partition_of.is_some(), "PARTITION OF")?;
    let known = CreateTableBuilder::new(statement.name.clone())
        .columns(statement.columns.clone())
        .constraints(statement.constraints.clone())
        .if_not_exists(statement.if_not_exists)
        .table_options(statement.table_options.clone())
        .build();
    refuse(known != *statement, "a clause of this CREATE TABLE")?;
    match statement.table_options {
        CreateTableOptions::None | CreateTableOptions::With(_) => Ok(()),
        _ => unsupported("a table option"),
    }
}
