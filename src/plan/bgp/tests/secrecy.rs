//! Passwords reach FRR and nothing else.

use perouter_parsers::running_config::{Config, Line};
use proptest::prelude::*;

use crate::api::{Neighbor, RemoteAs, Secret, Underlay};
use crate::intent::samples::{PASSWORD, any_intent, fabric, intent, neighbor, underlay};
use crate::intent::{NodeIntent, UnderlayIntent};
use crate::plan::bgp::desired::{Monitoring, desired};
use crate::plan::bgp::difference::ContextChange;
use crate::plan::link::SeenKernel;
use crate::plan::{Memory, SeenFrr, plan};

fn with_password(password: &str) -> NodeIntent {
    let neighbor = Neighbor {
        password: Some(Secret::new(password.to_owned())),
        ..neighbor("10.0.1.1", RemoteAs::External)
    };
    let mut intent = intent([fabric("u", underlay())]);
    if let Some(UnderlayIntent { spec, .. }) = &mut intent.underlay {
        *spec = Underlay {
            neighbors: vec![neighbor],
            ..underlay()
        };
    }
    intent
}

fn running(intent: &NodeIntent) -> Config {
    let mut config = Config::new();
    for bgp in desired(intent, Monitoring::Unavailable).expect("typeable") {
        config.push_context(bgp.instance);
    }
    config
}

#[test]
fn frr_is_told_the_password_and_people_are_not() {
    let header = Line::new("router bgp 64514").expect("a line");
    let (old, new) = (
        running(&with_password("0ld")),
        running(&with_password(PASSWORD)),
    );
    let after = new.context("router bgp 64514");
    let change = ContextChange::towards(&old, &header, after).expect("a change");
    let typed: Vec<String> = change.commands().iter().map(|c| c.text().into()).collect();
    assert_eq!(typed, [format!("neighbor 10.0.1.1 password {PASSWORD}")]);
    let shown: Vec<String> = change.commands().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["router bgp 64514 / neighbor 10.0.1.1 password ********"]
    );
    let gone = ContextChange::towards(&new, &header, Some(&Config::new())).expect("a change");
    for text in [
        format!("{change:?}"),
        format!("{:?}", change.reversed()),
        format!("{gone:?}"),
    ] {
        assert!(!text.contains(PASSWORD) && !text.contains("0ld"), "{text}");
    }
}

#[test]
fn a_password_that_cannot_be_typed_is_not_told_either() {
    let error = desired(
        &with_password("Xyzzy\nno router bgp"),
        Monitoring::Unavailable,
    )
    .expect_err("two lines");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("Xyzzy"), "{text}");
        assert!(text.contains("neighbor 10.0.1.1 password"), "{text}");
    }
}

proptest! {
    #[test]
    fn no_output_of_a_plan_holds_a_password(before in any_intent(), after in any_intent()) {
        let bgp = running(&before);
        let seen = SeenFrr { bgp, ..SeenFrr::default() };
        let planned = plan(&after, &SeenKernel::default(), &seen, &Memory::default());
        let planned = planned.expect("typeable");
        let desired = desired(&after, Monitoring::Unavailable).expect("typeable");
        let outputs = [
            planned.to_string(),
            format!("{planned:?}"),
            format!("{seen:?}"),
            format!("{desired:?}"),
            format!("{after:?}"),
        ];
        for text in outputs {
            prop_assert!(!text.contains(PASSWORD), "{}", text);
            prop_assert!(!text.contains("another-one"), "{}", text);
        }
    }
}
