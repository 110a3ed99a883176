//! Files labelled sets, runs them, and hands out what people read of a run.

pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod sets;

use intramuros_types::Principal;

/// Who did something: a user, else the key's family.
fn who(caller: &Principal) -> String {
    match (&caller.user, &caller.family) {
        (Some(user), _) => user.to_string(),
        (None, Some(family)) => family.to_string(),
        (None, None) => String::new(),
    }
}
