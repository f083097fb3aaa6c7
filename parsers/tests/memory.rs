//! A table of 200 MB is read in constant memory.
//!
//! This stands in a binary of its own, because the peak is that of the whole process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{self, Read},
    ops::ControlFlow,
};

use perouter_parsers::{evpn::type5_from, stream::Streamed};

/// Writes a Type-5 table, entry by entry, as it is read.
struct Table {
    entries: u32,
    next: u32,
    bytes: usize,
    pending: Vec<u8>,
}

/// Entries of one route distinguisher.
const PER_RD: u32 = 1000;

impl Table {
    fn new(entries: u32) -> Self {
        Self {
            entries,
            next: 0,
            bytes: 0,
            pending: Vec::new(),
        }
    }

    fn write_entry(&mut self) {
        let number = self.next;
        self.next += 1;
        let [_, a, b, c] = number.to_be_bytes();
        let rd = format!("10.0.{a}.{b}:{}", number / PER_RD % 65536);
        let start = match number {
            0 => format!("{{\n\"{rd}\":{{\"rd\":\"{rd}\""),
            _ if number.is_multiple_of(PER_RD) => format!("}}\n,\"{rd}\":{{\"rd\":\"{rd}\""),
            _ => String::new(),
        };
        let key = format!("[5]:[0]:[32]:[10.{a}.{b}.{c}]");
        let path = r#"{"valid":true,"bestpath":true,"selectionReason":"First path received","pathFrom":"external","routeType":5,"ethTag":0,"weight":0,"peerId":"10.0.1.1","path":"64512 64514 64515","origin":"IGP","extendedCommunity":{"string":"RT:64514:100 Rmac:2e:ad:f5:91:dd:e4"},"nexthops":[{"ip":"100.65.0.2","hostname":"lab","afi":"ipv4","used":true}]}"#;
        let end = if self.next == self.entries {
            format!("}}\n,\"numPrefix\":{0},\"numPaths\":{0}}}\n", self.entries)
        } else {
            String::new()
        };
        let entry = format!(
            "{start},\"{key}\":{{\"prefix\":\"{key}\",\"prefixLen\":352,\"paths\":[[{path}]]}}{end}"
        );
        self.pending.extend_from_slice(entry.as_bytes());
    }
}

impl Read for Table {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.pending.len() < buffer.len() && self.next < self.entries {
            self.write_entry();
        }
        let count = buffer.len().min(self.pending.len());
        buffer[..count].copy_from_slice(&self.pending[..count]);
        self.pending.drain(..count);
        self.bytes += count;
        Ok(count)
    }
}

/// The most memory that this process ever held, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn read(table: &mut Table) -> u32 {
    let mut seen = 0;
    let streamed = type5_from(table, |route| {
        assert!(route.paths[0].valid && route.paths[0].best);
        seen += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(streamed.unwrap(), Streamed::Complete);
    seen
}

#[test]
fn a_table_of_200_mb_needs_no_more_memory_than_a_small_one() {
    assert_eq!(read(&mut Table::new(5000)), 5000);
    let before = peak();
    let mut table = Table::new(480_000);
    assert_eq!(read(&mut table), 480_000);
    assert!(
        table.bytes > 200_000_000,
        "only {} bytes were made",
        table.bytes
    );
    let grown = peak() - before;
    assert!(
        grown < 2048,
        "memory grew by {grown} KiB for {} bytes",
        table.bytes
    );
}
