//! A request's body as it was meant: whole, unpacked, and no larger than its endpoint takes. Does not look into it.

use std::io::Read;
use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use actix_web::web;
use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures_util::StreamExt;

use super::{Code, Fault, Problem};

/// Whatever its size, a body has come within this time …
const WITHIN: Duration = Duration::from_secs(300);
/// … and after this it has come no slower than a poor phone sends: a megabyte may take its four minutes, a trickle may
/// not hold a connection for long.
const GRACE: Duration = Duration::from_secs(15);
const MIN_BYTES_PER_S: u64 = 1024;

#[derive(Clone, Copy, Debug)]
pub enum Packing {
    Gzip,
    Deflate,
}

/// `limit_bytes` holds for what is sent and for what it unpacks to: a small body may claim to be a large one.
/// What has come buys time for what is to come.
pub async fn read(mut payload: web::Payload, packing: Option<Packing>, limit_bytes: usize) -> Result<Bytes, Problem> {
    let began = tokio::time::Instant::now();
    let mut body = Vec::new();
    loop {
        let bought = GRACE + Duration::from_secs(body.len() as u64 / MIN_BYTES_PER_S);
        let next = tokio::time::timeout_at(began + bought.min(WITHIN), payload.next()).await;
        let next = next.map_err(|_| Problem::new(Code::TIMED_OUT, "The body came too slowly."))?;
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|_| Problem::new(Code::VALIDATION_ERROR, "The body could not be read."))?;
        if body.len() + chunk.len() > limit_bytes {
            return Err(too_large(limit_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    let Some(packing) = packing.filter(|_| !body.is_empty()) else { return Ok(body.into()) };
    let unpacked = web::block(move || unpack(&body, packing, limit_bytes)).await;
    unpacked.map_err(|_| Problem::internal("the unpacking of a body was cancelled"))?
}

pub fn packing(headers: &HeaderMap) -> Result<Option<Packing>, Problem> {
    let Some(name) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
    match name.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Packing::Gzip)),
        "deflate" => Ok(Some(Packing::Deflate)),
        _ => {
            let detail = "Content-Encoding may be gzip or deflate.";
            Err(Fault::new(Code::UNSUPPORTED_MEDIA_TYPE, detail).header("Content-Encoding").into())
        }
    }
}

fn unpack(packed: &[u8], packing: Packing, limit_bytes: usize) -> Result<Bytes, Problem> {
    let mut body = Vec::new();
    // One byte more than may be tells that there is more.
    let limit = limit_bytes as u64 + 1;
    let read = match packing {
        Packing::Gzip => MultiGzDecoder::new(packed).take(limit).read_to_end(&mut body),
        Packing::Deflate => ZlibDecoder::new(packed).take(limit).read_to_end(&mut body),
    };
    if body.len() > limit_bytes {
        return Err(too_large(limit_bytes));
    }
    read.map_err(|_| {
        let detail = "The body is not what Content-Encoding says, or is cut off.";
        Problem::from(Fault::new(Code::VALIDATION_ERROR, detail).header("Content-Encoding"))
    })?;
    Ok(body.into())
}

fn too_large(limit_bytes: usize) -> Problem {
    let detail = format!("The body is larger than {} MiB, as it is sent or unpacked.", limit_bytes / (1024 * 1024));
    Problem::new(Code::BODY_TOO_LARGE, detail)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn what_was_packed_is_unpacked_up_to_the_limit() {
        assert_eq!(unpack(&gzip(b"phones"), Packing::Gzip, 6).expect("it fits"), "phones");
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"phones").expect("memory");
        assert_eq!(unpack(&encoder.finish().expect("memory"), Packing::Deflate, 6).expect("it fits"), "phones");
        let bomb = gzip(&vec![0; 50 * 1024 * 1024]);
        assert!(bomb.len() < 64 * 1024, "{}", bomb.len());
        let refused = unpack(&bomb, Packing::Gzip, 1024 * 1024).expect_err("too large");
        assert!(refused.is(Code::BODY_TOO_LARGE));
        for broken in [&gzip(b"phones")[..12], b"phones", b""] {
            assert_eq!(unpack(broken, Packing::Gzip, 100).expect_err("broken").status(), 400);
        }
    }
}
