//! PostgreSQL's keywords and where each may stand as a name.
//!
//! sqlparser takes nearly any word for a name. What PostgreSQL refuses there is decided by these
//! tables, so that `SELECT * FROM order` is an error at the same word.

use sqlparser::keywords::{ALL_KEYWORDS, Keyword};

/// Where a word may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Any name.
    Unreserved,
    /// A column or a table, not a function or a type.
    ColumnName,
    /// A function or a type, not a column or a table.
    FunctionName,
    /// No name at all.
    Reserved,
}

/// The class of a word in lower case.
pub(crate) fn class(word: &str) -> Class {
    if RESERVED.binary_search(&word).is_ok() {
        Class::Reserved
    } else if COLUMN_NAME.binary_search(&word).is_ok() {
        Class::ColumnName
    } else if FUNCTION_NAME.binary_search(&word).is_ok() {
        Class::FunctionName
    } else {
        Class::Unreserved
    }
}

/// Whether a word in lower case may be an output name without AS.
pub(crate) fn is_bare_label(word: &str) -> bool {
    AS_LABEL.binary_search(&word).is_err()
}

/// The word of a keyword in lower case.
pub(crate) fn word(keyword: Keyword) -> Option<String> {
    let index = (keyword as usize).checked_sub(1)?;
    ALL_KEYWORDS.get(index).map(|word| word.to_ascii_lowercase())
}

/// Words that are never a name.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// Words that name columns and tables only.
const COLUMN_NAME: &[&str] = &[
    "between",
    "bigint",
    "bit",
    "boolean",
    "char",
    "character",
    "coalesce",
    "dec",
    "decimal",
    "exists",
    "extract",
    "float",
    "greatest",
    "grouping",
    "inout",
    "int",
    "integer",
    "interval",
    "least",
    "national",
    "nchar",
    "none",
    "normalize",
    "nullif",
    "numeric",
    "out",
    "overlay",
    "position",
    "precision",
    "real",
    "row",
    "setof",
    "smallint",
    "substring",
    "time",
    "timestamp",
    "treat",
    "trim",
    "values",
    "varchar",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// Words that name functions and types only.
const FUNCTION_NAME: &[&str] = &[
    "authorization",
    "binary",
    "collation",
    "concurrently",
    "cross",
    "current_schema",
    "freeze",
    "full",
    "ilike",
    "inner",
    "is",
    "isnull",
    "join",
    "left",
    "like",
    "natural",
    "notnull",
    "outer",
    "overlaps",
    "right",
    "similar",
    "tablesample",
    "verbose",
];

/// Words that need AS to be an output name.
const AS_LABEL: &[&str] = &[
    "array",
    "as",
    "char",
    "character",
    "create",
    "day",
    "except",
    "fetch",
    "filter",
    "for",
    "from",
    "grant",
    "group",
    "having",
    "hour",
    "intersect",
    "into",
    "isnull",
    "limit",
    "minute",
    "month",
    "notnull",
    "offset",
    "on",
    "order",
    "over",
    "overlaps",
    "precision",
    "returning",
    "second",
    "to",
    "union",
    "varying",
    "where",
    "window",
    "with",
    "within",
    "without",
    "year",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        for table in [RESERVED, COLUMN_NAME, FUNCTION_NAME, AS_LABEL] {
            assert!(table.is_sorted());
        }
    }

    #[test]
    fn a_keyword_knows_its_word() {
        assert_eq!(word(Keyword::SELECT).as_deref(), Some("select"));
        assert_eq!(word(Keyword::ABORT).as_deref(), Some("abort"));
        assert_eq!(word(Keyword::NoKeyword), None);
    }
}
