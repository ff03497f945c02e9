//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Role, Scope};
use keyring::Purpose;
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Route, RouteTable};

use crate::http;
use crate::service::Files;

/// A repetition is read and dropped up to here. What a first request may have is the bucket's to say.
const UPLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

const READ: Access = Access::Account(Role::Viewer, Scope::FilesRead);
const WRITE: Access = Access::Account(Role::Member, Scope::FilesWrite);

fn table() -> RouteTable<Files> {
    let routes = [buckets(), files(), content(), uploads(), openai_files(), openai_uploads()];
    RouteTable::new(routes.into_iter().flatten())
}

fn buckets() -> Vec<Route<Files>> {
    vec![
        Route::get("/api/buckets", READ, "list_buckets", http::list_buckets)
            .summary("List where files can go, and which may go there.")
            .gives(200, "BucketPage"),
        Route::post("/api/buckets", Access::Platform, "create_bucket", http::create_bucket)
            .summary("Make a bucket, for all accounts.")
            .takes("Bucket")
            .gives(201, "Bucket")
            .repeatable(),
        Route::patch("/api/buckets/{name}", Access::Platform, "update_bucket", http::update_bucket)
            .summary("Change which files a bucket takes.")
            .takes("BucketChange")
            .gives(200, "Bucket"),
    ]
}

fn files() -> Vec<Route<Files>> {
    vec![
        Route::post("/api/files", WRITE, "create_file", http::create_file)
            .summary("Store a file: the body, or the field `file` of a form.")
            .query(&["name", "bucket", "metadata"])
            .gives(201, "File")
            .body_bytes_max(UPLOAD_BYTES_MAX)
            .repeatable_with_a_streamed_body(),
        Route::get("/api/files", READ, "list_files", http::list_files)
            .summary("List files, the newest first.")
            .query(&["limit", "cursor", "bucket"])
            .gives(200, "FilePage"),
        Route::get("/api/files/{id}", READ, "get_file", http::get_file)
            .summary("Get what is known of a file.")
            .gives(200, "File"),
        Route::patch("/api/files/{id}", WRITE, "update_file", http::update_file)
            .summary("Change name or metadata of a file.")
            .takes("FileChange")
            .gives(200, "File"),
        Route::delete("/api/files/{id}", WRITE, "delete_file", http::delete_file)
            .summary("Delete a file with its bytes.")
            .query(&["force"]),
    ]
}

fn content() -> Vec<Route<Files>> {
    vec![
        Route::get("/api/files/{id}/content", READ, "get_file_content", http::get_file_content)
            .summary("Get the bytes of a file, or ranges of them.")
            .gives(200, "FileContent"),
        Route::post(
            "/api/files/{id}/signed-url",
            WRITE,
            "create_signed_url",
            http::create_signed_url,
        )
        .summary("Make a link under which anyone gets the file for a while.")
        .takes("SignedUrlCreation")
        .gives(200, "SignedUrl"),
        Route::get(
            "/api/files/signed/{token}",
            Access::Public,
            "get_signed_file",
            http::get_signed_file,
        )
        .summary("Get the file that a link leads to.")
        .gives(200, "FileContent"),
        Route::get(
            "/api/files/public/{token}",
            Access::Public,
            "get_public_file",
            http::get_public_file,
        )
        .summary("Get a file of a public bucket: the ids of its account and of itself, with a dot between them.")
        .gives(200, "FileContent"),
    ]
}

fn uploads() -> Vec<Route<Files>> {
    vec![
        Route::post("/api/uploads", WRITE, "create_upload", http::create_upload)
            .summary("Begin a file that arrives in parts.")
            .takes("UploadCreation")
            .gives(201, "Upload")
            .repeatable(),
        Route::get("/api/uploads/{id}", READ, "get_upload", http::get_upload)
            .summary("Say which parts of an upload are there.")
            .gives(200, "Upload"),
        Route::put("/api/uploads/{id}/parts/{n}", WRITE, "put_part", http::put_part)
            .summary("Store a part of an upload, in the place of an earlier attempt.")
            .takes_bytes()
            .gives(200, "UploadPart"),
        Route::post("/api/uploads/{id}/complete", WRITE, "complete_upload", http::complete_upload)
            .summary("Check the parts together and make them the file.")
            .gives(200, "File"),
        Route::delete("/api/uploads/{id}", WRITE, "delete_upload", http::delete_upload)
            .summary("Give an upload up."),
    ]
}

fn openai_files() -> Vec<Route<Files>> {
    vec![
        Route::post("/v1/files", WRITE, "openai_create_file", http::openai_create_file)
            .summary("Store a file, as the OpenAI SDKs do.")
            .takes_bytes()
            .gives(200, "OpenAiFile"),
        Route::get("/v1/files", READ, "openai_list_files", http::openai_list_files)
            .summary("List files, as the OpenAI SDKs do.")
            .query(&["purpose", "limit", "order", "after"])
            .gives(200, "OpenAiFileList"),
        Route::get("/v1/files/{id}", READ, "openai_get_file", http::openai_get_file)
            .summary("Get what is known of a file, as the OpenAI SDKs do.")
            .gives(200, "OpenAiFile"),
        Route::delete("/v1/files/{id}", WRITE, "openai_delete_file", http::openai_delete_file)
            .summary("Delete a file, as the OpenAI SDKs do.")
            .gives(200, "OpenAiDeletedFile"),
        Route::get(
            "/v1/files/{id}/content",
            READ,
            "openai_get_file_content",
            http::openai_get_file_content,
        )
        .summary("Get the bytes of a file, as the OpenAI SDKs do.")
        .gives(200, "FileContent"),
    ]
}

fn openai_uploads() -> Vec<Route<Files>> {
    vec![
        Route::post("/v1/uploads", WRITE, "openai_create_upload", http::openai_create_upload)
            .summary("Begin a file that arrives in parts, as the OpenAI SDKs do.")
            .takes("OpenAiUploadCreation")
            .gives(200, "OpenAiUpload"),
        Route::post("/v1/uploads/{id}/parts", WRITE, "openai_add_part", http::openai_add_part)
            .summary("Store a part of an upload, as the OpenAI SDKs do.")
            .takes_bytes()
            .gives(200, "OpenAiUploadPart"),
        Route::post(
            "/v1/uploads/{id}/complete",
            WRITE,
            "openai_complete_upload",
            http::openai_complete_upload,
        )
        .summary("Make parts a file in the named order, as the OpenAI SDKs do.")
        .takes("OpenAiUploadCompletion")
        .gives(200, "OpenAiUpload"),
        Route::post(
            "/v1/uploads/{id}/cancel",
            WRITE,
            "openai_cancel_upload",
            http::openai_cancel_upload,
        )
        .summary("Give an upload up, as the OpenAI SDKs do.")
        .gives(200, "OpenAiUpload"),
    ]
}

/// The schemas of the bodies that the routes name: a JSON object of JSON Schemas.
pub fn schemas() -> &'static str {
    include_str!("../schemas.json")
}

/// The component's routes as data.
pub fn declarations() -> Vec<Declaration> {
    table().declarations().cloned().collect()
}

pub(crate) fn router(state: Files) -> Router {
    let Files { database, settings, clock, entropy, .. } = state.clone();
    let peppers = settings.keyring.iter().map(|root| root.derive(Purpose::IdempotencyPepper));
    let gates = Gates::new(database, &settings.data, clock.clone(), entropy.clone(), peppers);
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
