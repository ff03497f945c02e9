//! The limits of one component: the host's, changed by what its manifest says.

use std::time::Duration;

use manifest::{Component, Tool};

use crate::error::HostError;
use crate::options::Limits;

/// What instances of one component may use, and how long they live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Time in which the guest must begin to answer.
    pub request_timeout: Duration,
    /// Time in which the response must be complete, counted from the request.
    pub response_timeout: Duration,
    /// How long a guest may go on after its clients have left, before its instance is thrown away.
    pub background_timeout: Duration,
    pub cpu_time: Duration,
    pub memory_bytes_max: usize,
    pub request_body_bytes_max: u64,
    pub concurrent_requests_max: usize,
    pub reuse_count: usize,
    pub reuse_concurrency: usize,
    pub idle_instance_timeout: Duration,
    pub recycle_memory_bytes: usize,
}

impl Settings {
    /// The settings of `component` under `limits`; `max_instance_memory` is the runtime configuration's bound, if any.
    pub fn new(
        component: &Component,
        limits: &Limits,
        max_instance_memory: Option<u64>,
    ) -> Result<Self, HostError> {
        let tool: &Tool = &component.tool;
        let memory = tool.memory.or(max_instance_memory).unwrap_or(limits.memory_bytes_max);
        if memory > Limits::POOLED_MEMORY_BYTES_MAX {
            return Err(HostError::Setting {
                component: component.id.clone(),
                setting: "memory",
                value: memory,
                max: Limits::POOLED_MEMORY_BYTES_MAX,
            });
        }
        let memory = bytes(memory);
        Ok(Self {
            request_timeout: tool.request_timeout.unwrap_or(limits.request_timeout),
            response_timeout: tool.request_timeout.unwrap_or(limits.response_timeout),
            background_timeout: tool.background_timeout.unwrap_or(limits.background_timeout),
            cpu_time: tool.cpu_time.unwrap_or(limits.cpu_time),
            memory_bytes_max: memory,
            request_body_bytes_max: tool.max_request_body.unwrap_or(limits.request_body_bytes_max),
            concurrent_requests_max: tool
                .max_concurrent_requests
                .map_or(limits.concurrent_requests_max, count),
            reuse_count: tool.reuse_count.map_or(limits.reuse_count, count),
            reuse_concurrency: tool.reuse_concurrency.map_or(limits.reuse_concurrency, count),
            idle_instance_timeout: tool
                .idle_instance_timeout
                .unwrap_or(limits.idle_instance_timeout),
            // A component that was given more memory than usual is meant to use it.
            recycle_memory_bytes: bytes(limits.recycle_memory_bytes).max(memory / 2),
        })
    }

    /// The settings for a guest of WASI 0.2, which cannot be entered twice.
    pub fn for_single_use(mut self) -> Self {
        self.reuse_count = 1;
        self.reuse_concurrency = 1;
        self
    }
}

fn count(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn bytes(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
