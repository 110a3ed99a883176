//! Lists the migrations, oldest first.
//!
//! A migration that was released is never edited: sqlx compares its checksum with the one that the
//! file has seen. They are listed by hand because the macro that finds them compiles SQLite a
//! second time, for the compiler; a test holds the list to the folder.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Version, description and statements of every file in `migrations/`.
const ALL: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("../migrations/0001_initial.sql")),
    (2, "document_details", include_str!("../migrations/0002_document_details.sql")),
    (3, "indexes", include_str!("../migrations/0003_indexes.sql")),
    (4, "unanswered", include_str!("../migrations/0004_unanswered.sql")),
    (5, "calibrations", include_str!("../migrations/0005_calibrations.sql")),
    (6, "identity", include_str!("../migrations/0006_identity.sql")),
    (7, "accounting", include_str!("../migrations/0007_accounting.sql")),
    (8, "jobs", include_str!("../migrations/0008_jobs.sql")),
    (9, "webhooks", include_str!("../migrations/0009_webhooks.sql")),
    (10, "reviews", include_str!("../migrations/0010_reviews.sql")),
    (11, "data_life", include_str!("../migrations/0011_data_life.sql")),
    (12, "triage", include_str!("../migrations/0012_triage.sql")),
    (13, "assistants", include_str!("../migrations/0013_assistants.sql")),
    (14, "pilot", include_str!("../migrations/0014_pilot.sql")),
    (15, "pilot_runs_end", include_str!("../migrations/0015_pilot_runs_end.sql")),
    (16, "changed_examples", include_str!("../migrations/0016_changed_examples.sql")),
    (17, "said_labels", include_str!("../migrations/0017_said_labels.sql")),
];

/// The migrations, ready to run.
pub(crate) fn migrations() -> Migrator {
    let all = ALL.iter().map(|(version, description, statements)| {
        let statements = statements.into_sql_str();
        Migration::new(*version, (*description).into(), MigrationType::Simple, statements, false)
    });
    Migrator::with_migrations(all.collect())
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_file_is_listed_once_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = ALL
            .iter()
            .map(|(version, description, _)| format!("{version:04}_{description}.sql"))
            .collect();
        assert_eq!(listed, files);
    }
}
