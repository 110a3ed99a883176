//! Tests the wording of errors that users read.

use super::EngineError;

#[track_caller]
fn check(error: EngineError, expected: &str) {
    assert_eq!(error.to_string(), expected);
}

#[test]
fn too_long_prompt_names_both_counts() {
    check(
        EngineError::PromptTooLong { prompt_tokens: 9120, context_tokens: 8192, max_tokens: None },
        "prompt has 9,120 tokens, the model's context is 8,192; shorten the prompt",
    );
    check(
        EngineError::PromptTooLong {
            prompt_tokens: 100,
            context_tokens: 1_048_576,
            max_tokens: Some(1_048_500),
        },
        "prompt has 100 tokens and max_tokens is 1,048,500, the model's context is 1,048,576; \
         shorten the prompt or ask for fewer tokens",
    );
}
