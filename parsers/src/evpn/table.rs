//! bgpd's EVPN table: route distinguishers beside counters, and below each its routes.

use std::ops::ControlFlow;

use serde::Deserialize;

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
    /// A list of lists, each of one path.
    paths: Vec<Vec<Path>>,
}

impl<K: Key, F: FnMut(Route<K>) -> ControlFlow<()>> Object for Distinguished<'_, K, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        if !walker.key().starts_with(K::PREFIX) {
            return walker.skip();
        }
        let Some(key) = K::read(walker.key()) else {
            return Err(Fault::data(format_args!("the key is not {}", K::FORM)));
        };
        let entry: Entry = walker.value()?;
        let paths = flatten(entry.paths);
        let rd = self.rd.clone();
        walker.follow((self.each)(Route { rd, key, paths }))
    }
}

/// One list of paths, without moving where there is only one list.
fn flatten(mut lists: Vec<Vec<Path>>) -> Vec<Path> {
    match lists.len() {
        0 | 1 => lists.pop().unwrap_or_default(),
        _ => lists.into_iter().flatten().collect(),
    }
}
