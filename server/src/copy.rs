//! COPY FROM STDIN: the rows a client sends while its statement waits for them.
//!
//! Flush and Sync are ignored meanwhile, as in PostgreSQL. After an error the rest of what the client
//! sends for this COPY is read and dropped: as stray messages in the simple protocol, up to Sync in
//! the extended one. A message that has nothing to do with it ends the connection.

use bytes::Buf as _;
use reckon_sql::session::{Progress, Tag};
use reckon_wire::Format;
use reckon_wire::backend::{self, Report, Severity};
use reckon_wire::codec::{Frame, HEADER_LENGTH};
use reckon_wire::frontend::{self, Limits, Message};

use crate::connection::{Connection, End, Stop};
use crate::protocol::Failure;

/// How a message moved the COPY on.
enum Step {
    More,
    Complete(Tag),
}

impl Connection {
    /// Asks for the rows of the running statement and takes them.
    pub(crate) async fn copy_in(&mut self, columns: usize) -> Result<(), Stop> {
        backend::copy_in_response(&mut self.out, Format::Text, columns);
        self.flush().await?;
        loop {
            let (step, length) = match frontend::frame(&self.input, Limits::AUTHENTICATED) {
                Err(error) => return Err(Stop::End(self.violation(&error))),
                Ok(Frame::Incomplete { needed }) => {
                    self.fill_unless_interrupted(needed).await?;
                    continue;
                }
                Ok(Frame::Complete { tag, body }) => {
                    let step = match frontend::decode(tag, body) {
                        Ok(message) => take(&mut self.session, tag, message),
                        Err(_) if matches!(tag, b'H' | b'S') => Ok(Step::More),
                        Err(error) => Err(Failure::Protocol(error)),
                    };
                    (step, HEADER_LENGTH + body.len())
                }
            };
            self.input.advance(length);
            self.notices();
            match step {
                Ok(Step::More) => {}
                Ok(Step::Complete(tag)) => {
                    backend::command_complete(&mut self.out, &tag);
                    return Ok(());
                }
                Err(failure) => {
                    self.session.fail();
                    if matches!(failure, Failure::DuringCopy { .. }) {
                        failure.write(&mut self.out);
                        return Err(Stop::End(self.out_of_step()));
                    }
                    return Err(Stop::Failed(failure));
                }
            }
        }
    }

    /// Whoever talks of something else in the middle of a COPY means another COPY than we do.
    fn out_of_step(&mut self) -> End {
        let message = "terminating connection because protocol synchronization was lost";
        backend::report(&mut self.out, &Report::new(Severity::Fatal, "08P01", message));
        End::Told
    }

    /// Waits for more input, or for somebody who wants the statement to stop.
    async fn fill_unless_interrupted(&mut self, needed: usize) -> Result<(), Stop> {
        let entry = std::sync::Arc::clone(&self.entry);
        let filled = tokio::select! {
            filled = self.fill(needed) => Ok(filled),
            reason = entry.interrupted() => Err(reason),
        };
        match filled {
            Ok(filled) => Ok(filled?),
            Err(reason) => {
                self.session.fail();
                Err(Stop::Failed(Failure::Interrupted(reason)))
            }
        }
    }
}

fn take(session: &mut reckon_sql::Session, tag: u8, message: Message<'_>) -> Result<Step, Failure> {
    match message {
        Message::CopyData(rows) => session.copy_data(rows)?,
        Message::CopyDone => match session.copy_done()? {
            Progress::Complete(tag) => return Ok(Step::Complete(tag)),
            _ => return Ok(Step::Complete(Tag::default())),
        },
        Message::CopyFail(reason) => return Err(session.copy_fail(reason).into()),
        Message::Flush | Message::Sync => {}
        _ => return Err(Failure::DuringCopy { tag }),
    }
    Ok(Step::More)
}
