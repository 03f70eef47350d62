//! Part of a file over HTTP (RFC 9110, section 14): which part is asked for, and sending it in small pieces, so that the
//! size of the file costs no memory. One range at a time; who asks for several gets the whole.

use std::io::{self, SeekFrom};

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    IF_RANGE, RANGE,
};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::archive::Edition;
use crate::http::shell::HeadOnly;
use crate::http::{Code, Problem};

const PIECE_BYTES: u64 = 64 * 1024;
/// The address carries the edition, so what was fetched stays right.
const KEEP: &str = "public, max-age=86400";

/// Which bytes: from `start`, before `end`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Whole,
    From { start: u64, end: u64 },
    Beyond,
}

fn part(header: Option<&str>, length: u64) -> Part {
    let Some((first, last)) = header
        .and_then(|text| text.trim().strip_prefix("bytes="))
        .filter(|list| !list.contains(','))
        .and_then(|one| one.trim().split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match (first, last) {
        ("", last) => match number(last) {
            Some(0) => Part::Beyond,
            Some(_) if length == 0 => Part::Beyond,
            Some(last) => Part::From { start: length.saturating_sub(last), end: length },
            None => Part::Whole,
        },
        (first, "") => match number(first) {
            Some(start) if start >= length => Part::Beyond,
            Some(start) => Part::From { start, end: length },
            None => Part::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(start), Some(last)) if start > last => Part::Whole,
            (Some(start), Some(_)) if start >= length => Part::Beyond,
            (Some(start), Some(last)) => Part::From { start, end: last.saturating_add(1).min(length) },
            _ => Part::Whole,
        },
    }
}

/// Answers with the file, or with the part that was asked for.
pub async fn send(request: &HttpRequest, mut file: File) -> Result<HttpResponse, Problem> {
    let edition = Edition::of(&file.metadata().await.map_err(|_| Problem::not_found())?);
    let etag = format!("\"{}\"", edition.tag());
    let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let named =
        |tags: &str| tags.split(',').any(|tag| [etag.as_str(), "*"].contains(&tag.trim().trim_start_matches("W/")));
    if text(IF_NONE_MATCH).is_some_and(named) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    // A part of another edition would be patched into this one: then the whole is the answer.
    let same = text(IF_RANGE).is_none_or(|tag| tag.trim() == etag);
    let length = edition.length;
    let (status, start, end) = match part(text(RANGE).filter(|_| same), length) {
        Part::Whole => (StatusCode::OK, 0, length),
        Part::From { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        Part::Beyond => return Ok(beyond(length)),
    };
    let mut answer = HttpResponse::build(status);
    answer.insert_header((ETAG, etag)).insert_header((ACCEPT_RANGES, "bytes")).insert_header((CACHE_CONTROL, KEEP));
    // Bytes of a compressed copy would be other bytes than those that were asked for.
    answer.insert_header((CONTENT_ENCODING, "identity")).content_type("application/vnd.pmtiles");
    if status == StatusCode::PARTIAL_CONTENT {
        answer.insert_header((CONTENT_RANGE, format!("bytes {start}-{}/{length}", end - 1)));
    }
    if request.extensions().contains::<HeadOnly>() {
        return Ok(answer.body(SizedStream::new(end - start, stream::empty::<Result<Bytes, io::Error>>())));
    }
    file.seek(SeekFrom::Start(start)).await.map_err(Problem::internal)?;
    Ok(answer.body(SizedStream::new(end - start, pieces(file, end - start))))
}

fn beyond(length: u64) -> HttpResponse {
    let problem = Problem::new(Code::RANGE_NOT_SATISFIABLE, "The range begins beyond the end of the file.");
    let mut answer = problem.error_response();
    let all = HeaderValue::from_str(&format!("bytes */{length}")).expect("digits are ASCII");
    answer.headers_mut().insert(CONTENT_RANGE, all);
    answer
}

fn pieces(file: File, left: u64) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let size = usize::try_from(left.min(PIECE_BYTES)).expect("64 KiB fit");
        let mut piece = vec![0; size];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        let left = left - u64::try_from(read).expect("64 KiB fit");
        Ok(Some((Bytes::from(piece), (file, left))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_rfc_says() {
        let from = |start, end| Part::From { start, end };
        let table = [
            ("bytes=0-126", from(0, 127)),
            ("bytes=10-", from(10, 1000)),
            ("bytes=-100", from(900, 1000)),
            ("bytes=-5000", from(0, 1000)),
            ("bytes=990-5000", from(990, 1000)),
            ("bytes=999-999", from(999, 1000)),
            ("bytes=0-18446744073709551615", from(0, 1000)),
            ("bytes=1000-", Part::Beyond),
            ("bytes=1000-1001", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            // Not understood, or several at once: as if nothing had been asked.
            ("bytes=5-2", Part::Whole),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-5", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes=99999999999999999999999-", Part::Whole),
        ];
        for (asked, expected) in table {
            assert_eq!(part(Some(asked), 1000), expected, "{asked}");
        }
        assert_eq!(part(None, 1000), Part::Whole);
        assert_eq!(part(Some("bytes=-1"), 0), Part::Beyond);
    }
}
