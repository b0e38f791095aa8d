//! The superuser's password: from a file, or made up once.
//!
//! With `superuser_password_file` the role has the password in that file, from every start on.
//! Without it, a role that has no password gets a random one, written to
//! `DATA_DIR/superuser-password`, which only the owner can read.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use reckon_sql::Database;
use reckon_wire::auth::scram::{ITERATIONS, SALT_LENGTH, Verifier};

use crate::auth::SUPERUSER;
use crate::error::Error;

const FILE: &str = "superuser-password";
/// 24 characters of this alphabet are 138 bits.
const ALPHABET: &[u8; 54] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ2345678";
const LENGTH: usize = 24;

/// Gives the superuser its password.
pub(crate) fn ensure(database: &Database, dir: &Path, file: Option<&Path>) -> Result<(), Error> {
    let present = database.role(SUPERUSER)?.and_then(|role| role.password);
    if let Some(file) = file {
        let password = read(file)?;
        let known = present.and_then(|text| text.parse::<Verifier>().ok());
        return match known {
            Some(verifier) if verifier.matches(&password) => Ok(()),
            _ => set(database, &password),
        };
    }
    if present.is_some() {
        return Ok(());
    }
    let password = generate()?;
    let file = dir.join(FILE);
    let wrap = |error| Error::PasswordFile { file: file.clone(), error };
    write_durably(&file, format!("{password}\n").as_bytes()).map_err(wrap)?;
    set(database, &password)?;
    eprintln!("reckon: the password of \"{SUPERUSER}\" over TCP is in {}", file.display());
    Ok(())
}

/// The first line of a file.
fn read(file: &Path) -> Result<String, Error> {
    let wrap = |error| Error::PasswordFile { file: file.to_owned(), error };
    let text = fs::read_to_string(file).map_err(wrap)?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => Ok(password.to_owned()),
        _ => Err(Error::EmptyPassword { file: file.to_owned() }),
    }
}

fn set(database: &Database, password: &str) -> Result<(), Error> {
    let mut salt = [0; SALT_LENGTH];
    getrandom::fill(&mut salt).map_err(Error::Random)?;
    let verifier = Verifier::new(password, salt, ITERATIONS).to_string();
    Ok(database.set_password(SUPERUSER, &verifier)?)
}

/// A random password. Bytes that would make some characters likelier are drawn again.
fn generate() -> Result<String, Error> {
    let fair = 256 / ALPHABET.len() * ALPHABET.len();
    let mut password = String::with_capacity(LENGTH);
    while password.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        let fair = bytes.iter().map(|b| usize::from(*b)).filter(|b| *b < fair);
        let characters = fair.map(|b| char::from(ALPHABET[b % ALPHABET.len()]));
        password.extend(characters.take(LENGTH - password.len()));
    }
    Ok(password)
}

/// Writes a small file that is either there completely or not at all, readable by the owner only.
fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        write_durably(&path, b"secret\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap(), "secret");
    }

    #[test]
    fn passwords_are_long_and_never_the_same() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!((one.len(), other.len()), (LENGTH, LENGTH));
        assert_ne!(one, other);
    }
}
