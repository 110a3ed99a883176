//! Finds the documents that speak of somebody: by texts, such as a name or an address, wherever
//! they stand, and by metadata.
//!
//! Texts are compared without case, accents and the length of white space. What stands across the
//! border of two passages is found; what a line break hyphenated is not, nor what a file has in
//! pictures that were not recognised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use intramuros_ledger::{DocumentRecord, DocumentState, Page};
use intramuros_store::{PassageTable, PassageText};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::{Knowledge, KnowledgeError};

/// Shorter ones stand in too many words.
const MIN_CHARS: usize = 3;
const MAX_CHARS: usize = 200;
const MAX_TEXTS: usize = 20;
/// Documents whose records are read at once.
const PAGE: u32 = 200;
/// Passages whose texts are read at once, but for a document that has more.
const PASSAGES: u32 = 4_000;
/// Passages of a document that are told; the others are counted.
const MAX_TOLD: usize = 20;
/// Documents that one search finds at most.
pub(crate) const MAX_FOUND: usize = 1_000;

/// Texts to look for.
#[derive(Debug, Clone)]
pub struct Mentions {
    folded: Arc<Vec<String>>,
    /// Whether a text must not be a part of a longer word.
    whole_words: bool,
}

impl Mentions {
    /// Looks for whole words.
    ///
    /// # Errors
    /// `Invalid` for more than 20 texts, one shorter than 3 characters or longer than 200.
    pub fn of(texts: &[String]) -> Result<Self, KnowledgeError> {
        if texts.len() > MAX_TEXTS {
            let reason = format!("has {} entries, the limit is {MAX_TEXTS}", texts.len());
            return Err(KnowledgeError::invalid("texts", reason));
        }
        for text in texts {
            let chars = fold(text).chars().count();
            if !(MIN_CHARS..=MAX_CHARS).contains(&chars) {
                let reason = format!(
                    "has a text of {chars} characters, it must be {MIN_CHARS} to {MAX_CHARS}"
                );
                return Err(KnowledgeError::invalid("texts", reason));
            }
        }
        Ok(Self {
            folded: Arc::new(texts.iter().map(|text| fold(text)).collect()),
            whole_words: true,
        })
    }

    /// Looks for the texts within words too, as a search of bytes does.
    pub fn within(texts: &[String]) -> Self {
        let folded = texts.iter().map(|text| fold(text)).filter(|text| !text.is_empty());
        Self { folded: Arc::new(folded.collect()), whole_words: false }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    /// Whether one of them stands in `text`.
    pub fn stand_in(&self, text: &str) -> bool {
        let text = fold(text);
        self.folded.iter().any(|wanted| self.places(&text, wanted).next().is_some())
    }

    /// Where `wanted` begins in `text`, both folded.
    fn places<'t>(&self, text: &'t str, wanted: &'t str) -> impl Iterator<Item = usize> + 't {
        let whole_words = self.whole_words;
        text.match_indices(wanted)
            .map(|(at, _)| at)
            .filter(move |at| !whole_words || is_whole(text, *at, wanted))
    }

    fn longest(&self) -> usize {
        self.folded.iter().map(String::len).max().unwrap_or(0)
    }
}

/// A document that speaks of somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Mentioning {
    /// The document.
    pub record: DocumentRecord,
    /// Where beside its text: `file_name`, `title`, `author`, `external_id`, `source`,
    /// `metadata.<name>`.
    pub fields: Vec<String>,
    /// Passages with their pages, the first twenty.
    pub passages: Vec<(u32, Option<u32>)>,
    /// Passages, all of them.
    pub passage_count: u32,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Documents that speak of somebody.
    pub documents: Vec<Mentioning>,
    /// Documents whose text is not known: they wait to be read, or could not be.
    pub unread: Vec<DocumentId>,
}

impl Knowledge {
    /// The documents of `base` that `access` allows to read and that have one of the texts, or all
    /// of `metadata`.
    ///
    /// # Errors
    /// Not found; `Invalid` for more than 1,000 documents; a failure of the store or the ledger.
    pub async fn find_mentions(
        &self,
        base: &KnowledgeBaseId,
        mentions: &Mentions,
        metadata: &BTreeMap<String, String>,
        access: &Access,
    ) -> Result<Found, KnowledgeError> {
        self.get(base).await?;
        let index = self.shared.ledger.active_index(base).await?;
        let table = self.shared.store.table(&self.spec(&index)?).await?;
        let mut found = Found::default();
        let mut after = None;
        loop {
            let page = Page { after, ..Page::of(PAGE) };
            let page = self.shared.ledger.list_documents(base, page, access).await?;
            if !mentions.is_empty() {
                let unread = page.documents.iter().filter(|record| !is_read(record));
                found.unread.extend(unread.map(|record| record.id.clone()));
            }
            for some in batches(&page.documents) {
                self.look_in(&table, some, mentions, metadata, &mut found).await?;
            }
            if found.documents.len() > MAX_FOUND {
                let reason = format!(
                    "stand in more than {MAX_FOUND} documents; name something rarer, or fewer \
                     knowledge bases"
                );
                return Err(KnowledgeError::invalid("texts", reason));
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    async fn look_in(
        &self,
        table: &PassageTable,
        records: &[DocumentRecord],
        mentions: &Mentions,
        metadata: &BTreeMap<String, String>,
        found: &mut Found,
    ) -> Result<(), KnowledgeError> {
        let ids: Vec<DocumentId> = match mentions.is_empty() {
            true => Vec::new(),
            false => records.iter().map(|record| record.id.clone()).collect(),
        };
        let texts = table.texts_of(&ids).await?;
        let looked = mentions.clone();
        // Folding megabytes takes longer than an async thread may be kept.
        let hits = tokio::task::spawn_blocking(move || look(&texts, &looked)).await?;
        for record in records {
            let passages = hits.get(&record.id);
            let fields = fields(record, mentions, metadata);
            if passages.is_none() && fields.is_empty() {
                continue;
            }
            let passages: Vec<(u32, Option<u32>)> =
                passages.map(|all| all.iter().copied().collect()).unwrap_or_default();
            found.documents.push(Mentioning {
                record: record.clone(),
                fields,
                passage_count: u32::try_from(passages.len()).unwrap_or(u32::MAX),
                passages: passages.into_iter().take(MAX_TOLD).collect(),
            });
        }
        Ok(())
    }
}

fn is_read(record: &DocumentRecord) -> bool {
    record.state == DocumentState::Ready
}

/// Documents in groups whose passages are read at once.
fn batches(records: &[DocumentRecord]) -> impl Iterator<Item = &[DocumentRecord]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut passages = 0_u32;
        let mut take = 0;
        for record in rest {
            passages = passages.saturating_add(record.chunks.unwrap_or(0));
            if take > 0 && passages > PASSAGES {
                break;
            }
            take += 1;
        }
        let (some, others) = rest.split_at(take);
        rest = others;
        Some(some)
    })
}

type Hits = BTreeMap<DocumentId, BTreeSet<(u32, Option<u32>)>>;

/// The passages of `texts`, which are in order, that have one of the texts.
fn look(texts: &[PassageText], mentions: &Mentions) -> Hits {
    let mut hits = Hits::new();
    let mut before: Option<(&PassageText, String)> = None;
    for passage in texts {
        let folded = fold(&passage.text);
        let mut note = |passage: &PassageText| {
            let of_document = hits.entry(passage.document.clone()).or_default();
            of_document.insert((passage.ordinal, passage.page));
        };
        let stands = |text: &str| {
            mentions.folded.iter().any(|wanted| mentions.places(text, wanted).next().is_some())
        };
        if stands(&folded) || passage.headings.iter().any(|heading| stands(&fold(heading))) {
            note(passage);
        }
        if let Some((previous, end)) = &before
            && previous.document == passage.document
            && crosses(end, &folded, mentions)
        {
            note(previous);
        }
        before = Some((passage, folded));
    }
    hits
}

/// Whether one of the texts begins at the end of one passage and ends in the next.
fn crosses(end: &str, start: &str, mentions: &Mentions) -> bool {
    let reach = mentions.longest() + 8;
    let tail = &end[ceil(end, end.len().saturating_sub(reach))..];
    let head = &start[..floor(start, reach.min(start.len()))];
    let joined = format!("{tail} {head}");
    mentions.folded.iter().any(|wanted| {
        mentions
            .places(&joined, wanted)
            .any(|at| at < tail.len() && at + wanted.len() > tail.len() + 1)
    })
}

/// The next border of a character at `at` or after it.
fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// The last border of a character at `at` or before it.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What of a record, beside its text, speaks of somebody.
fn fields(
    record: &DocumentRecord,
    mentions: &Mentions,
    metadata: &BTreeMap<String, String>,
) -> Vec<String> {
    let details = &record.details;
    let mut found = Vec::new();
    for (name, value) in [
        ("file_name", Some(&record.file_name)),
        ("title", record.title.as_ref()),
        ("author", record.author.as_ref()),
        ("external_id", details.external_id.as_ref()),
        ("source", details.source.as_ref()),
    ] {
        if value.is_some_and(|value| mentions.stand_in(value)) {
            found.push(name.to_owned());
        }
    }
    let all = !metadata.is_empty()
        && metadata.iter().all(|(name, value)| details.metadata.get(name) == Some(value));
    for (name, value) in &details.metadata {
        if (all && metadata.contains_key(name)) || mentions.stand_in(value) {
            found.push(format!("metadata.{name}"));
        }
    }
    found
}

/// Whether `wanted`, which stands in `text` at `at`, is no part of a longer word.
fn is_whole(text: &str, at: usize, wanted: &str) -> bool {
    let joins = |inside: Option<char>, outside: Option<char>| {
        inside.is_some_and(char::is_alphanumeric) && outside.is_some_and(char::is_alphanumeric)
    };
    let before = text[..at].chars().next_back();
    let after = text[at + wanted.len()..].chars().next();
    !joins(wanted.chars().next(), before) && !joins(wanted.chars().next_back(), after)
}

/// Lower case without accents, white space of one blank, one kind of apostrophe and hyphen.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{feff}' => {}
            '\u{2019}' | '\u{2018}' | '\u{2bc}' => folded.push('\''),
            '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' => folded.push('-'),
            blank if blank.is_whitespace() => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            other => folded.extend(other.to_lowercase()),
        }
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

#[cfg(test)]
mod tests;
