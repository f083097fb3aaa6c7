//! FRR's JSON: no answer panics or takes much memory, and the readers of whole answers and of
//! streams say the same. Streams are read through a small window in a build for fuzzing.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Debug;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libfuzzer_sys::fuzz_target;
use perouter_parsers::json::Error;
use perouter_parsers::stream::Streamed;
use perouter_parsers::{bgp, evpn, rib};

/// The system's allocator, which also counts: bytes in use now, and the most since the last
/// look. A fuzzer runs on one thread.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: both calls are handed on to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the pointer comes from `alloc` above, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many bytes an answer may take in memory for each of its own: small entries of JSON become
/// structures, and a growing list is there twice.
const PER_BYTE: usize = 64;

/// What errors and windows take at least.
const ALWAYS: usize = 64 * 1024;

/// Runs a reader and demands that it takes memory by the size of the answer only.
fn bounded<T>(size: usize, read: impl FnOnce() -> T) -> T {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let result = read();
    let taken = MOST.load(Relaxed) - before;
    assert!(
        taken <= ALWAYS + PER_BYTE * size,
        "{taken} bytes of memory for {size} of JSON"
    );
    result
}

/// Gives a few bytes at a time.
struct Trickle<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(buffer.len()).min(self.rest.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

/// How an answer ended, in a form that can be compared.
fn ending(result: Result<Streamed, Error>) -> Result<Streamed, String> {
    result.map_err(|error| match error {
        Error::Data { path, source, .. } => format!("at {path}: {source}"),
        Error::Refused { words, .. } => format!("refused: {words}"),
        Error::Read { source, .. } => panic!("a reader in memory failed: {source}"),
    })
}

/// What a stream has handed over until it ended, or was stopped at the `last`.
fn collect<T>(
    last: usize,
    read: impl FnOnce(&mut dyn FnMut(T) -> ControlFlow<()>) -> Result<Streamed, Error>,
) -> (Vec<T>, Result<Streamed, String>) {
    let mut found = Vec::new();
    let result = read(&mut |entry| {
        found.push(entry);
        if found.len() < last {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    (found, ending(result))
}

/// Compares the two readers of one command.
macro_rules! agree {
    ($whole:path, $streamed:path, $bytes:expr, $step:expr) => {{
        let trickle = || Trickle {
            rest: $bytes,
            step: $step,
        };
        for last in [usize::MAX, 1] {
            let whole = collect(last, |each| $whole($bytes, each));
            let streamed = collect(last, |each| $streamed(trickle(), each));
            assert_eq!(streamed, whole, stringify!($streamed));
        }
        let ignored = bounded($bytes.len(), || {
            $streamed(trickle(), |_| ControlFlow::Continue(()))
        });
        drop(ignored);
    }};
}

/// What a reader of whole answers says does not depend on the white space around the answer.
fn alike<T: Debug>(read: impl Fn(&[u8]) -> Result<T, Error>, bytes: &[u8], padded: &[u8]) {
    let said = |result: Result<T, Error>| match result {
        Ok(value) => format!("{value:?}"),
        Err(Error::Data { path, .. }) => format!("wrong at {path}"),
        Err(error) => error.to_string(),
    };
    let plain = bounded(bytes.len(), || read(bytes));
    assert_eq!(said(read(padded)), said(plain));
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let padded = [b" \n", bytes, b"\n"].concat();
    let step = usize::from(choice / 16) * 3 + 1;
    match choice % 16 {
        0 => agree!(bgp::unicast, bgp::unicast_from, bytes, step),
        1 => agree!(evpn::type5, evpn::type5_from, bytes, step),
        2 => agree!(evpn::advertised, evpn::advertised_from, bytes, step),
        3 => agree!(rib::rib, rib::rib_from, bytes, step),
        4 => alike(bgp::neighbors, bytes, &padded),
        5 => alike(bgp::summary, bytes, &padded),
        6 => alike(bgp::summary_of_all, bytes, &padded),
        7 => alike(bgp::instances, bytes, &padded),
        8 => alike(evpn::bgp_vnis, bytes, &padded),
        9 => alike(evpn::vni_details, bytes, &padded),
        10 => alike(evpn::vrf_vnis, bytes, &padded),
        11 => alike(evpn::zebra_vnis, bytes, &padded),
        12 => alike(evpn::router_macs, bytes, &padded),
        _ => alike(evpn::next_hops, bytes, &padded),
    }
});
