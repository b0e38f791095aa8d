//! Identifiers as PostgreSQL reads them.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::keyword::{self, Class};
use super::{Name, Source};
use crate::error::{Result, SyntaxError};

/// PostgreSQL's NAMEDATALEN - 1.
const BYTES_MAX: usize = 63;

/// The name an identifier means: lower case unless quoted, cut to 63 bytes.
pub fn fold(ident: &Ident) -> String {
    let mut name = match ident.quote_style {
        Some(_) => ident.value.clone(),
        None if ident.value.bytes().any(|b| b.is_ascii_uppercase()) => {
            ident.value.to_ascii_lowercase()
        }
        None => ident.value.clone(),
    };
    if name.len() > BYTES_MAX {
        name.truncate(name.floor_char_boundary(BYTES_MAX));
    }
    name
}

/// The name of a column or table; an error at a word that may not be one.
pub(crate) fn column_name(ident: &Ident, source: &Source) -> Result<String> {
    let name = fold(ident);
    if ident.quote_style.is_none()
        && matches!(keyword::class(&name), Class::Reserved | Class::FunctionName)
    {
        let near = Some(ident.value.clone());
        let error = crate::Error::from(SyntaxError::Syntax { near });
        return Err(error.at(source.position(ident.span)));
    }
    Ok(name)
}

/// A name with at most a schema.
///
/// # Errors
///
/// 42601 for a reserved word, 0A000 for a name with a database or of more parts.
pub fn object_name(name: &ObjectName, source: &Source) -> Result<Name> {
    let mut idents = Vec::with_capacity(name.0.len());
    for part in &name.0 {
        match part {
            ObjectNamePart::Identifier(ident) => idents.push(ident),
            ObjectNamePart::Function(_) => {
                return Err(SyntaxError::unsupported("a function as a name").into());
            }
        }
    }
    let position = idents.first().and_then(|ident| source.position(ident.span));
    match idents.as_slice() {
        [name] => Ok(Name { schema: None, name: column_name(name, source)?, position }),
        [schema, name] => {
            let schema = Some(column_name(schema, source)?);
            Ok(Name { schema, name: fold(name), position })
        }
        _ => {
            let written = idents.iter().map(|ident| fold(ident)).collect::<Vec<_>>().join(".");
            let name = format!("\"{written}\"");
            let error = crate::Error::from(SyntaxError::CrossDatabase { name });
            Err(error.at(position))
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
