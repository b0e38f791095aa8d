//! Any bytes give a value or an error: nothing panics, and no list is longer than its message.

use proptest::prelude::*;
use reckon_wire::auth::scram::{Server, Verifier};
use reckon_wire::codec::Frame;
use reckon_wire::frontend::{self, Limits, Message};
use reckon_wire::{Format, client, startup};

const FRONTEND_TAGS: &[u8] = b"QPBDECHSFXdcfp";
const BACKEND_TAGS: &[u8] = b"RK123CdcGHDIENvnAtSsZT";

fn walk_frontend(tag: u8, body: &[u8]) {
    match frontend::decode(tag, body) {
        Ok(Message::Parse(parse)) => {
            assert_eq!(parse.types.iter().count(), parse.types.len());
            assert!(parse.types.len() * 4 <= body.len());
        }
        Ok(Message::Bind(bind)) => {
            assert_eq!(bind.parameters.iter().count(), bind.parameters.len());
            assert!(bind.parameters.len() * 4 <= body.len());
            for index in 0..bind.parameters.len() {
                let _: Format = bind.formats.format(index);
            }
            let _: Format = bind.result_formats.format(usize::MAX);
        }
        Ok(Message::Password(response)) => {
            let _ = (response.password(), response.sasl_initial(), response.sasl());
        }
        Ok(_) => {}
        Err(error) => assert!(!error.is_fatal() && error.sqlstate().len() == 5, "{error}"),
    }
}

fn walk_backend(tag: u8, body: &[u8]) {
    match client::decode(tag, body) {
        Ok(client::Message::DataRow(row)) => assert_eq!(row.iter().count(), row.len()),
        Ok(client::Message::ErrorResponse(fields)) => assert!(fields.iter().count() <= body.len()),
        Ok(message) => drop(message.columns()),
        Err(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn frontend_bodies(
        tag in prop::sample::select(FRONTEND_TAGS),
        body in prop::collection::vec(prop_oneof![Just(0u8), 0u8..4, any::<u8>()], 0..80),
    ) {
        walk_frontend(tag, &body);
    }

    #[test]
    fn backend_bodies(
        tag in prop::sample::select(BACKEND_TAGS),
        body in prop::collection::vec(prop_oneof![Just(0u8), 0u8..4, any::<u8>()], 0..80),
    ) {
        walk_backend(tag, &body);
    }

    #[test]
    fn frames(input in prop::collection::vec(any::<u8>(), 0..40)) {
        let limits = Limits::UNAUTHENTICATED;
        match frontend::frame(&input, limits) {
            Ok(Frame::Complete { tag, body }) => {
                prop_assert!(body.len() + 5 <= input.len());
                walk_frontend(tag, body);
            }
            Ok(Frame::Incomplete { needed }) => {
                prop_assert!(needed > input.len() && needed <= limits.large + 1);
            }
            Err(error) => prop_assert!(error.is_fatal()),
        }
    }

    #[test]
    fn startup_packets(version in prop_oneof![Just(0x30000), Just(80_877_102), any::<i32>()],
                       body in prop::collection::vec(prop_oneof![Just(0u8), b'a'..b'd', any::<u8>()], 0..60)) {
        let mut packet = (8 + body.len() as i32).to_be_bytes().to_vec();
        packet.extend_from_slice(&version.to_be_bytes());
        packet.extend_from_slice(&body);
        let length = startup::packet_length(&packet, startup::STARTUP_LENGTH_MAX);
        prop_assert_eq!(length, Ok(Some(packet.len())));
        match startup::decode(&packet) {
            Ok(startup::Startup::Session(parameters)) => {
                prop_assert!(parameters.iter().count() * 3 <= body.len());
                let _ = (parameters.user(), parameters.options().count());
            }
            Ok(_) => {}
            Err(error) => prop_assert!(error.is_fatal() || error.sqlstate() == "22021"),
        }
    }

    #[test]
    fn scram_messages(first in "[ny]?,?,?(n=[a-z]{0,3},)?(r=[ -~]{0,9})?.{0,6}", last in ".{0,60}") {
        let verifier = Verifier::mock("somebody", &[7; 32]);
        if let Ok(server) = Server::start(first.as_bytes(), verifier, [1; 18]) {
            prop_assert!(!matches!(server.finish(last.as_bytes()), Ok(Some(_))));
        }
    }
}
