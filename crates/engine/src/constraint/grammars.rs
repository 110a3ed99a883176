//! Compiles the constraints of one model and remembers the latest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use intramuros_backend::TextCodec;
use intramuros_types::Constraint;

use super::{ConstraintError, ConstraintLimits, Grammar, Vocabulary};

/// Constraints that are remembered: the choices of a request have the same one, and so have the
/// requests of a bulk job.
const REMEMBERED: usize = 4;

/// The grammars of one model.
pub(crate) struct Grammars {
    codec: Arc<dyn TextCodec>,
    model_size: usize,
    /// Made when the first constraint comes, because it takes memory and time.
    vocabulary: OnceLock<Vocabulary>,
    /// The latest come first.
    recent: Mutex<VecDeque<(Constraint, Arc<Grammar>)>>,
}

impl Grammars {
    /// For a model with `model_size` logits whose tokens `codec` knows.
    pub(crate) fn new(codec: Arc<dyn TextCodec>, model_size: usize) -> Self {
        let (vocabulary, recent) = (OnceLock::new(), Mutex::default());
        Self { codec, model_size, vocabulary, recent }
    }

    /// The model's vocabulary.
    ///
    /// # Errors
    /// [`ConstraintError::Vocabulary`].
    pub(crate) fn vocabulary(&self) -> Result<&Vocabulary, ConstraintError> {
        if let Some(vocabulary) = self.vocabulary.get() {
            return Ok(vocabulary);
        }
        // Two first requests may both make it; one of the two is kept.
        let made = Vocabulary::new(self.codec.clone(), self.model_size)?;
        Ok(self.vocabulary.get_or_init(|| made))
    }

    /// The grammar of `constraint`.
    ///
    /// # Errors
    /// Those of [`Grammar::compile`] and of [`vocabulary`](Self::vocabulary).
    pub(crate) fn compile(&self, constraint: &Constraint) -> Result<Arc<Grammar>, ConstraintError> {
        if let Some(grammar) = self.recall(constraint) {
            return Ok(grammar);
        }
        let limits = ConstraintLimits::default();
        let grammar = Arc::new(Grammar::compile(constraint, self.vocabulary()?, &limits)?);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.truncate(REMEMBERED - 1);
        recent.push_front((constraint.clone(), grammar.clone()));
        Ok(grammar)
    }

    fn recall(&self, constraint: &Constraint) -> Option<Arc<Grammar>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = recent.iter().position(|(known, _)| known == constraint)?;
        let found = recent.remove(at)?;
        let grammar = found.1.clone();
        recent.push_front(found);
        Some(grammar)
    }
}
