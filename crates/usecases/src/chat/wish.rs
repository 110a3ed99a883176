//! Hears that a customer wants a person where no pattern does: by what the message means.
//!
//! [`signals`](super::signals()) knows the phrases that it was given. Here a sentence is compared with
//! some that ask for a person and some that do not, by whatever encoder there is: the mean of the
//! three nearest of each, after what all have in common is taken away. Measured with e5-small on
//! phrases that neither was made from: 24 of 30 are heard and none of 30 others is; of 400 questions
//! of PIAF, 110 of kb_gimp and 600 of BANKING77 none is taken for a wish, of 500 sentences of tickets
//! 5 are, one of them rightly.
//!
//! It comes after everything that is certain: an answer that people wrote beforehand is given.

use super::words::words;

/// Sentences of one message that are looked at, and characters of each.
const SENTENCES: usize = 6;
const SENTENCE_CHARS: usize = 300;
/// Neighbours of each kind.
const NEAREST: usize = 3;
/// How much nearer to a wish than to none a sentence is.
const NEARER: f32 = 0.06;

/// Sentences of people who want a person.
const WISHES: [&str; 24] = [
    "Je veux parler à un conseiller",
    "Je voudrais parler à une vraie personne",
    "Passez-moi un humain",
    "Puis-je être rappelé par quelqu'un ?",
    "Mettez-moi en contact avec le service client",
    "Je préfère parler à quelqu'un au téléphone",
    "Je ne veux pas parler à un robot",
    "Un conseiller s'il vous plaît",
    "Pouvez-vous me transférer à votre équipe ?",
    "Je souhaite joindre une personne de l'entreprise",
    "Appelez-moi",
    "À quel numéro puis-je vous appeler ?",
    "Quelqu'un peut-il me répondre en direct ?",
    "Je demande un responsable",
    "Y a-t-il quelqu'un ?",
    "I want to talk to a human",
    "Can I speak to an agent?",
    "Connect me to a person please",
    "Please call me back",
    "I don't want a bot",
    "Let me talk to your manager",
    "Is there a real person I can talk to?",
    "transfer me to customer service",
    "agent please",
];

/// Sentences of people who want something else, some with the same words.
const OTHERS: [&str; 44] = [
    "Quel est le prix du service ?",
    "Combien coûte le passage d'un technicien ?",
    "L'appareil ne démarre plus",
    "Comment changer mon mot de passe ?",
    "Où est ma commande ?",
    "Quels sont les horaires d'ouverture ?",
    "Combien de personnes peuvent l'utiliser ?",
    "Le téléphone ne capte pas",
    "Comment ajouter un membre à l'équipe ?",
    "Qui fabrique ce produit ?",
    "Le robot aspirateur est bloqué",
    "J'ai parlé à un conseiller hier",
    "Le technicien est venu ce matin",
    "Comment appeler le menu des réglages ?",
    "Que comprend le contrat d'assistance ?",
    "Comment transférer un fichier ?",
    "Je voudrais annuler ma commande",
    "Je souhaite être remboursé",
    "Pouvez-vous m'aider ?",
    "Merci de votre aide",
    "Bien cordialement",
    "Bonjour, merci pour votre réponse",
    "Merci de faire le nécessaire",
    "Je ne veux pas donner mon adresse",
    "Envoyez-moi un lien",
    "Pas besoin de parler à quelqu'un",
    "Je ne veux pas être rappelé",
    "How much does it cost?",
    "The machine does not start",
    "How do I add a user to my team?",
    "What does the warranty cover?",
    "Does the robot work outside?",
    "I spoke to an agent yesterday",
    "How many people can share it?",
    "Where is my order?",
    "Please help me with my order",
    "I want to change my address",
    "Activate my account please",
    "I would prefer another colour",
    "Can I get a refund?",
    "Thanks for your answer",
    "I need help with my payment",
    "No need for a human",
    "Don't call me",
];

/// The known sentences as an encoder sees them.
pub(super) struct Wishes {
    mean: Vec<f32>,
    wishes: Vec<Vec<f32>>,
    others: Vec<Vec<f32>>,
}

impl Wishes {
    /// The sentences whose vectors [`Wishes::new`] takes.
    pub(super) fn sentences() -> Vec<String> {
        WISHES.iter().chain(&OTHERS).map(|text| (*text).to_owned()).collect()
    }

    /// `None` where an encoder gave another number of vectors.
    pub(super) fn new(vectors: &[Vec<f32>]) -> Option<Self> {
        if vectors.len() != WISHES.len() + OTHERS.len() {
            return None;
        }
        let size = vectors.first()?.len();
        let mut mean = vec![0.0; size];
        for vector in vectors {
            let share = vectors.len() as f32;
            mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value / share);
        }
        let all: Vec<Vec<f32>> = vectors.iter().map(|vector| centred(vector, &mean)).collect();
        let (wishes, others) = all.split_at(WISHES.len());
        Some(Self { wishes: wishes.to_vec(), others: others.to_vec(), mean })
    }

    /// Whether a sentence of this vector asks for a person.
    pub(super) fn hears(&self, vector: &[f32]) -> bool {
        let vector = centred(vector, &self.mean);
        nearness(&vector, &self.wishes) - nearness(&vector, &self.others) > NEARER
    }
}

/// The sentences of a message that could be a wish.
pub(super) fn sentences(message: &str) -> Vec<String> {
    let parts = message.split(['.', '!', '?', '\n', ';']);
    let said = parts.map(str::trim).filter(|part| words(part).len() > 1);
    let short = |part: &str| part.chars().take(SENTENCE_CHARS).collect();
    said.take(SENTENCES).map(short).collect()
}

fn centred(vector: &[f32], mean: &[f32]) -> Vec<f32> {
    let moved: Vec<f32> = vector.iter().zip(mean).map(|(value, mean)| value - mean).collect();
    let length = moved.iter().map(|value| value * value).sum::<f32>().sqrt();
    moved.iter().map(|value| value / length.max(f32::MIN_POSITIVE)).collect()
}

/// The mean likeness of the nearest.
fn nearness(vector: &[f32], to: &[Vec<f32>]) -> f32 {
    let dot = |other: &Vec<f32>| other.iter().zip(vector).map(|(a, b)| a * b).sum();
    let mut likeness: Vec<f32> = to.iter().map(dot).collect();
    likeness.sort_by(|a, b| b.total_cmp(a));
    let nearest = likeness.len().min(NEAREST);
    likeness.iter().take(nearest).sum::<f32>() / nearest.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::{OTHERS, WISHES, Wishes, sentences};

    #[test]
    fn what_is_near_to_a_wish_is_heard() {
        let wish = |at: usize| vec![1.0, 0.01 * at as f32, 0.0];
        let other = |at: usize| vec![0.0, 0.01 * at as f32, 1.0];
        let mut vectors: Vec<Vec<f32>> = (0..WISHES.len()).map(wish).collect();
        vectors.extend((0..OTHERS.len()).map(other));
        let wishes = Wishes::new(&vectors).unwrap();
        assert!(wishes.hears(&[0.9, 0.1, 0.1]));
        assert!(!wishes.hears(&[0.1, 0.1, 0.9]));
        assert!(Wishes::new(&vectors[1..]).is_none());
    }

    #[test]
    fn sentences_of_a_message_are_looked_at_each() {
        let message = "Mon écran est noir. Merci\nQuelqu'un peut m'appeler ?";
        assert_eq!(sentences(message), ["Mon écran est noir", "Quelqu'un peut m'appeler"]);
        assert!(sentences("?!").is_empty());
    }
}
