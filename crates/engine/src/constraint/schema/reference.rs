//! Follows references inside one document; none leaves it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Draft, Lowering, Place};
use crate::constraint::limits::check as within;
use crate::constraint::{ConstraintError, ConstraintLimits};

/// A reference from one definition to another that speaks of the same value.
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub path: String,
    /// Subschemas around the reference in its own definition.
    pub depth: usize,
}

/// The schema document as references see it.
pub(super) struct Document<'a> {
    root: &'a Value,
    draft: Draft,
    /// Its own address, without fragment.
    base: Option<&'a str>,
    /// Pointers of the places that have a name of their own.
    anchors: HashMap<&'a str, String>,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value, draft: Draft) -> Self {
        let id = root.get(id_keyword(draft)).and_then(Value::as_str);
        let base = id.map(|id| id.trim_end_matches('#')).filter(|id| !id.is_empty());
        let mut document = Document { root, draft, base, anchors: HashMap::new() };
        document.index(root, &mut String::new());
        document
    }

    /// Notes the anchors in `value`, which stands at `pointer`.
    fn index(&mut self, value: &'a Value, pointer: &mut String) {
        let length = pointer.len();
        if let Value::Array(items) = value {
            for (at, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{at}"));
                self.index(item, pointer);
                pointer.truncate(length);
            }
        }
        let Value::Object(fields) = value else { return };
        if length > 0 && self.is_resource(fields) {
            return;
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = fields.get(keyword).and_then(Value::as_str) {
                self.anchors.insert(name, pointer.clone());
            }
        }
        if let Some(id) = fields.get(id_keyword(self.draft)).and_then(Value::as_str)
            && let Some(name) = id.strip_prefix('#')
        {
            self.anchors.insert(name, pointer.clone());
        }
        for (key, field) in fields {
            if matches!(key.as_str(), "const" | "enum" | "default" | "examples") {
                continue;
            }
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            self.index(field, pointer);
            pointer.truncate(length);
        }
    }

    /// Whether `fields` is a schema with an address of its own.
    pub(super) fn is_resource(&self, fields: &Map<String, Value>) -> bool {
        let id = fields.get(id_keyword(self.draft)).and_then(Value::as_str);
        id.is_some_and(|id| !id.starts_with('#'))
    }

    /// The pointer that `reference` means.
    fn resolve(&self, reference: &str) -> Result<String, &'static str> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !address.is_empty() && Some(address) != self.base {
            return Err("it leaves the schema; put what it refers to below $defs");
        }
        let fragment = percent_decode(fragment).ok_or("its fragment is not percent-encoded")?;
        let pointer = if fragment.is_empty() || fragment.starts_with('/') {
            fragment
        } else {
            self.anchors.get(fragment.as_str()).cloned().unwrap_or(fragment)
        };
        match self.root.pointer(&pointer) {
            Some(_) => Ok(pointer),
            None => Err("it points to nothing in the schema"),
        }
    }
}

impl Lowering<'_> {
    /// Lowers the value of `$ref`, noting its target as a definition.
    pub(super) fn reference(
        &mut self,
        value: &Value,
        place: &Place,
    ) -> Result<Value, ConstraintError> {
        let reference =
            value.as_str().ok_or_else(|| place.invalid("$ref", "it has to be a string"))?;
        if place.foreign {
            return Err(place.unsupported("$ref", "it is relative to an $id inside the schema"));
        }
        let pointer =
            self.document.resolve(reference).map_err(|reason| place.unsupported("$ref", reason))?;
        let known = self.definitions.iter().position(|definition| *definition == pointer);
        let to = known.unwrap_or_else(|| {
            self.definitions.push(pointer);
            self.definitions.len() - 1
        });
        if place.in_place {
            self.edges.push(Edge {
                from: place.definition,
                to,
                path: place.path(),
                depth: place.depth,
            });
        }
        Ok(Value::String(if to == 0 { "#".to_owned() } else { format!("#/$defs/{to}") }))
    }
}

/// Refuses definitions that refer to themselves without going into the value, as no parser and
/// no validator can make sense of them, and references that make the validator look at one value
/// too often or too deep.
///
/// # Errors
/// [`ConstraintError::Unsupported`], [`ConstraintError::TooLarge`].
pub(super) fn check_edges(
    definitions: usize,
    edges: &[Edge],
    limits: &ConstraintLimits,
) -> Result<(), ConstraintError> {
    let mut open: Vec<usize> = vec![0; definitions];
    let mut towards: Vec<Vec<&Edge>> = vec![Vec::new(); definitions];
    for edge in edges {
        open[edge.from] += 1;
        towards[edge.to].push(edge);
    }
    // Of each definition: the levels that follow one another at one value, and how many
    // references are followed there.
    let mut levels: Vec<u64> = vec![0; definitions];
    let mut visits: Vec<u64> = vec![0; definitions];
    // Takes away what refers to nothing any more, until the circles are left.
    let mut ready: Vec<usize> = (0..definitions).filter(|&at| open[at] == 0).collect();
    while let Some(done) = ready.pop() {
        for edge in &towards[done] {
            let Edge { from, path, depth, .. } = edge;
            levels[*from] = levels[*from].max(levels[done].saturating_add(*depth as u64));
            visits[*from] = visits[*from].saturating_add(visits[done].saturating_add(1));
            let at = format!("{path}/$ref");
            within("levels of references at one value", &at, levels[*from], limits.max_chain)?;
            within("references followed at one value", &at, visits[*from], limits.max_visits)?;
            open[*from] -= 1;
            if open[*from] == 0 {
                ready.push(*from);
            }
        }
    }
    match edges.iter().find(|edge| open[edge.from] > 0 && open[edge.to] > 0) {
        None => Ok(()),
        Some(edge) => Err(ConstraintError::Unsupported {
            keyword: "$ref".to_owned(),
            path: format!("{}/$ref", edge.path),
            reason: "it leads back to itself without going into the value".to_owned(),
        }),
    }
}

fn id_keyword(draft: Draft) -> &'static str {
    if draft == Draft::Four { "id" } else { "$id" }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}
