//! Streams an answer sentence by sentence, each checked before it leaves.

use std::collections::VecDeque;

use intramuros_engine::{Generation, GenerationEvent};
use intramuros_types::{ModelId, Usage};

use crate::KnowledgeError;
use crate::citation::Citation;
use crate::evidence::{Evidence, Support};
use crate::gap::Gap;
use crate::judge::Judgement;
use crate::language::Language;
use crate::prompt::{no_answer, says_no_answer};
use crate::search::Hit;
use crate::sentences::SentenceBuffer;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abstention {
    /// No passage was found.
    NothingFound,
    /// The generator read the passages and judged, or wrote, that there is no answer in them.
    NoAnswer,
    /// The generator wrote something that the passages do not support.
    Unsupported,
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the user reads: supported sentences, or the plain statement that there is no answer.
    pub text: String,
    /// The evidence, in the order of the sentences, without repetition. Empty exactly when
    /// `abstention` is set.
    pub citations: Vec<Citation>,
    /// Why there is no answer.
    pub abstention: Option<Abstention>,
    /// Sentences of the generator that were held back for want of evidence.
    pub withheld_sentences: u32,
    /// Language of the answer.
    pub language: Language,
    /// The generator; `None` when it was not needed.
    pub model: Option<ModelId>,
    /// What the generator judged before it wrote, where the knowledge base is calibrated.
    pub judgement: Option<Judgement>,
    /// Tokens that were used.
    pub usage: Usage,
}

/// What an [`Answering`] yields, in this order: passages, sentences, the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerEvent {
    /// The passages that the answer may use, best first.
    Passages(Vec<Hit>),
    /// The next supported sentence with the white space around it.
    Sentence {
        /// The text.
        text: String,
        /// Its evidence.
        citation: Box<Citation>,
    },
    /// The end.
    Finished(Box<Answer>),
}

/// An answer in the making. Dropping it frees the generator at its next step.
pub struct Answering {
    ready: VecDeque<AnswerEvent>,
    writing: Option<Writing>,
    /// Noted when there is no answer.
    gap: Option<Gap>,
}

/// What is needed while the generator writes.
struct Writing {
    generation: Generation,
    evidence: Evidence,
    buffer: SentenceBuffer,
    /// A lead-in that waits for the sentence it announces.
    held: String,
    answer: Answer,
}

impl Answering {
    /// An answer that is known without the generator: nothing was found.
    pub(crate) fn nothing_found(language: Language, gap: Option<Gap>) -> Self {
        let answer = Answer {
            text: no_answer(language).to_string(),
            abstention: Some(Abstention::NothingFound),
            ..unwritten(language, None, None)
        };
        let events = [AnswerEvent::Passages(Vec::new()), AnswerEvent::Finished(Box::new(answer))];
        Self { ready: events.into(), writing: None, gap }
    }

    /// An answer that `judgement` forbids to write from `hits`.
    pub(crate) fn refused(
        hits: Vec<Hit>,
        language: Language,
        judgement: Judgement,
        gap: Option<Gap>,
    ) -> Self {
        let model = Some(judgement.model.clone());
        let answer = Answer {
            text: no_answer(language).to_string(),
            abstention: Some(Abstention::NoAnswer),
            ..unwritten(language, model, Some(judgement))
        };
        let events = [AnswerEvent::Passages(hits), AnswerEvent::Finished(Box::new(answer))];
        Self { ready: events.into(), writing: None, gap }
    }

    /// An answer that `generation` writes from `hits` into `answer`.
    pub(crate) fn new(
        question: &str,
        hits: Vec<Hit>,
        generation: Generation,
        answer: Answer,
        gap: Option<Gap>,
    ) -> Self {
        let writing = Writing {
            generation,
            evidence: Evidence::new(question, &hits),
            buffer: SentenceBuffer::default(),
            held: String::new(),
            answer,
        };
        Self { ready: [AnswerEvent::Passages(hits)].into(), writing: Some(writing), gap }
    }

    /// The next event; `None` after [`AnswerEvent::Finished`].
    ///
    /// # Errors
    /// A failure of the generator; nothing follows it.
    pub async fn next(&mut self) -> Option<Result<AnswerEvent, KnowledgeError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if let AnswerEvent::Finished(answer) = &event
                    && answer.abstention.is_some()
                    && let Some(gap) = self.gap.take()
                {
                    gap.note().await;
                }
                return Some(Ok(event));
            }
            let writing = self.writing.as_mut()?;
            match writing.step().await {
                Ok(Step::Events(events)) => self.ready.extend(events),
                Ok(Step::Over(events)) => {
                    self.ready.extend(events);
                    self.writing = None;
                }
                Err(error) => {
                    self.writing = None;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Waits for the whole answer and the passages it was written from.
    ///
    /// # Errors
    /// A failure of the generator.
    pub async fn collect(mut self) -> Result<(Answer, Vec<Hit>), KnowledgeError> {
        let mut passages = Vec::new();
        while let Some(event) = self.next().await {
            match event? {
                AnswerEvent::Passages(hits) => passages = hits,
                AnswerEvent::Sentence { .. } => {}
                AnswerEvent::Finished(answer) => return Ok((*answer, passages)),
            }
        }
        // `next` ends with `Finished` or an error; an engine that was stopped ends with neither.
        Err(intramuros_engine::EngineError::Stopped.into())
    }
}

enum Step {
    Events(Vec<AnswerEvent>),
    Over(Vec<AnswerEvent>),
}

impl Writing {
    async fn step(&mut self) -> Result<Step, KnowledgeError> {
        match self.generation.next().await {
            Some(Ok(GenerationEvent::Text { text: piece, .. })) => {
                let mut events = Vec::new();
                for sentence in self.buffer.push(&piece) {
                    if self.refuses(&sentence) {
                        return Ok(Step::Over(vec![self.finish(Usage::default())]));
                    }
                    events.extend(self.judge(sentence));
                }
                Ok(Step::Events(events))
            }
            Some(Ok(GenerationEvent::Finished { usage, .. })) => {
                let mut events = Vec::new();
                if let Some(last) = std::mem::take(&mut self.buffer).finish()
                    && !self.refuses(&last)
                {
                    events.extend(self.judge(last));
                }
                events.push(self.finish(usage));
                Ok(Step::Over(events))
            }
            Some(Ok(
                GenerationEvent::Prompt(_)
                | GenerationEvent::Hidden(_)
                | GenerationEvent::ToolCall { .. }
                | GenerationEvent::ToolArguments { .. },
            )) => Ok(Step::Events(Vec::new())),
            Some(Err(error)) => Err(error.into()),
            None => Err(intramuros_engine::EngineError::Stopped.into()),
        }
    }

    /// Whether the model says, before any supported sentence, that there is no answer.
    fn refuses(&mut self, sentence: &str) -> bool {
        let refuses = self.answer.citations.is_empty() && says_no_answer(sentence);
        if refuses {
            self.answer.abstention = Some(Abstention::NoAnswer);
        }
        refuses
    }

    fn judge(&mut self, sentence: String) -> Option<AnswerEvent> {
        match self.evidence.check(&sentence) {
            Support::NoClaim => {
                self.held.push_str(&sentence);
                None
            }
            Support::Unsupported => {
                self.answer.withheld_sentences += 1;
                self.held.clear();
                None
            }
            Support::Supported(citation) => {
                let text = std::mem::take(&mut self.held) + &sentence;
                self.answer.text.push_str(&text);
                if !self.answer.citations.contains(&citation) {
                    self.answer.citations.push((*citation).clone());
                }
                Some(AnswerEvent::Sentence { text, citation })
            }
        }
    }

    fn finish(&mut self, usage: Usage) -> AnswerEvent {
        let answer = &mut self.answer;
        answer.usage = usage;
        answer.text = answer.text.trim().to_string();
        if answer.citations.is_empty() {
            answer.abstention.get_or_insert(Abstention::Unsupported);
            answer.text = no_answer(answer.language).to_string();
        }
        AnswerEvent::Finished(Box::new(answer.clone()))
    }
}

/// An answer without a word.
pub(crate) fn unwritten(
    language: Language,
    model: Option<ModelId>,
    judgement: Option<Judgement>,
) -> Answer {
    Answer {
        text: String::new(),
        citations: Vec::new(),
        abstention: None,
        withheld_sentences: 0,
        language,
        model,
        judgement,
        usage: Usage::default(),
    }
}
