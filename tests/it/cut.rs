//! Every answer to a read, cut at every byte: none may pass for complete.

use crate::fuzz::targets::response::{self, READS};

#[test]
fn an_answer_cut_at_any_byte_is_never_taken_for_complete() {
    let (mut cuts, mut accepted) = (0_usize, Vec::new());
    for whole in response::answers() {
        assert!(response::read(&whole).is_ok(), "{whole:?}");
        let length = whole.body.trim_ascii_end().len();
        assert!(length > 0, "{}", whole.call);
        let mut answer = whole.clone();
        for cut in (0..length).rev() {
            answer.body.truncate(cut);
            cuts += 1;
            if response::read(&answer).is_ok() {
                accepted.push(format!("{} cut at {cut} of {length}", whole.call));
            }
        }
    }
    println!("{} answers cut at {cuts} places: {} accepted as complete", READS.len(), accepted.len());
    assert!(accepted.is_empty(), "{accepted:#?}");
}
