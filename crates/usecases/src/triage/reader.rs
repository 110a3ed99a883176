//! Asks models what they make of a text.
//!
//! The encoder gives a vector that is near those of texts about the same thing. The generator reads the
//! text once and is asked short questions about it; what it is about to answer is in its hidden state
//! before it writes a word, and that is taken instead of an answer: it costs one pass over the text, and
//! says more than the word would.
//!
//! Source: Zou et al. 2023, "Representation Engineering" (arXiv 2310.01405), section 3.1 (reading hidden
//! states at the last token of a question).

use intramuros_engine::{
    Caller, EmbedEngine, EngineError, GenerateRequest, InputKind, Prompt, TextEngine,
};
use intramuros_ledger::Reading;
use intramuros_types::{Message, Role, SamplingParams};

/// Counts the wordings of questions: what was learnt from answers to one says nothing about another.
const WORDING: u32 = 2;

/// Characters of a text that the encoder is given, which is about what it can read.
pub(super) const ENCODER_CHARS: usize = 1_500;
/// Characters of a text that the generator is given.
const GENERATOR_CHARS: usize = 1_500;

const SYSTEM: &str = "Tu résumes des demandes de clients en un mot.";
/// What the generator is asked about a text. Measured on 240 tickets beside others: these four do as
/// well as six, and each costs a tenth of a second.
const QUESTIONS: [&str; 4] = [
    "En un mot, quel appareil, logiciel ou service est concerné ?",
    "En un mot, que faut-il faire ?",
    "En un mot, qui est gêné ?",
    "En un mot, est-ce grave ?",
];

/// The models that read texts.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) encoder: EmbedEngine,
    pub(super) generator: Option<TextEngine>,
}

impl Reader {
    /// Name of what the encoder makes of a text.
    pub(super) fn encoding(&self) -> String {
        format!("encoder {}", self.encoder.info().id)
    }

    /// Names of what the generator makes of a text; none without one.
    pub(super) fn questions(&self) -> Vec<String> {
        let Some(generator) = &self.generator else { return Vec::new() };
        let id = &generator.info().id;
        let name = |question| format!("generator {id}, question {question} of wording {WORDING}");
        (1..=QUESTIONS.len()).map(name).collect()
    }

    /// Ids of the models, the encoder first.
    pub(super) fn names(&self) -> Vec<String> {
        let generator = self.generator.iter().map(|model| model.info().id.to_string());
        std::iter::once(self.encoder.info().id.to_string()).chain(generator).collect()
    }

    /// Vectors of texts.
    pub(super) async fn encode(
        &self,
        texts: Vec<String>,
        caller: &Caller,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let start = |text: String| -> String { text.chars().take(ENCODER_CHARS).collect() };
        let texts = texts.into_iter().map(start).collect();
        Ok(self.encoder.embed_beginnings(texts, InputKind::Query, caller).await?.vectors)
    }

    /// What the generator makes of a text, a reading for each question; none without one.
    pub(super) async fn question(
        &self,
        text: &str,
        caller: &Caller,
    ) -> Result<Vec<Reading>, EngineError> {
        let Some(generator) = &self.generator else { return Ok(Vec::new()) };
        let mut readings = Vec::new();
        // One after the other: the first computes the text, the others find it in the cache.
        for (reader, question) in self.questions().into_iter().zip(QUESTIONS) {
            let prompt = Prompt::Chat(conversation(text, question));
            let mut request = GenerateRequest::of(caller, prompt, SamplingParams::greedy(0));
            request.hidden = true;
            let done = generator.submit(request).await?.collect().await?;
            readings.push(Reading { reader, vector: done.hidden });
        }
        Ok(readings)
    }
}

fn conversation(text: &str, question: &str) -> Vec<Message> {
    let text: String = text.chars().take(GENERATOR_CHARS).collect();
    vec![
        Message::new(Role::System, SYSTEM),
        Message::new(Role::User, format!("Demande :\n{text}\n\n{question}")),
    ]
}
