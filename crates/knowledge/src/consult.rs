//! Answers a customer: finds passages in several knowledge bases, judges whether they suffice, writes,
//! and lets nothing out that they do not support.
//!
//! [`Knowledge::ask`] answers employees, who see the passages beside the answer; its sentences leave
//! one by one, and one without support is left out. Here the reader sees the answer alone and acts on
//! it. So it leaves as a whole, its sentences are held to more (`evidence::strict`), one that makes up
//! a number or a name keeps back all of it, and what addresses a model is taken from the passages.

use std::collections::HashMap;

use intramuros_engine::{Caller, Completion, GenerateRequest, InputKind, Prompt};
use intramuros_types::{
    Access, DocumentId, FinishReason, KnowledgeBaseId, Message, ModelId, Role, SamplingParams,
    Usage,
};

use crate::answer::Abstention;
use crate::ask::{LOOKED_AT, fit, keep_best};
use crate::citation::Citation;
use crate::evidence::{Evidence, Support};
use crate::instruct::shield;
use crate::judge::{Judgement, UNCALIBRATED, judge_with};
use crate::language::Language;
use crate::prompt::{conversation, says_no_answer};
use crate::quote::quote;
use crate::request::{Ranking, Scope, SearchRequest};
use crate::search::Hit;
use crate::sentences::sentences;
use crate::{Knowledge, KnowledgeError};

/// Characters of passages that an answer is written from, about three full ones. Of 18 answerable
/// questions of kb_gimp that were judged at 0.44 or more, the 1.5B had all facts in 6 answers with
/// six passages and in 7 with three, in half the time; in 9 where it was not told how to refuse.
const WRITTEN_FROM_CHARS: usize = 3_000;
/// Passages that are read however long they are.
const FEWEST_PASSAGES: usize = 2;
/// From which judgement on passages are quoted where no threshold is known. Of 31 questions of
/// kb_gimp with the 1.5B, 13 of 22 that are answered are judged so, and none of 9 that are not.
const QUOTED_FROM: f32 = 0.45;
/// What a customer wants to know.
#[derive(Debug, Clone)]
pub struct Consultation {
    /// For whom.
    pub caller: Caller,
    /// A question that stands by itself.
    pub question: String,
    /// The language of the answer.
    pub language: Language,
    /// Who answers and how they speak, for the generator; empty for nobody in particular.
    pub voice: String,
    /// What may be read.
    pub access: Access,
    /// From where on a judgement is a yes; `None` for what a knowledge base was calibrated to.
    pub threshold: Option<f32>,
    /// Whether the best passage is quoted where the generator has no answer though the judgement is
    /// a yes.
    pub quotes: bool,
}

/// What was found for a customer's question.
#[derive(Debug, Clone)]
pub struct Material {
    /// The passages, best first, without what addresses a model.
    pub hits: Vec<Hit>,
    /// Where each document is.
    pub bases: HashMap<DocumentId, KnowledgeBaseId>,
    /// Whether they answer; `None` where there is nothing.
    pub judgement: Option<Judgement>,
    /// Passages from which text was taken because it addressed a model.
    pub shielded: usize,
}

impl Material {
    /// Whether an answer may be written.
    pub fn suffices(&self) -> bool {
        self.judgement.as_ref().is_some_and(Judgement::answers)
    }
}

impl Consultation {
    /// Whether the passages answer so surely that quoting them is better than saying nothing.
    fn may_quote(&self, material: &Material) -> bool {
        let is_sure = |judged: &Judgement| {
            // A threshold that somebody chose or learnt says from where on.
            let is_known = judged.calibrated || self.threshold.is_some();
            judged.score >= if is_known { judged.threshold } else { QUOTED_FROM }
        };
        self.quotes && material.judgement.as_ref().is_some_and(is_sure)
    }
}

/// What was written for a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// What the customer may read; empty exactly where `abstention` is set.
    pub text: String,
    /// What supports it, in the order of the sentences, without repetition.
    pub citations: Vec<Citation>,
    /// Whether it is a quotation, because the generator's own words were no answer.
    pub is_quotation: bool,
    /// Why there is no answer.
    pub abstention: Option<Abstention>,
    /// Sentences that were kept back: nothing supports them.
    pub withheld: Vec<String>,
    /// All that was written, supported or not: for people only.
    pub draft: String,
    /// The generator.
    pub model: ModelId,
    /// Tokens that were used.
    pub usage: Usage,
}

impl Knowledge {
    /// Finds passages for a customer's question in all of `bases`, and judges whether they answer.
    ///
    /// # Errors
    /// Not found, an invalid question, no generator, an overloaded model, a failure of the store.
    pub async fn gather(
        &self,
        bases: &[KnowledgeBaseId],
        consultation: &Consultation,
    ) -> Result<Material, KnowledgeError> {
        let mut search = SearchRequest {
            query: String::new(),
            limit: LOOKED_AT,
            per_document: None,
            scope: Scope::readable_by(consultation.access.clone()),
            ranking: Ranking::Hybrid,
            caller: consultation.caller.clone(),
        };
        let mut hits: Vec<Hit> = Vec::new();
        let mut of = HashMap::new();
        for base in bases {
            // A customer cannot ask in pieces.
            let index = self.shared.ledger.active_index(base).await?;
            let encoder = self.encoder(index.embedding_model.as_str())?;
            search.query = encoder.beginning(&consultation.question, InputKind::Query)?.to_owned();
            let found = self.find(base, &search).await?;
            of.extend(found.iter().map(|hit| (hit.passage.document.clone(), base.clone())));
            hits.extend(found);
        }
        if bases.len() > 1 {
            // Scores are relative to their own list; what was compared word by word is not.
            let key = |hit: &Hit| hit.late_interaction.unwrap_or(hit.score);
            hits.sort_by(|a, b| key(b).total_cmp(&key(a)));
            hits.truncate(LOOKED_AT);
        }
        let shielded = shield(&mut hits);
        if shielded > 0 {
            tracing::warn!(passages = shielded, "text that addresses a model was left out");
        }
        let Some(best) = hits.first() else {
            return Ok(Material { hits, bases: of, judgement: None, shielded });
        };
        let base = of.get(&best.passage.document);
        let calibration = match base {
            Some(base) => self.applying_calibration(base).await?,
            None => None,
        };
        let engine = self.generator().await?;
        let Consultation { question, language, caller, threshold, .. } = consultation;
        let score = judge_with(&engine, question, &hits, *language, caller).await?;
        let learnt = calibration.as_ref().map(|known| known.threshold);
        let judgement = Judgement {
            score,
            threshold: threshold.or(learnt).unwrap_or(UNCALIBRATED),
            calibrated: threshold.is_none() && learnt.is_some(),
            model: engine.info().id.clone(),
        };
        Ok(Material { hits, bases: of, judgement: Some(judgement), shielded })
    }

    /// Writes an answer from what was gathered, and keeps back what it does not support.
    ///
    /// # Errors
    /// No generator, an overloaded or failing one.
    pub async fn compose(
        &self,
        consultation: &Consultation,
        material: &Material,
    ) -> Result<Written, KnowledgeError> {
        let engine = self.generator().await?;
        let mut hits = material.hits.clone();
        let limit = within(&hits, WRITTEN_FROM_CHARS).min(self.shared.config.passages);
        keep_best(&mut hits, limit);
        let Consultation { question, language, voice, caller, .. } = consultation;
        // Who judged that there is an answer and has to write one writes it; where that fails, the
        // passages are quoted.
        let may_refuse = !consultation.may_quote(material);
        let spoken =
            |hits: &[Hit]| in_voice(conversation(question, hits, *language, may_refuse), voice);
        let tokens = self.shared.config.answer_tokens;
        fit(&engine, &mut hits, tokens, spoken).await?;
        let prompt = Prompt::Chat(spoken(&hits));
        let request = GenerateRequest::of(caller, prompt, SamplingParams::greedy(tokens));
        let Completion { text: mut draft, reason, usage, .. } =
            engine.submit(request).await?.collect().await?;
        if reason == FinishReason::Length {
            without_the_unfinished(&mut draft);
        }
        let mut checked = check(question, &hits, &draft);
        if checked.abstention.is_some()
            && consultation.may_quote(material)
            && let Some(quotation) = quote(&draft, &hits, *language)
        {
            checked.text = quotation.text;
            checked.citations = vec![quotation.citation];
            (checked.is_quotation, checked.abstention) = (true, None);
        }
        let draft = draft.trim().to_owned();
        Ok(Written { draft, model: engine.info().id.clone(), usage, ..checked })
    }
}

/// Those sentences of `text` that `source` supports, as answers to customers are supported: how a
/// summary is held to what was said.
pub fn supported(text: &str, source: &str) -> String {
    let evidence = Evidence::strict("", &[Hit::of("", source)]);
    let mut kept = String::new();
    for sentence in sentences(text) {
        if matches!(evidence.check(sentence), Support::Supported(_)) {
            add(&mut kept, sentence);
        }
    }
    kept
}

/// Says who speaks before what they are to do, so that the rules have the last word.
fn in_voice(mut messages: Vec<Message>, voice: &str) -> Vec<Message> {
    if let Some(first) = messages.first_mut()
        && !voice.is_empty()
    {
        *first = Message::new(Role::System, format!("{voice}\n{}", first.content));
    }
    messages
}

/// How many of the first passages have so many characters together.
fn within(hits: &[Hit], chars: usize) -> usize {
    let mut sum = 0;
    let fits = |hit: &&Hit| {
        sum += hit.passage.text.trim().chars().count();
        sum <= chars
    };
    hits.iter().take_while(fits).count().max(FEWEST_PASSAGES)
}

/// Leaves of what was written what the passages support; all of it or nothing where something was
/// made up.
fn check(question: &str, hits: &[Hit], draft: &str) -> Written {
    let mut checked = Written {
        text: String::new(),
        citations: Vec::new(),
        is_quotation: false,
        abstention: None,
        withheld: Vec::new(),
        draft: String::new(),
        model: ModelId::new(""),
        usage: Usage::default(),
    };
    let evidence = Evidence::strict(question, hits);
    let mut invented = false;
    let mut lead_in = String::new();
    for sentence in sentences(draft) {
        if checked.citations.is_empty() && says_no_answer(sentence) {
            checked.abstention = Some(Abstention::NoAnswer);
            break;
        }
        match evidence.check(sentence) {
            Support::NoClaim => add(&mut lead_in, sentence),
            Support::Supported(citation) => {
                let lead_in = std::mem::take(&mut lead_in);
                if !lead_in.is_empty() {
                    add(&mut checked.text, &lead_in);
                }
                add(&mut checked.text, sentence);
                if !checked.citations.contains(&citation) {
                    checked.citations.push(*citation);
                }
            }
            Support::Unsupported => {
                invented |= evidence.is_invented(sentence);
                lead_in.clear();
                checked.withheld.push(sentence.to_owned());
            }
        }
    }
    if checked.citations.is_empty() || invented {
        checked.abstention.get_or_insert(Abstention::Unsupported);
        checked.text.clear();
        checked.citations.clear();
    }
    checked
}

/// Takes away the last sentence, which the limit of tokens cut off: what it would have said, such as
/// an exception, is not known.
fn without_the_unfinished(draft: &mut String) {
    let last = sentences(draft).last().and_then(|last| draft.rfind(last));
    draft.truncate(last.unwrap_or_default());
}

fn add(text: &mut String, sentence: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(sentence);
}

#[cfg(test)]
mod tests {
    use super::{WRITTEN_FROM_CHARS, check, within, without_the_unfinished};
    use crate::answer::Abstention;
    use crate::search::Hit;

    const PASSAGE: &str = "La garantie est de 2 ans. Elle couvre les pièces et la main d'œuvre.";

    #[track_caller]
    fn checked(draft: &str, text: &str, abstention: Option<Abstention>) {
        let written = check("Quelle garantie ?", &[Hit::of("doc_1", PASSAGE)], draft);
        assert_eq!((written.text.as_str(), written.abstention), (text, abstention), "{draft}");
        assert_eq!(written.citations.is_empty(), abstention.is_some());
    }

    #[test]
    fn long_passages_are_fewer() {
        let of = |chars: usize| vec![Hit::of("doc_1", &"x".repeat(chars)); 6];
        for (chars, passages) in [(100, 6), (1_000, 3), (1_001, 2), (9_000, 2)] {
            assert_eq!(within(&of(chars), WRITTEN_FROM_CHARS), passages, "{chars}");
        }
    }

    #[test]
    fn what_is_made_up_keeps_back_the_whole_answer() {
        let right = "La garantie est de 2 ans.";
        checked(right, right, None);
        checked("La garantie est de 5 ans.", "", Some(Abstention::Unsupported));
        let both = "La garantie couvre les pièces. Elle est de 5 ans.";
        checked(both, "", Some(Abstention::Unsupported));
        let promise = "La garantie est de 2 ans. Nous vous rembourserons.";
        checked(promise, "", Some(Abstention::Unsupported));
    }

    #[test]
    fn a_sentence_that_was_cut_off_is_not_said() {
        let mut draft = "La garantie est de 2 ans. Elle couvre les pièces, sauf".to_owned();
        without_the_unfinished(&mut draft);
        assert_eq!(draft.trim(), "La garantie est de 2 ans.");
        let mut alone = "Elle couvre les pièces, sauf".to_owned();
        without_the_unfinished(&mut alone);
        assert_eq!(alone, "");
    }

    #[test]
    fn what_is_only_put_badly_is_left_out() {
        let more = "Bonjour. La garantie est de 2 ans. Tout ira sûrement très bien ensuite.";
        checked(more, "La garantie est de 2 ans.", None);
        checked("INTROUVABLE", "", Some(Abstention::NoAnswer));
        checked("", "", Some(Abstention::Unsupported));
    }
}
