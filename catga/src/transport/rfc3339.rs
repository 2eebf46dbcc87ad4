//! Times as `CloudEvents` writes them: RFC 3339.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// `2026-11-22T13:30:20.123456789Z`: in UTC, with as many digits as it takes.
pub(super) fn write(time: SystemTime) -> String {
    let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (whole(since), since.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            match before.subsec_nanos() {
                0 => (-whole(before), 0),
                nanos => (-whole(before) - 1, 1_000_000_000 - nanos),
            }
        }
    };
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut text = String::with_capacity("2026-11-22T13:30:20.123456789Z".len());
    if (0..10_000).contains(&year) {
        push(&mut text, year, 4);
    } else {
        text.push_str(&year.to_string());
    }
    for (mark, number) in [
        ('-', month),
        ('-', day),
        ('T', hour),
        (':', minute),
        (':', second),
    ] {
        text.push(mark);
        push(&mut text, number, 2);
    }
    if nanos > 0 {
        text.push('.');
        push(&mut text, nanos.into(), 9);
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
    text
}

/// Adds the last so many digits of a number. Each stored message has its time: the format of the
/// standard library takes several times as long.
fn push(text: &mut String, number: i64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or_default()));
    }
}

/// The time that a text says; `None` if it is none of RFC 3339.
pub(super) fn read(text: &str) -> Option<SystemTime> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let mut date = date.split('-');
    let (year, month, day) = (
        digits(date.next()?)?,
        digits(date.next()?)?,
        digits(date.next()?)?,
    );
    let behind = clock.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = clock.split_at(behind);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.split(':');
    let (hour, minute) = (digits(clock.next()?)?, digits(clock.next()?)?);
    let second = digits(clock.next()?)?;
    // A leap second is the one behind it.
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && year < 10_000;
    if !is_time || !is_date || date.next().is_some() || clock.next().is_some() {
        return None;
    }
    let seconds =
        days(year, month, day) * DAY + hour * 3_600 + minute * 60 + second - offset(zone)?;
    let nanos = nanos(fraction)?;
    let since = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        UNIX_EPOCH.checked_sub(since)
    } else {
        UNIX_EPOCH.checked_add(since)
    };
    time?.checked_add(Duration::from_nanos(nanos))
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2)
}

fn digits(text: &str) -> Option<i64> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// What the zone is ahead of UTC, in seconds.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return (zone.len() == 1).then_some(0),
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(sign * (digits(hours)? * 3_600 + digits(minutes)? * 60))
}

/// Digits beyond the ninth are left out.
fn nanos(fraction: &str) -> Option<u64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().map(|byte| u64::from(byte - b'0'));
    let nine = digits.chain(std::iter::repeat(0)).take(9);
    Some(nine.fold(0, |nanos, digit| 10 * nanos + digit))
}

/// Days since 1970 of a date, in a year that begins in March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let day = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

/// The other way round.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    #[test]
    fn known_times() {
        for (time, text) in [
            (at(0, 0), "1970-01-01T00:00:00Z"),
            (at(951_782_400, 0), "2000-02-29T00:00:00Z"),
            (at(1_795_354_220, 123_000_000), "2026-11-22T13:30:20.123Z"),
            (at(4_102_444_799, 1), "2099-12-31T23:59:59.000000001Z"),
        ] {
            assert_eq!(write(time), text);
            assert_eq!(read(text), Some(time), "{text}");
        }
        let before = UNIX_EPOCH - Duration::from_millis(1_500);
        assert_eq!(write(before), "1969-12-31T23:59:58.5Z");
        assert_eq!(read("1969-12-31T23:59:58.5Z"), Some(before));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for step in 0..50_000_u64 {
            let time = at(step * 86_399 * 3, 500);
            assert_eq!(read(&write(time)), Some(time));
        }
    }

    #[test]
    fn zones_and_long_fractions() {
        let time = at(1_795_354_220, 123_456_789);
        for text in [
            "2026-11-22T14:30:20.123456789+01:00",
            "2026-11-22t05:00:20.1234567891234-08:30",
            "2026-11-22 13:30:20.123456789z",
        ] {
            assert_eq!(read(text), Some(time), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in [
            "",
            "T",
            "now",
            "2026-11-22",
            "2026-11-22T13:30Z",
            "2026-13-22T13:30:20Z",
            "2026-11-22T13:30:20",
            "2026-11-22T13:30:20.Z",
            "2026-11-22T24:30:20Z",
            "2026-11-22T13:30:20Z+",
            "2026-11-22T13:30:20+1",
            "99999999999-1-1T0:0:0Z",
            "2026-11-22-1T13:30:20Z",
            "ü-ü-üTü:ü:üZ",
            "2026-11-22T13:30:20.é00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
