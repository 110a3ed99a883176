//! Adds up what a request takes of all models, so that it can be accounted for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use intramuros_types::{Consumption, ModelId};

use crate::Tally;

/// What a request took of each model.
pub type Consumed = Vec<(ModelId, Consumption)>;

/// Adds up what a request takes; the default one adds nothing up. Clones add to the same sum.
///
/// An engine adds what a sequence or a batch took before the caller hears of it, so that who has an
/// answer finds it in the sum. What is added after the caller has looked (a client that left while
/// its prompt was computed) goes to `rest` when the last clone is gone.
#[derive(Clone, Default)]
pub struct Meter {
    sum: Option<Arc<Sum>>,
    /// Count tokens of answers only.
    without_prompts: bool,
    pub(crate) tally: Tally,
}

struct Sum {
    /// Locked for an addition at a time, by engines and by the caller who looks.
    consumed: Mutex<BTreeMap<ModelId, Consumption>>,
    rest: Box<dyn Fn(Consumed) + Send + Sync>,
}

impl Meter {
    /// Begins at nothing; `rest` gets what was never taken.
    pub fn new(rest: impl Fn(Consumed) + Send + Sync + 'static) -> Self {
        let sum = Sum { consumed: Mutex::default(), rest: Box::new(rest) };
        Self { sum: Some(Arc::new(sum)), without_prompts: false, tally: Tally::default() }
    }

    /// The same meter for a further answer to the same prompt, whose tokens are counted once.
    #[must_use]
    pub fn for_another_answer(&self) -> Self {
        Self { without_prompts: true, ..self.clone() }
    }

    /// The same meter, which notes in `tally` too.
    #[must_use]
    pub fn with_tally(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// What was added since this was last called.
    pub fn take(&self) -> Consumed {
        self.sum.as_ref().map(|sum| sum.take()).unwrap_or_default()
    }

    pub(crate) fn add(&self, model: &ModelId, mut consumption: Consumption) {
        if self.without_prompts {
            consumption.prompt_tokens = 0;
            consumption.cached_tokens = 0;
        }
        self.tally.took(&consumption);
        let Some(sum) = &self.sum else { return };
        if consumption != Consumption::default() {
            *sum.lock().entry(model.clone()).or_default() += consumption;
        }
    }
}

impl Sum {
    fn take(&self) -> Consumed {
        std::mem::take(&mut *self.lock()).into_iter().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ModelId, Consumption>> {
        self.consumed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        let rest = self.take();
        if !rest.is_empty() {
            (self.rest)(rest);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use intramuros_types::{Consumption, ModelId};

    use super::{Consumed, Meter};

    fn tokens(prompt: u64, completion: u64) -> Consumption {
        Consumption {
            prompt_tokens: prompt,
            cached_tokens: prompt / 2,
            completion_tokens: completion,
            ..Consumption::default()
        }
    }

    #[test]
    fn additions_are_taken_once_and_the_rest_is_not_lost() {
        let rest: Arc<Mutex<Vec<Consumed>>> = Arc::default();
        let kept = rest.clone();
        let meter = Meter::new(move |consumed| kept.lock().unwrap().push(consumed));
        let (a, b) = (ModelId::new("a"), ModelId::new("b"));
        let clone = meter.clone();
        clone.add(&b, tokens(10, 1));
        meter.add(&a, tokens(4, 2));
        clone.for_another_answer().add(&b, tokens(10, 5));
        clone.add(&a, Consumption::default());
        assert_eq!(meter.take(), [(a, tokens(4, 2)), (b.clone(), tokens(10, 6))]);
        assert_eq!(meter.take(), []);
        drop(meter);
        clone.add(&b, tokens(2, 0));
        assert!(rest.lock().unwrap().is_empty());
        drop(clone);
        assert_eq!(*rest.lock().unwrap(), [vec![(b.clone(), tokens(2, 0))]]);

        let none = Meter::default();
        none.add(&b, tokens(1, 1));
        assert_eq!(none.take(), []);
    }
}
