//! BMP: no bytes panic, a message takes no more than there is, and what is an error stays one
//! however much follows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perouter_parsers::bmp::{Front, front};

fuzz_target!(|received: &[u8]| {
    let mut rest = received;
    loop {
        match front(rest) {
            Ok(Front::Message { length, .. }) => {
                assert!(length > 0 && length <= rest.len());
                rest = &rest[length..];
            }
            Ok(Front::More) => break,
            Err(error) => {
                let mut more = rest.to_vec();
                more.push(0);
                assert_eq!(front(&more), Err(error));
                break;
            }
        }
    }
});
