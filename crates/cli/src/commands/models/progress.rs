//! Shows the progress of pulls, imports and verifications.

use indicatif::{ProgressBar, ProgressStyle};
use intramuros_catalog::{Activity, Progress};

use crate::language::tr;
use crate::output;

/// Bars on a terminal, a line a file elsewhere, nothing but notes with `--json`.
pub(super) struct Bars {
    quiet: bool,
    bar: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, bar: None }
    }
}

impl Progress for Bars {
    fn start(&mut self, activity: Activity, file: &str, total_bytes: u64, done_bytes: u64) {
        let verb = match activity {
            Activity::Download => tr("télécharge", "download"),
            Activity::Copy => tr("copie", "copy"),
            Activity::Verify => tr("vérifie", "verify"),
            _ => tr("traite", "work on"),
        };
        if self.quiet {
            return;
        }
        if !output::is_interactive() {
            output::note(format!("{verb} {file} ({})", output::bytes(total_bytes)));
            return;
        }
        let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(template);
        let bar = ProgressBar::new(total_bytes)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_message(format!("{verb} {file}"));
        bar.set_position(done_bytes);
        self.bar = Some(bar);
    }

    fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn note(&mut self, message: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(message)),
            None => output::note(message),
        }
    }
}
