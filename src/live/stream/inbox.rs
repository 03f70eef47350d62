//! Bytes from a client into whole messages: masks, fragments, sizes and UTF-8 are seen to here. Pure.

use actix_http::ws::{CloseReason, Codec, Frame, Item, ProtocolError};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::Decoder;

#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Text(String),
    Ping(Bytes),
    Pong,
    Close(Option<CloseReason>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not WebSocket.
    Bad,
    Binary,
    NotUtf8,
    TooLarge,
}

pub(super) struct Inbox {
    codec: Codec,
    bytes: BytesMut,
    /// The beginning of a message that comes in pieces.
    pieces: Option<BytesMut>,
    max_bytes: usize,
}

impl Inbox {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { codec: Codec::new().max_size(max_bytes), bytes: BytesMut::new(), pieces: None, max_bytes }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn next(&mut self) -> Result<Option<Incoming>, Refused> {
        loop {
            // The codec would wait for the whole of a frame that is too large before refusing it.
            if announced_bytes(&self.bytes).is_some_and(|bytes| bytes > self.max_bytes as u64) {
                return Err(Refused::TooLarge);
            }
            let frame = self.codec.decode(&mut self.bytes).map_err(|error| match error {
                ProtocolError::Overflow => Refused::TooLarge,
                _ => Refused::Bad,
            })?;
            let Some(frame) = frame else {
                if self.bytes.is_empty() {
                    // An idle socket keeps no buffer.
                    self.bytes = BytesMut::new();
                }
                return Ok(None);
            };
            match frame {
                Frame::Text(text) => return Ok(Some(Incoming::Text(utf8(&text)?))),
                Frame::Continuation(item) => {
                    if let Some(text) = self.piece(item)? {
                        return Ok(Some(Incoming::Text(text)));
                    }
                }
                Frame::Ping(payload) => return Ok(Some(Incoming::Ping(payload))),
                Frame::Pong(_) => return Ok(Some(Incoming::Pong)),
                Frame::Close(reason) => return Ok(Some(Incoming::Close(reason))),
                Frame::Binary(_) => return Err(Refused::Binary),
            }
        }
    }

    fn piece(&mut self, item: Item) -> Result<Option<String>, Refused> {
        let (bytes, is_last) = match item {
            Item::FirstText(bytes) => {
                self.pieces = Some(BytesMut::new());
                (bytes, false)
            }
            Item::FirstBinary(_) => return Err(Refused::Binary),
            Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
        };
        let pieces = self.pieces.as_mut().ok_or(Refused::Bad)?;
        if pieces.len() + bytes.len() > self.max_bytes {
            return Err(Refused::TooLarge);
        }
        pieces.extend_from_slice(&bytes);
        if !is_last {
            return Ok(None);
        }
        let whole = self.pieces.take().unwrap_or_default();
        utf8(&whole).map(Some)
    }
}

fn utf8(bytes: &[u8]) -> Result<String, Refused> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Refused::NotUtf8)
}

/// The payload's length as the frame's head states it, once enough of the head is here.
fn announced_bytes(frame: &[u8]) -> Option<u64> {
    match frame.get(1)? & 0x7f {
        126 => Some(u64::from(u16::from_be_bytes(frame.get(2..4)?.try_into().ok()?))),
        127 => Some(u64::from_be_bytes(frame.get(2..10)?.try_into().ok()?)),
        short => Some(u64::from(short)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            n if n < 126 => bytes.push(0x80 | n as u8),
            n => {
                bytes.push(0x80 | 127);
                bytes.extend((n as u64).to_be_bytes());
            }
        }
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    fn fed(bytes: &[u8]) -> Inbox {
        let mut inbox = Inbox::new(1_000);
        inbox.push(bytes);
        inbox
    }

    #[test]
    fn text_comes_whole_however_it_was_cut() {
        let bytes = frame(0x81, "grüezi".as_bytes());
        for cut in 0..bytes.len() {
            let mut inbox = fed(&bytes[..cut]);
            assert_eq!(inbox.next(), Ok(None));
            inbox.push(&bytes[cut..]);
            assert_eq!(inbox.next(), Ok(Some(Incoming::Text("grüezi".into()))));
        }
    }

    #[test]
    fn pieces_are_joined_even_inside_a_character_and_around_a_ping() {
        let text = "grü".as_bytes();
        let mut inbox = fed(&frame(0x01, &text[..3]));
        inbox.push(&frame(0x89, b"?"));
        inbox.push(&frame(0x80, &text[3..]));
        assert_eq!(inbox.next(), Ok(Some(Incoming::Ping(Bytes::from_static(b"?")))));
        assert_eq!(inbox.next(), Ok(Some(Incoming::Text("grü".into()))));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let refused = |bytes: &[u8]| fed(bytes).next().err();
        assert_eq!(refused(&frame(0x82, b"binary")), Some(Refused::Binary));
        assert_eq!(refused(&frame(0x02, b"binary in pieces")), Some(Refused::Binary));
        assert_eq!(refused(&frame(0x81, &[0xff, 0xfe])), Some(Refused::NotUtf8));
        assert_eq!(refused(&frame(0x80, b"a piece of nothing")), Some(Refused::Bad));
        assert_eq!(refused(b"\x81\x05naked"), Some(Refused::Bad), "a client must mask");
    }

    #[test]
    fn what_is_too_large_is_refused_by_its_head_alone() {
        assert_eq!(fed(&frame(0x81, &[b'x'; 1_001])[..12]).next(), Err(Refused::TooLarge));
        let mut inbox = fed(&frame(0x01, &[b'x'; 600]));
        assert_eq!(inbox.next(), Ok(None));
        inbox.push(&frame(0x80, &[b'x'; 600]));
        assert_eq!(inbox.next(), Err(Refused::TooLarge), "also in pieces");
    }
}
