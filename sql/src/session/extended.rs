//! The extended protocol: Parse, Bind, Describe, Close and Sync.

use std::sync::Arc;

use super::Session;
use super::block::Block;
use super::portal::{Portal, Shape};
use super::prepared::{Bound, PortalDescription, Prepared, StatementDescription, single};
use crate::error::{Result, StatementError, TransactionError};
use crate::types::{self, Datum, Oid, Type};

impl Session {
    /// Parse: prepares one statement under a name; the empty name is replaced at will, and is free when the
    /// new statement fails.
    ///
    /// # Errors
    ///
    /// Whatever analysis finds; 42P05 when the name is taken, 42601 for two statements.
    pub fn parse(&mut self, name: &str, sql: &str, parameter_types: &[Oid]) -> Result<()> {
        self.runs(sql);
        if name.is_empty() {
            self.unnamed_statement = None;
        }
        let result = self.prepare(name, sql, parameter_types);
        self.settle(result)
    }

    fn prepare(&mut self, name: &str, sql: &str, parameter_types: &[Oid]) -> Result<()> {
        let known = self.parsed_before(sql, parameter_types);
        let statement = if known.is_some() { None } else { single(sql)? };
        let cut = self.notice_cut_names(statement.as_ref());
        self.check_allowed(known.as_ref().map_or(statement.as_ref(), |k| k.statement.as_ref()))?;
        if !name.is_empty() && self.statements.contains_key(name) {
            let name = name.to_owned();
            return Err(StatementError::DuplicatePreparedStatement { name }.into());
        }
        let prepared = match known {
            Some(known) => known,
            None => {
                let new = Arc::new(Prepared::lasting(statement, parameter_types.to_vec()));
                if self.planning(&new)?.is_some() && !cut {
                    self.plans.keep_parsed(sql, &new);
                }
                new
            }
        };
        self.keep_prepared(name, prepared);
        Ok(())
    }

    pub(super) fn keep_prepared(&mut self, name: &str, prepared: Arc<Prepared>) {
        if name.is_empty() {
            self.unnamed_statement = Some(prepared);
        } else {
            self.statements.insert(name.to_owned(), prepared);
        }
    }

    #[inline]
    pub(super) fn prepared(&self, name: &str) -> Result<Arc<Prepared>> {
        let found = match name {
            "" => self.unnamed_statement.as_ref(),
            name => self.statements.get(name),
        };
        found.cloned().ok_or_else(|| {
            StatementError::UndefinedPreparedStatement { name: name.to_owned() }.into()
        })
    }

    /// Bind: a portal from a statement and its parameters, in text (0) or binary (1) format.
    ///
    /// # Errors
    ///
    /// 26000, 42P03, 08P01 for a wrong number of parameters, and what reading them may give.
    pub fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[i16],
        parameters: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        let result = self.bind_portal(portal, statement, formats, parameters, result_formats);
        self.settle(result)
    }

    fn bind_portal(
        &mut self,
        portal: &str,
        statement: &str,
        formats: &[i16],
        parameters: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        let prepared = self.prepared(statement)?;
        self.runs(prepared.statement.as_ref().map_or("", |statement| statement.source.text()));
        self.check_allowed(prepared.statement.as_ref())?;
        if !portal.is_empty() && self.portals.contains_key(portal) {
            return Err(StatementError::DuplicatePortal { name: portal.to_owned() }.into());
        }
        if portal.is_empty() {
            self.drop_unnamed_portal();
        }
        let bound = self.bound(&prepared)?;
        let planning = bound.as_ref().map(Bound::planning);
        let mut new = self.portal_for(prepared);
        let types = planning.map_or(&[][..], |planning| &planning.parameters);
        self.read_parameters(statement, types, formats, parameters, &mut new.parameters)?;
        if let Some(planning) = planning {
            check_result_formats(result_formats, planning.planned.columns.as_deref())?;
        }
        new.result_formats.extend_from_slice(result_formats);
        new.bound = bound;
        new.behind = self.block.savepoints().len();
        self.keep_portal(portal, new);
        Ok(())
    }

    /// An empty portal, in the memory that the last one left if it can be.
    #[inline]
    pub(super) fn portal_for(&mut self, prepared: Arc<Prepared>) -> Box<Portal> {
        match self.spare_portal.take() {
            Some(mut portal) => {
                portal.prepared = prepared;
                portal
            }
            None => Box::new(Portal::new(prepared)),
        }
    }

    /// Ends the portals that were made behind that many savepoints or more.
    pub(super) fn drop_portals_behind(&mut self, savepoints: usize) {
        self.portals.retain(|_, portal| portal.behind < savepoints);
        if self.unnamed_portal.as_ref().is_some_and(|portal| portal.behind >= savepoints) {
            self.drop_unnamed_portal();
        }
    }

    /// Keeps nothing of the unnamed portal but its memory, and its statement if that is small.
    #[inline]
    pub(super) fn drop_unnamed_portal(&mut self) {
        if let Some(mut portal) = self.unnamed_portal.take() {
            portal.clear();
            self.spare_portal = portal.prepared.is_small().then_some(portal);
        }
    }

    #[inline]
    pub(super) fn keep_portal(&mut self, name: &str, portal: Box<Portal>) {
        if name.is_empty() {
            self.unnamed_portal = Some(portal);
        } else {
            self.portals.insert(name.to_owned(), portal);
        }
    }

    #[inline]
    pub(super) fn take_portal(&mut self, name: &str) -> Result<Box<Portal>> {
        let found = match name {
            "" => self.unnamed_portal.take(),
            name => self.portals.remove(name),
        };
        found.ok_or_else(|| StatementError::UndefinedPortal { name: name.to_owned() }.into())
    }

    #[inline]
    fn read_parameters(
        &self,
        statement: &str,
        types: &[Type],
        formats: &[i16],
        parameters: &[Option<&[u8]>],
        values: &mut Vec<Datum>,
    ) -> Result<()> {
        if formats.len() > 1 && formats.len() != parameters.len() {
            let (formats, parameters) = (formats.len(), parameters.len());
            return Err(StatementError::ParameterFormats { formats, parameters }.into());
        }
        if parameters.len() != types.len() {
            return Err(StatementError::ParameterCount {
                given: parameters.len(),
                statement: statement.to_owned(),
                wanted: types.len(),
            }
            .into());
        }
        let settings = &self.surroundings.settings.effective().formats;
        values.reserve_exact(parameters.len());
        for (index, (bytes, ty)) in parameters.iter().zip(types).enumerate() {
            let Some(bytes) = *bytes else {
                values.push(Datum::Null);
                continue;
            };
            let format = if formats.len() == 1 { Some(&formats[0]) } else { formats.get(index) };
            match format.copied().unwrap_or(0) {
                0 => values.push(types::input(types::utf8(bytes)?, *ty, settings)?),
                1 => match types::receive_integer(bytes, *ty) {
                    Some(value) => values.push(value),
                    None => values.push(types::receive(bytes, *ty)?),
                },
                code => return Err(StatementError::FormatCode { code }.into()),
            }
        }
        Ok(())
    }

    /// Describe of a statement.
    ///
    /// # Errors
    ///
    /// 26000, and whatever planning it anew finds.
    pub fn describe_statement(&mut self, name: &str) -> Result<StatementDescription> {
        let result = self.statement_description(name);
        self.settle(result)
    }

    fn statement_description(&mut self, name: &str) -> Result<StatementDescription> {
        let prepared = self.prepared(name)?;
        self.check_allowed(prepared.statement.as_ref())?;
        let planning = self.planning(&prepared)?;
        let parameters = match &planning {
            Some(planning) => planning.parameters.iter().map(|ty| ty.oid).collect(),
            None => Vec::new(),
        };
        let columns = match self.shape(&prepared)? {
            Shape::Rows(columns) => Some(columns),
            Shape::CopyIn { .. } | Shape::CopyOut { .. } | Shape::None => None,
        };
        Ok(StatementDescription { parameters, columns })
    }

    /// Describe of a portal; None: it gives no rows.
    ///
    /// # Errors
    ///
    /// 34000, and whatever planning it anew finds.
    pub fn describe_portal(&mut self, name: &str) -> Result<Option<PortalDescription>> {
        let result = self.portal_description(name);
        self.settle(result)
    }

    fn portal_description(&mut self, name: &str) -> Result<Option<PortalDescription>> {
        let portal = match name {
            "" => self.unnamed_portal.as_ref(),
            name => self.portals.get(name),
        };
        let Some(portal) = portal else {
            return Err(StatementError::UndefinedPortal { name: name.to_owned() }.into());
        };
        let (prepared, formats) = (Arc::clone(&portal.prepared), portal.result_formats.clone());
        self.check_allowed(prepared.statement.as_ref())?;
        match self.shape(&prepared)? {
            Shape::Rows(columns) => Ok(Some(PortalDescription { columns, formats })),
            Shape::CopyIn { .. } | Shape::CopyOut { .. } | Shape::None => Ok(None),
        }
    }

    /// Close of a statement; closing what is not there is fine.
    pub fn close_statement(&mut self, name: &str) {
        if name.is_empty() {
            self.unnamed_statement = None;
        } else {
            self.statements.remove(name);
        }
    }

    /// Close of a portal; closing what is not there is fine.
    pub fn close_portal(&mut self, name: &str) {
        if name.is_empty() {
            self.drop_unnamed_portal();
        } else {
            self.portals.remove(name);
        }
    }

    /// Sync: ends the implicit transaction of a pipeline.
    ///
    /// # Errors
    ///
    /// What committing may give.
    pub fn sync(&mut self) -> Result<()> {
        let result = self.end_implicit();
        self.settle(result)
    }

    /// In a failed block only what ends it is allowed. In a running one, what `set_config` said of the
    /// transaction holds from here on.
    #[inline]
    pub(super) fn check_allowed(
        &mut self,
        statement: Option<&crate::parser::Statement>,
    ) -> Result<()> {
        if std::mem::take(&mut self.surroundings.turns_read_only)
            && let Block::Open(open) = &mut self.block
        {
            open.set_read_only(true);
        }
        let ends = statement.is_none_or(|statement| statement.kind.ends_transaction());
        if matches!(self.block, Block::Failed(_)) && !ends {
            return Err(TransactionError::InFailedTransaction.into());
        }
        Ok(())
    }
}

#[inline]
fn check_result_formats(
    formats: &[i16],
    columns: Option<&[crate::plan::OutputColumn]>,
) -> Result<()> {
    if let Some(code) = formats.iter().find(|code| !matches!(code, 0 | 1)) {
        return Err(StatementError::FormatCode { code: *code }.into());
    }
    let columns = columns.map_or(0, <[_]>::len);
    if formats.len() > 1 && formats.len() != columns {
        return Err(StatementError::ResultFormats { formats: formats.len(), columns }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::session::explain::Nowhere;
    use crate::{ConnectOptions, Database, Options};

    #[test]
    fn the_spare_portal_keeps_no_long_statement() {
        let database = Database::open_in_memory(Options::default()).unwrap();
        let (user, name) = ("postgres".to_owned(), "postgres".to_owned());
        let options = ConnectOptions { user, database: name, settings: Vec::new() };
        let mut session = database.connect(options).unwrap();
        for (length, kept) in [(10, true), (10_000, false)] {
            session.parse("", &format!("select '{}'", "x".repeat(length)), &[]).unwrap();
            session.bind("", "", &[], &[], &[]).unwrap();
            let _ = session.execute("", 0, &mut Nowhere).unwrap();
            session.sync().unwrap();
            assert_eq!(session.spare_portal.is_some(), kept, "{length}");
        }
    }
}
