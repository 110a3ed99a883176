//! Checks the reading of ODS.

use intramuros_types::BlockKind::{self, Heading, Paragraph, TableRow};

use crate::ExtractLimits;
use crate::extract::tests::{read_within, zip_of};

#[track_caller]
fn check(bytes: &[u8], expected: &[(BlockKind, &str)]) {
    let document = read_within(bytes, "a.ods", &ExtractLimits::default()).unwrap();
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
}

#[test]
fn fixture_is_read_as_a_person_sees_it() {
    let bytes = include_bytes!("../../../fixtures/tarifs.ods");
    check(
        bytes,
        &[
            (Heading(1), "Tarifs"),
            (Paragraph, "Tarifs des pompes"),
            (TableRow, "Référence: P200 ; Prix HT: 1 234,50 € ; Revu le: 01/03/2026"),
            (TableRow, "Référence: P300 ; Prix HT: 980,00 € ; Revu le: 2026-03-02"),
        ],
    );
    let document = read_within(bytes, "a.ods", &ExtractLimits::default()).unwrap();
    assert_eq!(document.title, "Tarifs 2026");
    let codes: Vec<&str> = document.warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(codes, ["hidden_cells_left_out", "hidden_sheets_left_out"]);
}

#[test]
fn repeated_cells_are_counted() {
    let xml = "<office:document-content xmlns:office='o' xmlns:table='b' xmlns:text='t'><office:body>\
               <office:spreadsheet><table:table table:name='F'><table:table-row \
               table:number-rows-repeated='1048576'><table:table-cell \
               table:number-columns-repeated='16384'><text:p>x</text:p></table:table-cell>\
               </table:table-row></table:table></office:spreadsheet></office:body>\
               </office:document-content>";
    let bytes = zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", xml.as_bytes()),
    ]);
    let error = read_within(&bytes, "a.ods", &ExtractLimits::default()).unwrap_err();
    assert_eq!(error.to_string(), "the document exceeds the limit of 2000000 cells");
}
