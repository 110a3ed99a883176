//! Says who a caller is where reviews are concerned, and what they see and may decide.
//!
//! The one place of the rules: [`Sight::push`] narrows queries to what may be seen,
//! [`Sight::push_decidable`] to what may be decided, `why_not` says of one review why not.

use intramuros_types::{Access, GroupId, Principal, ReviewId, Scope, UserRole};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::{ReviewSummary, Reviewer};
use crate::document::from_json;
use crate::{Ledger, LedgerError, UserRecord};

/// Roles that a review can ask for.
const ROLES: [UserRole; 3] = [UserRole::Reviewer, UserRole::Operator, UserRole::Admin];

impl Reviewer {
    /// Whether they see all teams and settle what others may not.
    pub fn is_admin(&self) -> bool {
        self.role == UserRole::Admin
    }

    pub(crate) fn is_in(&self, team: Option<&GroupId>) -> bool {
        self.is_admin() || team.is_none_or(|team| self.teams.contains(team))
    }
}

impl Ledger {
    /// A caller as reviews see them.
    ///
    /// # Errors
    /// `NotFound` for a user who is gone; `Database`.
    pub async fn reviewer(&self, caller: &Principal) -> Result<Reviewer, LedgerError> {
        let is_admin = caller.may(Scope::Admin);
        let role = match &caller.user {
            // A key is no stronger than its scopes.
            Some(user) if is_admin => self.get_user(user).await?.role,
            Some(user) => self.get_user(user).await?.role.min(UserRole::Operator),
            None if is_admin => UserRole::Admin,
            None => UserRole::Reviewer,
        };
        let who = match (&caller.user, &caller.family) {
            (Some(user), _) => user.to_string(),
            (None, Some(family)) => family.to_string(),
            (None, None) => String::new(),
        };
        let teams = self.teams_of(&who).await?;
        let access = caller.access.clone();
        // A key can be made in somebody else's name; a session cannot.
        let person = caller.user.clone().filter(|_| caller.key.is_none());
        Ok(Reviewer { who, person, role, teams, access })
    }

    /// A user as reviews see them when they sign in.
    pub(super) async fn reviewer_of_user(
        &self,
        user: &UserRecord,
    ) -> Result<Reviewer, LedgerError> {
        self.reviewer(&self.principal_of_user(user).await?).await
    }

    async fn teams_of(&self, member: &str) -> Result<Vec<GroupId>, LedgerError> {
        let teams: Vec<String> = sqlx::query_scalar(
            "SELECT user_group FROM group_members WHERE member = $1 ORDER BY user_group",
        )
        .bind(member)
        .fetch_all(&self.pool)
        .await
        .map_err(LedgerError::database("read the groups of a caller"))?;
        Ok(teams.into_iter().map(GroupId::new).collect())
    }
}

/// What one caller sees.
pub(super) struct Sight<'a> {
    reviewer: &'a Reviewer,
    /// The sets of labels, as reviews store them, that they may read; `None` for all.
    reviews: Option<Vec<String>>,
    /// The same of documents.
    documents: Option<Vec<String>>,
}

impl<'a> Sight<'a> {
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        reviewer: &'a Reviewer,
    ) -> Result<Self, LedgerError> {
        if reviewer.access.is_everything() {
            return Ok(Self { reviewer, reviews: None, documents: None });
        }
        let reviews = audiences(connection, &reviewer.access, "reviews").await?;
        let documents = audiences(connection, &reviewer.access, "documents").await?;
        Ok(Self { reviewer, reviews: Some(reviews), documents: Some(documents) })
    }

    /// Leaves what the caller may see: the labels admit it, they may read what it quotes, and it is
    /// theirs to decide or filed by them.
    pub(super) fn push(&self, query: &mut QueryBuilder<Sqlite>) {
        self.push_readable(query);
        query.push(" AND (reviews.filed_by = ").push_bind(self.reviewer.who.clone()).push(" OR ");
        self.push_of_role(query);
        query.push(")");
    }

    /// Leaves what the caller may decide at `now`, and nobody has.
    pub(super) fn push_decidable(&self, query: &mut QueryBuilder<Sqlite>, now: i64) {
        let who = &self.reviewer.who;
        self.push_readable(query);
        query.push(" AND ");
        self.push_of_role(query);
        query.push(" AND reviews.state = 'open' AND (reviews.claimed_until IS NULL");
        query.push(" OR reviews.claimed_until <= ").push_bind(now);
        query.push(") AND (reviews.assignee IS NULL OR reviews.opinions > 0");
        query.push(" OR reviews.assignee = ").push_bind(who.clone());
        query.push(") AND (reviews.four_eyes = 0 OR ");
        if self.reviewer.person.is_none() {
            query.push("1 = 0)");
            return;
        }
        query.push("(reviews.filed_by <> ").push_bind(who.clone());
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM review_decisions AS given WHERE \
             given.review = reviews.id AND given.reviewer = ",
        );
        query.push_bind(who.clone()).push(")))");
    }

    fn push_readable(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(audiences) = &self.reviews {
            query.push(" AND reviews.labels IN (");
            push_list(query, audiences);
            query.push(")");
        }
        if let Some(audiences) = &self.documents {
            query.push(
                " AND NOT EXISTS (SELECT 1 FROM review_evidence AS shown JOIN documents ON \
                 documents.id = shown.document WHERE shown.review = reviews.id AND \
                 documents.labels NOT IN (",
            );
            push_list(query, audiences);
            query.push("))");
        }
    }

    /// The team and the role.
    fn push_of_role(&self, query: &mut QueryBuilder<Sqlite>) {
        if self.reviewer.is_admin() {
            query.push("1 = 1");
            return;
        }
        let roles = ROLES.into_iter().filter(|role| *role <= self.reviewer.role);
        let roles: Vec<String> = roles.map(|role| role.as_str().to_owned()).collect();
        let teams: Vec<String> = self.reviewer.teams.iter().map(ToString::to_string).collect();
        query.push("((reviews.team IS NULL OR reviews.team IN (");
        push_list(query, &teams);
        query.push(")) AND reviews.role IN (");
        push_list(query, &roles);
        query.push("))");
    }
}

/// Why `reviewer`, who sees it, may not decide a review that is open; `None` when they may.
pub(super) async fn why_not(
    connection: &mut SqliteConnection,
    reviewer: &Reviewer,
    review: &ReviewSummary,
) -> Result<Option<String>, LedgerError> {
    let who = &reviewer.who;
    let has_it = review.claim.as_ref().is_some_and(|claim| claim.by == *who);
    if reviewer.role < review.role || !reviewer.is_in(review.team.as_ref()) {
        return Ok(Some("was filed by you and is for others to decide".to_owned()));
    }
    if let Some(assignee) = &review.assignee
        && review.opinions == 0
        && !has_it
        && assignee.as_str() != who
    {
        return Ok(Some(format!("is assigned to {assignee}")));
    }
    if !review.four_eyes {
        return Ok(None);
    }
    if reviewer.person.is_none() {
        let reason = "needs two people who signed in: a key can be made in somebody's name";
        return Ok(Some(reason.to_owned()));
    }
    if review.filed_by == *who {
        return Ok(Some("needs two other people than who filed it".to_owned()));
    }
    if has_decided(connection, &review.id, who).await? {
        return Ok(Some("needs somebody else: you have given your opinion".to_owned()));
    }
    Ok(None)
}

async fn has_decided(
    connection: &mut SqliteConnection,
    id: &ReviewId,
    who: &str,
) -> Result<bool, LedgerError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT ordinal FROM review_decisions WHERE review = $1 AND reviewer = $2",
    )
    .bind(id.as_str())
    .bind(who)
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::database("read the decisions about a review"))?;
    Ok(found.is_some())
}

/// The stored sets of labels in a table that `access` allows to read.
async fn audiences(
    connection: &mut SqliteConnection,
    access: &Access,
    table: &'static str,
) -> Result<Vec<String>, LedgerError> {
    const OPERATION: &str = "list who may read";
    let statement = match table {
        "reviews" => "SELECT DISTINCT labels FROM reviews",
        _ => "SELECT DISTINCT labels FROM documents",
    };
    let stored: Vec<String> = sqlx::query_scalar(statement)
        .fetch_all(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let mut readable = Vec::new();
    for audience in stored {
        let labels: Vec<String> = from_json(&audience).map_err(LedgerError::database(OPERATION))?;
        if access.allows(&labels) {
            readable.push(audience);
        }
    }
    Ok(readable)
}

/// A list that may be empty: `NULL` is equal to nothing, but then nor is anything outside the list,
/// so a text that no row has stands in its place.
fn push_list(query: &mut QueryBuilder<Sqlite>, values: &[String]) {
    let mut list = query.separated(", ");
    list.push_bind(String::new());
    for value in values {
        list.push_bind(value.clone());
    }
}
