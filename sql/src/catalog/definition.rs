//! The definitions themselves, as they are stored and as plans hold them.

use bincode::{Decode, Encode};
use reckon_mvcc::KeyspaceId;

use crate::types::{Oid, Type};

/// A schema: a name for a set of relations.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Schema {
    /// OID in `pg_namespace`.
    pub oid: Oid,
    /// Name.
    pub name: String,
}

/// A database. Each has a catalog keyspace of its own.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct DatabaseDefinition {
    /// OID in `pg_database`.
    pub oid: Oid,
    /// Name.
    pub name: String,
    /// The role that owns it.
    pub owner: Oid,
    /// Where its definitions are.
    pub catalog: KeyspaceId,
    /// Whether anybody may connect.
    pub allow_connections: bool,
}

/// A role: who may log in and who is a superuser. Roles belong to all databases.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Role {
    /// OID in `pg_authid`.
    pub oid: Oid,
    /// Name.
    pub name: String,
    /// Whether no privilege is ever checked.
    pub superuser: bool,
    /// LOGIN
    pub can_login: bool,
    /// SCRAM verifier; None: no login by password.
    pub password: Option<String>,
}

/// A table. Its rows are clustered: their key is the primary key or a hidden row id.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Table {
    /// OID in `pg_class`.
    pub oid: Oid,
    /// The schema it is in.
    pub schema: Oid,
    /// Name of that schema, for messages.
    pub schema_name: String,
    /// Name.
    pub name: String,
    /// The role that owns it.
    pub owner: Oid,
    /// Where its rows are; another one after TRUNCATE or a rewrite.
    pub keyspace: KeyspaceId,
    /// What a row's key is made of.
    pub identity: RowIdentity,
    /// Columns by attribute number - 1; dropped ones keep their place.
    pub columns: Vec<Column>,
    /// All indexes but the one the table is clustered on.
    pub indexes: Vec<Index>,
    /// Constraints in order of creation.
    pub constraints: Vec<Constraint>,
    /// `WITH (fillfactor = ...)` and the like, as (name, value).
    pub options: Vec<(String, String)>,
}

/// What the key of a row is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RowIdentity {
    /// Clustered on this primary key; the index has a name and an OID but no keyspace of its own.
    PrimaryKey(Index),
    /// A hidden 8-byte number in order of insertion.
    RowId,
}

/// A column.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type and modifier.
    pub ty: Type,
    /// NOT NULL, also by way of a primary key.
    pub not_null: bool,
    /// The DEFAULT expression as SQL text.
    pub default: Option<String>,
    /// ALTER TABLE DROP COLUMN has been here.
    pub dropped: bool,
}

/// A b-tree index.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Index {
    /// OID in `pg_class`.
    pub oid: Oid,
    /// Name.
    pub name: String,
    /// Where its entries are; for the clustering primary key the table's keyspace.
    pub keyspace: KeyspaceId,
    /// Key columns in order.
    pub columns: Vec<IndexColumn>,
    /// INCLUDE columns by position in [`Table::columns`].
    pub include: Vec<usize>,
    /// Whether two rows may not share a key (without NULLs).
    pub unique: bool,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Whether queries may use it.
    pub valid: bool,
}

/// A key column of an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct IndexColumn {
    /// Position in [`Table::columns`].
    pub column: usize,
    /// DESC
    pub descending: bool,
    /// NULLS FIRST; PostgreSQL's default is true for DESC only.
    pub nulls_first: bool,
}

/// A table constraint.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Constraint {
    /// OID in `pg_constraint`.
    pub oid: Oid,
    /// Name.
    pub name: String,
    /// What it demands.
    pub kind: ConstraintKind,
}

/// The kinds of [`Constraint`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum ConstraintKind {
    /// PRIMARY KEY, by the index of this OID.
    PrimaryKey {
        /// The index.
        index: Oid,
    },
    /// UNIQUE, by the index of this OID.
    Unique {
        /// The index.
        index: Oid,
    },
}

impl Table {
    /// The primary key's index, when there is one.
    pub fn primary_key(&self) -> Option<&Index> {
        match &self.identity {
            RowIdentity::PrimaryKey(index) => Some(index),
            RowIdentity::RowId => None,
        }
    }

    /// Every index a query may use, the clustering one first.
    pub fn access_paths(&self) -> impl Iterator<Item = &Index> {
        self.primary_key().into_iter().chain(self.indexes.iter().filter(|index| index.valid))
    }

    /// The position of a column that is not dropped.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| !column.dropped && column.name == name)
    }
}
