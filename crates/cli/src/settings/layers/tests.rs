use super::{apply_assignment, apply_environment, apply_file, defaults};

#[track_caller]
fn check_file_error(text: &str, expected: &str) {
    let error = apply_file(&mut defaults(), text).unwrap_err();
    assert!(format!("{error:#}").contains(expected), "{error:#}");
}

#[test]
fn unknown_keys_name_the_nearest() {
    check_file_error("[server]\nlistne = \"x\"", "did you mean 'server.listen'?");
    check_file_error("[sever]\nlisten = \"x\"", "unknown setting 'sever'");
    check_file_error("datadir = \"x\"", "did you mean 'data_dir'?");
    check_file_error("server = 1", "unknown setting 'server'");
}

#[test]
fn wrong_types_are_named() {
    check_file_error("[text]\nmax_queue = \"many\"", "text.max_queue must be of type integer");
    let error = apply_assignment(&mut defaults(), "text.max_queue=many").unwrap_err();
    assert!(format!("{error:#}").contains("'many' is not a whole number"));
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
    assert!(error.to_string().contains("did you mean 'INTRAMUROS_SERVER_LISTEN'?"), "{error}");
}
