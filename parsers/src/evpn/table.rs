//! bgpd's EVPN table: route distinguishers beside counters, and below each its routes.

use std::fmt;
use std::ops::ControlFlow;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::{
    bgp::Path,
    id::RouteDistinguisher,
    stream::{Fault, Object, Walker, Window},
};

/// What a route of one type is about, as its key says.
pub(super) trait Key: Sized {
    /// What the key of a route of this type starts with.
    const PREFIX: &'static str;
    /// The form of such a key, for errors.
    const FORM: &'static str;

    /// Reads a key that starts with [`Key::PREFIX`].
    fn read(key: &str) -> Option<Self>;

    /// Reads it, or says which form it should have.
    fn demand(key: &str) -> Result<Self, Fault> {
        Self::read(key).ok_or_else(|| Fault::data(format_args!("the key is not {}", Self::FORM)))
    }
}

/// A route of one type, with all paths to it.
pub(super) struct Route<K> {
    pub(super) rd: RouteDistinguisher,
    pub(super) key: K,
    pub(super) paths: Vec<Path>,
}

/// The whole table. Routes of other types are passed over.
pub(super) struct Table<K, F> {
    each: F,
    key: std::marker::PhantomData<K>,
}

impl<K: Key, F: FnMut(Route<K>) -> ControlFlow<()>> Table<K, F> {
    pub(super) fn new(each: F) -> Self {
        Self {
            each,
            key: std::marker::PhantomData,
        }
    }
}

impl<K: Key, F: FnMut(Route<K>) -> ControlFlow<()>> Object for Table<K, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        // Every distinguisher has a colon, and no counter has one.
        if !walker.key().contains(':') {
            return walker.skip();
        }
        let rd = walker.key().parse().map_err(Fault::data)?;
        let each = &mut self.each;
        let key = self.key;
        walker.enter(&mut Distinguished { rd, each, key })
    }
}

/// The routes of one distinguisher, beside the key `rd`.
struct Distinguished<'a, K, F> {
    rd: RouteDistinguisher,
    each: &'a mut F,
    key: std::marker::PhantomData<K>,
}

#[derive(Deserialize)]
struct Entry {
    paths: Paths,
}

/// A list of paths, or of lists of one path each: FRR writes the former when it was asked for one
/// distinguisher (`show bgp l2vpn evpn rd RD json`).
struct Paths(Vec<Path>);

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let entries = Vec::<OneOrMore>::deserialize(from)?;
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                OneOrMore::One(path) => all.push(path),
                OneOrMore::More(paths) => all.extend(paths),
            }
        }
        Ok(Self(all))
    }
}

/// An entry of a list of paths.
enum OneOrMore {
    One(Path),
    More(Vec<Path>),
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or a list of paths")
            }

            fn visit_map<A: MapAccess<'de>>(self, path: A) -> Result<OneOrMore, A::Error> {
                Path::deserialize(MapAccessDeserializer::new(path)).map(OneOrMore::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, paths: A) -> Result<OneOrMore, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(paths)).map(OneOrMore::More)
            }
        }
        from.deserialize_any(Either)
    }
}

impl<K: Key, F: FnMut(Route<K>) -> ControlFlow<()>> Object for Distinguished<'_, K, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        if !walker.key().starts_with(K::PREFIX) {
            return walker.skip();
        }
        let key = K::demand(walker.key())?;
        let entry: Entry = walker.value()?;
        let Paths(paths) = entry.paths;
        let rd = self.rd.clone();
        walker.follow((self.each)(Route { rd, key, paths }))
    }
}
