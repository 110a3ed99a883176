//! Notices tickets that say the same, and many tickets about one thing in a short time.
//!
//! Vectors of texts of one kind all point about the same way; what tells them apart is how they differ
//! from their middle. On 240 tickets that are all different, 99.9 % of the pairs have a likeness below
//! 0.34 once the middle is taken away, and those above 0.4 are about the same trouble.

use std::time::Duration;

use intramuros_ledger::{OutbreakWish, RecentTicket};
use intramuros_types::TicketId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Likeness from which two tickets say the same.
const SAME: f32 = 0.8;
/// Likeness from which two tickets of one category are about one trouble.
const ALIKE: f32 = 0.3;
/// Tickets from which the middle is known well enough.
const KNOWN: usize = 20;
/// How far back the same ticket is looked for.
pub(super) const LOOK_BACK: Duration = Duration::from_secs(7 * 24 * 3600);
/// Tickets that are looked at.
pub(super) const LOOK_AT: u32 = 1_000;

/// When tickets are an outbreak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbreaks {
    /// How many, the last one included; 0 to look for none.
    pub tickets: u32,
    /// Within how many minutes.
    pub minutes: u32,
}

impl Default for Outbreaks {
    fn default() -> Self {
        Self { tickets: 4, minutes: 30 }
    }
}

/// What a new ticket has to do with earlier ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Company {
    pub(super) duplicate_of: Option<TicketId>,
    pub(super) outbreak: OutbreakWish,
    /// Whether the same trouble has rung within the time of an outbreak. What rang last week, or never,
    /// keeps nobody from being told now.
    pub(super) has_rung: bool,
}

/// Looks among `recent` tickets, newest first, for what a new one repeats or belongs to. `middle` are
/// other vectors of the same encoder, for when there are few tickets.
pub(super) fn look(
    vector: &[f32],
    category: Option<&str>,
    (recent, now): (&[RecentTicket], OffsetDateTime),
    middle: &[Vec<f32>],
    wanted: Outbreaks,
) -> Company {
    let mut all: Vec<&[f32]> = recent.iter().map(|ticket| ticket.vector.as_slice()).collect();
    if all.len() < KNOWN {
        all.extend(middle.iter().map(Vec::as_slice));
    }
    let centre = mean(vector.len(), &all);
    let own = away(vector, &centre);
    let likeness: Vec<f32> =
        recent.iter().map(|ticket| cosine(&own, &away(&ticket.vector, &centre))).collect();
    // Of several, the latest: where it is worked on.
    let same = recent.iter().zip(&likeness).find(|(_, likeness)| **likeness >= SAME);
    let duplicate_of = same.map(|(ticket, _)| ticket.id.clone());
    let window = now - Duration::from_secs(60 * u64::from(wanted.minutes));
    let rang =
        |ticket: &RecentTicket| ticket.created >= window && ticket.labels.alert == Some(true);
    let has_rung =
        recent.iter().zip(&likeness).any(|(ticket, likeness)| *likeness >= SAME && rang(ticket));
    if wanted.tickets < 2 {
        return Company { duplicate_of, outbreak: OutbreakWish::None, has_rung };
    }
    let near: Vec<&RecentTicket> = recent
        .iter()
        .zip(&likeness)
        .filter(|(ticket, likeness)| {
            ticket.created >= window
                && **likeness >= ALIKE
                && ticket.labels.category.as_deref() == category
        })
        .map(|(ticket, _)| ticket)
        .collect();
    let outbreak = match near.iter().find_map(|ticket| ticket.outbreak.clone()) {
        Some(outbreak) => OutbreakWish::Join(outbreak),
        None if near.len() + 1 >= wanted.tickets as usize => {
            OutbreakWish::Begin(near.iter().map(|ticket| ticket.id.clone()).collect())
        }
        None => OutbreakWish::None,
    };
    let has_rung = has_rung || (outbreak != OutbreakWish::None && near.iter().any(|one| rang(one)));
    Company { duplicate_of, outbreak, has_rung }
}

fn mean(dimension: usize, vectors: &[&[f32]]) -> Vec<f32> {
    let mut sum = vec![0.0; dimension];
    for vector in vectors {
        sum.iter_mut().zip(*vector).for_each(|(sum, value)| *sum += value);
    }
    sum.iter_mut().for_each(|sum| *sum /= vectors.len().max(1) as f32);
    sum
}

fn away(vector: &[f32], centre: &[f32]) -> Vec<f32> {
    vector.iter().zip(centre).map(|(value, centre)| value - centre).collect()
}

/// The cosine of the angle between two vectors; 0 where one of them is nothing.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let lengths = (product(a, a) * product(b, b)).sqrt();
    if lengths > 0.0 { product(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use intramuros_ledger::TicketLabels;

    use super::*;

    /// Far from the others in its own direction, as texts about different things are.
    fn vector(about: usize, noise: f32) -> Vec<f32> {
        let mut vector = vec![1.0_f32; 40];
        vector[about] += 2.0;
        vector[39] += noise;
        vector
    }

    fn ticket(number: usize, minutes: i64, about: usize) -> RecentTicket {
        RecentTicket {
            id: TicketId::new(format!("tkt_{number}")),
            created: OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(minutes),
            labels: TicketLabels { category: Some("mail".to_owned()), ..TicketLabels::default() },
            outbreak: None,
            vector: vector(about, number as f32 / 2.0),
        }
    }

    fn looked(recent: &[RecentTicket], about: usize, noise: f32, category: &str) -> Company {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(100);
        let middle: Vec<Vec<f32>> = (10..38).map(|about| vector(about, 0.0)).collect();
        let at = (recent, now);
        look(&vector(about, noise), Some(category), at, &middle, Outbreaks::default())
    }

    #[test]
    fn the_same_ticket_is_found_again() {
        let recent = [ticket(1, 99, 5), ticket(2, 60, 3), ticket(3, 50, 3)];
        let found = looked(&recent, 3, 1.0, "mail");
        assert_eq!(found.duplicate_of, Some(recent[1].id.clone()));
        assert_eq!(looked(&recent, 7, 0.0, "mail"), Company::default());
        assert_eq!(looked(&[], 7, 0.0, "mail"), Company::default());
    }

    #[test]
    fn only_what_rang_a_moment_ago_keeps_silent() {
        let rings = |number, minutes, alert| {
            let mut ticket = ticket(number, minutes, 3);
            ticket.labels.alert = Some(alert);
            ticket
        };
        let silent = |recent: &[RecentTicket]| looked(recent, 3, 1.0, "mail").has_rung;
        assert!(silent(&[rings(2, 95, true)]));
        // The same words, and nobody was told; or long ago.
        assert!(!silent(&[rings(2, 95, false)]));
        assert!(!silent(&[rings(2, 20, true)]));
        // An outbreak that nobody was told of rings, one that rang does not again.
        let calm = [rings(30, 95, false), rings(20, 90, false), rings(10, 80, false)];
        let found = looked(&calm, 3, 40.0, "mail");
        assert!(found.outbreak != OutbreakWish::None && !found.has_rung);
        let [mut first, second, third] = calm;
        first.labels.alert = Some(true);
        assert!(looked(&[first, second, third], 3, 40.0, "mail").has_rung);
    }

    #[test]
    fn four_within_half_an_hour_are_an_outbreak_and_the_fifth_joins_it() {
        let recent = [ticket(3, 95, 3), ticket(2, 90, 3), ticket(1, 80, 3)];
        let others = recent.iter().map(|one| one.id.clone()).collect();
        assert_eq!(looked(&recent, 3, 4.0, "mail").outbreak, OutbreakWish::Begin(others));
        assert_eq!(looked(&recent[..2], 3, 4.0, "mail").outbreak, OutbreakWish::None);
        // Another category, another thing, too long ago.
        assert_eq!(looked(&recent, 3, 4.0, "wifi").outbreak, OutbreakWish::None);
        assert_eq!(looked(&recent, 4, 4.0, "mail").outbreak, OutbreakWish::None);
        let late = [recent[0].clone(), recent[1].clone(), ticket(1, 60, 3)];
        assert_eq!(looked(&late, 3, 4.0, "mail").outbreak, OutbreakWish::None);
        let mut known = recent.clone();
        known[2].outbreak = Some("out_1".into());
        let joins = OutbreakWish::Join("out_1".into());
        assert_eq!(looked(&known, 3, 4.0, "mail").outbreak, joins);
    }
}
