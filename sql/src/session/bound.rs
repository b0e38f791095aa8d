//! A session's names and figures, as analysis and planning ask for them.

use std::sync::Arc;

use reckon_mvcc::{Interrupt, Pace};
use sqlparser::ast;

use super::Session;
use super::environment::Surroundings;
use crate::analyze;
use crate::catalog::{Catalog, Lookup, Relation, Table, TableStatistics};
use crate::database::TableSizes;
use crate::error::{DefinitionError, NameError, Result};
use crate::expr::Compiled;
use crate::parser::{Name, Source, Statement};
use crate::plan::{self, PlanContext, Planned, Statistics};
use crate::types::{self, Datum, Formats, Oid, Type};

/// Names on a search path, in one state of the catalog.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    catalog: Arc<Catalog>,
    path: Vec<String>,
    /// Stops what looks names up.
    interrupt: Interrupt,
}

impl Names {
    /// `path` names schemas that exist, in the order they are searched.
    pub(crate) fn new(catalog: &Arc<Catalog>, path: Vec<String>, interrupt: &Interrupt) -> Names {
        Names { catalog: Arc::clone(catalog), path, interrupt: interrupt.clone() }
    }
}

/// What is known of the tables of one state of the catalog.
struct Known<'s> {
    catalog: &'s Catalog,
    sizes: &'s TableSizes,
}

impl Statistics for Known<'_> {
    fn rows(&self, table: &Table) -> Option<f64> {
        self.sizes.rows(table, self.analyzed(table.oid))
    }

    fn analyzed(&self, table: Oid) -> Option<&TableStatistics> {
        self.catalog.statistics(table)
    }
}

impl Lookup for Names {
    fn relation(&self, schema: Option<&str>, name: &str) -> Result<Option<Relation>> {
        let found = match schema {
            Some(schema) => self.catalog.relation(schema, name),
            None => self.path.iter().find_map(|schema| self.catalog.relation(schema, name)),
        };
        Ok(found.cloned())
    }

    fn check(&self, pace: &Pace) -> Result<()> {
        Ok(self.interrupt.check_paced(pace)?)
    }
}

impl types::Names for Names {
    fn relation_name(&self, oid: Oid) -> Option<String> {
        let (schema, name) = self.catalog.relation_name(oid)?;
        let found = self.path.iter().find_map(|schema| self.catalog.relation(schema, name));
        let quoted = types::quote_identifier(name);
        Some(if found.is_some_and(|relation| relation.oid() == oid) {
            quoted.into_owned()
        } else {
            format!("{}.{quoted}", types::quote_identifier(schema))
        })
    }

    fn relation_oid(&self, name: &str) -> Result<Option<Oid>> {
        let parts = types::split_identifiers(name)?;
        let relation = match parts.as_slice() {
            [name] => self.relation(None, name)?,
            [schema, name] => self.relation(Some(schema), name)?,
            _ => None,
        };
        Ok(relation.map(|relation| relation.oid()))
    }
}

/// The definitions of the statement that runs: what its texts of values name are these.
#[derive(Default)]
pub(super) struct Current {
    catalog: Arc<Catalog>,
    /// The version of the settings that the names in their formats were made for.
    named_on: Option<u64>,
}

impl Surroundings {
    /// The definitions of the statement that runs.
    pub(super) fn catalog(&self) -> &Arc<Catalog> {
        &self.current.catalog
    }

    /// Takes the definitions of the statement that begins; texts of values name them too.
    pub(super) fn set_catalog(&mut self, catalog: &Arc<Catalog>) {
        let settings = self.settings.version();
        let Current { catalog: known, named_on } = &mut self.current;
        if Arc::ptr_eq(known, catalog) && *named_on == Some(settings) {
            return;
        }
        *named_on = Some(settings);
        *known = Arc::clone(catalog);
        let names: Arc<dyn types::Names> = Arc::new(self.names());
        self.settings.formats_mut().names = Some(names);
    }

    /// The names a statement sees.
    pub(super) fn names(&self) -> Names {
        let path = self.search_path().into_iter().map(str::to_owned).collect();
        Names::new(&self.current.catalog, path, &self.interrupt)
    }

    /// The table of a name.
    pub(super) fn table(&self, name: &Name) -> Result<Arc<Table>> {
        match self.names().relation(name.schema.as_deref(), &name.name)? {
            Some(Relation::Table(table)) => Ok(table),
            Some(_) => Err(DefinitionError::NotATable { name: name.name.clone() }.into()),
            None => Err(NameError::UndefinedTable { name: name.to_string() }.into()),
        }
    }
}

impl Session {
    /// Plans a statement for one state of the catalog. Its literals are read with `formats`, or else as the
    /// settings are.
    pub(super) fn plan(
        &mut self,
        statement: &Statement,
        catalog: &Arc<Catalog>,
        parameters: &mut Vec<Option<Type>>,
        formats: Option<&Formats>,
    ) -> Result<Planned> {
        self.surroundings.set_catalog(catalog);
        let names = self.surroundings.names();
        let current = &self.surroundings.settings.effective().formats;
        let formats = formats.unwrap_or(current);
        let formats = &Formats { names: current.names.clone(), ..formats.clone() };
        let mut context = PlanContext {
            lookup: &names,
            statistics: &Known { catalog, sizes: &self.database.inner().table_sizes },
            formats,
            environment: &mut self.surroundings,
        };
        plan::plan(statement, &mut context, parameters)
    }

    /// Values of EXECUTE's arguments.
    pub(super) fn evaluate(
        &mut self,
        arguments: &[ast::Expr],
        types: &[Type],
        source: &Source,
    ) -> Result<Vec<Datum>> {
        let names = self.surroundings.names();
        let formats = self.surroundings.settings.effective().formats.clone();
        let snapshot = self.open_transaction()?.transaction.snapshot();
        let mut values = Vec::with_capacity(arguments.len());
        for (number, (argument, ty)) in arguments.iter().zip(types).enumerate() {
            let expr =
                analyze::execute_argument(argument, *ty, number + 1, source, &names, &formats)?;
            let mut compiled = Compiled::new(&expr)?;
            values.push(compiled.eval(&[], &mut self.context(snapshot, &[])?)?);
        }
        Ok(values)
    }

    /// The defaults of the columns that COPY's lines do not have.
    pub(super) fn column_defaults(
        &mut self,
        table: &Table,
        given: &[usize],
    ) -> Result<Vec<(usize, Compiled)>> {
        let names = self.surroundings.names();
        let formats = &self.surroundings.settings.effective().formats;
        let mut defaults = Vec::new();
        for (position, column) in table.columns.iter().enumerate() {
            if let Some(default) = &column.default
                && !given.contains(&position)
                && !column.dropped
            {
                let expr = analyze::default_value(default, column, &names, formats)?;
                defaults.push((position, Compiled::new(&expr)?));
            }
        }
        Ok(defaults)
    }
}
