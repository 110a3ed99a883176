use serde_json::{Value, json};

use super::{SCHEMA, is_valid};

fn invoice() -> Value {
    json!({
        "numero": "FA-1", "date_facture": "2025-03-14", "date_echeance": "2025-04-13",
        "fournisseur": "F", "siret_fournisseur": "81234567800021", "client": "C",
        "devise": "EUR", "total_ht": 10.5, "total_tva": 2.1, "total_ttc": 12.6,
        "mode_paiement": "virement",
    })
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: bool) {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let mut invoice = invoice();
    change(&mut invoice);
    assert_eq!(is_valid(&invoice.to_string(), &schema), expected, "{invoice}");
}

#[test]
fn an_answer_has_the_fields_of_the_schema_and_no_others() {
    check(|_| {}, true);
    check(|invoice| invoice["total_ht"] = json!("10,50"), false);
    check(|invoice| invoice["devise"] = json!("F"), false);
    check(|invoice| invoice["other"] = json!(1), false);
    check(|invoice| drop(invoice.as_object_mut().unwrap().remove("client")), false);
    check(|invoice| *invoice = json!("FA-1"), false);
}

#[test]
fn a_cut_answer_is_not_valid() {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    let text = invoice().to_string();
    assert!(!is_valid(&text[..text.len() - 1], &schema));
}
