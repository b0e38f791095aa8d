//! SCRAM-SHA-256 against the RFC's example, PostgreSQL's verifiers and wrong passwords.

use reckon_wire::Error;
use reckon_wire::auth::scram::{Client, ITERATIONS, Server, Verifier};

/// Made by PostgreSQL 15: `CREATE ROLE r PASSWORD 'geheim'`, then `rolpassword`.
const VERIFIER: &str = "SCRAM-SHA-256$4096:UfjoFeZjaa7+Cxd+YeGGQQ==$JXwqRNCj/n+6Y63IXx0yH08Q4ApgZM+mD/YZaK7j9dc=:uucjrgXF49HUCMe3hWK6juqtEIeCZHr4tq5XtgljNuA=";

fn exchange(verifier: Verifier, password: &str) -> Result<bool, Error> {
    let client = Client::new(password, [1; 18]);
    let server = Server::start(client.first().as_bytes(), verifier, [2; 18])?;
    let proof = client.respond(server.challenge().as_bytes())?;
    match server.finish(proof.message().as_bytes())? {
        Some(outcome) => proof.check(outcome.as_bytes()).map(|()| true),
        None => Ok(false),
    }
}

#[test]
fn the_right_password_convinces_both_sides() {
    for password in ["geheim", "", "pass word,=", "ünïcödé ™"] {
        let verifier = Verifier::new(password, [9; 16], ITERATIONS);
        assert_eq!(exchange(verifier.clone(), password), Ok(true));
        assert_eq!(exchange(verifier, "other"), Ok(false));
    }
}

#[test]
fn a_mock_verifier_is_stable_and_matches_nothing() {
    let mock = Verifier::mock("nobody", &[3; 32]);
    assert_eq!(mock, Verifier::mock("nobody", &[3; 32]));
    assert_ne!(mock, Verifier::mock("nobody2", &[3; 32]));
    assert_eq!(exchange(mock, "geheim"), Ok(false));
}

#[test]
fn verifiers_have_postgresqls_form() {
    let verifier: Verifier = VERIFIER.parse().unwrap();
    assert_eq!(verifier.to_string(), VERIFIER);
    assert!(verifier.matches("geheim") && !verifier.matches("Geheim"));
    assert_eq!(exchange(verifier, "geheim"), Ok(true));
    for broken in
        ["", "md5abc", "SCRAM-SHA-256$0:AA==$AA==:AA==", "SCRAM-SHA-256$4096:AA==$AA==:AA=="]
    {
        assert_eq!(broken.parse::<Verifier>(), Err(Error::Verifier));
    }
}

#[test]
fn equivalent_spellings_of_a_password_are_one() {
    let verifier = Verifier::new("I\u{00AD}X", [9; 16], ITERATIONS);
    assert!(verifier.matches("IX") && verifier.matches("\u{2168}"));
}

#[test]
fn messages_out_of_form_are_refused() {
    let start = |first: &str| {
        Server::start(first.as_bytes(), Verifier::mock("r", &[0; 32]), [2; 18]).unwrap_err()
    };
    assert_eq!(start("").detail().unwrap(), "The message is empty.");
    assert!(start("p=tls-unique,,n=,r=abc").detail().unwrap().contains("channel binding data"));
    assert_eq!(start("n,a=admin,n=,r=abc"), Error::AuthorizationIdentity);
    assert_eq!(start("n,,m=x,n=,r=abc"), Error::ScramExtension);
    assert_eq!(start("n,,n=,r=a\u{7f}c"), Error::ScramNonce);
    let server = Server::start(b"n,,n=,r=abc", Verifier::mock("r", &[0; 32]), [2; 18]).unwrap();
    let finish = |last: &str| server.finish(last.as_bytes()).unwrap_err();
    assert_eq!(finish("c=eSws,r=abc,p="), Error::ScramChannelBinding);
    let proof = "A".repeat(43) + "=";
    assert_eq!(finish(&format!("c=biws,r=abc,p={proof}")), Error::ScramNonceMismatch);
}
