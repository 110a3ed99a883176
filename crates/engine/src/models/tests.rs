//! Tests that models come when they are asked for and go when nobody needs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use intramuros_backend::{BackendError, TextBackend};
use intramuros_testkit::{Control, FakeCodec, FakeText, Reply};
use intramuros_types::{ModelId, RequestId, SamplingParams};

use super::{ModelLimits, ModelSource, TextModels};
use crate::clock::Clock;
use crate::testing::poll_once;
use crate::{ComputeGate, EngineConfig, EngineError, GenerateRequest, Prompt, TextEngine};

/// Bytes that each model takes.
const SIZE: u64 = 10;

/// Counts how often a model was loaded.
type Loads = Arc<AtomicUsize>;

fn source(id: &str, pinned: bool) -> (ModelSource, Loads, Control<intramuros_backend::TextBatch>) {
    let (loads, control) = (Loads::default(), Control::new());
    let (counted, held, name) = (loads.clone(), control.clone(), ModelId::new(id));
    let load = move |budget: Option<u64>| {
        if let Some(available_bytes) = budget.filter(|budget| *budget < SIZE) {
            let what = "the model".to_owned();
            return Err(BackendError::Memory { what, needed_bytes: SIZE, available_bytes }.into());
        }
        counted.fetch_add(1, Ordering::Relaxed);
        let model = FakeText::new(Reply::Hashed).named(name.clone()).sized(SIZE);
        let model = model.controlled_by(held.clone());
        let load = || Ok(Box::new(model) as Box<dyn TextBackend>);
        let config = EngineConfig::default();
        TextEngine::start(load, Arc::new(FakeCodec), config, ComputeGate::default())
    };
    let source = ModelSource { id: ModelId::new(id), pinned, load: Arc::new(load) };
    (source, loads, control)
}

fn models(sources: Vec<ModelSource>, memory_bytes: Option<u64>) -> (TextModels, Clock) {
    let clock = Clock::manual();
    let limits = ModelLimits { memory_bytes, keep_alive: Some(Duration::from_secs(60)) };
    (TextModels::new_at(sources, limits, clock.clone()), clock)
}

fn request() -> GenerateRequest {
    let prompt = Prompt::Text("a".to_owned());
    GenerateRequest::new(RequestId::new("req_test"), prompt, SamplingParams::greedy(5))
}

/// Ids of the loaded models.
fn loaded(models: &TextModels) -> String {
    let states = models.states().into_iter().filter(|state| state.loaded.is_some());
    states.map(|state| state.id.to_string()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_model_is_loaded_once_when_it_is_asked_for() {
    let (a, loads, _) = source("a", false);
    let (models, _) = models(vec![a], None);
    assert_eq!(loaded(&models), "");
    let (first, second) = tokio::join!(models.get("a"), models.get("a"));
    assert_eq!(first.unwrap().info().id.as_str(), "a");
    second.unwrap();
    assert_eq!((loads.load(Ordering::Relaxed), loaded(&models).as_str()), (1, "a"));
    let unknown = models.get("b").await.unwrap_err();
    assert_eq!(unknown.to_string(), "model is 'b', which is not served");
}

#[tokio::test]
async fn the_least_recently_used_gives_way_and_pinned_ones_do_not() {
    let (sources, loads): (Vec<_>, Vec<_>) =
        [("p", true), ("a", false), ("b", false), ("c", false)]
            .into_iter()
            .map(|(id, pinned)| source(id, pinned))
            .map(|(source, loads, _)| (source, loads))
            .unzip();
    let (models, clock) = models(sources, Some(3 * SIZE));
    models.load_pinned().await.unwrap();
    for (id, expected) in [("a", "p a"), ("b", "p a b"), ("a", "p a b"), ("c", "p a c")] {
        clock.advance(Duration::from_secs(1));
        models.get(id).await.unwrap();
        assert_eq!(loaded(&models), expected, "after {id}");
    }
    assert_eq!(loads.iter().map(|l| l.load(Ordering::Relaxed)).collect::<Vec<_>>(), [1, 1, 1, 1]);
}

#[tokio::test]
async fn a_model_at_work_is_never_unloaded() {
    let (a, _, control) = source("a", false);
    let (b, ..) = source("b", false);
    let (models, clock) = models(vec![a, b], Some(SIZE));
    control.hold();
    let generation = models.get("a").await.unwrap().submit(request()).await.unwrap();
    let refused = models.get("b").await.unwrap_err();
    assert!(matches!(refused, EngineError::Backend(BackendError::Memory { .. })), "{refused}");
    clock.advance(Duration::from_secs(3600));
    models.unload_idle(Duration::from_secs(60)).await;
    assert_eq!(loaded(&models), "a");
    control.release();
    assert_eq!(generation.collect().await.unwrap().text.len(), 5);
    models.get("b").await.unwrap();
    assert_eq!(loaded(&models), "b");
}

#[tokio::test]
async fn a_handle_keeps_its_model() {
    let (a, ..) = source("a", false);
    let (b, ..) = source("b", false);
    let (models, _) = models(vec![a, b], Some(SIZE));
    let handle = models.get("a").await.unwrap();
    assert!(models.get("b").await.is_err());
    drop(handle);
    models.get("b").await.unwrap();
}

#[tokio::test]
async fn keep_alive_counts_from_the_last_use() {
    let (a, ..) = source("a", false);
    let (p, ..) = source("p", true);
    let (models, clock) = models(vec![p, a], None);
    models.load_pinned().await.unwrap();
    models.get("a").await.unwrap();
    for (seconds, expected) in [(59, "p a"), (2, "p")] {
        clock.advance(Duration::from_secs(seconds));
        models.unload_idle(Duration::from_secs(60)).await;
        assert_eq!(loaded(&models), expected);
    }
    models.get("a").await.unwrap();
    assert_eq!(loaded(&models), "p a");
}

#[tokio::test]
async fn too_many_who_wait_for_a_model_are_refused() {
    let (a, ..) = source("a", false);
    let (models, _) = models(vec![a], None);
    let turn = models.shared.loading.lock().await;
    let mut waiting: Vec<_> = (0..super::MAX_WAITING).map(|_| Box::pin(models.get("a"))).collect();
    for one in &mut waiting {
        poll_once(one).await;
    }
    assert!(matches!(models.get("a").await, Err(EngineError::Overloaded { .. })));
    drop(turn);
    for one in waiting {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn stopping_stops_all() {
    let (a, ..) = source("a", false);
    let (models, _) = models(vec![a], None);
    let engine = models.get("a").await.unwrap();
    models.stop(Duration::ZERO).await;
    assert!(matches!(engine.submit(request()).await, Err(EngineError::Stopped)));
    assert!(!models.healthy());
}

#[tokio::test]
async fn a_load_goes_on_alone_when_its_client_leaves() {
    let (a, loads, _) = source("a", false);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let load = a.load.clone();
    let slow = move |budget| {
        wait.lock().unwrap().recv().unwrap();
        load(budget)
    };
    let (models, _) = models(vec![ModelSource { load: Arc::new(slow), ..a }], None);
    let mut leaves = Box::pin(models.get("a"));
    poll_once(&mut leaves).await;
    // The load has begun once its task holds the turn.
    while models.shared.loading.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    drop(leaves);
    let mut second = Box::pin(models.get("a"));
    poll_once(&mut second).await;
    go.send(()).unwrap();
    second.await.unwrap();
    assert_eq!(loads.load(Ordering::Relaxed), 1, "it was loaded twice");
}

#[tokio::test]
async fn nothing_is_unloaded_for_a_model_that_never_fits() {
    let (p, ..) = source("p", true);
    let (a, ..) = source("a", false);
    let (b, ..) = source("b", false);
    let large = |budget: Option<u64>| {
        let (what, available_bytes) = ("the model".to_owned(), budget.unwrap_or_default());
        Err(BackendError::Memory { what, needed_bytes: 25, available_bytes }.into())
    };
    let b = ModelSource { load: Arc::new(large), ..b };
    let (models, _) = models(vec![p, a, b], Some(3 * SIZE));
    models.load_pinned().await.unwrap();
    models.get("a").await.unwrap();
    let refused = models.get("b").await.unwrap_err();
    let told = refused.to_string();
    let EngineError::ModelTooLarge { available_bytes, .. } = refused else { panic!("{told}") };
    assert_eq!(available_bytes, 2 * SIZE);
    assert!(told.contains("25"), "{told}");
    assert_eq!(loaded(&models), "p a");
}
