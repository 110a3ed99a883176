//! Finds the answer that people wrote beforehand to a message, or none.
//!
//! A message that says the same as a question, but for case, accents and punctuation, is that
//! question. Else their words are compared: what both say against what either says, each word
//! counting by how rare it is among the questions, so that `délai` weighs little where many ask for
//! one and `rétractation` decides. A wrong answer is worse than none, which only leads to the
//! model: so numbers must agree, what is denied must be denied in both, where all hangs on one word
//! it must have the same form and be asked about alike (`où est ma commande`, not `comment
//! commander`), and where two answers are about as near there is none.
//!
//! The caller may know how alike the meanings are, from an encoder. Such numbers have no scale of
//! their own, so they count only beside each other: they confirm the nearest question or rule it
//! out, and let one through whose words are alike by half.

use std::collections::{HashMap, HashSet};

use super::FixedAnswer;
use super::words::{asking, content, is_negated, singular, stem, words};

/// How much nearer the first answer must be than another one.
const MARGIN: f64 = 0.1;
/// Likeness of words from which on an encoder can confirm it.
const HALF: f64 = 0.45;
/// How much nearer in meaning a question must be than those of other answers, to be confirmed.
const MEANING_MARGIN: f32 = 0.03;

/// The questions of an assistant, ready to be compared. Made once, for many messages.
#[derive(Debug, Clone)]
pub struct FixedAnswers {
    questions: Vec<Question>,
    /// By stem: how much it says.
    weights: HashMap<String, f64>,
    /// Of a word that is in no question.
    unknown: f64,
    threshold: f64,
}

/// A question of an answer.
#[derive(Debug, Clone)]
struct Question {
    /// Its answer's place.
    answer: usize,
    language: Option<String>,
    words: Vec<String>,
    stems: HashSet<String>,
    /// What is asked, and what of it, where that is one word.
    alone: Option<(String, Vec<String>)>,
    numbers: HashSet<String>,
    negated: bool,
}

/// A fixed answer to a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedMatch {
    /// Its place in the list.
    pub answer: usize,
    /// How alike message and question are, 0 to 1.
    pub likeness: f64,
}

impl FixedAnswers {
    /// Makes `answers` ready; messages must be at least as alike as `threshold`, 0 to 1.
    pub fn new(answers: &[FixedAnswer], threshold: f64) -> Self {
        let questions: Vec<Question> = answers
            .iter()
            .enumerate()
            .flat_map(|(at, answer)| {
                answer.questions.iter().map(move |question| Question::of(at, answer, question))
            })
            .collect();
        // Of answers and not of questions: five ways to ask for the same make no word common.
        let mut of_stem: HashMap<&str, HashSet<usize>> = HashMap::new();
        for question in &questions {
            for stem in &question.stems {
                of_stem.entry(stem).or_default().insert(question.answer);
            }
        }
        let all = answers.len() as f64;
        let weight = |found: usize| (1.0 + all / (1.0 + found as f64)).ln();
        let weights =
            of_stem.iter().map(|(stem, of)| ((*stem).to_owned(), weight(of.len()))).collect();
        Self { questions, weights, unknown: weight(0), threshold }
    }

    /// The questions in the order in which `likenesses` of [`FixedAnswers::find`] are expected:
    /// those of the first answer, then of the second.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether there is no question.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// The answer to `message` in a conversation in `language`. `meanings` has for each question
    /// how alike its meaning is, by whatever encoder; of another length it counts as none.
    pub fn find(
        &self,
        message: &str,
        language: &str,
        meanings: Option<&[f32]>,
    ) -> Option<FixedMatch> {
        let asked = Question::bare(message);
        if asked.words.is_empty() {
            return None;
        }
        let spoken = |question: &&Question| {
            question.language.as_deref().is_none_or(|wanted| wanted == language)
        };
        if let Some(same) =
            self.questions.iter().filter(spoken).find(|one| one.words == asked.words)
        {
            return Some(FixedMatch { answer: same.answer, likeness: 1.0 });
        }
        let meanings = meanings.filter(|meanings| meanings.len() == self.questions.len());
        let mut found: Vec<(usize, FixedMatch)> = Vec::new();
        for (at, question) in self.questions.iter().enumerate() {
            if spoken(&question) {
                let likeness = self.likeness(&asked, question);
                found.push((at, FixedMatch { answer: question.answer, likeness }));
            }
        }
        found.sort_by(|a, b| b.1.likeness.total_cmp(&a.1.likeness));
        let (at, best) = *found.first()?;
        let other = found.iter().find(|one| one.1.answer != best.answer);
        if other.is_some_and(|other| best.likeness - other.1.likeness < MARGIN) {
            return None;
        }
        let accepted = match meanings {
            None => best.likeness >= self.threshold,
            Some(meanings) => self.is_confirmed(best, at, meanings),
        };
        accepted.then_some(best)
    }

    /// Whether the meanings agree with what the words say.
    fn is_confirmed(&self, best: FixedMatch, at: usize, meanings: &[f32]) -> bool {
        let others = self.questions.iter().zip(meanings);
        let others = others.filter(|(question, _)| question.answer != best.answer);
        let nearest = others.map(|(_, meaning)| *meaning).fold(f32::NEG_INFINITY, f32::max);
        let ahead = meanings[at] - nearest;
        if best.likeness >= self.threshold {
            return ahead > -MEANING_MARGIN;
        }
        best.likeness >= HALF && nearest.is_finite() && ahead >= MEANING_MARGIN
    }

    /// How much of what message and question say they both say.
    fn likeness(&self, asked: &Question, question: &Question) -> f64 {
        if asked.negated != question.negated || asked.numbers != question.numbers {
            return 0.0;
        }
        if question.alone.is_some() && question.alone != asked.alone {
            return 0.0;
        }
        let weight = |stem: &String| self.weights.get(stem).copied().unwrap_or(self.unknown);
        let both: f64 = asked.stems.intersection(&question.stems).map(weight).sum();
        let either: f64 = asked.stems.union(&question.stems).map(weight).sum();
        if either > 0.0 { both / either } else { 0.0 }
    }
}

impl Question {
    fn of(answer: usize, of: &FixedAnswer, text: &str) -> Self {
        Self { answer, language: of.language.clone(), ..Self::bare(text) }
    }

    fn bare(text: &str) -> Self {
        let words = words(text);
        let content = content(text);
        let stems: HashSet<String> = content.iter().map(|word| stem(word).to_owned()).collect();
        let alone = content.first().filter(|_| stems.len() == 1);
        let alone = alone.map(|word| (singular(word).to_owned(), asking(text)));
        let is_number = |word: &&String| word.bytes().any(|byte| byte.is_ascii_digit());
        Self {
            answer: 0,
            language: None,
            stems,
            alone,
            numbers: words.iter().filter(is_number).cloned().collect(),
            negated: is_negated(text),
            words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::FixedAnswer;
    use super::FixedAnswers;

    const ANSWERS: [(&str, &[&str]); 10] = [
        ("livraison", &["Quel est le délai de livraison ?", "Quand serai-je livré ?"]),
        (
            "retractation",
            &["Quel est le délai de rétractation ?", "Combien de jours pour me rétracter ?"],
        ),
        ("retour", &["Comment renvoyer un article ?", "Comment faire un retour ?"]),
        ("annuler", &["Comment annuler ma commande ?"]),
        ("suivre", &["Où est ma commande ?", "Comment suivre ma commande ?"]),
        ("mot de passe", &["J'ai oublié mon mot de passe", "Comment changer mon mot de passe ?"]),
        ("paiement", &["Quels moyens de paiement acceptez-vous ?"]),
        ("3 fois", &["Puis-je payer en 3 fois ?"]),
        ("4 fois", &["Puis-je payer en 4 fois ?"]),
        ("horaires", &["Quels sont vos horaires d'ouverture ?"]),
    ];

    fn answers() -> Vec<FixedAnswer> {
        let one = |(id, questions): &(&str, &[&str])| FixedAnswer {
            id: (*id).to_owned(),
            questions: questions.iter().map(|question| (*question).to_owned()).collect(),
            answer: "…".to_owned(),
            language: None,
        };
        ANSWERS.iter().map(one).collect()
    }

    fn find(message: &str, meanings: Option<&[f32]>) -> Option<String> {
        let answers = answers();
        let found = FixedAnswers::new(&answers, 0.72).find(message, "fr", meanings);
        found.map(|found| answers[found.answer].id.clone())
    }

    #[track_caller]
    fn check(message: &str, expected: Option<&str>) {
        assert_eq!(find(message, None).as_deref(), expected, "{message}");
    }

    #[test]
    fn the_same_question_is_found_however_it_is_put() {
        check("quel est le delai de livraison", Some("livraison"));
        check(
            "Bonjour, pourriez-vous me dire quel est le délai de rétractation svp ?",
            Some("retractation"),
        );
        check("Délais de livraison ?", Some("livraison"));
        check("Je voudrais annuler ma commande", Some("annuler"));
        check("mot de passe oublié", Some("mot de passe"));
        check("Vos horaires d'ouverture s'il vous plaît", Some("horaires"));
        check("Peut-on payer en 3 fois ?", Some("3 fois"));
        check("Elle est où ma commande ?", Some("suivre"));
        check("je souhaite suivre ma commande merci", Some("suivre"));
    }

    #[test]
    fn what_is_like_it_and_not_the_same_is_not_found() {
        for message in [
            "Quel est le délai de remboursement ?",
            "Quel est le délai ?",
            "délai de livraison et de rétractation",
            "Comment modifier ma commande ?",
            "Je ne veux pas annuler ma commande",
            "Puis-je annuler ma commande si elle est déjà partie en livraison ?",
            "Puis-je payer en 10 fois ?",
            "Puis-je payer par chèque ?",
            "Quel est le délai de livraison en Corse pour un canapé ?",
            "Comment changer mon adresse ?",
            "ma commande est arrivée cassée",
            "Quels sont les horaires de la ligne de bus pour venir ?",
            "",
            "bonjour",
            "Comment commander ?",
            "Je voudrais commander",
            "ma commande",
            "Quand arrive ma commande ?",
        ] {
            check(message, None);
        }
    }

    /// A likeness of meaning for each question, `high` for those of one answer.
    fn meanings(id: &str, high: f32) -> Vec<f32> {
        let of = |(name, questions): &(&str, &[&str])| {
            vec![if *name == id { high } else { 0.8 }; questions.len()]
        };
        ANSWERS.iter().flat_map(of).collect()
    }

    #[test]
    fn an_encoder_confirms_or_rules_out_what_words_say() {
        let half = "Quel est le délai de livraison en Corse ?";
        assert_eq!(find(half, None), None);
        assert_eq!(find(half, Some(&meanings("livraison", 0.9))).as_deref(), Some("livraison"));
        assert_eq!(find(half, Some(&meanings("retractation", 0.9))), None);
        let whole = "délai de livraison";
        assert_eq!(find(whole, Some(&meanings("livraison", 0.81))).as_deref(), Some("livraison"));
        assert_eq!(find(whole, Some(&meanings("retractation", 0.9))), None);
        // Of another length it counts as none.
        assert_eq!(find(whole, Some(&[0.1])).as_deref(), Some("livraison"));
        assert_eq!(find("Vendez-vous des chaises ?", Some(&meanings("livraison", 0.99))), None);
    }

    #[test]
    fn an_answer_in_a_language_is_for_conversations_in_it() {
        let mut answers = answers();
        answers[0].language = Some("en".to_owned());
        let fixed = FixedAnswers::new(&answers, 0.72);
        assert_eq!(fixed.find("délai de livraison", "fr", None), None);
        assert!(fixed.find("délai de livraison", "en", None).is_some());
        assert_eq!((fixed.len(), fixed.is_empty()), (15, false));
        assert!(FixedAnswers::new(&[], 0.72).find("a", "fr", None).is_none());
    }
}
