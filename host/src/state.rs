//! The data of a guest's store: what host functions see.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::grants::Grants;
use crate::limits::{CpuBudget, MemoryLimit};
use crate::outbound::OutboundHooks;

/// The data of one instance's store.
///
/// It is shared by all requests that the instance handles, one after the other and at the same time, so nothing in here may
/// belong to a single request.
pub struct State {
    /// What the component may touch.
    pub grants: Arc<Grants>,
    /// The resources that the guest holds handles of.
    pub table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    pub(crate) http: WasiHttpCtx,
    pub(crate) outbound: OutboundHooks,
    pub(crate) memory: MemoryLimit,
    pub(crate) cpu: CpuBudget,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}
