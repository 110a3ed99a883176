//! Checks how parts find one another.

use super::resolved;

#[track_caller]
fn check(folder: &str, target: &str, expected: &str) {
    assert_eq!(resolved(folder, target), expected);
}

#[test]
fn targets_are_relative_to_the_part_that_refers_to_them() {
    check("", "word/document.xml", "word/document.xml");
    check("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml");
    check("ppt/slides", "../notesSlides/notesSlide1.xml", "ppt/notesSlides/notesSlide1.xml");
    check("xl", "/xl/worksheets/sheet1.xml", "xl/worksheets/sheet1.xml");
    check("a", "../../../b.xml", "b.xml");
    check("a", "./b//c.xml", "a/b/c.xml");
}
