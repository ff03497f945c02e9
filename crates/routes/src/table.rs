use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use problem::{BODY_BYTES_MAX, BodyLimit};

use crate::gate::{Gate, Gates, announce, authorize, make_ready, refuse_credentials};
use crate::repeat::{Repeatable, repeat, repeat_streamed};
use crate::{Access, Tenant};

/// A route as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub method: Method,
    /// In axum's syntax, which is OpenAPI's: `/api/conversations/{id}`.
    pub path: &'static str,
    pub access: Access,
    pub tenant: Tenant,
    /// The handler's name and the operation's in OpenAPI.
    pub operation_id: &'static str,
    /// One line for the reference.
    pub summary: &'static str,
    /// The parameters of the query string that it takes.
    pub query: &'static [&'static str],
    /// The schema of the JSON body that it takes, by name.
    pub request: Option<&'static str>,
    /// What it answers when all is well.
    pub outcome: Outcome,
    /// How large a body may be.
    pub body_bytes_max: usize,
    /// Whether a request with the header `Idempotency-Key` has one effect, however often it is sent.
    pub is_repeatable: bool,
    /// Whether its body may be too large to be kept in memory.
    pub is_streamed: bool,
    /// Whether it needs the database; probes of liveness do not.
    pub needs_database: bool,
    /// What it asks of the caller's password.
    pub password: PasswordRule,
}

/// What a route asks of its caller's password, beyond that someone is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRule {
    /// Nothing: it serves someone, too, who has to choose another one before anything else.
    Any,
    /// It need not be changed first.
    Settled,
    /// It need not be changed first, and was shown lately.
    ShownLately,
}

/// The answer of a route that did what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub status: u16,
    /// The schema of its JSON body, by name; none when it has no body.
    pub schema: Option<&'static str>,
}

/// A declared route with its handler.
pub struct Route<S> {
    declaration: Declaration,
    handler: MethodRouter<S>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])+ $name:ident $method:ident;)+) => {$(
        $(#[$doc])+
        pub fn $name<H, T>(
            path: &'static str,
            access: Access,
            operation_id: &'static str,
            handler: H,
        ) -> Self
        where
            H: Handler<T, S>,
            T: 'static,
        {
            Self::new(Method::$method, path, access, operation_id, on(MethodFilter::$method, handler))
        }
    )+};
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    constructors! {
        /// A `GET` route; it answers `HEAD` too.
        get GET;
        /// A `POST` route.
        post POST;
        /// A `PUT` route.
        put PUT;
        /// A `PATCH` route.
        patch PATCH;
        /// A `DELETE` route.
        delete DELETE;
    }

    fn new(
        method: Method,
        path: &'static str,
        access: Access,
        operation_id: &'static str,
        handler: MethodRouter<S>,
    ) -> Self {
        let declaration = Declaration {
            method,
            path,
            access,
            tenant: access.usual_tenant(),
            operation_id,
            summary: "",
            query: &[],
            request: None,
            outcome: Outcome { status: 204, schema: None },
            body_bytes_max: BODY_BYTES_MAX,
            is_repeatable: false,
            is_streamed: false,
            needs_database: true,
            password: PasswordRule::Settled,
        };
        Self { declaration, handler }
    }

    /// What it does, in one line.
    #[must_use]
    pub fn summary(mut self, summary: &'static str) -> Self {
        self.declaration.summary = summary;
        self
    }

    /// Takes these parameters in the query string, all optional.
    #[must_use]
    pub fn query(mut self, names: &'static [&'static str]) -> Self {
        self.declaration.query = names;
        self
    }

    /// Takes a JSON body of this schema. The component's `schemas.json` has it under this name.
    #[must_use]
    pub fn takes(mut self, schema: &'static str) -> Self {
        self.declaration.request = Some(schema);
        self
    }

    /// Answers with this status and a JSON body of this schema; a route that does not say so answers 204.
    #[must_use]
    pub fn gives(mut self, status: u16, schema: &'static str) -> Self {
        self.declaration.outcome = Outcome { status, schema: Some(schema) };
        self
    }

    /// Answers 302 and sends a browser elsewhere.
    #[must_use]
    pub fn redirects(mut self) -> Self {
        self.declaration.outcome = Outcome { status: 302, schema: None };
        self
    }

    /// Is about the account whose id is the parameter `id` of the path. The caller that the handler gets is in that account.
    #[must_use]
    pub fn of_the_account_in_its_path(mut self) -> Self {
        self.declaration.tenant = Tenant::Path;
        self
    }

    /// Takes bodies up to this size instead of the usual one.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.declaration.body_bytes_max = bytes;
        self
    }

    /// Has one effect and one answer for all requests with the same `Idempotency-Key`. The handler takes a [`idempotency::Claim`] and keeps
    /// its answer in the batch of the effect.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.declaration.is_repeatable = true;
        self
    }

    /// As [`Route::repeatable`], with a body that is read as it arrives. The handler takes a [`idempotency::Deferred`], which gives the claim when
    /// it has read all of it.
    #[must_use]
    pub fn repeatable_with_a_streamed_body(mut self) -> Self {
        self.declaration.is_repeatable = true;
        self.declaration.is_streamed = true;
        self
    }

    /// Takes a body that is no JSON; OpenAPI says so.
    #[must_use]
    pub fn takes_bytes(mut self) -> Self {
        self.declaration.is_streamed = true;
        self
    }

    /// Needs someone who has shown the password within the last ten minutes.
    #[must_use]
    pub fn needs_step_up(mut self) -> Self {
        self.declaration.password = PasswordRule::ShownLately;
        self
    }

    /// Answers even when the database is away.
    #[must_use]
    pub fn without_database(mut self) -> Self {
        self.declaration.needs_database = false;
        self
    }

    /// Serves someone, too, who has to choose another password before anything else.
    #[must_use]
    pub fn open_to_unsettled(mut self) -> Self {
        self.declaration.password = PasswordRule::Any;
        self
    }
}

/// All routes of a component.
pub struct RouteTable<S>(Vec<Route<S>>);

impl<S: Clone + Send + Sync + 'static> RouteTable<S> {
    /// The table of these routes. No two may have the same method and path.
    pub fn new(routes: impl IntoIterator<Item = Route<S>>) -> Self {
        Self(routes.into_iter().collect())
    }

    /// The routes as data, in order.
    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.0.iter().map(|route| &route.declaration)
    }

    /// The router of exactly these routes, each behind its gates.
    pub fn into_router(self, state: S, gates: &Gates) -> Router {
        let mut router = Router::new();
        for Route { declaration, handler } in self.0 {
            let Declaration { path, access, tenant, password, .. } = declaration;
            let announced = (BodyLimit(declaration.body_bytes_max), gates.trusted_proxies.clone());
            // The layer that is added last is the first that a request meets.
            let mut handler = handler.route_layer(from_fn_with_state(announced, announce));
            if declaration.is_repeatable {
                let repeatable = Repeatable {
                    replays: gates.replays.clone(),
                    method: declaration.method,
                    route: path,
                    body_bytes_max: declaration.body_bytes_max,
                    status: declaration.outcome.status,
                };
                handler = if declaration.is_streamed {
                    handler.route_layer(from_fn_with_state(repeatable, repeat_streamed))
                } else {
                    handler.route_layer(from_fn_with_state(repeatable, repeat))
                };
            }
            if access != Access::Public {
                let gate = Gate {
                    authenticator: gates.authenticator.clone(),
                    allowance: gates.allowance.clone(),
                    clock: gates.clock.clone(),
                    access,
                    tenant,
                    password,
                };
                handler = handler.route_layer(from_fn_with_state(gate, authorize));
            }
            if declaration.needs_database {
                handler =
                    handler.route_layer(from_fn_with_state(gates.readiness.clone(), make_ready));
            }
            handler = handler.route_layer(from_fn(refuse_credentials));
            router = router.route(path, handler);
        }
        router.with_state(state)
    }
}
