//! Counts reviews: what waits, what was decided, how often the machine was right, how long it took.

use std::collections::BTreeMap;
use std::time::Duration;

use intramuros_types::GroupId;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};
use time::OffsetDateTime;

use super::records::verdict;
use super::reviewer::Sight;
use super::{Reviewer, Verdict};
use crate::moment::to_millis;
use crate::{Ledger, LedgerError};

const OPERATION: &str = "count the reviews";
/// Bands of confidence: 0 to 0.1, and so on, up to 0.9 to 1.
const BANDS: usize = 10;

/// Which reviews to count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewStatsFilter {
    /// Only those decided or withdrawn at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Only those decided or withdrawn before this moment.
    pub before: Option<OffsetDateTime>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those of this team.
    pub team: Option<GroupId>,
}

/// How often people decided what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    /// As proposed.
    pub approved: u64,
    /// After a correction.
    pub corrected: u64,
    /// Not at all.
    pub rejected: u64,
}

impl VerdictCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.approved + self.corrected + self.rejected
    }

    /// The share that was approved unchanged; `None` of none.
    pub fn approved_share(&self) -> Option<f64> {
        share(self.approved, self.total())
    }

    /// The share that was corrected; `None` of none.
    pub fn corrected_share(&self) -> Option<f64> {
        share(self.corrected, self.total())
    }

    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Approved => self.approved += 1,
            Verdict::Corrected => self.corrected += 1,
            Verdict::Rejected => self.rejected += 1,
        }
    }
}

/// What became of the reviews whose confidence is in one band.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfidenceBand {
    /// The least confidence.
    pub from: f64,
    /// Below this; the last band includes 1.
    pub to: f64,
    /// What was decided.
    pub verdicts: VerdictCounts,
}

/// What one person decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewerFigures {
    /// A user, a key's family, or what is left of a user who was forgotten.
    pub reviewer: String,
    /// Their opinions.
    pub verdicts: VerdictCounts,
    /// In the middle, how long they had a review.
    pub median: Option<Duration>,
}

/// The figures of a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReviewStats {
    /// That wait now, and nobody has.
    pub open: u64,
    /// That somebody has now.
    pub claimed: u64,
    /// That wait now and whose time has passed.
    pub overdue: u64,
    /// That were withdrawn in this time.
    pub withdrawn: u64,
    /// What was decided in this time.
    pub decided: VerdictCounts,
    /// In the middle, how long people had a decided review, all opinions together; of those that
    /// were claimed.
    pub median: Option<Duration>,
    /// The same that nine tenths stay below.
    pub p90: Option<Duration>,
    /// Reviews with four eyes that were decided in this time.
    pub pairs: u64,
    /// Those of them whose first two opinions agreed.
    pub agreed: u64,
    /// What was decided by the machine's confidence; of reviews that have one.
    pub bands: Vec<ConfidenceBand>,
    /// By person; for administrators, else empty.
    pub reviewers: Vec<ReviewerFigures>,
}

impl ReviewStats {
    /// The share of pairs of opinions that agreed; `None` of none.
    pub fn agreement(&self) -> Option<f64> {
        share(self.agreed, self.pairs)
    }
}

impl Ledger {
    /// The figures of the reviews that `reviewer` may see.
    ///
    /// # Errors
    /// `Database`.
    pub async fn review_stats(
        &self,
        filter: &ReviewStatsFilter,
        reviewer: &Reviewer,
    ) -> Result<ReviewStats, LedgerError> {
        let now = self.clock.now();
        // One snapshot for all of it.
        let mut transaction = self.pool.begin().await.map_err(LedgerError::database(OPERATION))?;
        let sight = Sight::of(&mut transaction, reviewer).await?;
        let mut stats = ReviewStats::default();
        waiting(&mut transaction, filter, &sight, (now, &mut stats)).await?;
        decided(&mut transaction, filter, &sight, &mut stats).await?;
        times(&mut transaction, filter, &sight, &mut stats).await?;
        if reviewer.is_admin() {
            persons(&mut transaction, filter, &sight, &mut stats).await?;
        }
        Ok(stats)
    }
}

async fn waiting(
    connection: &mut SqliteConnection,
    filter: &ReviewStatsFilter,
    sight: &Sight<'_>,
    (now, stats): (i64, &mut ReviewStats),
) -> Result<(), LedgerError> {
    let mut query: QueryBuilder<Sqlite> =
        QueryBuilder::new("SELECT COALESCE(SUM(CASE WHEN reviews.claimed_until > ");
    query.push_bind(now).push(" THEN 1 ELSE 0 END), 0) AS claimed, COALESCE(SUM(CASE WHEN ");
    query.push("reviews.due < ").push_bind(now).push(" THEN 1 ELSE 0 END), 0) AS overdue, ");
    query.push("COUNT(*) AS waiting FROM reviews WHERE reviews.state = 'open'");
    push_about(&mut query, filter);
    sight.push(&mut query);
    let row =
        query.build().fetch_one(connection).await.map_err(LedgerError::database(OPERATION))?;
    let count = |name: &str| -> Result<u64, LedgerError> {
        let count: i64 = row.try_get(name).map_err(LedgerError::database(OPERATION))?;
        Ok(count.unsigned_abs())
    };
    stats.claimed = count("claimed")?;
    stats.overdue = count("overdue")?;
    stats.open = count("waiting")?.saturating_sub(stats.claimed);
    Ok(())
}

async fn decided(
    connection: &mut SqliteConnection,
    filter: &ReviewStatsFilter,
    sight: &Sight<'_>,
    stats: &mut ReviewStats,
) -> Result<(), LedgerError> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
        "SELECT reviews.verdict, reviews.confidence, reviews.four_eyes, reviews.opinions \
         FROM reviews WHERE reviews.state <> 'open'",
    );
    push_about(&mut query, filter);
    push_time(&mut query, filter);
    sight.push(&mut query);
    let rows =
        query.build().fetch_all(connection).await.map_err(LedgerError::database(OPERATION))?;
    let mut bands = [VerdictCounts::default(); BANDS];
    for row in &rows {
        count_one(row, stats, &mut bands).map_err(LedgerError::database(OPERATION))?;
    }
    let border = |band: usize| band as f64 / BANDS as f64;
    stats.bands = bands
        .into_iter()
        .enumerate()
        .filter(|(_, verdicts)| verdicts.total() > 0)
        .map(|(at, verdicts)| ConfidenceBand { from: border(at), to: border(at + 1), verdicts })
        .collect();
    Ok(())
}

fn count_one(
    row: &SqliteRow,
    stats: &mut ReviewStats,
    bands: &mut [VerdictCounts; BANDS],
) -> Result<(), sqlx::Error> {
    let Some(said) = row.try_get::<Option<&str>, _>("verdict")? else {
        stats.withdrawn += 1;
        return Ok(());
    };
    let said = verdict(said)?;
    stats.decided.add(said);
    if row.try_get::<i64, _>("four_eyes")? != 0 {
        stats.pairs += 1;
        stats.agreed += u64::from(row.try_get::<i64, _>("opinions")? == 2);
    }
    if let Some(confidence) = row.try_get::<Option<f64>, _>("confidence")? {
        let band = (confidence * BANDS as f64) as usize;
        bands[band.min(BANDS - 1)].add(said);
    }
    Ok(())
}

/// How long decided reviews took, all opinions of each together.
async fn times(
    connection: &mut SqliteConnection,
    filter: &ReviewStatsFilter,
    sight: &Sight<'_>,
    stats: &mut ReviewStats,
) -> Result<(), LedgerError> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
        "SELECT SUM(given.worked) FROM reviews JOIN review_decisions AS given \
         ON given.review = reviews.id WHERE reviews.state = 'decided'",
    );
    push_about(&mut query, filter);
    push_time(&mut query, filter);
    sight.push(&mut query);
    // One whose time is not known of every opinion is left out.
    query.push(" GROUP BY reviews.id HAVING COUNT(given.worked) = COUNT(*)");
    let mut worked: Vec<i64> = query
        .build_query_scalar()
        .fetch_all(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    worked.sort_unstable();
    stats.median = quantile(&worked, 0.5);
    stats.p90 = quantile(&worked, 0.9);
    Ok(())
}

async fn persons(
    connection: &mut SqliteConnection,
    filter: &ReviewStatsFilter,
    sight: &Sight<'_>,
    stats: &mut ReviewStats,
) -> Result<(), LedgerError> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
        "SELECT given.reviewer, given.verdict, given.worked FROM reviews \
         JOIN review_decisions AS given ON given.review = reviews.id \
         WHERE reviews.state = 'decided'",
    );
    push_about(&mut query, filter);
    push_time(&mut query, filter);
    sight.push(&mut query);
    let rows: Vec<(String, String, Option<i64>)> = query
        .build_query_as()
        .fetch_all(connection)
        .await
        .map_err(LedgerError::database(OPERATION))?;
    let mut by_person: BTreeMap<String, (VerdictCounts, Vec<i64>)> = BTreeMap::new();
    for (person, said, worked) in rows {
        let (counts, times) = by_person.entry(person).or_default();
        counts.add(verdict(&said).map_err(LedgerError::database(OPERATION))?);
        times.extend(worked);
    }
    let figures = |(reviewer, (verdicts, mut times)): (String, (VerdictCounts, Vec<i64>))| {
        times.sort_unstable();
        ReviewerFigures { reviewer, verdicts, median: quantile(&times, 0.5) }
    };
    stats.reviewers = by_person.into_iter().map(figures).collect();
    Ok(())
}

fn push_about(query: &mut QueryBuilder<Sqlite>, filter: &ReviewStatsFilter) {
    if let Some(kind) = &filter.kind {
        query.push(" AND reviews.kind = ").push_bind(kind.clone());
    }
    if let Some(team) = &filter.team {
        query.push(" AND reviews.team = ").push_bind(team.to_string());
    }
}

fn push_time(query: &mut QueryBuilder<Sqlite>, filter: &ReviewStatsFilter) {
    if let Some(from) = filter.from {
        query.push(" AND reviews.ended >= ").push_bind(to_millis(from));
    }
    if let Some(before) = filter.before {
        query.push(" AND reviews.ended < ").push_bind(to_millis(before));
    }
}

/// The least value that at least this share of `sorted` does not exceed.
fn quantile(sorted: &[i64], at: f64) -> Option<Duration> {
    let rank = ((sorted.len() as f64 * at).ceil() as usize).max(1);
    sorted.get(rank - 1).map(|millis| Duration::from_millis(millis.unsigned_abs()))
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
