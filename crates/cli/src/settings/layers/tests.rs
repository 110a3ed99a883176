use toml::Table;

use super::{apply_assignment, apply_environment, apply_file, defaults, keys};

/// Errors are compared by the names they must hold: the words around them depend on the locale.
#[track_caller]
fn check_file_error(text: &str, expected: &str) {
    let error = apply_file(&mut defaults(), text).unwrap_err();
    assert!(format!("{error:#}").contains(expected), "{error:#}");
}

#[test]
fn unknown_keys_name_the_nearest() {
    check_file_error("[server]\nlistne = \"x\"", "server.listen");
    check_file_error("[sever]\nlisten = \"x\"", "sever");
    check_file_error("datadir = \"x\"", "data_dir");
    check_file_error("server = 1", "server");
}

#[test]
fn wrong_types_are_named() {
    check_file_error("[text]\nmax_queue = \"many\"", "integer");
    let error = apply_assignment(&mut defaults(), "text.max_queue=many").unwrap_err();
    assert!(format!("{error:#}").contains("text.max_queue"));
}

#[test]
fn later_layers_win() {
    let mut table = defaults();
    apply_file(&mut table, "[server]\nlisten = \"127.0.0.1:1\"").unwrap();
    let listen = |table: &toml::Table| table["server"]["listen"].as_str().unwrap().to_string();
    assert_eq!(listen(&table), "127.0.0.1:1");
    let variables = [("INTRAMUROS_SERVER_LISTEN", "127.0.0.1:2"), ("HOME", "/x")];
    let variables = variables.map(|(name, value)| (name.to_string(), value.to_string()));
    apply_environment(&mut table, variables.into_iter()).unwrap();
    assert_eq!(listen(&table), "127.0.0.1:2");
    apply_assignment(&mut table, "server.listen=127.0.0.1:3").unwrap();
    assert_eq!(listen(&table), "127.0.0.1:3");
}

#[test]
fn unknown_variables_are_refused() {
    let variables = [("INTRAMUROS_SERVER_LISTN".to_string(), "x".to_string())];
    let error = apply_environment(&mut defaults(), variables.into_iter()).unwrap_err();
    assert!(error.to_string().contains("INTRAMUROS_SERVER_LISTEN"), "{error}");
}

/// Every setting of a file, dotted, with its value as TOML writes it.
fn listed(table: &Table) -> Vec<(String, String)> {
    let value = |key: &str| match key.split_once('.') {
        Some((section, name)) => table[section][name].to_string(),
        None => table[key].to_string(),
    };
    keys(table).into_iter().map(|key| (key.clone(), value(&key))).collect()
}

/// The defaults without the two directories, which depend on the machine.
fn defaults_to_document() -> Vec<(String, String)> {
    let mut all = listed(&defaults());
    all.retain(|(key, _)| !key.ends_with("_dir"));
    all
}

#[test]
fn the_sample_file_shows_every_setting_with_its_default() {
    let sample = include_str!("../../../../../deploy/intramuros.toml");
    let uncommented: String = sample
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '\n'])))
        .zip(sample.lines())
        .map(|(setting, line)| setting.unwrap_or(line).to_string() + "\n")
        .collect();
    let mut shown = listed(&uncommented.parse().unwrap());
    shown.retain(|(key, _)| !key.ends_with("_dir"));
    assert_eq!(shown, defaults_to_document());
}

#[test]
fn the_settings_page_lists_every_setting_with_its_default() {
    let page = include_str!("../../../../../docs/configuration.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let key = cells.next()?.trim().trim_end_matches('`').to_string();
        let value = cells.next()?.trim().trim_matches('`').to_string();
        Some((key, value))
    });
    let mut documented: Vec<(String, String)> =
        rows.filter(|(key, _)| !key.ends_with("_dir")).collect();
    // The page has its own order; a TOML table has that of the alphabet.
    documented.sort();
    let expected: Vec<(String, String)> = defaults_to_document()
        .into_iter()
        .map(|(key, value)| (key, value.trim_matches('"').to_string()))
        .collect();
    assert_eq!(documented, expected);
}
