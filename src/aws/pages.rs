//! The rules that every paged list answers to: a list is complete or it is an error.

use std::collections::BTreeSet;

use super::AwsError;

/// More pages than this is a list that never ends.
const LIMIT: usize = 1000;

/// Follows the tokens of one list.
#[derive(Debug)]
pub(super) struct Pages {
    service: &'static str,
    operation: &'static str,
    seen: BTreeSet<String>,
}

impl Pages {
    pub(super) fn new(service: &'static str, operation: &'static str) -> Self {
        Self { service, operation, seen: BTreeSet::new() }
    }

    /// Decides on the next page: `truncated` is what the answer says about itself, where the protocol has such a word.
    pub(super) fn next(&mut self, truncated: Option<bool>, token: Option<&str>) -> Result<Option<String>, AwsError> {
        let token = token.filter(|token| !token.is_empty());
        let error = |message: &str| Err(AwsError::unsettled(self.service, self.operation, message));
        match (truncated, token) {
            (Some(true), None) => error("the list is cut off and names no next page"),
            (Some(false), _) | (None, None) => Ok(None),
            (Some(true) | None, Some(token)) => {
                if !self.seen.insert(token.to_owned()) {
                    return error("the list names the same next page twice");
                }
                if self.seen.len() >= LIMIT {
                    return error("the list has more than 1000 pages");
                }
                Ok(Some(token.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        Pages::new("iam", "ListRoles")
    }

    #[test]
    fn a_list_ends_where_it_says_so() {
        assert_eq!(pages().next(Some(false), None).ok(), Some(None));
        assert_eq!(pages().next(None, Some("")).ok(), Some(None));
        assert_eq!(pages().next(None, Some("a")).ok(), Some(Some("a".to_owned())));
    }

    #[test]
    fn a_cut_off_list_without_a_next_page_is_an_error() {
        assert!(pages().next(Some(true), None).is_err());
        assert!(pages().next(Some(true), Some("")).is_err());
    }

    #[test]
    fn a_repeated_page_is_an_error() {
        let mut pages = pages();
        assert!(pages.next(Some(true), Some("a")).is_ok());
        assert!(pages.next(Some(true), Some("a")).is_err());
    }

    #[test]
    fn a_list_that_never_ends_is_an_error() {
        let mut pages = pages();
        assert!((0..=LIMIT).any(|page| pages.next(Some(true), Some(&page.to_string())).is_err()));
    }
}
