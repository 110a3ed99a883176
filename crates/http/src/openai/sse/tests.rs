//! Tests that usage is that of the prompts, whatever ends first.

use super::*;
use crate::openai::choices::total;

#[test]
fn prompts_are_counted_once_in_whatever_order_their_choices_end() {
    let usage = |prompt_tokens, completion_tokens| Usage {
        prompt_tokens,
        completion_tokens,
        ..Usage::default()
    };
    let mut usages = Vec::new();
    // Two choices of a prompt of 10 tokens, then two of one of 100.
    for (choice, usage) in
        [(3, usage(100, 4)), (0, usage(10, 1)), (2, usage(100, 3)), (1, usage(10, 2))]
    {
        note(&mut usages, choice, usage);
    }
    let total = total(usages, 2);
    assert_eq!((total.prompt_tokens, total.completion_tokens), (110, 10));
}
