//! How an instance of a component comes to life.

use std::sync::{Arc, Weak};
use std::time::Duration;

use wasmtime::component::ResourceTable;
use wasmtime::error::Context as _;
use wasmtime::{Engine, Store, Trap};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};
use wasmtime_wasi_http::handler::{HandlerState, Instance, ProxyPre};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpView};

use crate::app::App;
use crate::grants::Grants;
use crate::limits::{CpuBudget, MemoryLimit};
use crate::metrics::ComponentMetrics;
use crate::outbound::{OutboundClient, OutboundHooks};
use crate::settings::Settings;
use crate::state::State;
use crate::stdio::{GuestOutput, PanicOutput, Stream};
use crate::vacancies::Vacancies;
use crate::worker::{Expiration, Vitals, Worker};

/// Bytes that a guest may pass to a single host call.
const HOSTCALL_BYTES_MAX: usize = 64 << 20;

/// Handles that an instance may hold at the same time.
const HANDLES_MAX: usize = 10_000;

/// Bytes that the header fields of a message may take in the host's memory.
const FIELDS_BYTES_MAX: usize = 128 << 10;

/// Time in which an instance must be ready, its own initialization included.
const INSTANTIATION_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes instances of one component.
pub struct Template {
    pub pre: Arc<ProxyPre<State>>,
    pub engine: Engine,
    pub grants: Arc<Grants>,
    pub settings: Arc<Settings>,
    pub metrics: Arc<ComponentMetrics>,
    pub outbound: OutboundClient,
    pub vacancies: Arc<Vacancies>,
    /// Weak, because the application owns its components.
    pub app: Weak<App>,
}

impl Template {
    /// The same component under other limits.
    pub fn with_settings(&self, settings: Arc<Settings>) -> Self {
        Self {
            vacancies: Vacancies::new(settings.reuse_concurrency),
            pre: self.pre.clone(),
            engine: self.engine.clone(),
            grants: self.grants.clone(),
            settings,
            metrics: self.metrics.clone(),
            outbound: self.outbound.clone(),
            app: self.app.clone(),
        }
    }

    fn store(
        &self,
        vitals: &Arc<Vitals>,
        panic: &Arc<PanicOutput>,
    ) -> wasmtime::Result<Store<State>> {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let state = State {
            grants: self.grants.clone(),
            table,
            wasi: self.wasi(panic)?,
            http,
            outbound: OutboundHooks {
                grants: self.grants.clone(),
                client: self.outbound.clone(),
                app: self.app.clone(),
                metrics: self.metrics.clone(),
            },
            memory: MemoryLimit::new(
                self.settings.memory_bytes_max,
                vitals.memory_bytes.clone(),
                self.metrics.memory_peak.clone(),
            ),
            cpu: CpuBudget::new(
                self.settings.cpu_time,
                vitals.pace.clone(),
                self.metrics.cpu_micros.clone(),
            ),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        store.set_epoch_deadline(1);
        let watched = vitals.clone();
        store.epoch_deadline_callback(move |mut store| {
            store.data_mut().cpu.tick(!watched.has_clients())
        });
        Ok(store)
    }

    /// Counts a trap in the guest's initialization. The request for which the instance was made logs the reason.
    fn start_failed(&self, error: &wasmtime::Error) {
        if error.is::<Trap>() {
            self.metrics.instance_traps.add(1);
        }
    }

    /// The guest's view of the system: its own environment and files, output to our log, and neither network nor input.
    fn wasi(&self, panic: &Arc<PanicOutput>) -> wasmtime::Result<WasiCtx> {
        let logs = &self.grants.logs;
        let output = |stream| GuestOutput::new(stream, logs.clone(), panic.clone());
        let mut wasi = WasiCtxBuilder::new();
        wasi.envs(&self.grants.environment)
            .stdout(output(Stream::Stdout))
            .stderr(output(Stream::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        for mount in &self.grants.files {
            wasi.preopened_dir(&mount.host, &mount.guest, FsPerms::ReadOnly)
                .with_context(|| format!("cannot open {}", mount.host.display()))?;
        }
        Ok(wasi.build())
    }
}

impl HandlerState for Template {
    type StoreData = State;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<State, Expiration, Worker>> {
        let vitals = Arc::new(Vitals::new(self.settings.clone(), self.vacancies.clone()));
        let panic = PanicOutput::new(self.grants.component.clone());
        let mut store = self.store(&vitals, &panic)?;
        let instantiation = self.pre.instantiate_async(&mut store);
        let proxy = tokio::time::timeout(INSTANTIATION_TIMEOUT, instantiation)
            .await
            .map_err(|_| wasmtime::format_err!("the guest's initialization takes too long"))
            .flatten()
            .inspect_err(|error| self.start_failed(error))?;
        self.metrics.instances_created.add(1);
        self.metrics.instances_live.add(1);
        Ok(Instance {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration::new(
                self.settings.clone(),
                vitals.clone(),
                self.metrics.clone(),
            ),
            state: Worker {
                settings: self.settings.clone(),
                vitals,
                metrics: self.metrics.clone(),
                component: self.grants.component.clone(),
                panic,
            },
        })
    }
}
