use super::*;

#[test]
fn signs_follow_the_first_variable_that_is_set() {
    let cases: [(&[(&str, &str)], Signs); 7] = [
        (&[], Signs::Ascii),
        (&[("LANG", "en_GB.UTF-8")], Signs::Unicode),
        (&[("LANG", "C.utf8")], Signs::Unicode),
        (&[("LANG", "C")], Signs::Ascii),
        (&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], Signs::Ascii),
        (&[("LC_ALL", ""), ("LANG", "en_GB.UTF-8")], Signs::Unicode),
        (
            &[("LC_CTYPE", "C.UTF-8"), ("LANG", "de_DE")],
            Signs::Unicode,
        ),
    ];
    for (set, expected) in cases {
        let value = |name: &str| {
            let found = set.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(signs_of(value), expected, "{set:?}");
    }
}
