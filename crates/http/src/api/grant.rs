//! Refuses to give what the giver does not have: the rule behind keys, users and groups.

use intramuros_types::{Access, Principal, Scope};

use crate::error::{ApiError, Code};

/// Whether `caller` may let somebody do `scopes` and read what `access` opens.
///
/// # Errors
/// Insufficient scope.
pub(super) fn check(caller: &Principal, scopes: &[Scope], access: &Access) -> Result<(), ApiError> {
    if let Some(scope) = scopes.iter().find(|scope| !caller.may(**scope)) {
        let message = format!("you cannot give the scope '{scope}', which you do not have");
        return Err(ApiError::new(Code::InsufficientScope, message));
    }
    if !caller.may_give(scopes, access) {
        let message = "you cannot give access to documents that you may not read yourself: give \
                       labels that you hold, and deny those that are denied to you";
        return Err(ApiError::new(Code::InsufficientScope, message));
    }
    Ok(())
}

/// Whether `caller` may lift the denial of what `before` names and `after` does not.
///
/// # Errors
/// Insufficient scope.
pub(super) fn check_lifted(
    caller: &Principal,
    before: &[String],
    after: &[String],
) -> Result<(), ApiError> {
    let lifted = before.iter().filter(|label| !after.contains(label));
    let mut closed = lifted.filter(|label| !caller.access.holds(&[label.as_str()]));
    match closed.next() {
        Some(label) => {
            let message = format!("you cannot open '{label}' to others, which you do not hold");
            Err(ApiError::new(Code::InsufficientScope, message))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use intramuros_types::{Access, Limits, Principal, Scope};

    use super::{check, check_lifted};

    fn giver(access: Access) -> Principal {
        Principal {
            key: Some("imk_12345678".into()),
            family: Some("imk_12345678".into()),
            user: None,
            scopes: vec![Scope::Admin, Scope::KnowledgeRead],
            access,
            limits: Limits::default(),
        }
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let giver = giver(Access::of(&["rh"]));
        check(&giver, &[Scope::KnowledgeRead], &Access::of(&["rh"])).unwrap();
        let message = check(&giver, &[Scope::KnowledgeWrite], &Access::of(&["rh"])).unwrap_err();
        assert!(message.message.contains("'knowledge:write'"), "{}", message.message);
        check(&giver, &[], &Access::of(&["*"])).unwrap_err();
    }

    #[test]
    fn only_what_is_held_is_opened() {
        let labels = |labels: &[&str]| -> Vec<String> {
            labels.iter().map(|label| (*label).to_owned()).collect()
        };
        let giver = giver(Access::of(&["rh", "paie"]).without(&["paie"]));
        check_lifted(&giver, &labels(&["rh", "it"]), &labels(&["it"])).unwrap();
        check_lifted(&giver, &labels(&["it"]), &[]).unwrap_err();
        check_lifted(&giver, &labels(&["paie"]), &[]).unwrap_err();
        check_lifted(&giver, &[], &labels(&["it"])).unwrap();
    }
}
