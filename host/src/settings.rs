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
    /// Whether a response that is being streamed counts among the requests at the same time.
    pub counts_streams: bool,
}

/// Requests that an instance serves in Spin before it is replaced.
const SPIN_REUSE_COUNT: usize = 128;

/// Requests that an instance serves in Spin at the same time, until each begins to be answered.
const SPIN_REUSE_CONCURRENCY: usize = 16;

/// How long Spin keeps an instance without work.
const SPIN_IDLE_INSTANCE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer than any test: Spin has no timeout of its own for requests and for work after them.
const SPIN_TIMEOUT: Duration = Duration::from_hours(24);

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
            counts_streams: true,
        })
    }

    /// The settings of any component under the instance policy of Spin, which does not read `tool.selvage`.
    ///
    /// `limits` bound what that policy leaves open: memory, processor time, bodies, requests at the same time.
    pub fn of_spin(limits: &Limits, max_instance_memory: Option<u64>) -> Self {
        let memory = max_instance_memory.unwrap_or(limits.memory_bytes_max);
        let memory = bytes(memory.min(Limits::POOLED_MEMORY_BYTES_MAX));
        Self {
            request_timeout: SPIN_TIMEOUT,
            response_timeout: SPIN_TIMEOUT,
            background_timeout: SPIN_TIMEOUT,
            cpu_time: limits.cpu_time,
            memory_bytes_max: memory,
            request_body_bytes_max: limits.request_body_bytes_max,
            concurrent_requests_max: limits.concurrent_requests_max,
            reuse_count: SPIN_REUSE_COUNT,
            reuse_concurrency: SPIN_REUSE_CONCURRENCY,
            idle_instance_timeout: SPIN_IDLE_INSTANCE_TIMEOUT,
            recycle_memory_bytes: memory,
            counts_streams: false,
        }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use manifest::Manifest;

    use super::*;

    #[test]
    fn the_policy_of_spin_ignores_what_the_manifest_says() {
        let text = "spin_manifest_version = 2
            application.name = \"x\"
            trigger.http = [{ route = \"/\", component = \"c\" }]
            component.c.source = \"c.wasm\"
            [component.c.tool.selvage]
            reuse_count = 1024
            reuse_concurrency = 1
            request_timeout = \"15m\"
            background_timeout = \"15m\"
            idle_instance_timeout = \"1m\"
            memory = \"1GiB\"
            max_request_body = \"1MiB\"";
        let manifest = Manifest::parse(Path::new("spin.toml"), text).unwrap();
        let limits = Limits::default();
        let own = Settings::new(&manifest.components["c"], &limits, None).unwrap();
        assert_eq!((own.reuse_count, own.reuse_concurrency), (1024, 1));
        assert_eq!(own.request_body_bytes_max, 1 << 20);
        let spin = Settings::of_spin(&limits, None);
        assert_eq!((spin.reuse_count, spin.reuse_concurrency), (128, 16));
        assert_eq!(spin.idle_instance_timeout, Duration::from_secs(1));
        assert_eq!(spin.request_body_bytes_max, 128 << 20);
        assert_eq!(spin.memory_bytes_max, 256 << 20);
        let timeouts = [spin.request_timeout, spin.response_timeout, spin.background_timeout];
        assert!(timeouts.iter().all(|timeout| *timeout >= Duration::from_hours(1)));
        assert!(!spin.counts_streams);
        assert_eq!(Settings::of_spin(&limits, Some(1 << 20)).memory_bytes_max, 1 << 20);
    }
}
