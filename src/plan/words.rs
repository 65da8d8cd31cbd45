//! How numbers of things are said, wherever they are.

/// Returns `1 instance`, or `2 instances`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {}", plural(noun)) }
}

/// Returns the plural of a regular noun that does not end in a vowel and a y.
pub fn plural(noun: &str) -> String {
    noun.strip_suffix('y').map_or_else(|| format!("{noun}s"), |stem| format!("{stem}ies"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let said = [0, 1, 2].map(|it| count(it, "instance"));
        assert_eq!(said, ["0 instances", "1 instance", "2 instances"]);
        let said = [0, 1, 2].map(|it| count(it, "activity"));
        assert_eq!(said, ["0 activities", "1 activity", "2 activities"]);
    }
}
