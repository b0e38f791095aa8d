//! What belongs to all databases: the databases themselves, and roles.

use reckon_mvcc::{Snapshot, Transaction};

use super::contents::scan;
use super::record::{self, CLUSTER, Record};
use super::{DatabaseDefinition, Role};
use crate::error::{DataError, Result};

/// All databases and roles that a snapshot sees.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Databases in order of OID.
    pub databases: Vec<DatabaseDefinition>,
    /// Roles in order of OID.
    pub roles: Vec<Role>,
}

impl Cluster {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// XX001 for a row that is no definition, and what reading may give.
    pub fn load(transaction: &Transaction, snapshot: &Snapshot) -> Result<Cluster> {
        let mut cluster = Cluster::default();
        scan(transaction, snapshot, CLUSTER, &mut |key, value| {
            match key.first() {
                Some(&DatabaseDefinition::KIND) => cluster.databases.push(record::decode(value)?),
                Some(&Role::KIND) => cluster.roles.push(record::decode(value)?),
                _ => return Err(DataError::Corrupted { what: "a cluster catalog key" }.into()),
            }
            Ok(())
        })?;
        Ok(cluster)
    }

    /// The database of a name.
    pub fn database(&self, name: &str) -> Option<&DatabaseDefinition> {
        self.databases.iter().find(|database| database.name == name)
    }

    /// The role of a name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }
}
