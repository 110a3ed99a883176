//! Answers a message from documents, or says that they do not answer and calls people.

use std::collections::HashMap;

use intramuros_knowledge::{Abstention, Citation, Consultation, Hit, Language, Material, Written};
use intramuros_ledger::{AnswerOutcome, CitedDocument, NewGap};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use serde_json::{Value, json};

use super::decide::{Asked, OFFERS_PERSON};
use super::desk::Chat;
use super::say::Place;
use super::understand::{MAX_QUESTION_CHARS, leans, put_together, stand_alone};
use super::{Address, AssistantConfig, ChatError, ReplyStep, after_model};

/// A question, and what was found for it.
pub(super) type SearchedFor = (String, Vec<(Hit, KnowledgeBaseId)>);

/// What came of asking the documents.
pub(super) struct Consulted {
    pub(super) material: Material,
    pub(super) written: Option<Written>,
}

impl Consulted {
    /// What customers may read.
    pub(super) fn answer(&self) -> Option<&Written> {
        self.written.as_ref().filter(|written| written.abstention.is_none())
    }

    /// Why there is no answer: a code.
    pub(super) fn why(&self) -> &'static str {
        match self.written.as_ref().and_then(|written| written.abstention) {
            Some(Abstention::Unsupported) => "unsupported",
            Some(Abstention::NoAnswer | Abstention::NothingFound) => "no_answer",
            None if self.material.hits.is_empty() => "nothing_found",
            None => "low_evidence",
        }
    }
}

impl Chat {
    /// Asks the documents what a message asks.
    pub(super) async fn consult(&self, asked: &Asked) -> Result<(String, Consulted), ChatError> {
        let knowledge = &self.shared.knowledge;
        let config = &asked.known.config;
        let question = self.question(asked).await?;
        asked.events.step(ReplyStep::Searching);
        let language = if asked.language == "fr" { Language::French } else { Language::English };
        let consultation = Consultation {
            caller: asked.caller.clone(),
            question,
            language,
            voice: voice(config, &asked.language),
            access: access(config),
            threshold: self.threshold(asked).await?,
            quotes: config.quotes,
        };
        let bases: Vec<KnowledgeBaseId> =
            config.knowledge_bases.iter().map(KnowledgeBaseId::new).collect();
        let material = knowledge.gather(&bases, &consultation).await?;
        let mut written = None;
        if material.suffices() {
            asked.events.step(ReplyStep::Writing);
            written = Some(knowledge.compose(&consultation, &material).await?);
        }
        Ok((consultation.question, Consulted { material, written }))
    }

    /// The least evidence of an answer: what the configuration says, else what somebody accepted from
    /// a pilot of this assistant; `None` leaves it to the knowledge base.
    async fn threshold(&self, asked: &Asked) -> Result<Option<f32>, ChatError> {
        if let Some(least) = asked.known.config.thresholds.evidence {
            return Ok(Some(least as f32));
        }
        let target = asked.known.assistant.as_str();
        let accepted = self.shared.ledger.active_threshold("chat", target).await?;
        Ok(accepted.map(|accepted| accepted.threshold as f32))
    }

    /// What the message asks, as it stands by itself.
    async fn question(&self, asked: &Asked) -> Result<String, ChatError> {
        let Asked { history, language, caller, .. } = asked;
        let text = asked.text.trim();
        if !leans(text, history) {
            return Ok(text.to_owned());
        }
        asked.events.step(ReplyStep::Understanding);
        let Some(model) = self.shared.text.default_model() else {
            return Ok(put_together(text, history));
        };
        let generator = self.shared.text.get(model.as_str()).await?;
        Ok(stand_alone(&generator, (text, history), language, caller).await?)
    }

    /// Gives an answer from documents.
    pub(super) async fn give(
        &self,
        place: &Place,
        question: &str,
        material: &Material,
        written: &Written,
    ) -> Result<(), ChatError> {
        let mut documents: Vec<CitedDocument> = Vec::new();
        for citation in &written.citations {
            let Some(base) = material.bases.get(&citation.document) else { continue };
            if !documents.iter().any(|one| one.document == citation.document) {
                documents.push(CitedDocument {
                    knowledge_base: base.clone(),
                    document: citation.document.clone(),
                });
            }
        }
        let citations: Vec<Value> =
            written.citations.iter().map(|one| citation(one, &material.bases)).collect();
        let details = json!({
            "question": question,
            "citations": citations,
            "is_quotation": written.is_quotation,
            "withheld_sentences": written.withheld.len(),
            "model": written.model,
            "evidence": evidence(material),
        });
        let answer = (AnswerOutcome::Answered, details);
        self.store(place, written.text.clone(), answer, documents).await.map(|_| ())
    }

    /// Says that the documents do not answer, notes the question, and calls people where the rules
    /// say so.
    pub(super) async fn abstain(
        &self,
        asked: &Asked,
        place: &Place,
        question: String,
        consulted: Consulted,
    ) -> Result<(), ChatError> {
        let config = &asked.known.config;
        let why = consulted.why();
        let goes_on = after_model(config, place.conversation.failures.saturating_add(1));
        let details = json!({
            "question": question,
            "why": why,
            "evidence": evidence(&consulted.material),
            OFFERS_PERSON: goes_on.is_none(),
        });
        let said = config.no_answer(goes_on.is_none(), &asked.language);
        let answer = (AnswerOutcome::Abstained, details);
        if self.store(place, said, answer, Vec::new()).await?.is_none() {
            return Ok(());
        }
        self.note(asked, place, (&question, why)).await;
        let Some(reason) = goes_on else { return Ok(()) };
        let Material { hits, bases, .. } = consulted.material;
        let found = hits.into_iter().filter_map(|hit| {
            let base = bases.get(&hit.passage.document)?.clone();
            Some((hit, base))
        });
        let draft = consulted.written.map(|written| written.draft);
        self.call(asked, place, &reason, Some(((question, found.collect()), draft))).await
    }

    /// Notes a question without answer, for those who write the documents. The customer has their
    /// answer all the same where this fails.
    async fn note(&self, asked: &Asked, place: &Place, (question, why): (&str, &str)) {
        let short: String = question.chars().take(MAX_QUESTION_CHARS).collect();
        let embedding = match self.encode(vec![short.clone()], &asked.caller).await {
            Ok(vectors) => vectors.first().map(|vector| {
                let model = self.shared.encoders.default_encoder().info().id.to_string();
                (model, vector.iter().flat_map(|value| value.to_le_bytes()).collect())
            }),
            Err(_) => None,
        };
        let gap = NewGap {
            conversation: place.conversation.id.clone(),
            message: place.ordinal,
            reason: why.to_owned(),
            question: short,
            embedding,
        };
        if let Err(error) = self.shared.ledger.note_gap(&gap).await {
            tracing::warn!(%error, "a question without answer was not noted");
        }
    }
}

/// The labels that an assistant may read, whoever asks.
fn access(config: &AssistantConfig) -> Access {
    Access::of(&config.labels)
}

/// Who answers and how they speak, as the generator is told.
fn voice(config: &AssistantConfig, language: &str) -> String {
    let mut voice = if language == "fr" {
        let address = match config.address {
            Address::Vous => "Tu vouvoies le client.",
            Address::Tu => "Tu tutoies le client.",
        };
        format!("Tu es « {} », l'assistant des clients. {address}", config.name)
    } else {
        format!("You are \"{}\", the customers' assistant.", config.name)
    };
    if !matches!(language, "fr" | "en") {
        voice.push_str(&format!(" Answer in the language of the code `{language}`."));
    }
    if !config.persona.is_empty() {
        voice.push(' ');
        voice.push_str(config.persona.trim());
    }
    voice
}

fn citation(citation: &Citation, bases: &HashMap<DocumentId, KnowledgeBaseId>) -> Value {
    json!({
        "passage": citation.passage,
        "document": citation.document,
        "knowledge_base": bases.get(&citation.document),
        "title": citation.title,
        "section_path": citation.section_path,
        "pages": citation.pages.map(|(first, last)| [first, last]),
        "quote": citation.quote,
        "span": [citation.span.start, citation.span.end],
    })
}

fn evidence(material: &Material) -> Value {
    let Some(judged) = &material.judgement else { return Value::Null };
    json!({
        "score": judged.score,
        "threshold": judged.threshold,
        "calibrated": judged.calibrated,
        "passages": material.hits.len(),
        "left_out_instructions": material.shielded,
    })
}
