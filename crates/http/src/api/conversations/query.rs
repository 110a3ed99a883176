//! Reads which conversations are asked for.

use intramuros_ledger::{ConversationChannel, ConversationPage, FeedbackFilter, Reviewer};
use intramuros_types::{ConversationId, ConversationState, GroupId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::assistants;
use super::super::jobs::named;
use super::super::reviews::period;
use crate::error::ApiError;
use crate::state::AppState;

const DEFAULT_LIMIT: u32 = 100;

const FEEDBACK: [FeedbackFilter; 4] = [
    FeedbackFilter::Resolved,
    FeedbackFilter::Unresolved,
    FeedbackFilter::ThumbUp,
    FeedbackFilter::ThumbDown,
];

/// Which conversations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationsQuery {
    /// Only those that are with the `bot`, `waiting` for a person, with a `human`, or `closed`.
    state: Option<String>,
    /// Only those with this assistant: its id or slug.
    assistant: Option<String>,
    /// Only those of this channel: `api` or `widget`.
    channel: Option<String>,
    /// Only those of this team.
    team: Option<String>,
    /// Only those that this person has: a user or a key's family.
    assignee: Option<String>,
    /// Only those that the caller has.
    #[serde(default)]
    mine: bool,
    /// Only those of this name.
    external_id: Option<String>,
    /// Only those of which the customer thinks so: `resolved`, `unresolved`, `thumb_up`,
    /// `thumb_down`.
    feedback: Option<String>,
    /// Only those begun on this day (`2026-11-30`, UTC) or later.
    from: Option<String>,
    /// Only those begun on this day or earlier.
    to: Option<String>,
    /// 1 to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

impl ConversationsQuery {
    /// The page that it asks for.
    pub(super) async fn page(
        self,
        state: &AppState,
        reader: &Reviewer,
    ) -> Result<ConversationPage, ApiError> {
        let (since, before) = period(self.from.as_deref(), self.to.as_deref())?;
        let of_state = self.state.as_deref();
        let of_state = of_state
            .map(|name| named("state", name, &ConversationState::ALL, ConversationState::as_str));
        let channel = self.channel.as_deref().map(|name| {
            named("channel", name, &ConversationChannel::ALL, ConversationChannel::as_str)
        });
        let feedback = self.feedback.as_deref();
        let feedback = feedback.map(|name| named("feedback", name, &FEEDBACK, feedback_name));
        let assistant = match &self.assistant {
            Some(name) => Some(assistants::find(state, name).await?.id),
            None => None,
        };
        Ok(ConversationPage {
            state: of_state.transpose()?,
            assistant,
            channel: channel.transpose()?,
            team: self.team.map(GroupId::new),
            assignee: if self.mine { Some(reader.who.clone()) } else { self.assignee },
            external_id: self.external_id,
            since,
            before,
            feedback: feedback.transpose()?,
            after: self.cursor.map(ConversationId::new),
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
        })
    }
}

fn feedback_name(feedback: FeedbackFilter) -> &'static str {
    match feedback {
        FeedbackFilter::Resolved => "resolved",
        FeedbackFilter::Unresolved => "unresolved",
        FeedbackFilter::ThumbUp => "thumb_up",
        FeedbackFilter::ThumbDown => "thumb_down",
    }
}
