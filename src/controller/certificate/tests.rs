use super::*;

const NOW: Duration = Duration::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn wish() -> Wish {
    Wish {
        names: vec![
            "perouter-webhook.system.svc".to_owned(),
            "127.0.0.1".to_owned(),
        ],
        lifetime: 90 * DAY,
    }
}

fn made() -> Held {
    Held::make(&wish(), NOW).unwrap()
}

fn reads(data: &Data, now: Duration) -> Result<Held, String> {
    Held::read(data, &wish(), now).map_err(|error| error.to_string())
}

/// Whether whoever trusts this bundle trusts what serves.
fn trusted(held: &Held, bundle: &[u8], now: Duration) -> bool {
    good(&held.serving, bundle, &wish(), now).is_ok()
}

#[test]
fn what_is_made_is_good_for_its_lifetime_and_reads_back() {
    let held = made();
    for now in [NOW - BEFORE, NOW, NOW + 90 * DAY] {
        assert_eq!(reads(&held.data(), now).unwrap(), held);
    }
    for now in [NOW - 2 * BEFORE, NOW + 91 * DAY] {
        reads(&held.data(), now).unwrap_err();
    }
    serving(&held.data()).unwrap();
    let shown = format!("{held:?}");
    assert!(
        !shown.contains("PRIVATE") && !shown.contains("key"),
        "{shown}"
    );
}

#[test]
fn what_no_api_server_would_trust_is_not_read() {
    let (one, another) = (made().data(), made().data());
    for key in [CERTIFICATE, KEY, CA] {
        let mut without = one.clone();
        without.remove(key);
        assert_eq!(
            reads(&without, NOW).unwrap_err(),
            format!("there is no {key}")
        );
        let mut mixed = one.clone();
        mixed.insert(key.to_owned(), another[key].clone());
        reads(&mixed, NOW).unwrap_err();
        let mut broken = one.clone();
        broken.insert(key.to_owned(), ByteString(b"nonsense".to_vec()));
        reads(&broken, NOW).unwrap_err();
    }
    let other = Wish {
        names: vec!["elsewhere.system.svc".to_owned()],
        ..wish()
    };
    Held::read(&one, &other, NOW).unwrap_err();
}

#[test]
fn a_name_that_is_none_is_told() {
    let nonsense = Wish {
        names: vec!["no name".to_owned()],
        ..wish()
    };
    let made = Held::make(&nonsense, NOW).unwrap();
    let error = Held::read(&made.data(), &nonsense, NOW).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"no name\" is no DNS name and no address"
    );
}

#[test]
fn one_is_replaced_when_a_third_of_its_life_is_left() {
    let held = made();
    let at = |now| decide(&held, &wish(), now, Duration::ZERO);
    assert_eq!(at(NOW), Step::Keep);
    assert_eq!(at(NOW + 59 * DAY), Step::Keep);
    assert_eq!(at(NOW + 61 * DAY), Step::Announce);
}

#[test]
fn over_a_rotation_whoever_is_one_step_behind_is_trusted_and_trusts() {
    let now = NOW + 61 * DAY;
    let (none, long) = (Duration::ZERO, wish().overlap());
    let mut held = made();
    let mut steps = Vec::new();
    for _ in 0..3 {
        let step = decide(&held, &wish(), now, long);
        steps.push(step);
        let after = held.clone().after(step, &wish(), now).unwrap();
        // What was written reads back the same.
        let after = Held::read(&after.data(), &wish(), now).unwrap();
        assert!(
            trusted(&held, &after.bundle(), now),
            "{step:?}: a server that is late"
        );
        assert!(
            trusted(&after, &held.bundle(), now),
            "{step:?}: a client that is late"
        );
        if step != Step::Retire {
            assert_eq!(
                decide(&after, &wish(), now, none),
                Step::Keep,
                "{step:?} settles first"
            );
        }
        held = after;
    }
    assert_eq!(steps, [Step::Announce, Step::Promote, Step::Retire]);
    assert_eq!(decide(&held, &wish(), now, long), Step::Keep);
    assert!(!trusted(&made(), &held.bundle(), now));
    assert_eq!(held.bundle(), held.ca, "the last CA is forgotten");
}

#[test]
fn a_next_one_that_waited_too_long_is_made_anew() {
    let announced = made().after(Step::Announce, &wish(), NOW).unwrap();
    let step = |now| decide(&announced, &wish(), now, wish().overlap());
    assert_eq!(step(NOW), Step::Promote);
    assert_eq!(step(NOW + 70 * DAY), Step::Announce);
}
