//! Guesses media types from file names.

/// A media type told from a file's name. Reading the file decides by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType(&'static str);

/// Of what is not told by its name.
const UNKNOWN: &str = "application/octet-stream";

impl MediaType {
    /// The extensions of files that can be read.
    pub const EXTENSIONS: &[&str] = &[
        "txt", "text", "md", "markdown", "html", "htm", "xhtml", "pdf", "docx", "odt", "xlsx",
        "ods", "csv", "tsv", "tab", "pptx", "odp", "eml", "mbox", "zip", "png", "jpg", "jpeg",
        "tif", "tiff", "webp", "bmp", "gif",
    ];

    /// The media type that files with this name usually have.
    pub fn of(file_name: &str) -> Self {
        let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension);
        Self(match extension.to_ascii_lowercase().as_str() {
            "txt" | "text" => "text/plain",
            "md" | "markdown" => "text/markdown",
            "html" | "htm" | "xhtml" => "text/html",
            "pdf" => "application/pdf",
            "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "odt" => "application/vnd.oasis.opendocument.text",
            "ods" => "application/vnd.oasis.opendocument.spreadsheet",
            "odp" => "application/vnd.oasis.opendocument.presentation",
            "csv" => "text/csv",
            "tsv" | "tab" => "text/tab-separated-values",
            "eml" => "message/rfc822",
            "mbox" => "application/mbox",
            "zip" => "application/zip",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "tif" | "tiff" => "image/tiff",
            "webp" => "image/webp",
            "bmp" => "image/bmp",
            "gif" => "image/gif",
            _ => UNKNOWN,
        })
    }

    /// Whether the name says that the file can be read.
    pub fn is_known(self) -> bool {
        self.0 != UNKNOWN
    }

    /// As in a `Content-Type` header.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn every_extension_that_is_announced_is_known() {
        for extension in MediaType::EXTENSIONS {
            assert!(MediaType::of(&format!("a.{extension}")).is_known(), "{extension}");
        }
        assert!(!MediaType::of("a.exe").is_known() && !MediaType::of("pdf").is_known());
    }
}
