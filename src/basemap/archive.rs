//! A PMTiles archive (version 3): is it one, is it whole, and what it says of itself. It reads no tile: browsers do that,
//! by ranges.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use flate2::read::GzDecoder;
use serde_json::Value;

const HEADER_BYTES: usize = 127;
const MAGIC: &[u8] = b"PMTiles\x03";
/// A larger description of the archive is not read.
const MAX_METADATA_BYTES: u64 = 4 * 1024 * 1024;
const MAX_ATTRIBUTION_CHARS: usize = 500;
const NO_COMPRESSION: u8 = 1;
const GZIP: u8 = 2;
const VECTOR_TILES: u8 = 1;
const PICTURES: std::ops::RangeInclusive<u8> = 2..=5;

/// An archive that was whole when the server started.
#[derive(Debug)]
pub struct Archive {
    pub path: PathBuf,
    /// Else its tiles are pictures.
    pub is_vector: bool,
    pub min_zoom: u8,
    pub max_zoom: u8,
    /// West, south, east, north.
    pub bounds: [f64; 4],
    /// Plain text, whom the map is owed to.
    pub attribution: Option<String>,
}

/// What changes when the file does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edition {
    pub length: u64,
    modified_ns: u128,
}

impl Edition {
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self { length: metadata.len(), modified_ns: modified.unwrap_or_default().as_nanos() }
    }

    /// Without quotes, for an `ETag` and for the address.
    pub fn tag(self) -> String {
        format!("{:x}-{:x}", self.length, self.modified_ns)
    }
}

impl Archive {
    /// An error is a sentence for whoever set it up, without the path: everybody may read it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let unreadable = |error: io::Error| format!("The file of tiles cannot be read: {error}.");
        let mut file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err("The path of the tiles names no file.".into());
        }
        let mut header = [0; HEADER_BYTES];
        if file.read_exact(&mut header).is_err() || !header.starts_with(MAGIC) {
            return Err("The file is not a PMTiles archive of version 3.".into());
        }
        let header = Header(header);
        header.check(metadata.len())?;
        let attribution = header.metadata(&mut file).and_then(|about| attribution_of(&about));
        let [min_zoom, max_zoom] = [100, 101].map(|at| header.0[at]);
        let bounds = [102, 106, 110, 114].map(|at| header.degrees(at));
        let is_vector = header.tile_type() == VECTOR_TILES;
        Ok(Self { path: path.to_owned(), is_vector, min_zoom, max_zoom, bounds, attribution })
    }
}

/// The first bytes of an archive, as its specification numbers them.
struct Header([u8; HEADER_BYTES]);

impl Header {
    fn number(&self, at: usize) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|i| self.0[at + i]))
    }
    fn degrees(&self, at: usize) -> f64 {
        f64::from(i32::from_le_bytes(std::array::from_fn(|i| self.0[at + i]))) / 1e7
    }
    fn tile_type(&self) -> u8 {
        self.0[99]
    }

    fn check(&self, length: u64) -> Result<(), String> {
        let sections = [8, 24, 40, 56];
        let whole = sections.iter().all(|at| {
            let end = self.number(*at).checked_add(self.number(at + 8));
            end.is_some_and(|end| end <= length)
        });
        if !whole {
            return Err("The archive of tiles is cut short; copy it again.".into());
        }
        let legible = |at: usize| [NO_COMPRESSION, GZIP].contains(&self.0[at]);
        if self.tile_type() != VECTOR_TILES && !PICTURES.contains(&self.tile_type()) {
            return Err("The archive holds neither vector tiles nor pictures.".into());
        }
        // Pictures come compressed in their own way, and archives say so by "none" or "unknown".
        if !legible(97) || (self.tile_type() == VECTOR_TILES && !legible(98)) {
            return Err("The archive is compressed in a way that browsers do not read; use gzip.".into());
        }
        Ok(())
    }

    /// What the archive says of itself. Nothing but the attribution is taken from it, so a fault in it is no harm.
    fn metadata(&self, file: &mut File) -> Option<Value> {
        let (offset, length) = (self.number(24), self.number(32));
        if length > MAX_METADATA_BYTES {
            return None;
        }
        file.seek(SeekFrom::Start(offset)).ok()?;
        let section = file.take(length);
        let mut text = String::new();
        let read = match self.0[97] {
            GZIP => GzDecoder::new(section).take(MAX_METADATA_BYTES).read_to_string(&mut text),
            _ => { section }.read_to_string(&mut text),
        };
        read.ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// Archives carry markup here; the console shows words.
fn attribution_of(about: &Value) -> Option<String> {
    let mut inside = false;
    let mut text = String::new();
    for c in about["attribution"].as_str()?.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let text = text.replace("&copy;", "©").replace("&amp;", "&");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then(|| words.chars().take(MAX_ATTRIBUTION_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_attribution_is_words_and_no_markup() {
        let about = |text: &str| json!({ "attribution": text });
        let linked = r#"<a href="https://osm.org">&copy; OpenStreetMap</a>  contributors"#;
        assert_eq!(attribution_of(&about(linked)).as_deref(), Some("© OpenStreetMap contributors"));
        assert_eq!(attribution_of(&about("<script>")), None);
        assert_eq!(attribution_of(&json!({})), None);
    }

    #[test]
    fn a_header_that_points_beyond_its_file_is_cut_short() {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        (header[97], header[98], header[99]) = (GZIP, GZIP, VECTOR_TILES);
        assert_eq!(Header(header).check(127), Ok(()));
        header[56..64].copy_from_slice(&100u64.to_le_bytes());
        header[64..72].copy_from_slice(&28u64.to_le_bytes());
        assert_eq!(Header(header).check(128), Ok(()));
        assert!(Header(header).check(127).is_err());
        header[64..72].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(Header(header).check(128).is_err());
        header[64..72].copy_from_slice(&28u64.to_le_bytes());
        header[98] = 4;
        assert!(Header(header).check(128).is_err());
    }
}
