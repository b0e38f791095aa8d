//! Portals: statements with their parameters, running or about to.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;
use reckon_mvcc::{Savepoint, Snapshot};

use super::prepared::{Bound, Planning, Prepared};
use crate::error::{DataError, Result};
use crate::exec::{Context, Execution, Spool, SpoolReader};
use crate::plan::{Command, OutputColumn};
use crate::types::{self, Datum, Formats, Type};

/// A bound statement.
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    /// Until it starts.
    pub(super) bound: Option<Bound>,
    pub(super) parameters: Vec<Datum>,
    pub(super) result_formats: Vec<i16>,
    /// How many savepoints there were when it was made: it ends when one of them is rolled back to before that.
    pub(super) behind: usize,
    pub(super) run: Run,
}

/// How many values an empty portal keeps memory for.
const SPARE_VALUES_MAX: usize = 64;

impl Portal {
    pub(super) fn new(prepared: Arc<Prepared>) -> Portal {
        let (parameters, result_formats) = (Vec::new(), Vec::new());
        Portal { prepared, bound: None, parameters, result_formats, behind: 0, run: Run::Ready }
    }

    /// Makes room for another statement, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bound = None;
        self.parameters.clear();
        self.parameters.shrink_to(SPARE_VALUES_MAX);
        self.result_formats.clear();
        self.result_formats.shrink_to(SPARE_VALUES_MAX);
        self.behind = 0;
        self.run = Run::Ready;
    }
}

/// How far a portal has come.
pub(super) enum Run {
    /// Not started.
    Ready,
    /// A plan in the middle of its rows.
    Plan(Box<PlanRun>),
    /// Rows that a utility statement (SHOW, EXPLAIN) computed at once.
    Rows(Box<RowsRun>),
    /// COPY TO in the middle of its lines.
    CopyOut(Box<super::copying::CopyOut>),
    /// Everything is out. The tag, if it gave rows: then it may be executed again and gives none.
    Done(Option<Tag>),
}

impl Run {
    #[inline]
    pub(super) fn gives_rows(&self) -> bool {
        match self {
            Run::Plan(run) => run.planning.planned.columns.is_some(),
            Run::Rows(_) => true,
            Run::Done(tag) => tag.is_some(),
            Run::Ready | Run::CopyOut(_) => false,
        }
    }
}

/// A plan and its operators, in the middle of their rows or ready for another run.
pub(super) struct PlanRun {
    pub(super) planning: Arc<Planning>,
    pub(super) execution: Execution,
    /// How its rows are written.
    pub(super) encoding: RowEncoding,
    /// The format codes that say so.
    pub(super) codes: Vec<i16>,
    /// And the version of the settings.
    pub(super) settings: u64,
    pub(super) snapshot: Snapshot,
    /// What to go back to when the statement starts over, if it can.
    pub(super) savepoint: Option<Savepoint>,
    /// Rows handed to the sink.
    pub(super) sent: u64,
    /// Of these, those of the Execute under way.
    pub(super) in_call: u64,
    /// Rows that are handed to the sink once the plan is at its end.
    pub(super) held: Option<Held>,
}

impl PlanRun {
    /// Whether nothing of it must be sent before its end: it changes rows, or locks them and is to give all of
    /// them at once. (Of a part of the rows no more than that part is to be locked.)
    #[inline]
    pub(super) fn holds_rows(&self, max_rows: usize) -> bool {
        let planned = &self.planning.planned;
        match planned.command {
            Command::Select => max_rows == 0 && self.execution.locks_rows(),
            Command::Insert | Command::Update | Command::Delete => planned.columns.is_some(),
        }
    }

    /// Whether it needs a savepoint to start again: it may find that a row it locks has moved after it has changed others.
    #[inline]
    pub(super) fn starts_again_from_savepoint(&self) -> bool {
        match self.planning.planned.command {
            Command::Select => false,
            Command::Insert => self.execution.locks_rows(),
            Command::Update | Command::Delete => true,
        }
    }

    /// Holds its rows back from here on.
    pub(super) fn hold(&mut self) {
        let columns = self.planning.planned.columns.as_ref();
        self.held = Some(Held::new(columns.map_or(0, Vec::len)));
    }

    /// Ready to run once more: nothing was sent.
    pub(super) fn restart(&mut self) {
        self.execution.restart();
        if self.held.is_some() {
            self.hold();
        }
    }

    /// The command tag at the end. Of rows it counts those of the Execute that gave the last of them.
    #[inline]
    pub(super) fn tag(&self) -> Tag {
        let planned = &self.planning.planned;
        let usual = match planned.command {
            Command::Select => ["SELECT 0", "SELECT 1"],
            Command::Insert => ["INSERT 0 0", "INSERT 0 1"],
            Command::Update => ["UPDATE 0", "UPDATE 1"],
            Command::Delete => ["DELETE 0", "DELETE 1"],
        };
        let has_rows = planned.columns.is_some();
        match if has_rows { self.in_call } else { self.execution.rows_affected() } {
            0 => usual[0].into(),
            1 => usual[1].into(),
            rows => format!("{}{rows}", &usual[0][..usual[0].len() - 1]).into(),
        }
    }

    /// Hands over what was held, once the plan is at its end; `None` before.
    #[inline]
    pub(super) fn send_held(
        &mut self,
        max_rows: usize,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Progress>> {
        let Some(Held { rows, reader: Some(reader) }) = &mut self.held else {
            return Ok(None);
        };
        while reader.next(rows)? {
            self.sent += 1;
            self.in_call += 1;
            let full = sink.row(reader.row(rows), &self.encoding).is_full()?;
            if max_rows > 0 && self.in_call == max_rows as u64 {
                self.in_call = 0;
                return Ok(Some(Progress::Suspended));
            }
            if full {
                return Ok(Some(Progress::Full));
            }
        }
        self.held = None;
        Ok(Some(Progress::Complete(self.tag())))
    }
}

/// Rows of a plan that may still start again.
pub(super) struct Held {
    rows: Spool,
    /// Once there are no more.
    reader: Option<SpoolReader>,
}

impl Held {
    fn new(width: usize) -> Held {
        Held { rows: Spool::new(width), reader: None }
    }

    pub(super) fn keep(&mut self, row: &[Datum], cx: &Context<'_>) -> Result<()> {
        self.rows.push(row, cx)
    }

    /// There are no more.
    pub(super) fn end(&mut self) {
        self.reader = Some(self.rows.reader());
    }
}

/// Rows computed at once.
pub(super) struct RowsRun {
    pub(super) rows: std::vec::IntoIter<Vec<Datum>>,
    pub(super) encoding: RowEncoding,
    pub(super) in_call: u64,
    pub(super) tag: Tag,
}

impl RowsRun {
    pub(super) fn new(rows: Vec<Vec<Datum>>, encoding: RowEncoding, tag: Tag) -> RowsRun {
        RowsRun { rows: rows.into_iter(), encoding, in_call: 0, tag }
    }
}

/// What a statement's replies look like, known before it runs.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// RowDescription and DataRows.
    Rows(Vec<OutputColumn>),
    /// CopyInResponse, then the client sends data.
    CopyIn {
        /// Columns in each line.
        columns: usize,
    },
    /// CopyOutResponse and CopyData.
    CopyOut {
        /// Columns in each line.
        columns: usize,
    },
    /// A command tag only.
    None,
}

/// A command tag, as in CommandComplete. The usual ones need no memory.
pub type Tag = Cow<'static, str>;

/// How far [`super::Session::execute`] came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The statement is done; its command tag.
    Complete(Tag),
    /// The text held no statement.
    Empty,
    /// The row limit was reached; there may be more.
    Suspended,
    /// The sink is full: make room and call again.
    Full,
    /// The statement waits for a row: call again when [`Session::poll_lock`](super::Session::poll_lock) is ready. Only
    /// after [`Session::leave_waits`](super::Session::leave_waits).
    Waiting,
    /// COPY FROM STDIN waits for data: `copy_data`, then `copy_done` or `copy_fail`.
    CopyIn {
        /// Columns in each line.
        columns: usize,
    },
}

/// Where rows go.
pub trait RowSink {
    /// Takes one row.
    fn row(&mut self, row: &[Datum], encoding: &RowEncoding) -> Flow;

    /// The lines of a COPY TO follow, `columns` each; there may be none.
    fn start_copy_out(&mut self, _columns: usize) {}

    /// Takes one CopyData message.
    fn copy_out(&mut self, bytes: &[u8]) -> Flow;
}

/// Whether a sink takes more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// More, please.
    Go,
    /// It took this one, and no more for now.
    Full,
    /// The row is longer than a message may be ([`MESSAGE_BYTES_MAX`]): the statement fails.
    TooLong,
}

/// Bytes that a row or a line may have on its way to a client.
pub const MESSAGE_BYTES_MAX: usize = types::VALUE_BYTES_MAX;

impl Flow {
    /// Whether the sink is full.
    ///
    /// # Errors
    ///
    /// 54000 for a row that is too long.
    #[inline]
    pub(super) fn is_full(self) -> Result<bool> {
        match self {
            Flow::Go => Ok(false),
            Flow::Full => Ok(true),
            Flow::TooLong => Err(DataError::TooManyBytes { bytes: MESSAGE_BYTES_MAX + 1 }.into()),
        }
    }
}

/// How the columns of a result are written. Clones share it.
#[derive(Clone, Debug)]
pub struct RowEncoding(Arc<Columns>);

#[derive(Debug)]
struct Columns {
    types: Vec<Type>,
    /// One format code a column: 0 text, 1 binary.
    codes: Vec<i16>,
    formats: Formats,
}

impl RowEncoding {
    /// `codes` as in Bind: none is all text, one is for all columns.
    pub fn new(columns: &[OutputColumn], codes: &[i16], formats: &Formats) -> RowEncoding {
        let code = |index: usize| match codes {
            [] => 0,
            [one] => *one,
            many => many.get(index).copied().unwrap_or(0),
        };
        RowEncoding(Arc::new(Columns {
            types: columns.iter().map(|column| column.ty).collect(),
            codes: (0..columns.len()).map(code).collect(),
            formats: formats.clone(),
        }))
    }

    /// The format code of each column.
    pub fn codes(&self) -> &[i16] {
        &self.0.codes
    }

    /// Appends the bytes of a value that is not NULL, without their length.
    pub fn write(&self, column: usize, value: &Datum, out: &mut BytesMut) {
        let Columns { types: column_types, codes, formats } = &*self.0;
        let ty = column_types[column];
        if codes[column] == 1 {
            types::send(value, ty, out);
        } else {
            types::output(value, ty, formats, out);
        }
    }
}
