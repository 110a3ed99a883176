//! Locates words on the pages of a document.

use serde::{Deserialize, Serialize};

use crate::Span;

/// A rectangle on a page as it is displayed (rotation applied), in fractions of the page's width
/// and height from its upper left corner, 0 to 1. Fractions fit every resolution that a page may
/// be drawn at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageBox {
    /// The page, from 1.
    pub page: u32,
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge, not below `left`.
    pub right: f32,
    /// Lower edge, not below `top`.
    pub bottom: f32,
}

impl PageBox {
    /// The smallest box that holds this one and `other`, which is on the same page.
    pub fn union(self, other: Self) -> Self {
        Self {
            page: self.page,
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// A word of a document's text with its place on a page.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlacedWord {
    /// Where it is in the document's extracted text.
    pub span: Span,
    /// Where it is on its page.
    pub place: PageBox,
}
