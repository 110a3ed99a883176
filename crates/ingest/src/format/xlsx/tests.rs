//! Checks the reading of XLSX.

use intramuros_types::BlockKind::{self, Heading, Paragraph, TableRow};

use crate::extract::tests::{read_within, zip_of};
use crate::{ExtractLimits, IngestError};

#[track_caller]
fn check(bytes: &[u8], expected: &[(BlockKind, &str)]) {
    let document = read_within(bytes, "a.xlsx", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
}

const WORKBOOK: &str = "<workbook xmlns:r='r'><sheets><sheet name='F' sheetId='1' r:id='rId1'/>\
    </sheets></workbook>";
const RELATIONS: &str = "<Relationships><Relationship Id='rId1' Type='x/worksheet' \
    Target='worksheets/sheet1.xml'/><Relationship Id='rId2' Type='x/sharedStrings' \
    Target='sharedStrings.xml'/></Relationships>";

/// A workbook with one sheet.
fn sheet(inner: &str, strings: &str) -> Vec<u8> {
    let sheet = format!("<worksheet>{inner}</worksheet>");
    let strings = format!("<sst>{strings}</sst>");
    zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", WORKBOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
    ])
}

#[test]
fn fixture_is_read_as_a_person_sees_it() {
    let bytes = include_bytes!("../../../fixtures/tarifs.xlsx");
    check(
        bytes,
        &[
            (Heading(1), "Tarifs"),
            (Paragraph, "Tarifs des pompes au printemps"),
            (TableRow, "Valable jusqu'au: 30/06/2026"),
            (
                TableRow,
                "Référence: P200 ; Désignation: Pompe de surface ; Prix HT: 1\u{a0}234,50 € ; \
                 Remise: 5,0% ; En stock: VRAI ; Revu le: 01/03/2026",
            ),
            (
                TableRow,
                "Référence: P300 ; Désignation: Pompe immergée ; Prix HT: 980,00 € ; \
                 Remise: 12,5% ; En stock: FAUX ; Revu le: 02/03/2026",
            ),
            (TableRow, "Désignation: Total"),
            (Heading(1), "Régions"),
            (TableRow, "Région: Nord ; 2025 T1: 10 ; 2025 T2: 11 ; 2026 T1: 12 ; 2026 T2: 13"),
            (TableRow, "Région: Sud ; 2025 T1: 20 ; 2025 T2: 21 ; 2026 T1: 22 ; 2026 T2: #N/A"),
        ],
    );
    let document = read_within(bytes, "a.xlsx", &ExtractLimits::default()).unwrap();
    assert_eq!(document.title, "Tarifs 2026");
    assert_eq!(document.author.as_deref(), Some("Léa Petit"));
    assert_eq!(document.created.as_deref(), Some("2026-03-12T09:30:00Z"));
    let mut codes: Vec<&str> = document.warnings.iter().map(|w| w.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "comments_left_out",
            "formulas_without_result",
            "hidden_cells_left_out",
            "hidden_sheets_left_out",
        ],
    );
}

#[test]
fn shared_texts_are_joined_and_rows_may_lack_references() {
    let strings = "<si><r><t>Nom </t></r><r><t>complet</t></r><rPh><t>x</t></rPh></si>\
                   <si><t>Ville</t></si>";
    check(
        &sheet(
            "<sheetData><row><c t='s'><v>0</v></c><c t='s'><v>1</v></c></row><row><c t='str'><v>Zoé\
             </v></c><c t='inlineStr'><is><t>Lyon</t></is></c></row><row><c t='s'><v>99</v></c>\
             <c t='b'><v>1</v></c></row></sheetData>",
            strings,
        ),
        &[(Heading(1), "F"), (TableRow, "Nom complet: Zoé ; Ville: Lyon"), (Paragraph, "VRAI")],
    );
}

#[test]
fn rows_hidden_by_a_filter_are_read() {
    let rows = "<sheetData><row r='1'><c r='A1' t='str'><v>un</v></c></row><row r='2' hidden='1'>\
                <c r='A2' t='str'><v>deux</v></c></row></sheetData>";
    let filter = "<autoFilter ref='A1:A2'><filterColumn colId='0'/></autoFilter>";
    check(&sheet(rows, ""), &[(Heading(1), "F"), (Paragraph, "un")]);
    check(
        &sheet(&format!("{rows}{filter}"), ""),
        &[(Heading(1), "F"), (Paragraph, "un"), (Paragraph, "deux")],
    );
}

#[test]
fn a_sheet_as_large_as_can_be_costs_what_is_in_it() {
    check(
        &sheet(
            "<dimension ref='A1:XFD1048576'/><sheetData><row r='1'><c r='A1'><v>1</v></c></row>\
             <row r='1048576'><c r='XFD1048576'><v>0.1</v></c></row></sheetData>\
             <mergeCells><mergeCell ref='A1:XFD1048576'/></mergeCells>",
            "",
        ),
        &[(Heading(1), "F"), (Paragraph, "1"), (Paragraph, "1"), (Paragraph, "0,1")],
    );
}

#[track_caller]
fn check_error(bytes: &[u8], limits: &ExtractLimits, expected: &str) {
    let error = read_within(bytes, "a.xlsx", limits).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn hostile_workbooks_end_in_an_error() {
    let limits = ExtractLimits { max_cells: 1_000, ..ExtractLimits::default() };
    let cells = "<c><v>1</v></c>".repeat(1_001);
    check_error(
        &sheet(&format!("<sheetData><row>{cells}</row></sheetData>"), ""),
        &limits,
        "cells",
    );
    // One long text in many cells.
    let strings = format!("<si><t>{}</t></si>", "x".repeat(100_000));
    let cells = "<c t='s'><v>0</v></c>".repeat(10_000);
    let bytes = sheet(&format!("<sheetData><row>{cells}</row></sheetData>"), &strings);
    check_error(&bytes, &ExtractLimits::default(), "characters");
    let rows = "<row><c><v>1</v></c></row>".repeat(100);
    let merged = "<mergeCell ref='A1:A100'/>".repeat(50);
    let bytes = sheet(&format!("<sheetData>{rows}</sheetData>{merged}"), "");
    check_error(&bytes, &limits, "merged cells");
    check_error(&sheet("<sheetData><row>", ""), &ExtractLimits::default(), "damaged");
    let without = zip_of(&[("[Content_Types].xml", b""), ("xl/x.xml", b"")]);
    check_error(&without, &ExtractLimits::default(), "xl/workbook.xml");
    let empty = sheet("<sheetData/>", "");
    let read = read_within(&empty, "a.xlsx", &ExtractLimits::default());
    assert_eq!(read, Err(IngestError::Empty));
}
