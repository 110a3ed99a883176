//! Names what is measured, for programs and for people.

use crate::language::tr;

/// A figure of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Metric {
    PromptTokens,
    CachedTokens,
    GeneratedTokens,
    PrefillSpeed,
    DecodeSpeed,
    AggregateSpeed,
    Ttft,
    TtftP50,
    TtftP95,
    TtftMax,
    FirstTtft,
    SecondTtft,
    ArrivalTtft,
    ItlP50,
    ItlP95,
    ItlMax,
    QuietItlP50,
    WorstGap,
    PiecesDuringArrival,
    Total,
    Valid,
    Errors,
    PassesPerToken,
    Passes,
    DraftedTokens,
    AcceptedTokens,
    ForcedTokens,
    Preempted,
}

impl Metric {
    /// Its key in JSON, with its unit.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::PromptTokens => "prompt_tokens",
            Self::CachedTokens => "cached_tokens",
            Self::GeneratedTokens => "generated_tokens",
            Self::PrefillSpeed => "prefill_tokens_per_second",
            Self::DecodeSpeed => "decode_tokens_per_second",
            Self::AggregateSpeed => "aggregate_tokens_per_second",
            Self::Ttft => "ttft_ms",
            Self::TtftP50 => "ttft_p50_ms",
            Self::TtftP95 => "ttft_p95_ms",
            Self::TtftMax => "ttft_max_ms",
            Self::FirstTtft => "first_ttft_ms",
            Self::SecondTtft => "second_ttft_ms",
            Self::ArrivalTtft => "arrival_ttft_ms",
            Self::ItlP50 => "itl_p50_ms",
            Self::ItlP95 => "itl_p95_ms",
            Self::ItlMax => "itl_max_ms",
            Self::QuietItlP50 => "quiet_itl_p50_ms",
            Self::WorstGap => "worst_gap_ms",
            Self::PiecesDuringArrival => "pieces_during_arrival",
            Self::Total => "total_ms",
            Self::Valid => "valid",
            Self::Errors => "errors",
            Self::PassesPerToken => "passes_per_token",
            Self::Passes => "passes",
            Self::DraftedTokens => "drafted_tokens",
            Self::AcceptedTokens => "accepted_tokens",
            Self::ForcedTokens => "forced_tokens",
            Self::Preempted => "preempted",
        }
    }

    /// Its name in the table.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::PromptTokens => tr("tokens de la demande", "prompt tokens"),
            Self::CachedTokens => tr("tokens pris du cache", "cached tokens"),
            Self::GeneratedTokens => tr("tokens rédigés", "generated tokens"),
            Self::PrefillSpeed => tr("lecture, tokens/s", "prefill, tokens/s"),
            Self::DecodeSpeed => tr("rédaction, tokens/s", "decode, tokens/s"),
            Self::AggregateSpeed => tr("rédaction de tous, tokens/s", "decode of all, tokens/s"),
            Self::Ttft => tr("premier token, ms", "first token, ms"),
            Self::TtftP50 => tr("premier token p50, ms", "first token p50, ms"),
            Self::TtftP95 => tr("premier token p95, ms", "first token p95, ms"),
            Self::TtftMax => tr("premier token max, ms", "first token max, ms"),
            Self::FirstTtft => tr("premier token, 1re fois, ms", "first token, 1st time, ms"),
            Self::SecondTtft => tr("premier token, 2e fois, ms", "first token, 2nd time, ms"),
            Self::ArrivalTtft => {
                tr("premier token de l'arrivant, ms", "first token of the arrival, ms")
            }
            Self::ItlP50 => tr("entre tokens p50, ms", "between tokens p50, ms"),
            Self::ItlP95 => tr("entre tokens p95, ms", "between tokens p95, ms"),
            Self::ItlMax => tr("entre tokens max, ms", "between tokens max, ms"),
            Self::QuietItlP50 => {
                tr("entre tokens avant, p50, ms", "between tokens before, p50, ms")
            }
            Self::WorstGap => tr("pire attente pendant, ms", "worst gap meanwhile, ms"),
            Self::PiecesDuringArrival => tr("morceaux reçus pendant", "pieces received meanwhile"),
            Self::Total => tr("durée, ms", "duration, ms"),
            Self::Valid => tr("valides", "valid"),
            Self::Errors => tr("erreurs", "errors"),
            Self::PassesPerToken => tr("passes par token", "passes per token"),
            Self::Passes => tr("passes du modèle", "model passes"),
            Self::DraftedTokens => tr("tokens devinés", "drafted tokens"),
            Self::AcceptedTokens => tr("tokens devinés justes", "right drafted tokens"),
            Self::ForcedTokens => tr("tokens imposés", "forced tokens"),
            Self::Preempted => tr("reprises", "preempted"),
        }
    }

    /// Digits after the point in the table.
    pub(super) fn decimals(self) -> usize {
        let key = self.key();
        if self == Self::PassesPerToken || self == Self::Valid {
            2
        } else if key.ends_with("_ms") || key.ends_with("_per_second") {
            1
        } else {
            0
        }
    }
}
