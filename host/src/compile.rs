//! From a prepared application to one that can serve: compiling, linking, opening databases.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use manifest::{Dependency, HttpTrigger, Route, Router, StaticResponse};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi_http::handler::ProxyPre;

use crate::app::{App, Target, Trigger};
use crate::cache::Cache;
use crate::component::Component;
use crate::connector::Network;
use crate::error::HostError;
use crate::grants::Grants;
use crate::instance::Template;
use crate::key_value::Stores;
use crate::limits::Ticker;
use crate::metrics::{ComponentMetrics, Metrics, RouteMetrics};
use crate::outbound::OutboundClient;
use crate::prepare::{Part, Prepared, local_addr, read_source};
use crate::ready::Ready;
use crate::sqlite::Databases;
use crate::state::State;
use crate::vacancies::Vacancies;
use crate::{compose, runtime};

/// What [`Prepared::compile`] is doing, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Translates a component to native code, which takes seconds; it is kept for the next start.
    Compiling { component: &'a str, number: usize, total: usize },
    /// The component is ready to run.
    Loaded { component: &'a str, number: usize, total: usize },
}

/// A component in front of which a route may put middleware.
struct Variant<'a> {
    id: &'a str,
    middleware: &'a [Dependency],
    /// Which triggers lead to it.
    triggers: Vec<usize>,
    /// Whether service chaining leads to it.
    chained: bool,
}

impl Prepared {
    /// Compiles the components, or loads them from the cache, and makes them ready to be called.
    ///
    /// This computes for seconds on the first start; call it where nothing else has to run.
    ///
    /// # Errors
    /// A component that does not compile or link, or a database that does not open.
    pub fn compile(self, mut progress: impl FnMut(Progress<'_>)) -> Result<Ready, HostError> {
        let engine = runtime::engine()?;
        let cache = Cache::open(&self.options.cache_dir, &engine)?;
        let linker = runtime::linker(&engine)
            .map_err(|error| HostError::Engine { reason: format!("{error:#}") })?;
        let variants = self.variants();
        let total = variants.len();
        let mut linked = Vec::with_capacity(total);
        for (index, variant) in variants.iter().enumerate() {
            let (component, number) = (variant.id, index + 1);
            let compiling = || progress(Progress::Compiling { component, number, total });
            linked.push(self.link(variant, &engine, &cache, &linker, compiling)?);
            progress(Progress::Loaded { component, number, total });
        }
        let local = local_addr(&self.listener, self.options.listen)?;
        let (app, databases, stores) = self.assemble(&engine, &variants, linked, local)?;
        Ok(Ready {
            app,
            databases,
            stores,
            listener: self.listener,
            admin_listener: self.admin_listener,
            limits: self.options.limits,
            local,
        })
    }

    /// The components that have to be compiled: one for each different way in which routes lead to it.
    fn variants(&self) -> Vec<Variant<'_>> {
        let mut variants: Vec<Variant<'_>> = Vec::new();
        for (index, trigger) in self.manifest.triggers.iter().enumerate() {
            let manifest::Target::Component { id, middleware } = &trigger.target else { continue };
            // Nothing but service chaining leads to a private trigger, and that goes past the middleware.
            if matches!(trigger.route, Route::Private) {
                continue;
            }
            match variants.iter_mut().find(|own| own.id == *id && own.middleware == *middleware) {
                Some(variant) => variant.triggers.push(index),
                None => {
                    variants.push(Variant {
                        id,
                        middleware,
                        triggers: vec![index],
                        chained: false,
                    });
                }
            }
        }
        for id in self.manifest.components.keys().filter(|id| self.is_chained(id)) {
            match variants.iter_mut().find(|own| own.id == id && own.middleware.is_empty()) {
                Some(variant) => variant.chained = true,
                None => variants.push(Variant {
                    id,
                    middleware: &[],
                    triggers: Vec::new(),
                    chained: true,
                }),
            }
        }
        variants
    }

    /// Whether any component may call the component `id` inside of the application, and a trigger says that it serves HTTP.
    fn is_chained(&self, id: &str) -> bool {
        let serves = |trigger: &HttpTrigger| matches!(&trigger.target, manifest::Target::Component { id: own, .. } if own == id);
        let host = format!("{id}{}", manifest::SERVICE_CHAINING_SUFFIX);
        self.manifest.triggers.iter().any(serves)
            && self.parts.values().any(|part| {
                ["http", "https"]
                    .iter()
                    .any(|scheme| part.allowed_hosts.allows_parts(scheme, &host, None))
            })
    }

    fn link(
        &self,
        variant: &Variant<'_>,
        engine: &Engine,
        cache: &Cache,
        linker: &Linker<State>,
        compiling: impl FnOnce(),
    ) -> Result<ProxyPre<State>, HostError> {
        let id = variant.id;
        let component = self
            .manifest
            .components
            .get(id)
            .ok_or_else(|| HostError::NoHandler { component: id.to_owned() })?;
        let wasm = read_source(id, &component.source)?;
        let dependencies = component.dependencies.iter().map(|(name, own)| (name.as_str(), own));
        let wasm = compose::with_dependencies(wasm, dependencies)
            .and_then(|wasm| compose::with_middleware(wasm, variant.middleware))
            .map_err(|reason| HostError::Compose { component: id.to_owned(), reason })?;
        let component = cache.load(engine, &wasm, compiling).map_err(|error| {
            HostError::Compile { component: id.to_owned(), reason: reason(&wasm, &error) }
        })?;
        runtime::link(linker, &component, id)
    }

    fn assemble(
        &self,
        engine: &Engine,
        variants: &[Variant<'_>],
        linked: Vec<ProxyPre<State>>,
        local: SocketAddr,
    ) -> Result<(Arc<App>, Databases, Stores), HostError> {
        let components = self.manifest.components.values();
        let names = components.clone().flat_map(|component| component.sqlite_databases.clone());
        let databases = Databases::open(&self.config, &names.collect())?;
        let names = components.flat_map(|component| component.key_value_stores.clone());
        let stores = Stores::open(&self.config, &names.collect::<BTreeSet<String>>())?;
        let ticker = Ticker::start(engine).map_err(|error| HostError::Engine {
            reason: format!("no thread for its clock: {error}"),
        })?;
        let metrics = Arc::new(self.metrics(&databases));
        let outbound = self.outbound(&metrics)?;
        let router = Router::new(&self.manifest).map_err(|error| HostError::Engine {
            reason: format!("the routes are invalid: {error}"),
        })?;
        let shared = Shared { engine, outbound, databases: &databases, stores: &stores };
        let app = Arc::new_cyclic(|app: &Weak<App>| {
            let assembled = self.components(variants, linked, &shared, &metrics, app);
            self.app(router, ticker, assembled, &metrics, local)
        });
        Ok((app, databases, stores))
    }

    fn metrics(&self, databases: &Databases) -> Metrics {
        let routes = self.manifest.triggers.iter().map(|trigger| {
            let component = match &trigger.target {
                manifest::Target::Component { id, .. } => id.clone(),
                manifest::Target::StaticResponse(_) => "static".to_owned(),
            };
            let route = match &trigger.route {
                Route::Public(route) => route.clone(),
                Route::Private => "private".to_owned(),
            };
            (component, route, Arc::<RouteMetrics>::default())
        });
        let components = self.manifest.components.keys();
        Metrics {
            routes: routes.collect(),
            components: components.map(|id| (id.clone(), Arc::default())).collect(),
            databases: databases.engines(),
            ..Metrics::default()
        }
    }

    fn outbound(&self, metrics: &Metrics) -> Result<OutboundClient, HostError> {
        let configured = self.config.outbound_http.max_connections;
        let connections = configured
            .map_or(self.options.limits.outbound_connections_max, |max| {
                usize::try_from(max).unwrap_or(usize::MAX)
            })
            .min(Semaphore::MAX_PERMITS);
        let network = Network {
            blocked: self.config.outbound_networking.blocked(),
            opened: self.options.allow_origins.clone(),
            connections: Arc::new(Semaphore::new(connections)),
            open: metrics.outbound_connections.clone(),
            total: metrics.outbound_connections_opened.clone(),
        };
        let unverified = &self.options.unverified_origins;
        OutboundClient::new(network, unverified, self.config.outbound_http.connection_pooling)
    }

    /// The components in the order of `variants`.
    fn components(
        &self,
        variants: &[Variant<'_>],
        linked: Vec<ProxyPre<State>>,
        shared: &Shared<'_>,
        metrics: &Metrics,
        app: &Weak<App>,
    ) -> Assembled {
        let mut assembled = Assembled::default();
        let mut grants: BTreeMap<&str, Arc<Grants>> = BTreeMap::new();
        for (variant, pre) in variants.iter().zip(linked) {
            let (Some(part), Some(component)) =
                (self.parts.get(variant.id), self.manifest.components.get(variant.id))
            else {
                continue;
            };
            let grants = grants
                .entry(variant.id)
                .or_insert_with(|| Arc::new(shared.grants(component, part)));
            let settings = match &pre {
                ProxyPre::P2(_) => Arc::new(part.settings.as_ref().clone().for_single_use()),
                ProxyPre::P3(_) => part.settings.clone(),
            };
            let own = metrics.components.get(variant.id).cloned();
            let template = Template {
                vacancies: Vacancies::new(settings.reuse_concurrency),
                pre: Arc::new(pre),
                engine: shared.engine.clone(),
                grants: grants.clone(),
                settings,
                metrics: own.unwrap_or_else(Arc::<ComponentMetrics>::default),
                outbound: shared.outbound.clone(),
                app: app.clone(),
            };
            let component = Arc::new(Component::new(template, &self.options.limits));
            for trigger in &variant.triggers {
                assembled.triggered.insert(*trigger, component.clone());
            }
            if variant.chained {
                assembled.chained.insert(variant.id.to_owned(), component);
            }
        }
        assembled
    }

    fn app(
        &self,
        router: Router,
        ticker: Ticker,
        assembled: Assembled,
        metrics: &Arc<Metrics>,
        local: SocketAddr,
    ) -> App {
        let triggers = self.manifest.triggers.iter().zip(&metrics.routes).enumerate();
        let triggers = triggers
            .map(|(index, (trigger, (_, _, metrics)))| {
                let target = match (&trigger.target, assembled.triggered.get(&index)) {
                    (manifest::Target::StaticResponse(response), _) => static_target(response),
                    (manifest::Target::Component { .. }, Some(component)) => {
                        Target::Component(component.clone())
                    }
                    // The router never leads to a private trigger.
                    (manifest::Target::Component { .. }, None) => Target::Static {
                        status: StatusCode::NOT_FOUND,
                        headers: HeaderMap::new(),
                        body: Bytes::new(),
                    },
                };
                Trigger { target, metrics: metrics.clone() }
            })
            .collect();
        App {
            router,
            triggers,
            chained: assembled.chained,
            metrics: metrics.clone(),
            headers_max: self.options.limits.headers_max,
            access_log: self.options.access_log,
            local,
            _ticker: ticker,
        }
    }
}

/// Components by what leads to them.
#[derive(Default)]
struct Assembled {
    triggered: BTreeMap<usize, Arc<Component>>,
    chained: BTreeMap<String, Arc<Component>>,
}

/// What all components have in common.
struct Shared<'a> {
    engine: &'a Engine,
    outbound: OutboundClient,
    databases: &'a Databases,
    stores: &'a Stores,
}

impl Shared<'_> {
    fn grants(&self, component: &manifest::Component, part: &Part) -> Grants {
        let environment = component.environment.iter();
        Grants {
            component: component.id.as_str().into(),
            variables: part.variables.clone(),
            environment: environment.map(|(name, value)| (name.clone(), value.clone())).collect(),
            logs: part.logs.clone(),
            files: part.files.clone(),
            allowed_hosts: part.allowed_hosts.clone(),
            databases: self.databases.grant(&component.sqlite_databases),
            stores: self.stores.grant(&component.key_value_stores),
        }
    }
}

/// Why `wasm` does not compile, in one line: the compiler quotes bytes one below the other.
fn reason(wasm: &[u8], error: &wasmtime::Error) -> String {
    if !wasm.starts_with(b"\0asm") {
        return "its file is no WebAssembly; build the components again".to_owned();
    }
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn static_target(response: &StaticResponse) -> Target {
    let headers = response.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    });
    Target::Static {
        status: StatusCode::from_u16(response.status_code).unwrap_or(StatusCode::OK),
        headers: headers.collect(),
        body: response.body.clone().unwrap_or_default().into(),
    }
}
