//! Reads references to cells such as `AB12` and `A1:C3`.

/// Columns of a sheet at most. Source: ECMA-376 part 1, 18.2.26 and Excel's limits.
const MAX_COLUMNS: u32 = 16_384;
/// Rows of a sheet at most.
const MAX_ROWS: u32 = 1_048_576;

/// Column from 0 and row from 1 of a reference such as `AB12` or `$AB$12`; `None` for anything
/// else and for what lies beyond a sheet.
pub(super) fn cell(text: &str) -> Option<(u32, u32)> {
    let mut column: u32 = 0;
    let mut row: u32 = 0;
    for byte in text.bytes().filter(|byte| *byte != b'$') {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' if row == 0 => {
                let digit = u32::from(byte.to_ascii_uppercase() - b'A') + 1;
                column = column.checked_mul(26)?.checked_add(digit)?;
            }
            b'0'..=b'9' => row = row.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?,
            _ => return None,
        }
    }
    let column = column.checked_sub(1)?;
    (column < MAX_COLUMNS && (1..=MAX_ROWS).contains(&row)).then_some((column, row))
}

/// First and last column and row of a reference such as `A1:C3`.
pub(super) fn range(text: &str) -> Option<((u32, u32), (u32, u32))> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let (first, last) = (cell(first)?, cell(last)?);
    (first.0 <= last.0 && first.1 <= last.1).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::{cell, range};

    #[track_caller]
    fn check(text: &str, expected: Option<(u32, u32)>) {
        assert_eq!(cell(text), expected);
    }

    #[test]
    fn references_are_within_a_sheet() {
        check("A1", Some((0, 1)));
        check("$AB$12", Some((27, 12)));
        check("xfd1048576", Some((16_383, 1_048_576)));
        for wrong in
            ["", "A", "1", "A0", "XFE1", "A1048577", "1A", "é1", "ZZZZZZZZZZ1", "A99999999999"]
        {
            check(wrong, None);
        }
        assert_eq!(range("B2:C3"), Some(((1, 2), (2, 3))));
        assert_eq!(range("B2"), Some(((1, 2), (1, 2))));
        assert_eq!(range("C3:B2"), None);
    }
}
