//! Makes alerts of tickets that cannot wait, and sends them again until somebody has seen them.

use std::time::Duration;

use intramuros_ledger::{AlertRecord, NewAlert, NewMail, NewTicket, TicketRecord};
use time::OffsetDateTime;

use super::phrases::in_words;
use super::{Decision, Policy, Triage, TriageError};

/// Characters of a subject in an e-mail's.
const SUBJECT_CHARS: usize = 80;
/// How often alerts are looked at.
const LOOK: Duration = Duration::from_secs(20);

/// The alert of a ticket.
pub(super) fn of(
    policy: &Policy,
    ticket: &NewTicket,
    decision: &Decision,
    now: OffsetDateTime,
) -> NewAlert {
    let mails = mails(policy, &ticket.subject, &decision.reason, None);
    let rule = decision.rules.first().map(|hit| hit.rule.clone());
    NewAlert { rule, mails, next_reminder: next(policy, 0, now) }
}

/// When an alert that was sent again `reminders` times is sent again.
fn next(policy: &Policy, reminders: u32, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let minutes = u64::from(policy.alerts.repeat_minutes);
    (reminders < policy.alerts.repeats).then(|| now + Duration::from_secs(60 * minutes))
}

/// An e-mail for each address. The ticket's text is not in it: e-mails travel.
fn mails(policy: &Policy, subject: &str, reason: &str, reminder: Option<u32>) -> Vec<NewMail> {
    let subject: String =
        subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let short: String = subject.trim().chars().take(SUBJECT_CHARS).collect();
    let language = policy.language;
    let again = reminder.map_or(String::new(), |number| {
        language.pick(format!(" (rappel {number})"), format!(" (reminder {number})"))
    });
    let subject = format!("{}{again} {short}", language.pick("[Alerte]", "[Alert]"));
    let text = language.pick(
        format!(
            "Un ticket ne peut pas attendre.\n\nObjet : {short}\n{reason}\n\nPrenez-le en charge \
             dans Intramuros, ou acquittez l'alerte, pour arrêter les rappels.\n"
        ),
        format!(
            "A ticket cannot wait.\n\nSubject: {short}\n{reason}\n\nSettle it in Intramuros, or \
             acknowledge the alert, to end the reminders.\n"
        ),
    );
    let mail = |to: &String| NewMail {
        to: to.clone(),
        subject: subject.trim().to_owned(),
        text: text.clone(),
        html: None,
    };
    policy.alerts.emails.iter().map(mail).collect()
}

impl Triage {
    /// Sends alerts again that nobody has acknowledged, until this future is dropped.
    pub async fn run_reminders(self) {
        loop {
            if let Err(error) = self.remind().await {
                tracing::error!(%error, "alerts of tickets could not be sent again");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends again what is due; how many.
    ///
    /// # Errors
    /// A failure of the ledger.
    pub async fn remind(&self) -> Result<u64, TriageError> {
        let ledger = &self.shared.ledger;
        let mut sent = 0;
        for due in ledger.due_alerts().await? {
            match self.remind_of(&due).await {
                Ok(done) => sent += u64::from(done),
                // One that cannot be sent must not keep back the others.
                Err(error) => tracing::error!(alert = due.id.as_str(), %error, "no reminder"),
            }
        }
        Ok(sent)
    }

    async fn remind_of(&self, due: &AlertRecord) -> Result<bool, TriageError> {
        let ledger = &self.shared.ledger;
        let (policy, _) = self.policy(&due.policy).await?;
        let ticket = ledger.get_ticket(&due.policy, &due.ticket).await?;
        let (mails, next) = again(&policy, due, &ticket, ledger.now());
        Ok(ledger.remind_of_alert(due, &mails, next).await?)
    }
}

fn again(
    policy: &Policy,
    due: &AlertRecord,
    ticket: &TicketRecord,
    now: OffsetDateTime,
) -> (Vec<NewMail>, Option<OffsetDateTime>) {
    let number = due.reminders + 1;
    let category = ticket.summary.labels.category.as_deref().map(in_words).unwrap_or_default();
    let reason =
        policy.language.pick(format!("Catégorie : {category}."), format!("Category: {category}."));
    (mails(policy, &ticket.summary.subject, &reason, Some(number)), next(policy, number, now))
}
