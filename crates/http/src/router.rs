//! Lists the routes; [`operation`](crate::operation) has what each needs.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use intramuros_usecases::pilot::MAX_SET_BYTES;
use intramuros_usecases::triage::inbound::MAX_FILE_BYTES;

use crate::accounting::account;
use crate::api::{
    ask, assistants, audit, calibration, conversations, deliveries, document_file, documents,
    erasure, erasures, exports, folders, groups, indexes, jobs, keys, knowledge_bases, mail, me,
    metrics, passages, pilots, retention, reviews, search, sessions, status, triage, unanswered,
    usage, users, webhooks, widget,
};
use crate::auth::require;
use crate::error::{ApiError, Code, render_errors};
use crate::openai::{chat, completions, embeddings, models, rerank, responses, tokens};
use crate::openapi::{complete, description};
use crate::state::AppState;
use crate::{compress, docs_page, gate, health, protect, track};

/// Room for the multipart frame around an uploaded file.
const MULTIPART_FRAME_BYTES: u64 = 64 * 1024;

/// The whole surface.
pub fn router(state: AppState) -> Router {
    let (router, mut document) = documented(&state).split_for_parts();
    complete(&mut document);
    let document = document.to_json().unwrap_or_default();
    let openapi_route = get(move || {
        let body = document.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    });
    let mut router = router
        .route("/openapi.json", openapi_route)
        .route("/docs", get(docs_page::page))
        .route_layer(from_fn_with_state(state.clone(), account))
        .route_layer(from_fn_with_state(state.clone(), require))
        .fallback(not_found)
        // From the handlers outwards.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), gate::examine))
        .layer(from_fn(render_errors));
    if state.policy.compress {
        router = router.layer(compress::layer());
    }
    if let Some(cross_origin) = protect::cross_origin(&state.policy) {
        router = router.layer(cross_origin);
    }
    router
        // Outside of that layer, which would answer first what browsers ask.
        .layer(from_fn_with_state(state.clone(), widget::cors))
        .layer(from_fn(protect::add_headers))
        .layer(from_fn_with_state(state.clone(), track::follow))
        .with_state(state)
}

/// Every documented route.
fn documented(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(description())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
        .merge(inference_routes())
        .merge(knowledge_read(state))
        .merge(knowledge_write(state))
        .merge(identity(state))
        .merge(accountability(state))
        .merge(notification_routes(state))
        .merge(job_routes(state))
        .merge(review_routes(state))
        .merge(triage_routes(state))
        .merge(assistant_routes(state))
        .merge(conversation_routes(state))
        .merge(widget_routes(state))
        .merge(pilot_routes(state))
        .merge(data_life_routes(state))
}

fn inference_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(models::list_models))
        .routes(routes!(models::get_model))
        .routes(routes!(chat::chat_completions))
        .routes(routes!(completions::completions))
        .routes(routes!(responses::responses))
        .routes(routes!(embeddings::embeddings))
        .routes(routes!(rerank::rerank))
        .routes(routes!(tokens::tokenize))
        .routes(routes!(tokens::detokenize))
        .routes(routes!(status::status))
}

fn knowledge_read(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(knowledge_bases::list_knowledge_bases))
        .routes(routes!(knowledge_bases::get_knowledge_base))
        .routes(routes!(documents::list_documents))
        .routes(routes!(documents::get_document))
        .routes(routes!(passages::list_passages))
        .routes(routes!(folders::list_folders))
        .routes(routes!(indexes::list_indexes))
        .routes(routes!(indexes::list_test_questions))
        .routes(routes!(calibration::get_calibration))
        .routes(routes!(unanswered::list_unanswered))
        .routes(routes!(search::search))
        .layer(time_limit(state))
        // A file takes as long as its receiver.
        .routes(routes!(document_file::get_file))
        // Generations bound their own time.
        .routes(routes!(ask::ask))
}

fn knowledge_write(state: &AppState) -> OpenApiRouter<AppState> {
    let upload_limit = state.limits.max_upload_bytes.saturating_add(MULTIPART_FRAME_BYTES);
    OpenApiRouter::new()
        .routes(routes!(knowledge_bases::create_knowledge_base))
        .routes(routes!(knowledge_bases::delete_knowledge_base))
        .routes(routes!(erasure::delete_document))
        .routes(routes!(erasure::delete_documents))
        .routes(routes!(documents::update_document))
        .routes(routes!(indexes::create_index))
        .routes(routes!(indexes::activate_index))
        .routes(routes!(indexes::delete_index))
        .routes(routes!(indexes::replace_test_questions))
        .routes(routes!(calibration::begin_calibration))
        .routes(routes!(unanswered::forget_all_unanswered))
        .routes(routes!(unanswered::forget_unanswered))
        .layer(time_limit(state))
        // Uploads bound the silence between two pieces instead of the whole.
        .routes(routes!(documents::upload_document))
        .layer(DefaultBodyLimit::max(usize::try_from(upload_limit).unwrap_or(usize::MAX)))
}

fn identity(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(sessions::create_session))
        .routes(routes!(sessions::delete_session))
        .routes(routes!(me::show_me))
        .routes(routes!(me::change_password))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::get_key, keys::update_key, keys::revoke_key))
        .routes(routes!(keys::rotate_key))
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(users::get_user, users::update_user, users::delete_user))
        .routes(routes!(users::set_password))
        .routes(routes!(groups::list_groups, groups::create_group))
        .routes(routes!(groups::get_group, groups::update_group, groups::delete_group))
        .routes(routes!(groups::add_member, groups::remove_member))
        .layer(time_limit(state))
}

fn accountability(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(usage::read_usage))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::audit_head))
        .routes(routes!(audit::read_content))
        .layer(time_limit(state))
        // It reads the whole trail.
        .routes(routes!(audit::verify_audit))
}

fn notification_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(webhooks::list_webhooks))
        .routes(routes!(webhooks::create_webhook))
        .routes(routes!(webhooks::get_webhook))
        .routes(routes!(webhooks::update_webhook))
        .routes(routes!(webhooks::delete_webhook))
        .routes(routes!(webhooks::rotate_webhook))
        .routes(routes!(webhooks::ping_webhook))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::retry_delivery))
        .routes(routes!(mail::list_mail))
        .routes(routes!(mail::get_mail))
        .routes(routes!(mail::test_mail))
        .routes(routes!(mail::retry_mail))
        .layer(time_limit(state))
}

fn job_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::get_job, jobs::update_job))
        .routes(routes!(jobs::list_items))
        .routes(routes!(jobs::pause_job))
        .routes(routes!(jobs::resume_job))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(jobs::retry_job))
        .routes(routes!(jobs::list_schedules))
        .layer(time_limit(state))
}

fn triage_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(
            triage::policies::list_triage_policies,
            triage::policies::create_triage_policy
        ))
        .routes(routes!(
            triage::policies::get_triage_policy,
            triage::policies::update_triage_policy,
            triage::policies::delete_triage_policy
        ))
        .routes(routes!(triage::policies::list_triage_versions))
        .routes(routes!(triage::figures::triage_figures))
        .routes(routes!(
            triage::examples::list_triage_examples,
            triage::examples::add_triage_examples,
            triage::examples::delete_triage_examples
        ))
        .routes(routes!(triage::examples::delete_triage_example))
        .routes(routes!(triage::tickets::create_tickets))
        .routes(routes!(triage::tickets::get_ticket, triage::tickets::erase_ticket))
        .routes(routes!(triage::tickets::settle_ticket))
        .routes(routes!(triage::alerts::list_ticket_alerts))
        .routes(routes!(triage::alerts::acknowledge_alert))
        .routes(routes!(triage::alerts::list_outbreaks))
        .layer(time_limit(state))
        // What models read takes its time.
        .routes(routes!(triage::figures::triage_learnt))
        .routes(routes!(triage::tickets::list_tickets, triage::tickets::create_ticket))
        .routes(routes!(triage::tickets::preview_ticket))
        .routes(routes!(triage::tickets::create_ticket_of_hook))
        .merge(triage_file_routes(state))
}

fn assistant_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(assistants::list_assistants, assistants::create_assistant))
        .routes(routes!(
            assistants::get_assistant,
            assistants::update_assistant,
            assistants::delete_assistant
        ))
        .routes(routes!(assistants::versions::publish_assistant))
        .routes(routes!(assistants::versions::restore_assistant))
        .routes(routes!(assistants::versions::list_assistant_versions))
        .routes(routes!(assistants::versions::get_assistant_version))
        .routes(routes!(assistants::figures::assistant_stats))
        .routes(routes!(assistants::figures::assistant_gaps))
        .layer(time_limit(state))
        // Generations bound their own time.
        .routes(routes!(assistants::preview::preview_assistant))
}

fn conversation_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(conversations::list_conversations, conversations::open_conversation))
        .routes(routes!(conversations::get_conversation, conversations::delete_conversation))
        .routes(routes!(conversations::feedback::judge_answer))
        .routes(routes!(conversations::feedback::judge_conversation))
        .routes(routes!(conversations::customer::end_conversation))
        .routes(routes!(conversations::people::take_conversation))
        .routes(routes!(conversations::people::release_conversation))
        .routes(routes!(conversations::people::hand_back_conversation))
        .routes(routes!(conversations::people::reopen_conversation))
        .routes(routes!(conversations::people::close_conversation))
        .routes(routes!(conversations::people::answer_conversation))
        .layer(time_limit(state))
        // Generations and waits bound their own time.
        .routes(routes!(conversations::customer::say, conversations::messages::list_messages))
        .routes(routes!(conversations::customer::call_person))
}

fn widget_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(widget::show_widget))
        .routes(routes!(widget::open_widget))
        .routes(routes!(widget::judge_widget_answer))
        .routes(routes!(widget::judge_widget_conversation))
        .routes(routes!(widget::delete_widget_conversation))
        .layer(time_limit(state))
        // Generations and waits bound their own time.
        .routes(routes!(widget::say_in_widget, widget::list_widget_messages))
        .routes(routes!(widget::call_person_in_widget))
        .route_layer(from_fn_with_state(state.clone(), widget::admit))
}

fn pilot_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(pilots::sets::delete_pilot_set))
        .routes(routes!(pilots::runs::list_pilot_runs, pilots::runs::begin_pilot_run))
        .routes(routes!(pilots::runs::get_pilot_run, pilots::runs::delete_pilot_run))
        .routes(routes!(pilots::report::pilot_figures))
        .routes(routes!(pilots::report::pilot_report))
        .routes(routes!(pilots::thresholds::list_thresholds, pilots::thresholds::accept_threshold))
        .routes(routes!(pilots::thresholds::take_back_threshold))
        .routes(routes!(pilots::models::list_model_switches, pilots::models::switch_model))
        .routes(routes!(pilots::models::roll_back_model))
        .routes(routes!(pilots::sets::list_pilot_sets, pilots::sets::create_pilot_set))
        .layer(time_limit(state))
        .layer(DefaultBodyLimit::max(MAX_SET_BYTES))
}

/// Tickets that come as files.
fn triage_file_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(triage::tickets::create_ticket_of_mail))
        .routes(routes!(triage::tickets::create_tickets_of_table))
        .layer(DefaultBodyLimit::max(MAX_FILE_BYTES))
        // A body that does not come must not hold a connection.
        .layer(time_limit(state))
}

fn review_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(reviews::list_reviews, reviews::create_review))
        .routes(routes!(reviews::next_review))
        .routes(routes!(reviews::stats::review_stats))
        .routes(routes!(reviews::export_reviews))
        .routes(routes!(reviews::get_review, reviews::update_review))
        .routes(routes!(reviews::claim_review, reviews::release_review))
        .routes(routes!(reviews::approve_review))
        .routes(routes!(reviews::correct_review))
        .routes(routes!(reviews::reject_review))
        .routes(routes!(reviews::withdraw_review))
        .layer(time_limit(state))
}

fn data_life_routes(state: &AppState) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(erasures::list_erasures, erasures::create_erasure))
        .routes(routes!(erasures::get_erasure))
        .routes(routes!(retention::show_retention))
        .routes(routes!(retention::run_retention))
        .layer(time_limit(state))
        // An archive takes as long as its receiver.
        .routes(routes!(exports::export_user))
        .routes(routes!(exports::export_me))
        .routes(routes!(exports::export_person))
}

fn time_limit(state: &AppState) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, state.limits.request_timeout)
}

#[allow(clippy::unused_async, reason = "axum handlers are async")]
async fn not_found() -> ApiError {
    ApiError::new(Code::NotFound, "no such path; /openapi.json lists them")
}

/// A handler panicked: that request fails, the server goes on.
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> axum::response::Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = message, "a handler panicked");
    let error = ApiError::new(Code::Internal, "the server failed; its log has the details");
    axum::response::IntoResponse::into_response(error)
}
