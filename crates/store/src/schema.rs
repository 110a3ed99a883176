//! Lays passages out as Arrow columns and reads them back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Float32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeListArray, Float32Array, Int32Array, ListArray,
    RecordBatch, StringArray, UInt32Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use intramuros_types::{Chunk, ChunkId, DocumentId, Span};

use crate::layout;
use crate::terms::search_text;
use crate::{PassageDetails, PassageRow, PassageText, StoredPassage, TableSpec};

/// Version of the columns below; a table of another version is refused.
const VERSION: &str = "2";

pub(crate) const ID: &str = "id";
pub(crate) const DOCUMENT: &str = "document";
pub(crate) const ORDINAL: &str = "ordinal";
pub(crate) const SEARCH_TEXT: &str = "search_text";
pub(crate) const LABELS: &str = "labels";
pub(crate) const METADATA: &str = "metadata";
pub(crate) const WRITTEN: &str = "written";
pub(crate) const VECTOR: &str = "vector";
const TITLE: &str = "title";
const SECTION_PATH: &str = "section_path";
const TEXT: &str = "text";
const SPAN_START: &str = "span_start";
const SPAN_END: &str = "span_end";
const PAGE_FIRST: &str = "page_first";
const PAGE_LAST: &str = "page_last";
const LANGUAGE: &str = "language";
const LAYOUT: &str = "layout";
pub(crate) const TOKENS: &str = "tokens";

/// The label that passages without labels carry in the table, so that one condition decides who
/// may read a row. No caller can hold or set it: labels are not empty.
pub(crate) const OPEN_TO_ALL: &str = "";

/// The columns of what a passage says.
pub(crate) const TEXTS: [&str; 5] = [DOCUMENT, ORDINAL, PAGE_FIRST, SECTION_PATH, TEXT];

/// The columns of a passage as it is shown: all but the vectors and the indexed text.
pub(crate) const RETURNED: [&str; 15] = [
    ID,
    DOCUMENT,
    ORDINAL,
    TITLE,
    SECTION_PATH,
    TEXT,
    SPAN_START,
    SPAN_END,
    PAGE_FIRST,
    PAGE_LAST,
    LANGUAGE,
    LABELS,
    METADATA,
    WRITTEN,
    LAYOUT,
];

/// What a table says about itself; part of its schema.
pub(crate) fn metadata(spec: &TableSpec) -> HashMap<String, String> {
    [
        ("intramuros.schema", VERSION.to_owned()),
        ("intramuros.knowledge_base", spec.knowledge_base.to_string()),
        ("intramuros.model", spec.model.to_string()),
        ("intramuros.dimension", spec.dimension.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// Says in words what `metadata` stands for.
pub(crate) fn describe(metadata: &HashMap<String, String>) -> String {
    let value = |key: &str| metadata.get(&format!("intramuros.{key}")).map_or("unknown", |v| v);
    format!(
        "schema {}, knowledge base `{}`, model `{}`, dimension {}",
        value("schema"),
        value("knowledge_base"),
        value("model"),
        value("dimension")
    )
}

/// The columns of a table. `vector` has shape `(dimension)`, f32.
pub(crate) fn schema(spec: &TableSpec) -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let number = |name, nullable| Field::new(name, DataType::UInt32, nullable);
    let list = |name| {
        let item = Field::new("item", DataType::Utf8, true);
        Field::new(name, DataType::List(Arc::new(item)), false)
    };
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    // `TableSpec` bounds the dimension far below what the type holds.
    let vector = DataType::FixedSizeList(item, i32::try_from(spec.dimension).unwrap_or(i32::MAX));
    let fields = vec![
        text(ID),
        text(DOCUMENT),
        number(ORDINAL, false),
        text(TITLE),
        list(SECTION_PATH),
        text(TEXT),
        text(SEARCH_TEXT),
        number(SPAN_START, false),
        number(SPAN_END, false),
        number(PAGE_FIRST, true),
        number(PAGE_LAST, true),
        Field::new(LANGUAGE, DataType::Utf8, true),
        list(LABELS),
        list(METADATA),
        Field::new(WRITTEN, DataType::Int32, true),
        Field::new(LAYOUT, DataType::Binary, false),
        Field::new(TOKENS, DataType::Binary, false),
        Field::new(VECTOR, vector, false),
    ];
    Arc::new(Schema::new_with_metadata(fields, metadata(spec)))
}

/// The id of a passage.
pub(crate) fn chunk_id(document: &DocumentId, ordinal: u32) -> ChunkId {
    ChunkId::new(format!("{document}:{ordinal}"))
}

/// `rows` as columns; their vectors have the dimension of `spec`.
pub(crate) fn to_batch(spec: &TableSpec, rows: &[PassageRow]) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&PassageRow) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let number = |of: &dyn Fn(&PassageRow) -> Option<u32>| -> ArrayRef {
        Arc::new(UInt32Array::from_iter(rows.iter().map(of)))
    };
    let language = StringArray::from_iter(rows.iter().map(|row| row.language.as_deref()));
    let labels = lists(rows.iter().map(|row| stored_labels(&row.details.labels)));
    let metadata = lists(rows.iter().map(|row| entries(&row.details.metadata)));
    let written = Int32Array::from_iter(rows.iter().map(|row| row.details.written));
    let layouts = rows.iter().map(|row| layout::pack(&row.chunk)).collect::<Vec<_>>();
    let layout = BinaryArray::from_iter_values(layouts.iter());
    let tokens = BinaryArray::from_iter_values(rows.iter().map(|row| &row.tokens));
    let vectors = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
        rows.iter().map(|row| Some(row.vector.iter().map(|value| Some(*value)))),
        i32::try_from(spec.dimension).unwrap_or(i32::MAX),
    );
    let columns = vec![
        text(&|row| chunk_id(&row.document, row.chunk.ordinal).to_string()),
        text(&|row| row.document.to_string()),
        number(&|row| Some(row.chunk.ordinal)),
        text(&|row| row.title.clone()),
        lists(rows.iter().map(|row| row.chunk.section_path.clone())),
        text(&|row| row.chunk.text.clone()),
        text(&|row| search_text(&row.title, &row.chunk)),
        number(&|row| Some(row.chunk.span.start)),
        number(&|row| Some(row.chunk.span.end)),
        number(&|row| row.chunk.pages.map(|(first, _)| first)),
        number(&|row| row.chunk.pages.map(|(_, last)| last)),
        Arc::new(language),
        labels,
        metadata,
        Arc::new(written),
        Arc::new(layout),
        Arc::new(tokens),
        Arc::new(vectors),
    ];
    RecordBatch::try_new(schema(spec), columns)
}

/// The labels as they are stored: one at least.
pub(crate) fn stored_labels(labels: &[String]) -> Vec<String> {
    match labels {
        [] => vec![OPEN_TO_ALL.to_owned()],
        labels => labels.to_vec(),
    }
}

/// Metadata as it is stored and filtered by: `name=value`.
pub(crate) fn entries(metadata: &BTreeMap<String, String>) -> Vec<String> {
    metadata.iter().map(|(name, value)| entry(name, value)).collect()
}

/// One entry of metadata as it is stored.
pub(crate) fn entry(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

fn lists(values: impl Iterator<Item = Vec<String>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for value in values {
        builder.append_value(value.into_iter().map(Some));
    }
    Arc::new(builder.finish())
}

/// The passages of `batch`, which has the columns [`RETURNED`].
///
/// # Errors
/// The name of a column that is missing or of another type.
pub(crate) fn from_batch(batch: &RecordBatch) -> Result<Vec<StoredPassage>, String> {
    let text = |name| column::<StringArray>(batch, name);
    let number = |name| column::<UInt32Array>(batch, name);
    let (ids, documents, titles) = (text(ID)?, text(DOCUMENT)?, text(TITLE)?);
    let (texts, languages) = (text(TEXT)?, text(LANGUAGE)?);
    let (ordinals, starts, ends) = (number(ORDINAL)?, number(SPAN_START)?, number(SPAN_END)?);
    let (first_pages, last_pages) = (number(PAGE_FIRST)?, number(PAGE_LAST)?);
    let (paths, labels) = (column(batch, SECTION_PATH)?, column(batch, LABELS)?);
    let (metadata, written) = (column(batch, METADATA)?, column::<Int32Array>(batch, WRITTEN)?);
    let layouts = binary(batch, LAYOUT)?;
    let page = |pages: &UInt32Array, row| pages.is_valid(row).then(|| pages.value(row));
    (0..batch.num_rows())
        .map(|row| {
            let labels = strings(labels, row, LABELS)?;
            let span = Span::new(starts.value(row), ends.value(row));
            Ok(StoredPassage {
                id: ChunkId::new(ids.value(row)),
                document: DocumentId::new(documents.value(row)),
                title: titles.value(row).to_owned(),
                chunk: Chunk {
                    ordinal: ordinals.value(row),
                    text: texts.value(row).to_owned(),
                    span,
                    pages: page(first_pages, row).zip(page(last_pages, row)),
                    section_path: strings(paths, row, SECTION_PATH)?,
                    words: layout::unpack(layouts.value(row), span)
                        .ok_or_else(|| format!("column `{LAYOUT}` is damaged"))?,
                },
                language: languages.is_valid(row).then(|| languages.value(row).to_owned()),
                details: PassageDetails {
                    labels: labels.into_iter().filter(|label| label != OPEN_TO_ALL).collect(),
                    metadata: read_entries(strings(metadata, row, METADATA)?),
                    written: written.is_valid(row).then(|| written.value(row)),
                },
            })
        })
        .collect()
}

/// What the passages of `batch` say, which has the columns [`TEXTS`].
///
/// # Errors
/// The name of a column that is missing or of another type.
pub(crate) fn texts(batch: &RecordBatch) -> Result<Vec<PassageText>, String> {
    let documents = column::<StringArray>(batch, DOCUMENT)?;
    let texts = column::<StringArray>(batch, TEXT)?;
    let ordinals = column::<UInt32Array>(batch, ORDINAL)?;
    let pages = column::<UInt32Array>(batch, PAGE_FIRST)?;
    let paths = column(batch, SECTION_PATH)?;
    (0..batch.num_rows())
        .map(|row| {
            Ok(PassageText {
                document: DocumentId::new(documents.value(row)),
                ordinal: ordinals.value(row),
                page: pages.is_valid(row).then(|| pages.value(row)),
                headings: strings(paths, row, SECTION_PATH)?,
                text: texts.value(row).to_owned(),
            })
        })
        .collect()
}

/// The rows of `batch`, which has the columns [`RETURNED`] and the vectors.
///
/// # Errors
/// The name of a column that is missing or of another type.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<PassageRow>, String> {
    let vectors = vectors(batch)?.into_iter().zip(tokens(batch)?);
    let row = |(passage, (vector, tokens)): (StoredPassage, _)| PassageRow {
        document: passage.document,
        title: passage.title,
        chunk: passage.chunk,
        language: passage.language,
        details: passage.details,
        tokens,
        vector,
    };
    Ok(from_batch(batch)?.into_iter().zip(vectors).map(row).collect())
}

/// The embeddings of `batch`.
///
/// # Errors
/// The column, when it is missing or of another type.
pub(crate) fn vectors(batch: &RecordBatch) -> Result<Vec<Vec<f32>>, String> {
    let vectors: &FixedSizeListArray = column(batch, VECTOR)?;
    let of_row = |row| {
        let values = vectors.value(row);
        let values = values.as_any().downcast_ref::<Float32Array>();
        let values = values.ok_or_else(|| format!("column `{VECTOR}` is of another type"))?;
        Ok(values.values().to_vec())
    };
    (0..batch.num_rows()).map(of_row).collect()
}

/// The token vectors of `batch`.
///
/// # Errors
/// The column, when it is missing or of another type.
pub(crate) fn tokens(batch: &RecordBatch) -> Result<Vec<Vec<u8>>, String> {
    let tokens = binary(batch, TOKENS)?;
    Ok((0..batch.num_rows()).map(|row| tokens.value(row).to_vec()).collect())
}

fn read_entries(entries: Vec<String>) -> BTreeMap<String, String> {
    let pair = |entry: String| {
        entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    entries.into_iter().filter_map(pair).collect()
}

fn binary<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BinaryArray, String> {
    column(batch, name)
}

/// A column of `batch`.
///
/// # Errors
/// Its name, when it is missing or of another type.
pub(crate) fn column<'a, T: Array + 'static>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a T, String> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref::<T>())
        .ok_or_else(|| format!("column `{name}` is missing or of another type"))
}

fn strings(lists: &ListArray, row: usize, name: &str) -> Result<Vec<String>, String> {
    let values = lists.value(row);
    let values = values
        .as_any()
        .downcast_ref::<StringArray>()
        .ok_or_else(|| format!("column `{name}` is of another type"))?;
    Ok(values.iter().flatten().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
