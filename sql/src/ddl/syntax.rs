//! From the parser's tree to what a change of definitions needs; everything else is refused.

use sqlparser::ast::{
    ConstraintCharacteristics, Expr, Ident, IndexColumn as KeyPart, OrderBySort, Spanned, SqlOption,
};

use crate::error::{DefinitionError, Result, SyntaxError};
use crate::parser::{Source, fold};

/// 0A000 for a feature.
pub(super) fn unsupported<T>(feature: impl Into<String>) -> Result<T> {
    Err(SyntaxError::Unsupported { feature: feature.into() }.into())
}

/// Refuses a clause that was given.
pub(super) fn refuse(given: bool, feature: &str) -> Result<()> {
    if given { unsupported(feature) } else { Ok(()) }
}

/// A key column as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

/// A key or unique constraint as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NewKey {
    pub(super) name: Option<String>,
    pub(super) primary: bool,
    pub(super) columns: Vec<KeyColumn>,
    pub(super) include: Vec<String>,
    /// Where it begins.
    pub(super) position: Option<u32>,
}

impl NewKey {
    /// The kind of the constraint, as messages say it.
    pub(super) fn what(&self) -> &'static str {
        if self.primary { "primary key" } else { "unique" }
    }
}

/// The columns of an index or key.
pub(super) fn key_columns(parts: &[KeyPart]) -> Result<Vec<KeyColumn>> {
    parts.iter().map(key_column).collect()
}

/// The columns of a constraint: bare names.
pub(super) fn constraint_columns(parts: &[KeyPart], source: &Source) -> Result<Vec<KeyColumn>> {
    for part in parts {
        let options = &part.column.options;
        if options.sort.is_some() || options.nulls_first.is_some() {
            return Err(source.error_after(part.column.expr.span()));
        }
    }
    key_columns(parts)
}

fn key_column(part: &KeyPart) -> Result<KeyColumn> {
    let KeyPart { column, operator_class } = part;
    refuse(operator_class.is_some(), "an operator class")?;
    refuse(column.with_fill.is_some(), "WITH FILL")?;
    let Expr::Identifier(name) = &column.expr else {
        return unsupported("an index on an expression");
    };
    let descending = match &column.options.sort {
        None | Some(OrderBySort::Asc) => false,
        Some(OrderBySort::Desc) => true,
        Some(OrderBySort::Using(_)) => return unsupported("ORDER BY USING"),
    };
    let nulls_first = column.options.nulls_first.unwrap_or(descending);
    Ok(KeyColumn { name: fold(name), descending, nulls_first })
}

/// DEFERRABLE and its kind are refused; what says the default is fine.
pub(super) fn characteristics(given: Option<&ConstraintCharacteristics>) -> Result<()> {
    let Some(ConstraintCharacteristics { deferrable, initially, enforced }) = given else {
        return Ok(());
    };
    refuse(*deferrable == Some(true), "a deferrable constraint")?;
    let deferred = sqlparser::ast::DeferrableInitial::Deferred;
    refuse(*initially == Some(deferred), "a deferrable constraint")?;
    refuse(enforced.is_some(), "ENFORCED")
}

/// Names of columns.
pub(super) fn names(idents: &[Ident]) -> Vec<String> {
    idents.iter().map(fold).collect()
}

/// Storage parameters of a table or an index: `fillfactor` is kept, and without effect here.
pub(super) fn storage_parameters(options: &[SqlOption]) -> Result<Vec<(String, String)>> {
    let one = |option: &SqlOption| match option {
        SqlOption::KeyValue { key, value } => storage_parameter(&fold(key), value),
        _ => unsupported("this storage parameter"),
    };
    let mut parameters: Vec<(String, String)> = Vec::with_capacity(options.len());
    for option in options {
        let (parameter, value) = one(option)?;
        if parameters.iter().any(|(known, _)| *known == parameter) {
            return Err(DefinitionError::ParameterTwice { parameter }.into());
        }
        parameters.push((parameter, value));
    }
    Ok(parameters)
}

/// One storage parameter.
pub(super) fn storage_parameter(name: &str, value: &Expr) -> Result<(String, String)> {
    let text = value.to_string();
    let text = text.trim_matches('\'');
    if name != "fillfactor" {
        return Err(DefinitionError::UnknownParameter { parameter: name.to_owned() }.into());
    }
    match text.parse::<i64>() {
        Ok(10..=100) => Ok((name.to_owned(), text.to_owned())),
        Ok(_) => Err(DefinitionError::FillFactorRange { value: text.to_owned() }.into()),
        Err(_) => Err(DefinitionError::InvalidParameter {
            parameter: name.to_owned(),
            value: text.to_owned(),
        }
        .into()),
    }
}
