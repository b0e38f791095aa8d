//! CREATE TABLE.

use std::sync::Arc;

use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    ColumnDef, ColumnOption, ColumnOptionDef, CreateTable, CreateTableOptions, Ident, IndexType,
    KeyOrIndexDisplay, NullsDistinctOption, Spanned, TableConstraint,
};

use super::Edit;
use super::syntax::{
    KeyColumn, NewKey, characteristics, constraint_columns, names, refuse, storage_parameters,
    unsupported,
};
use crate::analyze;
use crate::catalog::{Column, RowIdentity, Schema, Table};
use crate::error::{DefinitionError, Error, NameError, Result, SqlState, TypeError};
use crate::parser::{Name, Source, fold, object_name};
use crate::types::{self, Family, Oid, Type};

/// PostgreSQL's limit on the columns of a table.
const COLUMNS_MAX: usize = 1600;

/// Names that PostgreSQL keeps to itself.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Types that are a sequence and a default.
const SERIALS: [&str; 6] = ["smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"];

/// What no unique index can do.
const NOT_DISTINCT: &str = "NULLS NOT DISTINCT";

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
        if statement.if_not_exists && !self.claim(&schema, &name.name)? {
            return self.is_taken(&name, true);
        }
        let (mut columns, mut keys) = (Vec::new(), Vec::new());
        for column in &statement.columns {
            let column = self.column(&name.name, column, &mut keys)?;
            if SYSTEM_COLUMNS.contains(&column.name.as_str()) {
                return Err(DefinitionError::SystemColumn { column: column.name }.into());
            }
            if columns.iter().any(|known: &Column| known.name == column.name) {
                return Err(DefinitionError::DuplicateColumn { column: column.name }.into());
            }
            columns.push(column);
        }
        for constraint in &statement.constraints {
            keys.push(table_key(constraint, &self.source)?);
        }
        if let Some(key) = keys.iter().filter(|key| key.primary).nth(1) {
            let several = DefinitionError::SeveralPrimaryKeys { table: name.name.clone() };
            return Err(Error::from(several).at(key.position));
        }
        for key in &keys {
            self.resolve_key(&columns, &key.columns, Some(key.what()))
                .map_err(|error| error.at(key.position))?;
        }
        if !statement.if_not_exists && !self.claim(&schema, &name.name)? {
            return self.is_taken(&name, false);
        }
        let keyspace = self.new_keyspace()?;
        let mut table = Table::new(Oid(keyspace.0), &schema, &name.name, self.owner);
        table.columns = columns;
        if table.columns.len() > COLUMNS_MAX {
            return Err(DefinitionError::TooManyColumns { most: COLUMNS_MAX }.into());
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
            let keyspace = table.keyspace;
            let index = self
                .add_key(schema, table, key, keyspace, &mut taken)
                .map_err(|error| error.at(key.position))?;
            table.identity = RowIdentity::PrimaryKey(index);
        }
        for key in keys.iter().filter(|key| !key.primary) {
            let keyspace = self.new_keyspace()?;
            let index = self
                .add_key(schema, table, key, keyspace, &mut taken)
                .map_err(|error| error.at(key.position))?;
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
        let written = data_type.to_string().to_ascii_lowercase();
        refuse(SERIALS.contains(&written.as_str()), &format!("the column type {written}"))?;
        let ty = analyze::type_name(data_type, &self.source)
            .map_err(|error| analyze::place_type_error(error, &self.source, position))?;
        check_storable(&name, ty)?;
        let mut made = Column { name, ty, not_null: false, default: None, dropped: false };
        let mut given = Given { at: position, end: position, ..Given::default() };
        for ColumnOptionDef { name, option } in options {
            given.move_to(name.as_ref(), option, &self.source);
            self.column_option(table, &mut made, &mut given, keys, (name.as_ref(), option))
                .map_err(|error| error.at(given.at))?;
        }
        Ok(made)
    }

    fn column_option(
        &mut self,
        table: &str,
        made: &mut Column,
        given: &mut Given,
        keys: &mut Vec<NewKey>,
        (name, option): (Option<&Ident>, &ColumnOption),
    ) -> Result<()> {
        let constraint = name.map(fold);
        match option {
            ColumnOption::Null => given.null = true,
            ColumnOption::NotNull => made.not_null = true,
            ColumnOption::Default(_) if made.default.is_some() => {
                let (table, column) = (table.to_owned(), made.name.clone());
                return Err(DefinitionError::SeveralDefaults { table, column }.into());
            }
            ColumnOption::Default(expr) => {
                let (names, formats) = (self.names(), &self.formats);
                let text = analyze::lasting_default(expr, &self.source, made, &names, formats)?;
                made.default = Some(text);
            }
            ColumnOption::PrimaryKey(key) => {
                characteristics(key.characteristics.as_ref())?;
                refuse(!key.index_options.is_empty(), "an index option")?;
                keys.push(column_key(&made.name, constraint, true, given.at));
            }
            ColumnOption::Unique(key) => {
                characteristics(key.characteristics.as_ref())?;
                refuse(!key.index_options.is_empty(), "an index option")?;
                refuse(key.nulls_distinct == NullsDistinctOption::NotDistinct, NOT_DISTINCT)?;
                keys.push(column_key(&made.name, constraint, false, given.at));
            }
            ColumnOption::Check(_) => return unsupported("a CHECK constraint"),
            ColumnOption::ForeignKey(_) => return unsupported("a FOREIGN KEY constraint"),
            ColumnOption::Generated { .. } | ColumnOption::Identity(_) => {
                return unsupported("a generated column");
            }
            ColumnOption::Collation(name) => {
                collation(&name.to_string(), made.ty, &mut given.collation)?;
            }
            other => return unsupported(format!("the column option {other}")),
        }
        if given.null && made.not_null {
            let (table, column) = (table.to_owned(), made.name.clone());
            return Err(DefinitionError::ConflictingNull { table, column }.into());
        }
        Ok(())
    }
}

/// What the options of a column have said so far, besides what its definition keeps.
#[derive(Default)]
struct Given {
    null: bool,
    collation: bool,
    /// Where the option stands that is looked at, or was last.
    at: Option<u32>,
    /// Its last word that is known.
    end: Option<u32>,
}

impl Given {
    /// Finds the next option's first word in the text.
    fn move_to(&mut self, name: Option<&Ident>, option: &ColumnOption, source: &Source) {
        let word = match option {
            _ if name.is_some() => "constraint",
            ColumnOption::Null => "null",
            ColumnOption::NotNull => "not",
            ColumnOption::Default(_) => "default",
            ColumnOption::PrimaryKey(_) => "primary",
            ColumnOption::Unique(_) => "unique",
            ColumnOption::Collation(_) => "collate",
            _ => return,
        };
        self.at = source.position_after(word, self.end).or(self.at);
        self.end = match option {
            ColumnOption::NotNull => source.position_after("null", self.at),
            _ => self.at,
        };
    }
}

/// The one collation there is has two names.
fn collation(name: &str, ty: Type, given: &mut bool) -> Result<()> {
    if std::mem::replace(given, true) {
        return Err(DefinitionError::SeveralCollations.into());
    }
    if ty.family() != Family::Text {
        let type_name = types::name(ty.with_modifier(-1));
        return Err(DefinitionError::NoCollation { type_name }.into());
    }
    let plain = name.trim_matches('"');
    refuse(!matches!(plain, "C" | "POSIX" | "default"), &format!("collation {name}"))
}

/// A constraint's index has no name and no method of its own.
fn no_index_words(name: Option<&Ident>, method: Option<&IndexType>) -> Result<()> {
    refuse(name.is_some(), "an index name in a constraint")?;
    refuse(method.is_some(), "an index method in a constraint")
}

fn column_key(column: &str, name: Option<String>, primary: bool, position: Option<u32>) -> NewKey {
    let column = KeyColumn { name: column.to_owned(), descending: false, nulls_first: false };
    NewKey { name, primary, columns: vec![column], include: Vec::new(), position }
}

/// Types that only describe, `void` or `record`, have no values to store.
fn check_storable(column: &str, ty: Type) -> Result<()> {
    match types::catalog::by_oid(ty.oid) {
        Some(entry) if entry.kind == 'p' => {
            let (column, type_name) = (column.to_owned(), entry.display.to_owned());
            Err(TypeError::PseudoType { column, type_name }.into())
        }
        _ => Ok(()),
    }
}

/// Where a key constraint begins.
fn key_position(constraint: &TableConstraint, source: &Source) -> Option<u32> {
    let (name, columns, word) = match constraint {
        TableConstraint::PrimaryKey(key) => (&key.name, &key.columns, "primary"),
        TableConstraint::Unique(key) => (&key.name, &key.columns, "unique"),
        _ => return None,
    };
    match name {
        Some(name) => source.position_before("constraint", source.position(name.span)),
        None => {
            let column = columns.first()?.column.expr.span();
            source.position_before(word, source.position(column))
        }
    }
}

/// A PRIMARY KEY or UNIQUE constraint of a table; others are refused.
pub(super) fn table_key(constraint: &TableConstraint, source: &Source) -> Result<NewKey> {
    let position = key_position(constraint, source);
    match constraint {
        TableConstraint::PrimaryKey(key) => {
            characteristics(key.characteristics.as_ref())?;
            no_index_words(key.index_name.as_ref(), key.index_type.as_ref())?;
            refuse(!key.index_options.is_empty(), "an index option")?;
            Ok(NewKey {
                name: key.name.as_ref().map(fold),
                primary: true,
                columns: constraint_columns(&key.columns, source)?,
                // They are there anyway: a table is clustered on its primary key.
                include: names(&key.include),
                position,
            })
        }
        TableConstraint::Unique(key) => {
            characteristics(key.characteristics.as_ref())?;
            refuse(!key.index_options.is_empty(), "an index option")?;
            no_index_words(key.index_name.as_ref(), key.index_type.as_ref())?;
            refuse(key.index_type_display != KeyOrIndexDisplay::None, "UNIQUE KEY")?;
            refuse(key.nulls_distinct == NullsDistinctOption::NotDistinct, NOT_DISTINCT)?;
            Ok(NewKey {
                name: key.name.as_ref().map(fold),
                primary: false,
                columns: constraint_columns(&key.columns, source)?,
                include: names(&key.include),
                position,
            })
        }
        TableConstraint::ForeignKey(_) => unsupported("a FOREIGN KEY constraint"),
        TableConstraint::Check(_) => unsupported("a CHECK constraint"),
        other => unsupported(format!("the constraint {other}")),
    }
}

/// Refuses every clause that is not looked at above, by name where it is a common one.
fn check_supported(statement: &CreateTable) -> Result<()> {
    if statement.on_commit.is_some() && !statement.temporary {
        return Err(DefinitionError::OnCommitWithoutTemporary.into());
    }
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
