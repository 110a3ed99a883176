//! Tells how two JSON values differ, as a JSON Patch.
//!
//! Source: RFC 6902, "JavaScript Object Notation (JSON) Patch", and RFC 6901 for its pointers. Only
//! `add`, `remove` and `replace` are used. Our own because a patch must have a bound: a list that
//! changed throughout would give one many times its size.

use serde_json::{Value, json};

/// Operations of a patch; beyond, it replaces the whole value.
const MAX_OPERATIONS: usize = 2_000;
/// Bytes of a patch; beyond, it replaces the whole value.
const MAX_BYTES: usize = 256 << 10;

/// The operations that make `new` of `old`, none where they are equal.
pub(super) fn patch(old: &Value, new: &Value) -> Value {
    let mut operations = Vec::new();
    let mut path = String::new();
    let is_short = differ(old, new, &mut path, &mut operations);
    let patch = Value::Array(operations);
    if is_short && patch.to_string().len() <= MAX_BYTES {
        return patch;
    }
    json!([{"op": "replace", "path": "", "value": new}])
}

/// Adds the operations of the values at `path`; `false` when there are too many.
fn differ(old: &Value, new: &Value, path: &mut String, found: &mut Vec<Value>) -> bool {
    if old == new {
        return true;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let is_short = within(path, key, |path| match new.get(key) {
                    Some(changed) => differ(value, changed, path, found),
                    None => push(found, json!({"op": "remove", "path": path})),
                });
                if !is_short {
                    return false;
                }
            }
            new.iter().filter(|(key, _)| !old.contains_key(*key)).all(|(key, value)| {
                within(path, key, |path| {
                    push(found, json!({"op": "add", "path": path, "value": value}))
                })
            })
        }
        (Value::Array(old), Value::Array(new)) => list(old, new, path, found),
        (_, new) => push(found, json!({"op": "replace", "path": path, "value": new})),
    }
}

/// Compares what is between the equal ends of two lists, place by place.
fn list(old: &[Value], new: &[Value], path: &mut String, found: &mut Vec<Value>) -> bool {
    let same = |pair: &(&Value, &Value)| pair.0 == pair.1;
    let head = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let common = old.len().min(new.len());
    for (at, (old, new)) in old.iter().zip(new).enumerate() {
        if !within(path, &(head + at).to_string(), |path| differ(old, new, path, found)) {
            return false;
        }
    }
    // Each removal moves up what comes after it.
    let place = (head + common).to_string();
    let removed = old[common..]
        .iter()
        .all(|_| within(path, &place, |path| push(found, json!({"op": "remove", "path": path}))));
    removed
        && new[common..].iter().enumerate().all(|(at, value)| {
            within(path, &(head + common + at).to_string(), |path| {
                push(found, json!({"op": "add", "path": path, "value": value}))
            })
        })
}

fn push(found: &mut Vec<Value>, operation: Value) -> bool {
    found.push(operation);
    found.len() <= MAX_OPERATIONS
}

/// Runs `work` with the pointer one step longer.
fn within<T>(path: &mut String, step: &str, work: impl FnOnce(&mut String) -> T) -> T {
    let before = path.len();
    path.push('/');
    path.push_str(&step.replace('~', "~0").replace('/', "~1"));
    let done = work(path);
    path.truncate(before);
    done
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::patch;

    /// Applies a patch the way a receiver would, as RFC 6902 says.
    fn apply(mut value: Value, patch: &Value) -> Value {
        for operation in patch.as_array().unwrap() {
            let path = operation["path"].as_str().unwrap();
            let Some((parent, step)) = path.rsplit_once('/') else {
                value = operation["value"].clone();
                continue;
            };
            let step = step.replace("~1", "/").replace("~0", "~");
            let place = value.pointer_mut(parent).unwrap();
            match (operation["op"].as_str().unwrap(), place) {
                ("remove", Value::Object(fields)) => {
                    fields.remove(&step).unwrap();
                }
                ("add" | "replace", Value::Object(fields)) => {
                    fields.insert(step, operation["value"].clone());
                }
                ("remove", Value::Array(items)) => {
                    items.remove(step.parse().unwrap());
                }
                ("add", Value::Array(items)) => {
                    items.insert(step.parse().unwrap(), operation["value"].clone());
                }
                ("replace", Value::Array(items)) => {
                    items[step.parse::<usize>().unwrap()] = operation["value"].clone();
                }
                other => panic!("{other:?}"),
            }
        }
        value
    }

    #[track_caller]
    fn check(old: Value, new: Value, operations: usize) {
        let patch = patch(&old, &new);
        assert_eq!(patch.as_array().unwrap().len(), operations, "{patch}");
        assert_eq!(apply(old, &patch), new, "{patch}");
    }

    #[test]
    fn a_patch_makes_the_new_value_of_the_old_one() {
        check(json!({"a": 1}), json!({"a": 1}), 0);
        check(json!({"a": 1, "b": {"c": "x"}}), json!({"a": 2, "b": {"c": "x", "d": []}}), 2);
        check(json!({"a": 1, "b": 2}), json!({"b": 2}), 1);
        check(json!({"a/b": 1, "m~n": [1]}), json!({"a/b": 2, "m~n": [2]}), 2);
        check(json!("text"), json!({"a": 1}), 1);
        check(json!(null), json!([]), 1);
        check(json!([1, 2, 3, 4]), json!([1, 4]), 2);
        check(json!([1, 4]), json!([1, 2, 3, 4]), 2);
        check(json!([{"n": 1}, {"n": 2}, {"n": 3}]), json!([{"n": 1}, {"n": 5}, {"n": 3}]), 1);
        check(json!([]), json!([1, 2]), 2);
        check(json!([1, 2]), json!([]), 2);
        check(json!({"": 1}), json!({"": 2}), 1);
    }

    #[test]
    fn a_patch_is_not_longer_than_its_bound() {
        let old: Vec<u32> = (0..50_000).collect();
        let new: Vec<u32> = old.iter().map(|number| number + 1).collect();
        check(json!(old), json!(new), 1);
        let text = "x".repeat(200_000);
        check(json!({"a": text, "b": text}), json!({"a": 1, "b": format!("{text}y")}), 2);
    }

    #[test]
    fn values_of_any_shape_are_compared() {
        // A small generator, so that the values are the same each time.
        let mut state = 7_u64;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        fn value(draw: &mut impl FnMut(u64) -> u64, depth: u64) -> Value {
            match draw(if depth == 0 { 3 } else { 5 }) {
                0 => json!(draw(3)),
                1 => json!(["a", "b/c", "~"][draw(3) as usize]),
                2 => Value::Null,
                3 => (0..draw(4)).map(|_| value(draw, depth - 1)).collect(),
                _ => (0..draw(4))
                    .map(|_| (format!("k{}", draw(4)), value(draw, depth - 1)))
                    .collect(),
            }
        }
        for _ in 0..2_000 {
            let (old, new) = (value(&mut draw, 4), value(&mut draw, 4));
            let patch = patch(&old, &new);
            assert_eq!(apply(old.clone(), &patch), new, "{old} {new}");
        }
    }
}
