//! Finds what all token vectors of an encoder have in common.
//!
//! Encoders trained with a contrastive loss put everything into a narrow cone: any two token vectors
//! of E5 have a cosine near 0.8. What they share says nothing; without it, vectors differ where
//! words do, and can be kept in few bits.
//! Source: Ethayarajh 2019, "How Contextual are Contextualized Word Representations?", section 4.1;
//! Mu and Viswanath 2018, "All-but-the-Top".

use intramuros_backend::{EmbedCodec as _, InputKind};

use crate::encoder::Encoder;
use crate::{EmbedError, EncoderCodec};

/// Ordinary sentences, about as much French as English. The mean hardly depends on the choice; it
/// must stay the same, because stored vectors are relative to it.
const SENTENCES: [&str; 24] = [
    "La facture numéro 2031 a été réglée par virement le 12 mars.",
    "Pour ouvrir un compte, présentez une pièce d'identité et un justificatif de domicile.",
    "Le serveur ne répond plus depuis ce matin, les utilisateurs ne peuvent pas se connecter.",
    "Cliquez sur le menu Fichier, puis choisissez Enregistrer sous.",
    "La température de stockage ne doit pas dépasser 25 degrés.",
    "Le contrat est conclu pour une durée de trois ans, renouvelable par tacite reconduction.",
    "Les enfants jouaient dans le jardin pendant que leur grand-mère préparait le repas.",
    "Cette commune de Bretagne compte environ quatre mille habitants.",
    "La pompe doit être purgée avant la première mise en marche.",
    "Son dernier roman raconte la vie d'un marin au dix-neuvième siècle.",
    "Livraison gratuite à partir de cinquante euros d'achat en France métropolitaine.",
    "Le médecin lui a prescrit un traitement de dix jours.",
    "The invoice was paid by bank transfer at the end of the month.",
    "To reset your password, click on the link that we sent you by e-mail.",
    "The printer shows an error code and the red light is blinking.",
    "Press the button for five seconds until the display turns off.",
    "Employees are entitled to twenty-five days of paid leave a year.",
    "The bridge was built in 1887 and restored after the war.",
    "Mix the flour with the butter, then add two eggs and a pinch of salt.",
    "The company sells industrial equipment in more than thirty countries.",
    "She studied mathematics before she became a pilot.",
    "Keep the device away from water and direct sunlight.",
    "The committee approved the budget for the coming year.",
    "This function returns the number of elements in the list.",
];

/// The mean of the token vectors of ordinary sentences, shape `(hidden)`.
///
/// # Errors
/// [`EmbedError::NotFinite`].
pub(crate) fn direction(encoder: &Encoder, codec: &EncoderCodec) -> Result<Vec<f32>, EmbedError> {
    let hidden = encoder.config().hidden;
    let mut mean = vec![0.0_f32; hidden];
    let mut count = 0_usize;
    for sentence in SENTENCES {
        // A tokenizer that cannot read a sentence gives it no weight.
        let Ok(encoded) = codec.encode_words(sentence, InputKind::Passage) else { continue };
        if encoded.tokens.is_empty() {
            continue;
        }
        let states = encoder.forward(&[encoded.tokens.as_slice()]);
        for word in &encoded.words {
            let rows = &states[word.tokens.start * hidden..word.tokens.end * hidden];
            for row in rows.chunks_exact(hidden) {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                count += 1;
            }
        }
    }
    let inverse = 1.0 / count.max(1) as f32;
    mean.iter_mut().for_each(|value| *value *= inverse);
    if mean.iter().all(|value| value.is_finite()) {
        return Ok(mean);
    }
    Err(EmbedError::NotFinite { input: 0 })
}
