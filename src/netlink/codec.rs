//! Netlink messages to and from datagrams, without losing any.
//!
//! The usual codec logs a message that it cannot decode and goes on, so that the link or route
//! in it seems not to exist. This one hands such a message on as an error of the request that
//! it answers.

use std::fmt::Debug;
use std::io;
use std::num::NonZeroI32;

use bytes::BytesMut;
use netlink_packet_core::{
    ErrorMessage, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_proto::{NetlinkCodec, NetlinkMessageCodec};

/// The error code of a message that cannot be decoded. The kernel's own are negative.
pub(super) const UNDECODABLE: NonZeroI32 = NonZeroI32::MAX;

/// The codec of every socket of ours.
#[derive(Debug)]
pub(super) struct Codec;

impl NetlinkMessageCodec for Codec {
    fn decode<T>(source: &mut BytesMut) -> io::Result<Option<NetlinkMessage<T>>>
    where
        T: NetlinkDeserializable + Debug,
    {
        if source.is_empty() {
            return Ok(None);
        }
        let (length, header) = match NetlinkBuffer::new_checked(source.as_ref()) {
            Ok(buffer) => (buffer.length() as usize, header_of(&buffer)),
            // Where the next message begins cannot be known: the connection ends, and all who
            // wait on it learn that it was lost.
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        // Messages are padded to four bytes; the last one of a datagram may not be.
        let padded = length.next_multiple_of(4).min(source.len());
        let bytes = source.split_to(padded);
        let message = NetlinkMessage::deserialize(bytes.get(..length).unwrap_or(&bytes));
        Ok(Some(message.unwrap_or_else(|error| {
            let mut undecodable = ErrorMessage::default();
            undecodable.code = Some(UNDECODABLE);
            undecodable.header = error.to_string().into_bytes();
            NetlinkMessage::new(header, NetlinkPayload::Error(undecodable))
        })))
    }

    fn encode<T>(message: NetlinkMessage<T>, buffer: &mut BytesMut) -> io::Result<()>
    where
        T: NetlinkSerializable + Debug,
    {
        NetlinkCodec::encode(message, buffer)
    }
}

fn header_of(buffer: &NetlinkBuffer<&[u8]>) -> NetlinkHeader {
    let mut header = NetlinkHeader::default();
    header.length = buffer.length();
    header.message_type = buffer.message_type();
    header.flags = buffer.flags();
    header.sequence_number = buffer.sequence_number();
    header.port_number = buffer.port_number();
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_route::RouteNetlinkMessage;

    /// An `RTM_NEWLINK` (16) of sequence 7 whose payload is too short for its header, followed
    /// by an `NLMSG_DONE` of the same sequence.
    fn datagram() -> BytesMut {
        let mut bytes = BytesMut::new();
        bytes.extend_from_slice(&20_u32.to_ne_bytes());
        bytes.extend_from_slice(&16_u16.to_ne_bytes());
        bytes.extend_from_slice(&2_u16.to_ne_bytes());
        bytes.extend_from_slice(&7_u32.to_ne_bytes());
        bytes.extend_from_slice(&0_u32.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&20_u32.to_ne_bytes());
        bytes.extend_from_slice(&3_u16.to_ne_bytes());
        bytes.extend_from_slice(&2_u16.to_ne_bytes());
        bytes.extend_from_slice(&7_u32.to_ne_bytes());
        bytes.extend_from_slice(&0_u32.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes
    }

    #[test]
    fn what_cannot_be_decoded_becomes_an_error_of_its_request() {
        let mut bytes = datagram();
        let first = Codec::decode::<RouteNetlinkMessage>(&mut bytes)
            .unwrap()
            .unwrap();
        assert_eq!(first.header.sequence_number, 7);
        let NetlinkPayload::Error(error) = first.payload else {
            panic!("{first:?}");
        };
        assert_eq!(error.code, Some(UNDECODABLE));
        assert!(String::from_utf8(error.header).unwrap().contains("16"));

        let second = Codec::decode::<RouteNetlinkMessage>(&mut bytes)
            .unwrap()
            .unwrap();
        assert!(matches!(second.payload, NetlinkPayload::Done(_)));
        assert!(
            Codec::decode::<RouteNetlinkMessage>(&mut bytes)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_truncated_datagram_ends_the_connection() {
        let mut bytes = datagram();
        bytes.truncate(18);
        assert!(Codec::decode::<RouteNetlinkMessage>(&mut bytes).is_err());
    }
}
