//! Formats a date as C's `strftime` does, for templates that write today's.

use time::OffsetDateTime;

/// The most bytes of a format.
const MAX_FORMAT_BYTES: usize = 256;

/// `now` in `format`, English names.
///
/// # Errors
/// The message, when the format is too long or has a directive that is not supported.
///
/// Source: ISO C 17, 7.27.3.5, the C locale; the subset that chat templates use.
pub(super) fn strftime(format: &str, now: OffsetDateTime) -> Result<String, String> {
    if format.len() > MAX_FORMAT_BYTES {
        return Err(format!("date format is longer than {MAX_FORMAT_BYTES} bytes"));
    }
    let mut text = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character == '%' {
            text.push_str(&directive(characters.next(), now)?);
        } else {
            text.push(character);
        }
    }
    Ok(text)
}

fn directive(letter: Option<char>, now: OffsetDateTime) -> Result<String, String> {
    let month = now.month().to_string();
    let weekday = now.weekday().to_string();
    let hour12 = (now.hour() + 11) % 12 + 1;
    Ok(match letter {
        Some('Y') => now.year().to_string(),
        Some('y') => format!("{:02}", now.year().rem_euclid(100)),
        Some('m') => format!("{:02}", u8::from(now.month())),
        Some('B') => month,
        Some('b' | 'h') => month[..3].to_owned(),
        Some('d') => format!("{:02}", now.day()),
        Some('e') => format!("{:2}", now.day()),
        Some('j') => format!("{:03}", now.ordinal()),
        Some('A') => weekday,
        Some('a') => weekday[..3].to_owned(),
        Some('H') => format!("{:02}", now.hour()),
        Some('I') => format!("{hour12:02}"),
        Some('p') => if now.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        Some('M') => format!("{:02}", now.minute()),
        Some('S') => format!("{:02}", now.second()),
        Some('F') => {
            format!("{}-{:02}-{:02}", now.year(), u8::from(now.month()), now.day())
        }
        Some('T') => format!("{:02}:{:02}:{:02}", now.hour(), now.minute(), now.second()),
        Some('Z') => "UTC".to_owned(),
        Some('z') => "+0000".to_owned(),
        Some('%') => "%".to_owned(),
        Some(other) => return Err(format!("date directive `%{other}` is not supported")),
        None => return Err("date format ends in `%`".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::strftime;

    #[track_caller]
    fn check(format: &str, expected: Result<&str, &str>) {
        // 2024-07-06 15:04:09 UTC, a Saturday.
        let now = OffsetDateTime::from_unix_timestamp(1_720_278_249).unwrap();
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(strftime(format, now), expected);
    }

    #[test]
    fn directives_give_what_c_gives() {
        check("%d %b %Y", Ok("06 Jul 2024"));
        check("%A %e %B %y, %I:%M:%S %p", Ok("Saturday  6 July 24, 03:04:09 PM"));
        check("%Y-%m-%dT%H:%M:%S%z", Ok("2024-07-06T15:04:09+0000"));
        check("%F %T %Z %a %j", Ok("2024-07-06 15:04:09 UTC Sat 188"));
        check("100 %% été", Ok("100 % été"));
        check("", Ok(""));
    }

    #[test]
    fn unknown_directives_are_refused() {
        check("%Q", Err("date directive `%Q` is not supported"));
        check("%d %", Err("date format ends in `%`"));
        check(&"a".repeat(257), Err("date format is longer than 256 bytes"));
    }
}
