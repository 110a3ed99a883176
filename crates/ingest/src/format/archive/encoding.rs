//! Decodes the names of a ZIP archive's entries, whose encoding old programs do not say.

use encoding_rs::WINDOWS_1252;

/// The upper half of code page 850, which Windows writes names in, in western Europe. What text
/// has of code page 437, APPNOTE's own, stands at the same places, but for Greek letters.
/// Source: the mapping table CP850.TXT of the Unicode Consortium.
const CODE_PAGE_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
    └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// Decodes a name: as UTF-8 when it is that, whatever its flag says, else as Windows-1252 or code
/// page 850, whichever makes letters of more of it.
pub(super) fn decode_name(raw: &[u8]) -> String {
    if let Ok(name) = std::str::from_utf8(raw) {
        return name.to_owned();
    }
    // Accented letters are from 0x80 to 0xA5 in code page 850, and from 0xC0 on in Windows-1252.
    let high = |from: u8, to: u8| raw.iter().filter(|b| (from..=to).contains(*b)).count();
    if high(0xc0, 0xff) > high(0x80, 0xa5) {
        return WINDOWS_1252.decode_without_bom_handling(raw).0.into_owned();
    }
    let upper: Vec<char> = CODE_PAGE_850.chars().collect();
    let decode = |b: &u8| {
        b.checked_sub(0x80)
            .and_then(|at| upper.get(usize::from(at)).copied())
            .unwrap_or(char::from(*b))
    };
    raw.iter().map(decode).collect()
}
