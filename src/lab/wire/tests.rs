use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use super::{Body, Channel, Outcome, Sender, read};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Ask {
    Question(String),
}

#[test]
fn every_kind_of_frame_arrives_as_it_was_sent() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let bodies = [
        Body::Request(Ask::Question("what\n?".to_owned())),
        Body::Input(vec![0, 255, b'\n', b'\r', 17, 19]),
        Body::InputEnd,
        Body::Cancel,
        Body::Output(Vec::new()),
        Body::Errors(b"oh".to_vec()),
        Body::Note("préparé".to_owned()),
        Body::Done(Outcome::Exit(3)),
        Body::Done(Outcome::Failure("no".to_owned())),
        Body::Done(Outcome::Success),
    ];
    let sender = Sender::new(ours);
    for (number, body) in (7..).zip(&bodies) {
        sender.send(Channel(number), body).unwrap();
    }
    drop(sender);
    for (number, body) in (7..).zip(bodies) {
        assert_eq!(read(&mut theirs).unwrap(), Some((Channel(number), body)));
    }
    assert_eq!(read::<Ask>(&mut theirs).unwrap(), None);
}

#[test]
fn what_is_no_frame_is_an_error() {
    for bytes in [
        &[0, 0, 0, 4, 0, 0, 0, 0][..],
        &[255, 255, 255, 255, 0, 0, 0, 0, 1],
        &[0, 0, 0, 5, 0, 0, 0, 0, 99],
        &[0, 0, 0, 9, 0, 0, 0, 0, 1],
        &[0, 0, 0, 6, 0, 0, 0, 0, 1, b'{'],
    ] {
        assert!(read::<Ask>(&mut &bytes[..]).is_err(), "{bytes:?}");
    }
}
