//! Who may be whom.
//!
//! - On the Unix socket the operating-system user that owns the data directory is `postgres`, and
//!   nobody else is anybody.
//! - Over TCP a password is needed (SCRAM-SHA-256). A role without one goes through the same
//!   exchange and fails at its end.

use bytes::{Buf as _, BytesMut};
use reckon_wire::auth::Response;
use reckon_wire::auth::scram::{self, Verifier};
use reckon_wire::codec::{self, Frame, HEADER_LENGTH};
use reckon_wire::{backend, startup};

use crate::socket::Stream;
use crate::startup::Refusal;

/// The role the owner of the data directory is let in as.
pub(crate) const SUPERUSER: &str = "postgres";

/// What all authentications share.
#[derive(Debug)]
pub(crate) struct Authenticator {
    /// User that owns the data directory.
    pub(crate) owner: u32,
    /// Makes the salts of roles that have no password.
    pub(crate) mock_secret: [u8; 32],
}

impl Authenticator {
    /// Lets `user` in, or says why not. `verifier` is what the catalog holds for that role.
    pub(crate) async fn authenticate(
        &self,
        stream: &mut Stream,
        input: &mut BytesMut,
        user: &str,
        verifier: Option<&str>,
    ) -> Result<(), Refusal> {
        if stream.is_unix() {
            let owner = stream.peer_user() == Some(self.owner);
            return if owner && user == SUPERUSER {
                Ok(())
            } else {
                Err(Refusal::Peer { user: user.to_owned() })
            };
        }
        let known = verifier.and_then(|text| text.parse::<Verifier>().ok());
        let verifier = known.unwrap_or_else(|| Verifier::mock(user, &self.mock_secret));
        if scram_exchange(stream, input, verifier).await? {
            Ok(())
        } else {
            Err(Refusal::Password { user: user.to_owned() })
        }
    }
}

/// Whether the client knows the password.
async fn scram_exchange(
    stream: &mut Stream,
    input: &mut BytesMut,
    verifier: Verifier,
) -> Result<bool, Refusal> {
    let mut out = BytesMut::new();
    backend::authentication_sasl(&mut out, &[scram::MECHANISM]);
    stream.write(&out).await?;
    let first = receive(stream, input).await?;
    let first = Response::new(&first).sasl_initial()?;
    if first.mechanism != scram::MECHANISM {
        return Err(reckon_wire::Error::Mechanism.into());
    }
    let nonce = random()?;
    let server = scram::Server::start(first.response.unwrap_or_default(), verifier, nonce)?;
    out.clear();
    backend::authentication_sasl_continue(&mut out, server.challenge().as_bytes());
    stream.write(&out).await?;
    let last = receive(stream, input).await?;
    let Some(proof) = server.finish(Response::new(&last).sasl())? else { return Ok(false) };
    out.clear();
    backend::authentication_sasl_final(&mut out, proof.as_bytes());
    // What follows goes out with the greeting.
    stream.write(&out).await?;
    Ok(true)
}

/// The body of the next message, which must be a response.
async fn receive(stream: &mut Stream, input: &mut BytesMut) -> Result<BytesMut, Refusal> {
    loop {
        let frame = codec::frame(input, |tag| match tag {
            b'p' => Ok(startup::STARTUP_LENGTH_MAX),
            tag => Err(reckon_wire::Error::ExpectedSasl(tag)),
        })?;
        match frame {
            Frame::Complete { body, .. } => {
                let length = body.len();
                input.advance(HEADER_LENGTH);
                return Ok(input.split_to(length));
            }
            Frame::Incomplete { needed } => {
                input.reserve(needed - input.len());
                if stream.read(input).await? == 0 {
                    return Err(Refusal::Gone);
                }
            }
        }
    }
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::NoRandomness)?;
    Ok(bytes)
}
