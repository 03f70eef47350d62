//! A request's body as it was meant: whole, unpacked, and no larger than its endpoint takes. Does not look into it.

use std::io::Read;

use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use actix_web::web;
use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures_util::StreamExt;

use super::{Code, Fault, Problem};

#[derive(Clone, Copy, Debug)]
pub enum Packing {
    Gzip,
    Deflate,
}

/// `limit_bytes` holds for what is sent and for what it unpacks to: a small body may claim to be a large one.
pub async fn read(mut payload: web::Payload, packing: Option<Packing>, limit_bytes: usize) -> Result<Bytes, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
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
