//! SCRAM-SHA-256: both sides know a password, neither says it.
//!
//! ```text
//! client-first   n,,n=,r=<client nonce>
//! server-first   r=<client nonce><server nonce>,s=<salt>,i=<iterations>
//! client-final   c=biws,r=<both nonces>,p=<proof>
//! server-final   v=<server signature>
//! ```
//!
//! The server keeps a [`Verifier`] and never the password. For a role that does not exist it goes
//! through the same motions with a verifier nobody can match, whose salt depends on the name and a
//! secret, so that asking twice does not tell the two cases apart.
//!
//! # Invariants
//!
//! 1. Nonces and salts come from the caller: the exchange is a function of its inputs.
//! 2. What depends on a secret is compared in constant time.
//! 3. The user name inside the exchange is ignored, as PostgreSQL does: the one of the startup
//!    packet counts.
//!
//! # References
//!
//! RFC 5802, RFC 7677; channel binding needs TLS and is not offered.

use std::fmt;
use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::error::ScramFault;

/// The name of the mechanism.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// Rounds of PBKDF2 for a new verifier.
pub const ITERATIONS: u32 = 4096;
/// Bytes of a salt.
pub const SALT_LENGTH: usize = 16;
/// Bytes of a nonce before base64.
pub const NONCE_LENGTH: usize = 18;

type Hash = [u8; 32];

/// What the server keeps of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Hash,
    server_key: Hash,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// PostgreSQL's form: `SCRAM-SHA-256$4096:salt$stored key:server key`.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{MECHANISM}${}:{}${}:{}",
            self.iterations,
            BASE64.encode(&self.salt),
            BASE64.encode(self.stored_key),
            BASE64.encode(self.server_key)
        )
    }
}

impl std::str::FromStr for Verifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = || {
            let rest = text.strip_prefix(MECHANISM)?.strip_prefix('$')?;
            let (head, keys) = rest.split_once('$')?;
            let (iterations, salt) = head.split_once(':')?;
            let (stored, server) = keys.split_once(':')?;
            Some(Self {
                iterations: iterations.parse().ok().filter(|n| (1..=ITERATIONS_MAX).contains(n))?,
                salt: BASE64.decode(salt).ok()?,
                stored_key: hash_from_base64(stored)?,
                server_key: hash_from_base64(server)?,
            })
        };
        parts().ok_or(Error::Verifier)
    }
}

/// As PostgreSQL parses the count: a positive 32-bit signed integer.
const ITERATIONS_MAX: u32 = i32::MAX as u32;

impl Verifier {
    /// The verifier of `password`, whose characters are normalised as SASLprep says; a password it
    /// forbids is taken as it is, as PostgreSQL does.
    pub fn new(password: &str, salt: [u8; SALT_LENGTH], iterations: u32) -> Self {
        let salted = salted_password(password, &salt, iterations);
        let stored_key = Sha256::digest(hmac(&salted, &[b"Client Key"])).into();
        let server_key = hmac(&salted, &[b"Server Key"]);
        Self { iterations, salt: salt.to_vec(), stored_key, server_key }
    }

    /// One that no password matches, for a role that has none. The same `user` and `secret` give
    /// the same salt.
    pub fn mock(user: &str, secret: &[u8; 32]) -> Self {
        let salt = hmac(secret, &[user.as_bytes()]);
        let keys = |use_: &[u8]| hmac(secret, &[use_, user.as_bytes()]);
        Self {
            iterations: ITERATIONS,
            salt: salt[..SALT_LENGTH].to_vec(),
            stored_key: keys(b"stored"),
            server_key: keys(b"server"),
        }
    }

    /// Whether this is the verifier of `password`.
    pub fn matches(&self, password: &str) -> bool {
        let salted = salted_password(password, &self.salt, self.iterations);
        same(&hmac(&salted, &[b"Server Key"]), &self.server_key)
    }
}

/// The server after its challenge.
#[derive(Debug)]
pub struct Server {
    verifier: Verifier,
    client_first_bare: String,
    server_first: String,
    nonce: String,
    binding_flag: char,
}

impl Server {
    /// Answers the client's first message; [`Server::challenge`] is what to send.
    ///
    /// # Errors
    ///
    /// What is wrong with the message.
    pub fn start(
        client_first: &[u8],
        verifier: Verifier,
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<Self, Error> {
        let message = scram_text(client_first)?;
        let mut chars = message.chars();
        let binding_flag = match chars.next() {
            Some(flag @ ('n' | 'y')) => flag,
            Some('p') => return Err(fault(ScramFault::UnwantedBinding)),
            _ => return Err(fault(ScramFault::BindingFlag)),
        };
        let rest = chars.as_str().strip_prefix(',').ok_or(fault(ScramFault::Comma))?;
        if rest.starts_with('a') {
            return Err(Error::AuthorizationIdentity);
        }
        let bare = rest.strip_prefix(',').ok_or(fault(ScramFault::Comma))?;
        if bare.starts_with('m') {
            return Err(Error::ScramExtension);
        }
        let (_user, rest) = attribute(bare, 'n')?;
        let (client_nonce, _extensions) = attribute(rest, 'r')?;
        if !client_nonce.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::ScramNonce);
        }
        let nonce = format!("{client_nonce}{}", BASE64.encode(nonce));
        let salt = BASE64.encode(&verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        let client_first_bare = bare.to_owned();
        Ok(Self { verifier, client_first_bare, server_first, nonce, binding_flag })
    }

    /// The challenge to send.
    pub fn challenge(&self) -> &str {
        &self.server_first
    }

    /// Judges the client's last message: the server's proof when the password was right.
    ///
    /// # Errors
    ///
    /// What is wrong with the message's form.
    pub fn finish(&self, client_final: &[u8]) -> Result<Option<String>, Error> {
        let message = scram_text(client_final)?;
        let (binding, rest) = attribute(message, 'c')?;
        if binding != BASE64.encode(format!("{},,", self.binding_flag)) {
            return Err(Error::ScramChannelBinding);
        }
        let (nonce, _) = attribute(rest, 'r')?;
        let (without_proof, proof) =
            message.rsplit_once(",p=").ok_or(fault(ScramFault::Attribute('p')))?;
        if proof.contains(',') {
            return Err(fault(ScramFault::Garbage));
        }
        let proof = hash_from_base64(proof).ok_or(fault(ScramFault::Proof))?;
        if !same(nonce.as_bytes(), self.nonce.as_bytes()) {
            return Err(Error::ScramNonceMismatch);
        }
        let exchange = [self.client_first_bare.as_str(), self.server_first.as_str(), without_proof];
        let client_key = xor(proof, signature(&self.verifier.stored_key, &exchange));
        if !same(&Sha256::digest(client_key), &self.verifier.stored_key) {
            return Ok(None);
        }
        let signature = signature(&self.verifier.server_key, &exchange);
        Ok(Some(format!("v={}", BASE64.encode(signature))))
    }
}

/// The client before the challenge.
#[derive(Debug)]
pub struct Client {
    password: String,
    nonce: String,
}

/// The client after its proof: it still has to check the server's.
#[derive(Debug)]
pub struct ClientProof {
    message: String,
    server_signature: Hash,
}

impl Client {
    /// A client that knows `password`.
    pub fn new(password: &str, nonce: [u8; NONCE_LENGTH]) -> Self {
        Self { password: password.to_owned(), nonce: BASE64.encode(nonce) }
    }

    /// The first message.
    pub fn first(&self) -> String {
        format!("n,,{}", self.first_bare())
    }

    fn first_bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// Answers the challenge.
    ///
    /// # Errors
    ///
    /// What is wrong with the challenge.
    pub fn respond(&self, challenge: &[u8]) -> Result<ClientProof, Error> {
        let server_first = scram_text(challenge)?;
        let (nonce, rest) = attribute(server_first, 'r')?;
        let (salt, rest) = attribute(rest, 's')?;
        let (iterations, _) = attribute(rest, 'i')?;
        if !nonce.starts_with(&self.nonce) {
            return Err(Error::ScramNonceMismatch);
        }
        let salt = BASE64.decode(salt).map_err(|_| fault(ScramFault::Challenge))?;
        let iterations = iterations.parse().map_err(|_| fault(ScramFault::Challenge))?;
        let salted = salted_password(&self.password, &salt, iterations);
        let client_key = hmac(&salted, &[b"Client Key"]);
        let stored_key: Hash = Sha256::digest(client_key).into();
        let without_proof = format!("c=biws,r={nonce}");
        let bare = self.first_bare();
        let exchange = [bare.as_str(), server_first, without_proof.as_str()];
        let proof = xor(client_key, signature(&stored_key, &exchange));
        let server_signature = signature(&hmac(&salted, &[b"Server Key"]), &exchange);
        let message = format!("{without_proof},p={}", BASE64.encode(proof));
        Ok(ClientProof { message, server_signature })
    }
}

impl ClientProof {
    /// The last message of the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Checks the server's last message.
    ///
    /// # Errors
    ///
    /// [`Error::ServerSignature`] when the server does not know the verifier.
    pub fn check(&self, server_final: &[u8]) -> Result<(), Error> {
        let (signature, _) = attribute(scram_text(server_final)?, 'v')?;
        match hash_from_base64(signature) {
            Some(signature) if same(&signature, &self.server_signature) => Ok(()),
            _ => Err(Error::ServerSignature),
        }
    }
}

fn fault(fault: ScramFault) -> Error {
    Error::MalformedScram(fault)
}

fn scram_text(message: &[u8]) -> Result<&str, Error> {
    if message.is_empty() {
        return Err(fault(ScramFault::Empty));
    }
    let text = std::str::from_utf8(message).map_err(|_| fault(ScramFault::Length))?;
    if text.contains('\0') { Err(fault(ScramFault::Length)) } else { Ok(text) }
}

/// Value of the attribute `name` at the start of `text`, and what follows its comma.
fn attribute(text: &str, name: char) -> Result<(&str, &str), Error> {
    let value = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    let value = value.ok_or(fault(ScramFault::Attribute(name)))?;
    Ok(value.split_once(',').unwrap_or((value, "")))
}

fn hash_from_base64(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

fn salted_password(password: &str, salt: &[u8], iterations: u32) -> Hash {
    let prepared = stringprep::saslprep(password);
    let password = prepared.as_deref().unwrap_or(password);
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
}

/// HMAC of the parts one after another.
fn hmac(key: &[u8], parts: &[&[u8]]) -> Hash {
    // A key of any length is allowed: longer ones than a block are hashed first.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn signature(key: &Hash, exchange: &[&str; 3]) -> Hash {
    let [first, challenge, last] = exchange.map(str::as_bytes);
    hmac(key, &[first, b",", challenge, b",", last])
}

fn xor(mut a: Hash, b: Hash) -> Hash {
    a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    a
}

/// Compares in a time that depends on the length alone.
fn same(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
    a.len() == b.len() && difference == 0
}
