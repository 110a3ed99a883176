//! Hides control tokens written in messages and tools while a template is rendered, so that
//! afterwards the template's own can be told from them.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use serde_json::Value as Json;

use super::added::{AddedTokens, Part};

#[cfg(test)]
mod tests;

/// Characters that Unicode leaves to private agreement; one stands for one hidden text.
const PRIVATE: [RangeInclusive<char>; 3] =
    ['\u{E000}'..='\u{F8FF}', '\u{F0000}'..='\u{FFFFD}', '\u{100000}'..='\u{10FFFD}'];

/// The texts that are hidden in one conversation.
#[derive(Debug)]
pub(super) struct Mask<'a> {
    added: &'a AddedTokens,
    /// Private characters that occur already and so cannot stand for anything.
    taken: HashSet<char>,
    next: usize,
    marker_of: HashMap<u32, char>,
    text_of: HashMap<char, &'a str>,
}

impl<'a> Mask<'a> {
    /// A mask for messages with these contents and a template with this source.
    pub(super) fn new<'t>(
        added: &'a AddedTokens,
        template: &'t str,
        contents: impl Iterator<Item = &'t str>,
    ) -> Self {
        let mut taken = HashSet::new();
        let mut collect = |text: &str| taken.extend(text.chars().filter(|c| is_private(*c)));
        collect(template);
        contents.for_each(&mut collect);
        for token in added.tokens() {
            collect(&token.text);
        }
        Self { added, taken, next: 0, marker_of: HashMap::new(), text_of: HashMap::new() }
    }

    /// `content` with each control token written in it replaced by its marker.
    ///
    /// # Errors
    /// The message, when there are not enough private characters left.
    pub(super) fn hide(&mut self, content: &str) -> Result<String, String> {
        let mut hidden = String::with_capacity(content.len());
        let mut done = 0;
        let added = self.added;
        for (token, range) in added.forgeable_in(content) {
            let marker = match self.marker_of.get(&token.id) {
                Some(marker) => *marker,
                None => self.assign(token.id, &token.text)?,
            };
            hidden.push_str(&content[done..range.start]);
            hidden.push(marker);
            done = range.end;
        }
        hidden.push_str(&content[done..]);
        Ok(hidden)
    }

    /// `json` with the control tokens in its texts and keys replaced by their markers.
    ///
    /// # Errors
    /// As [`Self::hide`].
    pub(super) fn hide_json(&mut self, json: &Json) -> Result<Json, String> {
        Ok(match json {
            Json::String(text) => Json::String(self.hide(text)?),
            Json::Array(items) => {
                let items: Result<_, _> = items.iter().map(|item| self.hide_json(item)).collect();
                Json::Array(items?)
            }
            Json::Object(entries) => {
                let mut hidden = serde_json::Map::with_capacity(entries.len());
                for (key, item) in entries {
                    hidden.insert(self.hide(key)?, self.hide_json(item)?);
                }
                Json::Object(hidden)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => json.clone(),
        })
    }

    fn assign(&mut self, id: u32, text: &'a str) -> Result<char, String> {
        let free = PRIVATE.into_iter().flatten().enumerate().skip(self.next);
        let taken = &self.taken;
        let found = free.into_iter().find(|(_, c)| !taken.contains(c));
        let Some((index, marker)) = found else {
            return Err("the messages use up all of unicode's private-use characters".to_owned());
        };
        self.next = index + 1;
        self.marker_of.insert(id, marker);
        self.text_of.insert(marker, text);
        Ok(marker)
    }

    /// Whether anything was hidden.
    pub(super) fn is_used(&self) -> bool {
        !self.text_of.is_empty()
    }

    /// `text` with its hidden texts written out, and `parts` moved to where they are then.
    pub(super) fn reveal(&self, text: &str, parts: &[Part]) -> (String, Vec<Part>) {
        let mut revealed = String::with_capacity(text.len());
        let mut moved = Vec::with_capacity(parts.len());
        for part in parts {
            let start = revealed.len();
            for character in text[part.range.clone()].chars() {
                match self.text_of.get(&character) {
                    Some(hidden) => revealed.push_str(hidden),
                    None => revealed.push(character),
                }
            }
            moved.push(Part { range: start..revealed.len(), token: part.token });
        }
        (revealed, moved)
    }
}

fn is_private(character: char) -> bool {
    PRIVATE.iter().any(|range| range.contains(&character))
}
