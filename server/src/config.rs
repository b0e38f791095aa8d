//! Settings of the server: what can be chosen, and where a choice comes from.
//!
//! [`SETTINGS`] says which there are. Each may stand in four places; the first that has it wins:
//!
//! ```text
//! command line   --max-connections is not an option, --set max_connections=50 is
//! environment    RECKON_MAX_CONNECTIONS=50
//! file           max_connections = 50          (TOML, --config FILE)
//! default        1000
//! ```
//!
//! Nothing is ignored: a name that does not exist is an error, wherever it stands.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::memory;

const ENVIRONMENT_PREFIX: &str = "RECKON_";
const KB: u64 = 1024;

/// Everything that can be chosen, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) authentication_timeout: Duration,
    pub(crate) block_cache_bytes: usize,
    pub(crate) cache_bytes: usize,
    pub(crate) data_dir: PathBuf,
    pub(crate) deadlock_timeout: Duration,
    pub(crate) fsync: bool,
    pub(crate) history_retention: Duration,
    pub(crate) listen: Vec<String>,
    pub(crate) log: String,
    pub(crate) max_connections: usize,
    pub(crate) max_prepared_transactions: usize,
    pub(crate) max_transaction_bytes: usize,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) socket_dir: Option<PathBuf>,
    pub(crate) superuser_password_file: Option<PathBuf>,
    pub(crate) worker_threads: usize,
    pub(crate) write_buffer_bytes: usize,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// In the form a user would write.
    pub(crate) default: &'static str,
    /// Takes a value over, or says what would have been one.
    apply: fn(&mut Config, &str) -> Result<(), Expected>,
}

/// What a value should have looked like.
type Expected = &'static str;

const A_PATH: Expected = "a path";
const A_TIME: Expected = "a time such as 500ms, 30s or 5min";
const A_SIZE: Expected = "a size such as 64MB or 2GB";
const A_SHARE: Expected = "a size such as 2GB, or a part of memory such as 25% or 6% up to 128MB";
const A_SWITCH: Expected = "on or off";
const A_COUNT: Expected = "a positive number";

/// In order of name.
pub(crate) static SETTINGS: &[Setting] = &[
    Setting {
        name: "authentication_timeout",
        default: "60s",
        apply: |c, v| time(v).map(|v| c.authentication_timeout = v),
    },
    Setting {
        name: "block_cache_size",
        default: "6% up to 128MB",
        apply: |c, v| share(v).map(|v| c.block_cache_bytes = v),
    },
    Setting {
        name: "cache_size",
        default: "25%",
        apply: |c, v| share(v).map(|v| c.cache_bytes = v),
    },
    Setting { name: "data_dir", default: "", apply: |c, v| path(v).map(|v| c.data_dir = v) },
    Setting {
        name: "deadlock_timeout",
        default: "1s",
        apply: |c, v| time(v).map(|v| c.deadlock_timeout = v),
    },
    Setting { name: "fsync", default: "on", apply: |c, v| switch(v).map(|v| c.fsync = v) },
    Setting {
        name: "history_retention",
        default: "5min",
        apply: |c, v| time(v).map(|v| c.history_retention = v),
    },
    Setting {
        name: "listen",
        default: "127.0.0.1:5432",
        apply: |c, v| addresses(v).map(|v| c.listen = v),
    },
    Setting {
        name: "log",
        default: "warn",
        apply: |c, v| {
            c.log = v.to_owned();
            Ok(())
        },
    },
    Setting {
        name: "max_connections",
        default: "1000",
        apply: |c, v| count(v).map(|v| c.max_connections = v),
    },
    Setting {
        name: "max_prepared_transactions",
        default: "0",
        apply: |c, v| prepared(v).map(|v| c.max_prepared_transactions = v),
    },
    Setting {
        name: "max_transaction_size",
        default: "32MB",
        apply: |c, v| bytes(v).map(|v| c.max_transaction_bytes = v),
    },
    Setting {
        name: "shutdown_timeout",
        default: "30s",
        apply: |c, v| time(v).map(|v| c.shutdown_timeout = v),
    },
    Setting {
        name: "socket_dir",
        default: "/tmp",
        apply: |c, v| {
            c.socket_dir = optional(v);
            Ok(())
        },
    },
    Setting {
        name: "superuser_password_file",
        default: "",
        apply: |c, v| {
            c.superuser_password_file = optional(v);
            Ok(())
        },
    },
    Setting {
        name: "worker_threads",
        default: "0",
        apply: |c, v| threads(v).map(|v| c.worker_threads = v),
    },
    Setting {
        name: "write_buffer_size",
        default: "2% up to 64MB",
        apply: |c, v| share(v).map(|v| c.write_buffer_bytes = v),
    },
];

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Default,
    File(PathBuf),
    Environment,
    CommandLine,
}

/// Why the settings cannot be used.
#[derive(Debug)]
pub(crate) enum Error {
    /// No setting has this name; there may be one that was meant.
    Unknown { name: String, near: Option<&'static str>, place: Place },
    /// The value is not of the setting's kind.
    Value { name: &'static str, value: String, expected: Expected, place: Place },
    /// `--set` without an equals sign.
    NotAnAssignment { text: String },
    /// The file cannot be read.
    Read { file: PathBuf, error: std::io::Error },
    /// The file is not TOML.
    Syntax { file: PathBuf, error: Box<toml::de::Error> },
    /// A table or a date where a value was expected.
    Kind { name: String, file: PathBuf },
    /// Nobody said where the data are.
    NoDataDir,
}

/// Values by name, of all four places.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    values: BTreeMap<&'static str, (String, Place)>,
}

impl Layers {
    /// The defaults.
    pub(crate) fn new() -> Self {
        let default = |s: &Setting| (s.name, (s.default.to_owned(), Place::Default));
        Self { values: SETTINGS.iter().map(default).collect() }
    }

    /// Puts a value over those of the places before.
    pub(crate) fn set(&mut self, name: &str, value: &str, place: Place) -> Result<(), Error> {
        match SETTINGS.iter().find(|setting| setting.name == name) {
            Some(setting) => {
                self.values.insert(setting.name, (value.to_owned(), place));
                Ok(())
            }
            None => Err(Error::Unknown { name: name.to_owned(), near: nearest(name), place }),
        }
    }

    /// Puts the values of a TOML file over the others.
    pub(crate) fn set_file(&mut self, file: &Path) -> Result<(), Error> {
        let read = |error| Error::Read { file: file.to_owned(), error };
        let text = std::fs::read_to_string(file).map_err(read)?;
        let syntax = |error| Error::Syntax { file: file.to_owned(), error: Box::new(error) };
        let table: toml::Table = text.parse().map_err(syntax)?;
        for (name, value) in &table {
            let kind = || Error::Kind { name: name.clone(), file: file.to_owned() };
            let value = plain(value).ok_or_else(kind)?;
            self.set(name, &value, Place::File(file.to_owned()))?;
        }
        Ok(())
    }

    /// Puts the environment over the others.
    pub(crate) fn set_environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(), Error> {
        for (variable, value) in variables {
            if let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) {
                self.set(&name.to_ascii_lowercase(), &value, Place::Environment)?;
            }
        }
        Ok(())
    }

    /// Puts a `NAME=VALUE` of the command line over the others.
    pub(crate) fn assign(&mut self, text: &str) -> Result<(), Error> {
        let not = || Error::NotAnAssignment { text: text.to_owned() };
        let (name, value) = text.split_once('=').ok_or_else(not)?;
        self.set(name.trim(), value.trim(), Place::CommandLine)
    }

    /// Checks every value.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let mut config = Config::unset();
        for setting in SETTINGS {
            let Some((value, place)) = self.values.get(setting.name) else { continue };
            if setting.name == "data_dir" && value.is_empty() {
                return Err(Error::NoDataDir);
            }
            (setting.apply)(&mut config, value).map_err(|expected| Error::Value {
                name: setting.name,
                value: value.clone(),
                expected,
                place: place.clone(),
            })?;
        }
        Ok(config)
    }
}

impl Config {
    /// Before any value, defaults included.
    fn unset() -> Self {
        Self {
            authentication_timeout: Duration::ZERO,
            block_cache_bytes: 0,
            cache_bytes: 0,
            data_dir: PathBuf::new(),
            deadlock_timeout: Duration::ZERO,
            fsync: true,
            history_retention: Duration::ZERO,
            listen: Vec::new(),
            log: String::new(),
            max_connections: 0,
            max_prepared_transactions: 0,
            max_transaction_bytes: 0,
            shutdown_timeout: Duration::ZERO,
            socket_dir: None,
            superuser_password_file: None,
            worker_threads: 1,
            write_buffer_bytes: 0,
        }
    }
}

/// The setting whose name looks most like this one, if it looks alike at all.
fn nearest(name: &str) -> Option<&'static str> {
    let distance = |setting: &&Setting| strsim::damerau_levenshtein(setting.name, name);
    let near = SETTINGS.iter().min_by_key(distance)?;
    (distance(&near) <= 2 + near.name.len() / 4).then_some(near.name)
}

/// A TOML value as one would write it elsewhere; an array is a list with commas.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(if *switch { "on" } else { "off" }.to_owned()),
        toml::Value::Array(items) => {
            items.iter().map(plain).collect::<Option<Vec<_>>>().map(|items| items.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// A number of threads; 0 is one a core but one, which the log, compactions and the network need. Statements that take long get
/// threads of their own in any case.
fn threads(value: &str) -> Result<usize, Expected> {
    match value {
        "0" => Ok(std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1).max(1)),
        value => count(value),
    }
}

fn count(value: &str) -> Result<usize, Expected> {
    value.parse().ok().filter(|n| (1..=262_143).contains(n)).ok_or(A_COUNT)
}

/// A number of prepared transactions; 0 is none.
fn prepared(value: &str) -> Result<usize, Expected> {
    if value == "0" { Ok(0) } else { count(value).map_err(|_| "a number from 0 to 262143") }
}

fn switch(value: &str) -> Result<bool, Expected> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(A_SWITCH),
    }
}

fn path(value: &str) -> Result<PathBuf, Expected> {
    if value.is_empty() { Err(A_PATH) } else { Ok(PathBuf::from(value)) }
}

fn optional(value: &str) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

fn addresses(value: &str) -> Result<Vec<String>, Expected> {
    let list: Vec<String> =
        value.split(',').map(|item| item.trim().to_owned()).filter(|a| !a.is_empty()).collect();
    let port = |a: &String| a.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok());
    if list.iter().all(port) { Ok(list) } else { Err("HOST:PORT, several with commas") }
}

/// A number and its unit; None without digits.
fn quantity(value: &str) -> Option<(u64, &str)> {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

fn time(value: &str) -> Result<Duration, Expected> {
    let (number, unit) = quantity(value).ok_or(A_TIME)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(A_TIME),
    };
    // A year is longer than anything here waits, and far from any overflow.
    let most = 366 * 86_400_000;
    number.checked_mul(milliseconds).filter(|n| *n <= most).map(Duration::from_millis).ok_or(A_TIME)
}

fn size(value: &str) -> Result<u64, Expected> {
    let (number, unit) = quantity(value).ok_or(A_SIZE)?;
    let bytes = match unit {
        "B" => 1,
        "kB" => KB,
        "MB" => KB * KB,
        "GB" => KB * KB * KB,
        "TB" => KB * KB * KB * KB,
        "" if number == 0 => 1,
        _ => return Err(A_SIZE),
    };
    number.checked_mul(bytes).ok_or(A_SIZE)
}

fn bytes(value: &str) -> Result<usize, Expected> {
    usize::try_from(size(value)?).map_err(|_| A_SIZE)
}

/// A size, or a part of what this process may use, which may have a limit.
fn share(value: &str) -> Result<usize, Expected> {
    if let Some((part, most)) = value.split_once(" up to ") {
        let most = bytes(most.trim()).map_err(|_| A_SHARE)?;
        return percentage(part.trim()).map(|bytes| bytes.min(most));
    }
    percentage(value).or_else(|_| bytes(value).map_err(|_| A_SHARE))
}

fn percentage(value: &str) -> Result<usize, Expected> {
    let Some((percent @ 1..=100, "%")) = quantity(value) else { return Err(A_SHARE) };
    let bytes = u128::from(memory::available_bytes()) * u128::from(percent) / 100;
    usize::try_from(bytes).map_err(|_| A_SHARE)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Environment => f.write_str("environment"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, near, place } => {
                write!(f, "there is no setting \"{name}\" ({place})")?;
                near.map_or(Ok(()), |near| write!(f, "; did you mean \"{near}\"?"))
            }
            Self::Value { name, value, expected, place } => {
                write!(f, "setting \"{name}\" ({place}) is \"{value}\", but must be {expected}")
            }
            Self::NotAnAssignment { text } => {
                write!(f, "\"--set {text}\": write --set NAME=VALUE")
            }
            Self::Read { file, error } => write!(f, "cannot read {}: {error}", file.display()),
            Self::Syntax { file, error } => {
                write!(f, "{} is not TOML: {}", file.display(), error.message())
            }
            Self::Kind { name, file } => {
                write!(f, "\"{name}\" in {} must be a text, a number or a list", file.display())
            }
            Self::NoDataDir => f.write_str("no data directory: say --data-dir DIR"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Layers {
        let mut layers = Layers::new();
        layers.assign("data_dir=/data").unwrap();
        layers
    }

    #[test]
    fn later_places_win() {
        let mut layers = layers();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "max_connections = 7\nlisten = [\"[::1]:1\", \"h:2\"]\n")
            .unwrap();
        layers.set_file(file.path()).unwrap();
        let config = layers.config().unwrap();
        assert_eq!(config.max_connections, 7);
        assert_eq!(config.listen, ["[::1]:1", "h:2"]);
        let variable = ("RECKON_MAX_CONNECTIONS".to_owned(), "8".to_owned());
        layers.set_environment([variable, ("HOME".into(), "/".into())].into_iter()).unwrap();
        assert_eq!(layers.config().unwrap().max_connections, 8);
        layers.assign("max_connections = 9").unwrap();
        assert_eq!(layers.config().unwrap().max_connections, 9);
    }

    #[test]
    fn unknown_settings_suggest_the_near_one() {
        let error = layers().assign("max_conections=5").unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no setting \"max_conections\" (command line); did you mean \"max_connections\"?"
        );
        let error = layers().assign("shared_preload_libraries=x").unwrap_err().to_string();
        assert_eq!(error, "there is no setting \"shared_preload_libraries\" (command line)");
    }

    #[test]
    fn values_are_checked_and_units_read() {
        let value = |text: &str| {
            let mut layers = layers();
            layers.assign(text).unwrap();
            layers.config()
        };
        assert_eq!(value("cache_size=64MB").unwrap().cache_bytes, 64 << 20);
        assert_eq!(value("shutdown_timeout=2min").unwrap().shutdown_timeout.as_secs(), 120);
        for bad in [
            "cache_size=64",
            "cache_size=99999999999TB",
            "cache_size=0%",
            "cache_size=101%",
            "block_cache_size=5% up to",
            "block_cache_size=5% up to 10%",
            "block_cache_size=5MB up to 10MB",
            "shutdown_timeout=5 weeks",
            "max_connections=0",
            "listen=localhost",
            "fsync=perhaps",
        ] {
            assert!(matches!(value(bad), Err(Error::Value { .. })), "{bad}");
        }
    }

    #[test]
    fn the_cache_takes_a_quarter_of_memory_or_what_it_is_told() {
        let available = memory::available_bytes() as usize;
        assert_eq!(layers().config().unwrap().cache_bytes, available / 4);
        let mut layers = layers();
        layers.assign("cache_size=50%").unwrap();
        assert_eq!(layers.config().unwrap().cache_bytes, available / 2);
    }

    #[test]
    fn blocks_and_write_buffers_take_a_part_of_little_memory_and_no_more_of_much() {
        let (mut layers, available) = (layers(), memory::available_bytes() as usize);
        let config = layers.config().unwrap();
        assert_eq!(config.block_cache_bytes, (available / 50 * 3).min(128 << 20));
        assert_eq!(config.write_buffer_bytes, (available / 50).min(64 << 20));
        layers.assign("block_cache_size=1% up to 1TB").unwrap();
        assert_eq!(layers.config().unwrap().block_cache_bytes, available / 100);
    }

    #[test]
    fn every_default_is_a_value_and_names_are_in_order() {
        assert_eq!(layers().config().unwrap().listen, ["127.0.0.1:5432"]);
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
        assert!(matches!(Layers::new().config(), Err(Error::NoDataDir)));
    }
}
