//! `[component.<id>.tool]`: settings for our host beside those of other tools.

use std::time::Duration;

use crate::document::{Table, Value};
use crate::error::ManifestError;
use crate::quantity::{parse_duration, parse_size};

/// `[component.<id>.tool.selvage]`. What is `None` is left to the host's defaults.
///
/// Durations are strings (`"500ms"`, `"30s"`, `"5m"`), sizes integers of bytes or strings (`"128MiB"`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tool {
    /// Requests that one instance serves before it is replaced; 1 turns reuse off.
    pub reuse_count: Option<u32>,
    /// Requests that one instance serves at the same time.
    pub reuse_concurrency: Option<u32>,
    /// How long an instance without a request is kept.
    pub idle_instance_timeout: Option<Duration>,
    /// Wall time of one request, from its first byte to the last byte of the response.
    pub request_timeout: Option<Duration>,
    /// How long an instance may work on after its clients have left.
    pub background_timeout: Option<Duration>,
    /// Processor time of one request.
    pub cpu_time: Option<Duration>,
    /// Linear memory of one instance, in bytes.
    pub memory: Option<u64>,
    /// Size of a request body, in bytes.
    pub max_request_body: Option<u64>,
    /// Requests to the component at the same time, over all instances.
    pub max_concurrent_requests: Option<u32>,
}

impl Tool {
    /// Reads the table `tool` of a component: ours strictly, those of others not at all.
    pub(crate) fn read(tools: &Value<'_>) -> Result<Self, ManifestError> {
        let mut ours = None;
        for (key, settings) in tools.table()?.entries() {
            let settings = settings.table()?;
            if key.text == "selvage" {
                ours = Some(settings);
            }
        }
        ours.map_or(Ok(Self::default()), Self::read_ours)
    }

    fn read_ours(mut table: Table<'_>) -> Result<Self, ManifestError> {
        let tool = Self {
            reuse_count: count(&mut table, "reuse_count")?,
            reuse_concurrency: count(&mut table, "reuse_concurrency")?,
            idle_instance_timeout: duration(&mut table, "idle_instance_timeout")?,
            request_timeout: duration(&mut table, "request_timeout")?,
            background_timeout: duration(&mut table, "background_timeout")?,
            cpu_time: duration(&mut table, "cpu_time")?,
            memory: size(&mut table, "memory")?,
            max_request_body: size(&mut table, "max_request_body")?,
            max_concurrent_requests: count(&mut table, "max_concurrent_requests")?,
        };
        table.finish()?;
        Ok(tool)
    }
}

fn count(table: &mut Table<'_>, name: &'static str) -> Result<Option<u32>, ManifestError> {
    let Some(value) = table.optional(name) else { return Ok(None) };
    match u32::try_from(value.unsigned()?) {
        Ok(count) if count != 0 => Ok(Some(count)),
        _ => Err(value.error("this must be an integer from 1 to 4294967295")),
    }
}

fn duration(table: &mut Table<'_>, name: &'static str) -> Result<Option<Duration>, ManifestError> {
    let Some(value) = table.optional(name) else { return Ok(None) };
    let duration = parse_duration(value.string()?).ok_or_else(|| {
        value.error("this is not a duration; write a whole number and `ms`, `s`, `m` or `h`, such as \"30s\"")
    })?;
    Ok(Some(duration))
}

fn size(table: &mut Table<'_>, name: &'static str) -> Result<Option<u64>, ManifestError> {
    let Some(value) = table.optional(name) else { return Ok(None) };
    let size = if value.is_integer() {
        Some(value.unsigned()?).filter(|size| *size != 0)
    } else {
        parse_size(value.string()?)
    };
    let size = size.ok_or_else(|| {
        value.error("this is not a size; write a number of bytes or one with `KiB`, `MiB` or `GiB`, such as \"128MiB\"")
    })?;
    Ok(Some(size))
}
