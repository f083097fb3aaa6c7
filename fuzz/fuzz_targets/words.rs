//! Names and numbers in text: what is understood prints in a form that is understood alike.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use perouter_parsers::id::{
    Asn, ImportTarget, PeerName, RouteDistinguisher, RouteTarget, RouterMac, Vni,
};
use perouter_parsers::system::{self, Version};

/// Reads, prints, and reads again.
fn round<T: FromStr<Err: Debug> + Display + Debug + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let printed = value.to_string();
        match printed.parse::<T>() {
            Ok(again) => assert_eq!(again, value, "{text:?} prints {printed:?}"),
            Err(error) => panic!("{text:?} prints {printed:?}: {error:?}"),
        }
    }
}

fuzz_target!(|text: &str| {
    round::<Vni>(text);
    round::<Asn>(text);
    round::<RouteDistinguisher>(text);
    round::<RouteTarget>(text);
    round::<ImportTarget>(text);
    round::<RouterMac>(text);
    round::<PeerName>(text);
    round::<Version>(text);
    let _ = system::version(text);
    let _ = system::daemons(text);
});
