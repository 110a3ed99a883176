//! Says what customers read where nobody wrote it: French first, then English.

use super::{Address, AssistantConfig, Texts};

/// What a customer says that asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Courtesy {
    /// A greeting.
    Greeting,
    /// Thanks.
    Thanks,
    /// That they are done.
    Leave,
}

/// A text in French, formal and informal, and in English.
struct Standard {
    vous: &'static str,
    tu: &'static str,
    en: &'static str,
}

const GREETING: Standard = Standard {
    vous: "Bonjour ! Comment puis-je vous aider ?",
    tu: "Bonjour ! Comment puis-je t'aider ?",
    en: "Hello! How can I help you?",
};

const AI_NOTICE: Standard = Standard {
    vous: "Vous échangez avec un assistant automatique (intelligence artificielle). Il répond à \
        partir de nos documents et peut se tromper. Vous pouvez à tout moment demander à parler à \
        une personne.",
    tu: "Tu échanges avec un assistant automatique (intelligence artificielle). Il répond à partir \
        de nos documents et peut se tromper. Tu peux à tout moment demander à parler à une \
        personne.",
    en: "You are talking to an automated assistant (artificial intelligence). It answers from our \
        documents and can be wrong. You can ask to speak to a person at any time.",
};

const HANDED_OVER: Standard = Standard {
    vous: "Je transmets votre demande à une personne de notre équipe, qui vous répondra ici. Elle \
        a déjà le résumé de notre échange : vous n'aurez pas à répéter.",
    tu: "Je transmets ta demande à une personne de notre équipe, qui te répondra ici. Elle a déjà \
        le résumé de notre échange : tu n'auras pas à répéter.",
    en: "I am passing your request to a member of our team, who will answer you here. They already \
        have the summary of our exchange, so you will not have to repeat it.",
};

const CLOSED: Standard = Standard {
    vous: "Notre équipe n'est pas disponible pour le moment. Votre demande est enregistrée et nous \
        vous répondrons dès la réouverture.",
    tu: "Notre équipe n'est pas disponible pour le moment. Ta demande est enregistrée et nous te \
        répondrons dès la réouverture.",
    en: "Our team is not available at the moment. Your request has been recorded, and we will \
        answer as soon as we are open again.",
};

const FORBIDDEN: Standard = Standard {
    vous: "Je ne peux pas vous renseigner sur ce sujet. Souhaitez-vous que je transmette votre \
        question à une personne de notre équipe ?",
    tu: "Je ne peux pas te renseigner sur ce sujet. Souhaites-tu que je transmette ta question à \
        une personne de notre équipe ?",
    en: "I cannot help with this subject. Would you like me to pass your question to a member of \
        our team?",
};

const NO_ANSWER: Standard = Standard {
    vous: "Je n'ai pas trouvé la réponse à cette question dans nos documents.",
    tu: "Je n'ai pas trouvé la réponse à cette question dans nos documents.",
    en: "I did not find the answer to this question in our documents.",
};

const OFFER: Standard = Standard {
    vous: "Souhaitez-vous que je transmette votre question à une personne de notre équipe ?",
    tu: "Souhaites-tu que je transmette ta question à une personne de notre équipe ?",
    en: "Would you like me to pass your question to a member of our team?",
};

const HELLO: Standard = Standard {
    vous: "Bonjour ! Quelle est votre question ?",
    tu: "Bonjour ! Quelle est ta question ?",
    en: "Hello! What is your question?",
};

const WELCOME: Standard = Standard {
    vous: "Avec plaisir. N'hésitez pas si vous avez une autre question.",
    tu: "Avec plaisir. N'hésite pas si tu as une autre question.",
    en: "You are welcome. Do ask if you have another question.",
};

const FAREWELL: Standard = Standard {
    vous: "Merci de votre visite, et à bientôt.",
    tu: "Merci de ta visite, et à bientôt.",
    en: "Thank you, and goodbye.",
};

impl AssistantConfig {
    /// The language of a conversation in which `wanted` is spoken: that one where the assistant
    /// speaks it, else the first one that it does.
    pub fn language<'a>(&'a self, wanted: Option<&'a str>) -> &'a str {
        let spoken = wanted.filter(|wanted| self.languages.iter().any(|one| one == wanted));
        spoken.or_else(|| self.languages.first().map(String::as_str)).unwrap_or("fr")
    }

    /// What the assistant says first.
    pub fn greeting(&self, language: &str) -> &str {
        self.text(&self.greeting, &GREETING, language)
    }

    /// That an AI answers; `None` where it is not to be said.
    pub fn ai_notice(&self, language: &str) -> Option<&str> {
        self.ai_notice.enabled.then(|| self.text(&self.ai_notice.text, &AI_NOTICE, language))
    }

    /// What the customer is told at a hand-over while people are there.
    pub fn handed_over(&self, language: &str) -> &str {
        self.text(&self.hand_over.message, &HANDED_OVER, language)
    }

    /// What the customer is told at a hand-over while nobody is there.
    pub fn closed(&self, language: &str) -> &str {
        match &self.opening_hours {
            Some(hours) => self.text(&hours.message, &CLOSED, language),
            None => self.default(&CLOSED, language),
        }
    }

    /// What is said instead of talking about the forbidden topic of this number.
    pub fn forbidden(&self, topic: usize, language: &str) -> &str {
        match self.forbidden_topics.get(topic) {
            Some(topic) => self.text(&topic.answer, &FORBIDDEN, language),
            None => self.default(&FORBIDDEN, language),
        }
    }

    /// That the documents do not answer; with the question whether a person shall, where nobody has
    /// been called.
    pub(crate) fn no_answer(&self, offers_person: bool, language: &str) -> String {
        let text = self.default(&NO_ANSWER, language);
        if offers_person {
            return format!("{text} {}", self.default(&OFFER, language));
        }
        text.to_owned()
    }

    /// What is said to a greeting, to thanks, and when the customer is done.
    pub(crate) fn courtesy(&self, said: Courtesy, language: &str) -> &'static str {
        let standard = match said {
            Courtesy::Greeting => &HELLO,
            Courtesy::Thanks => &WELCOME,
            Courtesy::Leave => &FAREWELL,
        };
        self.default(standard, language)
    }

    /// What was written in this language, else the default in it, else what was written in the
    /// first language.
    fn text<'a>(&self, texts: &'a Texts, default: &Standard, language: &str) -> &'a str {
        if let Some(own) = written(texts, language) {
            return own;
        }
        if matches!(language, "fr" | "en") {
            return self.default(default, language);
        }
        let first = self.languages.first().and_then(|first| written(texts, first));
        first.unwrap_or_else(|| self.default(default, language))
    }

    fn default(&self, default: &Standard, language: &str) -> &'static str {
        match (language, self.address) {
            ("fr", Address::Vous) => default.vous,
            ("fr", Address::Tu) => default.tu,
            _ => default.en,
        }
    }
}

fn written<'a>(texts: &'a Texts, language: &str) -> Option<&'a str> {
    texts.get(language).map(String::as_str)
}
