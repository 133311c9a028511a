//! Numbers of bytes as people read them.

/// Units of 1024 times the one before.
const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// A number of bytes with three digits: `12 B`, `1.46 KiB`, `23.1 MiB`.
#[must_use]
pub fn byte_size(bytes: f64) -> String {
    let mut value = bytes;
    let mut units = UNITS.iter().peekable();
    while let Some(unit) = units.next() {
        if value >= 1023.5 && units.peek().is_some() {
            value /= 1024.0;
            continue;
        }
        let decimals = match value {
            whole if whole.fract() == 0.0 || whole >= 99.95 => 0,
            tens if tens >= 9.995 => 1,
            _ => 2,
        };
        return format!("{value:.decimals$} {unit}");
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_the_unit_that_fits() {
        for (bytes, shown) in [
            (0.0, "0 B"),
            (2.0, "2 B"),
            (15.5, "15.5 B"),
            (1023.0, "1023 B"),
            (1023.6, "1.00 KiB"),
            (1024.0, "1 KiB"),
            (1500.0, "1.46 KiB"),
            (24_222_105.0, "23.1 MiB"),
            (1e20, "90949470 TiB"),
        ] {
            assert_eq!(byte_size(bytes), shown, "{bytes}");
        }
    }
}
