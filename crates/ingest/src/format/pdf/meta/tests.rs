//! Checks the dates and the XMP of documents.

use super::{Xmp, from_iso, from_pdf};

#[track_caller]
fn check(found: Option<String>, expected: Option<&str>) {
    assert_eq!(found.as_deref(), expected);
}

#[test]
fn dates_are_rfc_3339_or_days() {
    check(from_pdf("D:20260324105200+01'00'"), Some("2026-03-24T10:52:00+01:00"));
    check(from_pdf("D:20260324105200Z00'00'"), Some("2026-03-24T10:52:00Z"));
    check(from_pdf("D:20260324105200"), Some("2026-03-24"));
    check(from_pdf("20260324"), Some("2026-03-24"));
    check(from_pdf("D:2026"), Some("2026-01-01"));
    check(from_pdf("D:20261324"), None);
    check(from_pdf("hier à 10 h"), None);
    check(from_iso("2026-03-24T10:52:00.123-05:30"), Some("2026-03-24T10:52:00-05:30"));
    check(from_iso("2026-03-24T10:52"), Some("2026-03-24"));
    check(from_iso("2026-03"), None);
    check(from_iso("éééééé"), None);
}

#[test]
fn xmp_is_read_in_both_spellings() {
    let xmp = Xmp::of(
        "<x:xmpmeta><rdf:RDF><rdf:Description xmp:CreateDate='2026-03-24'><dc:title><rdf:Alt>\
         <rdf:li xml:lang='x-default'>Bail</rdf:li><rdf:li>Lease</rdf:li></rdf:Alt></dc:title>\
         <dc:creator><rdf:Seq><rdf:li>A. Roy</rdf:li></rdf:Seq></dc:creator>\
         <xmp:ModifyDate>2026-03-25T08:00:00Z</xmp:ModifyDate></rdf:Description><broken",
    );
    check(xmp.title, Some("Bail"));
    check(xmp.author, Some("A. Roy"));
    check(xmp.created, Some("2026-03-24"));
    check(xmp.modified, Some("2026-03-25T08:00:00Z"));
}
