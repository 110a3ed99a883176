//! Makes of a message that follows something up a question that stands by itself.
//!
//! Searches know nothing of what was said before. Where a message leans on it (`et pour la grande ?`),
//! the generator words it anew from the last turns, within the assistant's memory. What it adds must
//! have been said: a rewriting with a number, or too many words, that nobody said is dropped, and the
//! question before is put in front of the message instead, which finds the right passages as well
//! though it reads worse.

use intramuros_engine::{Caller, EngineError, GenerateRequest, Prompt, TextEngine};
use intramuros_ledger::{MessageRecord, MessageRole};
use intramuros_types::{Message, Role, SamplingParams};

use super::Memory;
use super::words::{content, stem, words};

/// The longest question that is searched for.
pub(super) const MAX_QUESTION_CHARS: usize = 1_200;
/// Characters of a turn that are remembered.
const TURN_CHARS: usize = 800;
/// Tokens of a question.
const QUESTION_TOKENS: u32 = 96;
/// Words that say something, from which on a message is taken to stand by itself.
const ENOUGH_WORDS: usize = 4;
/// Share of a rewriting's words that must have been said.
const SAID: f32 = 0.75;
/// Share of a message's words that its rewriting must keep.
const KEPT: f32 = 0.6;

/// What points at something that was said before, folded.
const POINTING: [&str; 45] = [
    "ca", "cela", "ceci", "celui", "celle", "ceux", "celles", "ci", "elle", "elles", "ils", "lui",
    "leur", "leurs", "son", "sa", "ses", "dernier", "derniere", "premier", "premiere", "second",
    "seconde", "deuxieme", "autre", "autres", "meme", "pareil", "dessus", "dedans", "aussi", "it",
    "its", "they", "them", "their", "that", "those", "these", "this", "one", "ones", "same",
    "other", "too",
];

/// What begins a message that goes on with what was said.
const GOING_ON: [&str; 14] = [
    "et", "mais", "alors", "donc", "sinon", "ou", "pourquoi", "and", "but", "so", "or", "then",
    "why", "ok",
];

/// The last turns of a conversation, as far as an assistant remembers.
pub(super) struct History {
    turns: Vec<(MessageRole, String)>,
}

impl History {
    /// What is remembered of `messages`, which are in their order, before the one of `ordinal`.
    pub(super) fn new(messages: &[MessageRecord], ordinal: u32, memory: Memory) -> Self {
        let before = messages.iter().rev().filter(|message| message.ordinal < ordinal);
        Self::remembered(before.map(|message| (message.role, message.text.as_str())), memory)
    }

    /// What is remembered of what was said, in its order, where there is no conversation.
    pub(super) fn of(said: &[(MessageRole, String)], memory: Memory) -> Self {
        Self::remembered(said.iter().rev().map(|(role, text)| (*role, text.as_str())), memory)
    }

    /// What is remembered of turns that come last first.
    fn remembered<'a>(turns: impl Iterator<Item = (MessageRole, &'a str)>, memory: Memory) -> Self {
        let mut kept = Vec::new();
        let (mut questions, mut chars) = (0, 0);
        for (role, text) in turns {
            if role == MessageRole::Notice || text.is_empty() {
                continue;
            }
            let text: String = text.chars().take(TURN_CHARS).collect();
            chars += text.chars().count();
            if chars > memory.chars as usize || questions >= memory.turns {
                break;
            }
            questions += u32::from(role == MessageRole::Customer);
            kept.push((role, text));
        }
        kept.reverse();
        Self { turns: kept }
    }

    /// What the customer asked last.
    pub(super) fn last_question(&self) -> Option<&str> {
        let asked = self.turns.iter().rev().find(|(role, _)| *role == MessageRole::Customer);
        asked.map(|(_, text)| text.as_str())
    }

    /// The turns as a model reads them.
    pub(super) fn render(&self, language: &str) -> String {
        let (customer, other) =
            if language == "fr" { ("Client", "Réponse") } else { ("Customer", "Answer") };
        let line = |(role, text): &(MessageRole, String)| {
            let who = if *role == MessageRole::Customer { customer } else { other };
            format!("{who} : {text}\n")
        };
        self.turns.iter().map(line).collect()
    }
}

/// Whether `message` needs what was said before, or is too long to be searched for as it is.
pub(super) fn leans(message: &str, history: &History) -> bool {
    if message.chars().count() > MAX_QUESTION_CHARS {
        return true;
    }
    if history.last_question().is_none() {
        return false;
    }
    let said = words(message);
    let goes_on = said.first().is_some_and(|first| GOING_ON.contains(&first.as_str()));
    let points = said.iter().any(|word| POINTING.contains(&word.as_str()));
    goes_on || points || content(message).len() < ENOUGH_WORDS
}

/// The question of a message that leans on what was said before.
///
/// # Errors
/// A failure of the generator.
pub(super) async fn stand_alone(
    generator: &TextEngine,
    (message, history): (&str, &History),
    language: &str,
    caller: &Caller,
) -> Result<String, EngineError> {
    let prompt = Prompt::Chat(conversation(message, history, language));
    let request = GenerateRequest::of(caller, prompt, SamplingParams::greedy(QUESTION_TOKENS));
    let written = generator.submit(request).await?.collect().await?;
    let rewriting = one_line(&written.text);
    if is_faithful(&rewriting, message, history) {
        return Ok(rewriting);
    }
    Ok(put_together(message, history))
}

/// The message behind the question before it.
pub(super) fn put_together(message: &str, history: &History) -> String {
    let before = history.last_question().unwrap_or_default();
    let whole = format!("{before} {message}");
    let whole = whole.trim();
    // What is said last counts most.
    let skipped = whole.chars().count().saturating_sub(MAX_QUESTION_CHARS);
    whole.chars().skip(skipped).collect()
}

fn conversation(message: &str, history: &History, language: &str) -> Vec<Message> {
    let message: String = message.chars().take(4 * MAX_QUESTION_CHARS).collect();
    let (system, before, last, closing) = if language == "fr" {
        (
            "Tu reformules le dernier message d'un client en une question complète, qui se \
             comprend sans la conversation. Reprends les mots du client et nomme ce dont il parle. \
             N'ajoute aucun fait. Ne réponds pas à la question. Écris la question seule.",
            "Conversation :",
            "Dernier message :",
            "Question complète :",
        )
    } else {
        (
            "You word the last message of a customer as a complete question that is understood \
             without the conversation. Use the customer's words and name what it is about. Add no \
             fact. Do not answer the question. Write the question alone.",
            "Conversation:",
            "Last message:",
            "Complete question:",
        )
    };
    let turns = history.render(language);
    let user = format!("{before}\n{turns}\n{last} {message}\n\n{closing}");
    vec![Message::new(Role::System, system), Message::new(Role::User, user)]
}

/// The first line that says something, without a label before it and marks around it.
fn one_line(written: &str) -> String {
    let line = written.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let label = ["Question complète :", "Complete question:", "Question :", "Question:"];
    let line = label.iter().find_map(|label| line.strip_prefix(label)).unwrap_or(line);
    let marks = |letter: char| letter.is_whitespace() || "\"«»“”*".contains(letter);
    line.trim_matches(marks).chars().take(MAX_QUESTION_CHARS).collect()
}

/// Whether a rewriting says what the message does, and nothing that nobody said.
fn is_faithful(rewriting: &str, message: &str, history: &History) -> bool {
    let stems = |text: &str| -> Vec<String> {
        content(text).iter().map(|word| stem(word).to_owned()).collect()
    };
    let asked = stems(message);
    let mut said = asked.clone();
    said.extend(history.turns.iter().flat_map(|(_, text)| stems(text)));
    let worded = stems(rewriting);
    if worded.is_empty() {
        return false;
    }
    let share = |words: &[String], of: &[String]| {
        let found = words.iter().filter(|word| of.contains(word)).count();
        found as f32 / words.len().max(1) as f32
    };
    let has_digit = |word: &&String| word.chars().any(|letter| letter.is_ascii_digit());
    let numbers_were_said = worded.iter().filter(has_digit).all(|number| said.contains(number));
    let keeps = asked.is_empty() || share(&asked, &worded) >= KEPT;
    numbers_were_said && share(&worded, &said) >= SAID && keeps
}

#[cfg(test)]
mod tests {
    use intramuros_ledger::MessageRole;

    use super::{History, is_faithful, leans, one_line, put_together};

    fn history(turns: &[(MessageRole, &str)]) -> History {
        History { turns: turns.iter().map(|(role, text)| (*role, (*text).to_owned())).collect() }
    }

    fn after_price() -> History {
        history(&[
            (MessageRole::Customer, "Combien coûte la location d'une mini-pelle ?"),
            (MessageRole::Assistant, "La mini-pelle de 1,8 t coûte 145 € par jour."),
        ])
    }

    #[test]
    fn messages_that_follow_something_up_are_told() {
        let history = after_price();
        for message in
            ["Et à la semaine ?", "et la nacelle", "Et ça comprend l'assurance ?", "Pourquoi ?"]
        {
            assert!(leans(message, &history), "{message}");
        }
        let whole = "Quels documents faut-il fournir pour louer une nacelle élévatrice ?";
        assert!(!leans(whole, &history));
        assert!(!leans("Et à la semaine ?", &super::History { turns: Vec::new() }));
        assert!(leans(&"mot ".repeat(400), &super::History { turns: Vec::new() }));
    }

    #[test]
    fn a_rewriting_says_what_was_said() {
        let history = after_price();
        let follows = "Et à la semaine ?";
        let good = "Combien coûte la location d'une mini-pelle à la semaine ?";
        assert!(is_faithful(good, follows, &history));
        assert!(!is_faithful("Combien coûte la nacelle de 12 m à la semaine ?", follows, &history));
        assert!(!is_faithful("Combien coûte la location d'une mini-pelle ?", follows, &history));
        assert!(!is_faithful("", follows, &history));
        assert_eq!(one_line("Question complète : « Combien ? »"), "Combien ?");
        let together = "Combien coûte la location d'une mini-pelle ? Et à la semaine ?";
        assert_eq!(put_together(follows, &history), together);
    }
}
