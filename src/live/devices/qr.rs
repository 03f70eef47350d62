//! A QR code as an SVG picture: dark on light, with the quiet zone that readers need, and nothing but shapes in it.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, as its standard demands.
const QUIET_MODULES: usize = 4;
/// A longer text is a dense code: better fewer modules than room for damage.
const LONG_BYTES: usize = 250;

/// `None`: the text is too long for any code.
pub fn svg(text: &str) -> Option<String> {
    let level = if text.len() > LONG_BYTES { EcLevel::L } else { EcLevel::M };
    let code = QrCode::with_error_correction_level(text, level).ok()?;
    let (width, size) = (code.width(), code.width() + 2 * QUIET_MODULES);
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, next| one == next) {
            if run[0] == Color::Dark {
                let (left, top, length) = (x + QUIET_MODULES, y + QUIET_MODULES, run.len());
                write!(path, "M{left} {top}h{length}v1h-{length}z").expect("a string takes everything");
            }
            x += run.len();
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_picture_of_dark_runs_within_a_light_frame() {
        let picture = svg("https://muster.example/ingest/osmand?id=mdt_1").expect("short");
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>"), "{picture}");
        // The corner mark: seven dark modules in its first row, right after the quiet zone.
        assert!(picture.contains("d=\"M4 4h7v1h-7z"), "{picture}");
        assert!(!picture.contains("script") && !picture.contains("muster.example"));
        assert_eq!(svg(&"x".repeat(4_000)), None);
    }
}
