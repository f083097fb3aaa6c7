use super::*;

#[test]
fn a_session_of_the_fabric() {
    let answer = include_bytes!("../../captures/frr-10.3/show-bfd-peers.json");
    let peers = peers(answer).unwrap();
    let expected = Peer {
        peer: "10.0.1.1".parse().unwrap(),
        vrf: "default".to_owned(),
        interface: Some("eth0".to_owned()),
        state: SessionState::Up,
        diagnostic: "ok".to_owned(),
        remote_diagnostic: "ok".to_owned(),
    };
    assert_eq!(peers, [expected]);
}

#[test]
fn none_and_words() {
    assert_eq!(peers(b"[]").unwrap(), []);
    assert_eq!(peers(b"").unwrap(), []);
    let error = peers(b"bfdd is not running").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
