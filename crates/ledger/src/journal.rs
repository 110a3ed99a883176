//! Writes audit entries, consumption and events, those of many requests in one transaction.
//!
//! Every request waits until its lines are on disk, which costs a disk sync. What arrives while one
//! is under way is written together by the next, so that a hundred requests at the same time cost
//! two of them.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::{AuditEntry, AuditOutcome, Ledger, LedgerError, NewEvent, UsageEntry};

/// Requests whose lines are written together at most.
const MAX_TOGETHER: usize = 1_000;
/// Requests whose lines nobody waits for and that are tried again with the next ones when they could
/// not be written: a full disk must not cost memory without end.
const MAX_KEPT: usize = 10_000;

/// The lines of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// For the audit trail.
    pub audit: Vec<AuditEntry>,
    /// What was consumed.
    pub usage: Vec<UsageEntry>,
    /// What webhooks are told.
    pub events: Vec<NewEvent>,
}

impl Lines {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.audit.is_empty() && self.usage.is_empty() && self.events.is_empty()
    }
}

/// A handle on the journal's task. The task ends when the last handle is gone and everything is
/// written.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Unbounded: each message belongs to a request, and those are bounded.
    sender: mpsc::UnboundedSender<Message>,
}

#[derive(Debug)]
struct Message {
    lines: Lines,
    /// Who waits; nobody when the caller has left.
    answer: Option<oneshot::Sender<Result<(), Arc<LedgerError>>>>,
}

impl Journal {
    /// Starts the task that writes.
    pub fn start(ledger: Ledger) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(write_all(ledger, receiver));
        Self { sender }
    }

    /// Writes lines; they are on disk when this returns `Ok`.
    ///
    /// # Errors
    /// Those of the ledger, shared by all whose lines were written together; nothing was written
    /// then.
    pub async fn write(&self, lines: Lines) -> Result<(), Arc<LedgerError>> {
        if lines.is_empty() {
            return Ok(());
        }
        self.send_and_wait(lines).await
    }

    /// Has lines written that nobody waits for; those that cannot be are tried again later.
    pub fn note(&self, lines: Lines) {
        if !lines.is_empty() {
            // Fails when the program ends.
            let _ = self.sender.send(Message { lines, answer: None });
        }
    }

    /// Waits until everything that was given before is written, as far as it can be.
    pub async fn flush(&self) {
        let _ = self.send_and_wait(Lines::default()).await;
    }

    async fn send_and_wait(&self, lines: Lines) -> Result<(), Arc<LedgerError>> {
        let (answer, written) = oneshot::channel();
        let message = Message { lines, answer: Some(answer) };
        self.sender.send(message).map_err(|_| Arc::new(LedgerError::Interrupted))?;
        written.await.unwrap_or_else(|_| Err(Arc::new(LedgerError::Interrupted)))
    }
}

async fn write_all(ledger: Ledger, mut receiver: mpsc::UnboundedReceiver<Message>) {
    let mut kept: Vec<Lines> = Vec::new();
    // Entries that were given up and of which the trail does not know yet.
    let mut lost = 0;
    let mut messages = Vec::new();
    while receiver.recv_many(&mut messages, MAX_TOGETHER).await > 0 {
        let mut lines = std::mem::take(&mut kept);
        let mut waiting = Vec::new();
        let unattended = lines.len();
        // First those that nobody waits for: they are what is kept.
        let (noted, asked): (Vec<_>, Vec<_>) =
            messages.drain(..).partition(|message: &Message| message.answer.is_none());
        let unattended = unattended + noted.len();
        for Message { lines: theirs, answer } in noted.into_iter().chain(asked) {
            lines.push(theirs);
            waiting.extend(answer);
        }
        if lost > 0 {
            lines.insert(0, given_up(lost));
        }
        let outcome = write(&ledger, &lines).await.map_err(Arc::new);
        let told = usize::from(lost > 0);
        if let Err(error) = &outcome {
            lines.truncate(unattended + told);
            lines.drain(..told);
            if lines.len() > MAX_KEPT {
                let too_many = lines.len() - MAX_KEPT;
                lost += lines.drain(..too_many).map(|lines| lines.audit.len()).sum::<usize>();
                tracing::error!(lost, %error, "lines of the journal are given up");
            }
            kept = lines;
        } else {
            lost = 0;
        }
        for answer in waiting {
            // Fails when the caller has left.
            let _ = answer.send(outcome.clone());
        }
    }
}

/// Says in the trail that entries are missing from it.
fn given_up(lost: usize) -> Lines {
    let entry = AuditEntry {
        actor: "server:journal".to_owned(),
        action: "audit.lose".to_owned(),
        target: String::new(),
        outcome: AuditOutcome::Done,
        request: None,
        details: serde_json::json!({"entries": lost}),
        content: None,
    };
    Lines { audit: vec![entry], ..Lines::default() }
}

async fn write(ledger: &Ledger, lines: &[Lines]) -> Result<(), LedgerError> {
    const OPERATION: &str = "write the journal";
    if lines.iter().all(Lines::is_empty) {
        return Ok(());
    }
    let mut transaction = ledger.begin_write(OPERATION).await?;
    for lines in lines {
        if !lines.audit.is_empty() {
            ledger.append_audit_within(&mut transaction, &lines.audit).await?;
        }
        ledger.add_usage_within(&mut transaction, &lines.usage).await?;
        for event in &lines.events {
            ledger.emit_within(&mut transaction, event).await?;
        }
    }
    transaction.commit().await.map_err(LedgerError::database(OPERATION))?;
    if lines.iter().any(|lines| !lines.events.is_empty()) {
        ledger.announce();
    }
    Ok(())
}
