//! One function per statement or batch: binds it and maps what it gives.

mod buckets;
mod files;
mod uploads;

pub use buckets::{change_bucket, create_bucket, get_bucket, list_buckets};
pub use files::{
    Finished, Reservation, change_file, delete_file, delete_pending_file, extend_file, finish_file,
    get_content, get_file, get_public_content, hex, list_files, reserve_file,
};
pub use uploads::{
    complete_upload, create_upload, delete_part, extend_upload_part, finish_upload_part,
    get_upload, insert_upload_part, list_parts,
};
