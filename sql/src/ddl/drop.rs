//! DROP TABLE and DROP INDEX.

use reckon_mvcc::TableLock;

use super::Edit;
use crate::catalog::{ConstraintKind, Relation, Table};
use crate::error::{DefinitionError, Result, SqlState};
use crate::parser::Name;
use crate::types::Oid;

impl Edit<'_> {
    /// DROP TABLE.
    ///
    /// # Errors
    ///
    /// 42P01 without IF EXISTS, 42809 for something that is no table.
    pub(crate) fn drop_table(&mut self, name: &Name, if_exists: bool) -> Result<()> {
        if if_exists && self.find_lenient(name)?.is_none() {
            let message = format!("table \"{}\" does not exist", name.name);
            self.skipping(SqlState::SUCCESSFUL_COMPLETION, message);
            return Ok(());
        }
        match self.find(name)? {
            Some(Relation::Table(_)) => {}
            Some(Relation::Index { .. }) => {
                return Err(DefinitionError::DropOfIndexAsTable { name: name.name.clone() }.into());
            }
            Some(Relation::Virtual(_)) => {
                return Err(DefinitionError::SystemCatalog { name: name.name.clone() }.into());
            }
            None => return Err(DefinitionError::UndefinedTable { name: name.to_string() }.into()),
        }
        let table = self.lock(name, TableLock::AccessExclusive)?;
        for keyspace in table.keyspaces() {
            self.transaction.drop_keyspace(keyspace);
        }
        self.remove(&table)
    }

    /// What is named twice is dropped once.
    ///
    /// # Errors
    ///
    /// What reading may give.
    pub(crate) fn each_once(&mut self, names: Vec<Name>) -> Result<Vec<Name>> {
        let mut known = Vec::new();
        let mut once = Vec::with_capacity(names.len());
        for name in names {
            let oid = self.find_lenient(&name)?.map(|relation| relation.oid());
            if oid.is_none_or(|oid| !known.contains(&oid)) {
                known.extend(oid);
                once.push(name);
            }
        }
        Ok(once)
    }

    /// DROP INDEX.
    ///
    /// # Errors
    ///
    /// 42704 without IF EXISTS, 42809 for something that is no index, 2BP01 for one that a
    /// constraint needs.
    pub(crate) fn drop_index(&mut self, name: &Name, if_exists: bool) -> Result<()> {
        let (owner, index) = match self.find_lenient(name)? {
            Some(Relation::Index { table, index }) => (table, index),
            Some(Relation::Table(_) | Relation::Virtual(_)) => {
                return Err(DefinitionError::NotAnIndex { name: name.name.clone() }.into());
            }
            None if if_exists => {
                let message = format!("index \"{}\" does not exist", name.name);
                self.skipping(SqlState::SUCCESSFUL_COMPLETION, message);
                return Ok(());
            }
            None => return Err(DefinitionError::UndefinedIndex { name: name.name.clone() }.into()),
        };
        let owner = Name {
            schema: Some(owner.schema_name.clone()),
            name: owner.name.clone(),
            position: None,
        };
        let table = self.lock(&owner, TableLock::AccessExclusive)?;
        check_unconstrained(&table, index, &name.name)?;
        let mut changed = Table::clone(&table);
        let Some(at) = changed.indexes.iter().position(|known| known.oid == index) else {
            return Err(DefinitionError::UndefinedIndex { name: name.name.clone() }.into());
        };
        let dropped = changed.indexes.remove(at);
        self.transaction.drop_keyspace(dropped.keyspace);
        self.put(&changed)
    }

    /// A name whose schema may be missing too: for IF EXISTS.
    fn find_lenient(&mut self, name: &Name) -> Result<Option<Relation>> {
        match &name.schema {
            Some(schema) if self.catalog.schema(schema).is_none() => Ok(None),
            _ => self.find(name),
        }
    }
}

fn check_unconstrained(table: &Table, index: Oid, name: &str) -> Result<()> {
    let needs = |kind: &ConstraintKind| match kind {
        ConstraintKind::PrimaryKey { index: used } | ConstraintKind::Unique { index: used } => {
            *used == index
        }
    };
    match table.constraints.iter().find(|constraint| needs(&constraint.kind)) {
        Some(constraint) => Err(DefinitionError::IndexOfConstraint {
            index: name.to_owned(),
            constraint: constraint.name.clone(),
            table: table.name.clone(),
        }
        .into()),
        None => Ok(()),
    }
}
