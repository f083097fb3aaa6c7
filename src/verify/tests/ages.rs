use std::time::Duration;

use crate::verify::age::Age;

#[test]
fn two_largest_units() {
    let cases = [
        (0, "0s"),
        (59, "59s"),
        (60, "1m 0s"),
        (3599, "59m 59s"),
        (3600, "1h 0m"),
        (86_399, "23h 59m"),
        (86_400, "1d 0h"),
        (1_000_000, "11d 13h"),
    ];
    for (seconds, text) in cases {
        assert_eq!(Age(Duration::from_secs(seconds)).to_string(), text);
    }
}
