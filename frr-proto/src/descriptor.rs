//! Compares `proto/northbound.proto` with what a real module carries: its own
//! description of the service is part of every gRPC server's binary.

use std::collections::BTreeMap;

use prost_types::{FileDescriptorProto, FileDescriptorSet};
use protox::prost::Message;

/// A field as it is on the wire: number, type, label, and the type's name.
type Field = (i32, i32, i32, String);

/// What has to be the same: the calls, the messages, the enums.
#[derive(Debug, PartialEq)]
struct Wire {
    calls: BTreeMap<String, (String, String, bool, bool)>,
    messages: BTreeMap<String, BTreeMap<String, Field>>,
    enums: BTreeMap<String, BTreeMap<String, i32>>,
}

fn wire(file: &FileDescriptorProto) -> Wire {
    let numbers = |kind: &prost_types::EnumDescriptorProto| {
        kind.value
            .iter()
            .map(|value| (value.name().to_owned(), value.number()))
            .collect()
    };
    let mut enums: BTreeMap<String, BTreeMap<String, i32>> = file
        .enum_type
        .iter()
        .map(|kind| (kind.name().to_owned(), numbers(kind)))
        .collect();
    let mut messages = BTreeMap::new();
    for message in &file.message_type {
        for kind in &message.enum_type {
            enums.insert(format!("{}.{}", message.name(), kind.name()), numbers(kind));
        }
        let fields = message.field.iter().map(|field| {
            let (kind, label) = (field.r#type() as i32, field.label() as i32);
            (
                field.name().to_owned(),
                (field.number(), kind, label, field.type_name().to_owned()),
            )
        });
        messages.insert(message.name().to_owned(), fields.collect());
    }
    let calls = file.service.iter().flat_map(|service| {
        service.method.iter().map(move |method| {
            let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
            let types = (
                method.input_type().to_owned(),
                method.output_type().to_owned(),
            );
            (
                name,
                (
                    types.0,
                    types.1,
                    method.client_streaming(),
                    method.server_streaming(),
                ),
            )
        })
    });
    Wire {
        calls: calls.collect(),
        messages,
        enums,
    }
}

/// The description in the binary of a module: it begins with the name of the
/// file and ends with its syntax.
fn embedded(module: &[u8]) -> FileDescriptorProto {
    let find = |needle: &[u8], from: usize| {
        let rest = &module[from..];
        from + rest
            .windows(needle.len())
            .position(|window| window == needle)
            .unwrap()
    };
    let start = find(b"\x0a\x19grpc/frr-northbound.proto", 0);
    let syntax = b"b\x06proto3";
    let end = find(syntax, start) + syntax.len();
    FileDescriptorProto::decode(&module[start..end]).unwrap()
}

#[test]
fn the_service_is_the_one_of_the_real_module() {
    let root = perouter_harness::frr_root().unwrap();
    let modules = std::fs::read_dir(root.join("usr/lib")).unwrap();
    let module = modules
        .map(|entry| entry.unwrap().path().join("frr/modules/grpc.so"))
        .find(|path| path.exists())
        .expect("the root has FRR's gRPC module: run `make root`");
    let theirs = embedded(&std::fs::read(module).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
    let ours: FileDescriptorSet = protox::compile(["northbound.proto"], [path]).unwrap();
    let (ours, theirs) = (wire(&ours.file[0]), wire(&theirs));
    assert!(theirs.calls.len() > 10, "{theirs:?}");
    assert_eq!(ours, theirs);
}
