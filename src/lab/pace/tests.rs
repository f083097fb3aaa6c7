use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Credit, Heard, Paced, WINDOW};

#[test]
fn no_more_is_under_way_than_the_window_and_all_arrives() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let credit = Credit::default();
    let mut paced = Paced::new(ours, credit.clone());
    let sent: Vec<u8> = (0..100_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let expected = sent.clone();
    let writer = thread::spawn(move || paced.write_all(&sent).unwrap());

    let under_way = AtomicUsize::new(0);
    let mut received: Vec<u8> = Vec::new();
    let mut buffer = [0; 10 * WINDOW];
    while received.len() < expected.len() {
        let mut reader = Heard::new(&mut theirs, |count| {
            under_way.fetch_max(usize::try_from(count).unwrap(), Ordering::Relaxed);
            credit.heard(count);
            Ok(())
        });
        let count = reader.read(&mut buffer).unwrap();
        received.extend(&buffer[..count]);
    }
    writer.join().unwrap();
    assert_eq!(received, expected);
    assert!(under_way.load(Ordering::Relaxed) <= WINDOW);
}

#[test]
fn a_writer_does_not_wait_for_who_has_gone() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let credit = Credit::default();
    let mut paced = Paced::new(ours, credit.clone());
    paced.write_all(&[0; WINDOW]).unwrap();
    let writer = thread::spawn(move || paced.write_all(&[0]));
    credit.close();
    assert!(writer.join().unwrap().is_err());
}
