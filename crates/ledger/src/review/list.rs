//! Lists reviews, as far as the caller may see them.

use intramuros_types::{ReviewId, UserId};
use sqlx::{QueryBuilder, Sqlite};

use super::check::invalid;
use super::records::{SUMMARY, decision, summary, whole};
use super::reviewer::Sight;
use super::{DecisionRecord, ReviewPage, ReviewRecord, ReviewState, ReviewSummary, Reviewer};
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "list the reviews";

impl Ledger {
    /// A page of the reviews that `reviewer` may see, newest first; with it what to pass as
    /// [`ReviewPage::after`] to go on.
    ///
    /// # Errors
    /// `Invalid` for a limit of 0 or beyond [`ReviewPage::MAX_LIMIT`]; `Database`.
    pub async fn list_reviews(
        &self,
        page: &ReviewPage,
        reviewer: &Reviewer,
    ) -> Result<(Vec<ReviewSummary>, Option<ReviewId>), LedgerError> {
        if !(1..=ReviewPage::MAX_LIMIT).contains(&page.limit) {
            let reason = format!("is {}, it must be 1 to {}", page.limit, ReviewPage::MAX_LIMIT);
            return invalid("limit", reason);
        }
        let now = self.clock.now();
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        let sight = Sight::of(&mut connection, reviewer).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT ");
        query.push(SUMMARY).push(" FROM reviews WHERE 1 = 1");
        push_page(&mut query, page, reviewer, now);
        sight.push(&mut query);
        // One more than asked for tells whether there is a next page.
        query.push(" ORDER BY reviews.id DESC LIMIT ").push_bind(i64::from(page.limit) + 1);
        let rows = query
            .build()
            .fetch_all(&mut *connection)
            .await
            .map_err(LedgerError::database(OPERATION))?;
        let mut reviews =
            rows.iter().map(|row| summary(row, now)).collect::<Result<Vec<_>, _>>()?;
        let more = reviews.len() > page.limit as usize;
        reviews.truncate(page.limit as usize);
        let next = reviews.last().filter(|_| more).map(|last| last.id.clone());
        Ok((reviews, next))
    }

    /// The same with their contents; a page ends early once it has `max_bytes` of them.
    ///
    /// # Errors
    /// As [`Ledger::list_reviews`].
    pub async fn export_reviews(
        &self,
        page: &ReviewPage,
        reviewer: &Reviewer,
        max_bytes: usize,
    ) -> Result<(Vec<ReviewRecord>, Option<ReviewId>), LedgerError> {
        let (listed, next) = self.list_reviews(page, reviewer).await?;
        let mut connection = self.pool.acquire().await.map_err(LedgerError::database(OPERATION))?;
        let (mut reviews, mut bytes, count) = (Vec::new(), 0_usize, listed.len());
        for one in listed {
            match whole(&mut connection, &one.id, self.clock.now()).await {
                Ok(review) => {
                    bytes = bytes.saturating_add(size(&review));
                    reviews.push(review);
                }
                // It went since it was listed.
                Err(LedgerError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            if bytes >= max_bytes && reviews.len() < count {
                return Ok((reviews, Some(one.id)));
            }
        }
        Ok((reviews, next))
    }

    /// Up to `limit` decisions of a user, by the ids of their reviews, those after `after`: what a
    /// person did here.
    ///
    /// # Errors
    /// `Database`.
    pub async fn reviews_decided_by(
        &self,
        user: &UserId,
        after: Option<&ReviewId>,
        limit: u32,
    ) -> Result<Vec<DecisionRecord>, LedgerError> {
        sqlx::query(
            "SELECT * FROM review_decisions WHERE reviewer = $1 AND review > $2 \
             ORDER BY review LIMIT $3",
        )
        .bind(user.as_str())
        .bind(after.map_or("", ReviewId::as_str))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("list the decisions of a user"))?
        .iter()
        .map(decision)
        .collect()
    }
}

/// Bytes of contents, roughly.
fn size(review: &ReviewRecord) -> usize {
    let evidence = review.evidence.iter().map(|one| one.quote.len()).sum::<usize>();
    let decided = review.decisions.iter().map(|one| {
        let json = [&one.value, &one.patch].into_iter().flatten();
        one.comment.len() + json.map(|value| value.to_string().len()).sum::<usize>()
    });
    1_000 + review.proposal.to_string().len() + evidence + decided.sum::<usize>()
}

fn push_page(query: &mut QueryBuilder<Sqlite>, page: &ReviewPage, reviewer: &Reviewer, now: i64) {
    match page.state {
        Some(ReviewState::Open) => {
            query.push(" AND reviews.state = 'open' AND (reviews.claimed_until IS NULL");
            query.push(" OR reviews.claimed_until <= ").push_bind(now).push(")");
        }
        Some(ReviewState::Claimed) => {
            query.push(" AND reviews.state = 'open' AND reviews.claimed_until > ").push_bind(now);
        }
        Some(ReviewState::Decided) => drop(query.push(" AND reviews.state = 'decided'")),
        Some(ReviewState::Withdrawn) => drop(query.push(" AND reviews.state = 'withdrawn'")),
        None => {}
    }
    if let Some(kind) = &page.kind {
        query.push(" AND reviews.kind = ").push_bind(kind.clone());
    }
    if let Some(team) = &page.team {
        query.push(" AND reviews.team = ").push_bind(team.to_string());
    }
    if let Some(verdict) = page.verdict {
        query.push(" AND reviews.verdict = ").push_bind(verdict.as_str());
    }
    if let Some(id) = &page.external_id {
        query.push(" AND reviews.external_id = ").push_bind(id.clone());
    }
    if page.mine {
        query.push(" AND reviews.state = 'open' AND (reviews.assignee = ");
        query.push_bind(reviewer.who.clone());
        query.push(" OR (reviews.claimed_by = ").push_bind(reviewer.who.clone());
        query.push(" AND reviews.claimed_until > ").push_bind(now).push("))");
    }
    if page.overdue {
        query.push(" AND reviews.state = 'open' AND reviews.due < ").push_bind(now);
    }
    if let Some(from) = page.ended_from {
        query.push(" AND reviews.ended >= ").push_bind(to_millis(from));
    }
    if let Some(before) = page.ended_before {
        query.push(" AND reviews.ended < ").push_bind(to_millis(before));
    }
    if let Some(after) = &page.after {
        query.push(" AND reviews.id < ").push_bind(after.to_string());
    }
}
