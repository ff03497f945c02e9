use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use caller::{Authenticator, Role};
use problem::{BODY_BYTES_MAX, BodyLimit};

use crate::Readiness;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Members of the account with at least this role.
    Role(Role),
}

/// A route as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub method: Method,
    /// In axum's syntax, which is OpenAPI's: `/api/conversations/{id}`.
    pub path: &'static str,
    pub access: Access,
    /// The handler's name and the operation's in OpenAPI.
    pub operation_id: &'static str,
    /// One line for the reference.
    pub summary: &'static str,
    /// How large a body may be.
    pub body_bytes_max: usize,
    /// Whether it needs the database; probes of liveness do not.
    pub needs_database: bool,
}

/// A declared route with its handler.
pub struct Route<S> {
    declaration: Declaration,
    handler: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A `GET` route; it answers `HEAD` too.
    pub fn get<H, T>(
        path: &'static str,
        access: Access,
        operation_id: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        Self::new(Method::GET, path, access, operation_id, on(MethodFilter::GET, handler))
    }

    /// A `POST` route.
    pub fn post<H, T>(
        path: &'static str,
        access: Access,
        operation_id: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        Self::new(Method::POST, path, access, operation_id, on(MethodFilter::POST, handler))
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
            operation_id,
            summary: "",
            body_bytes_max: BODY_BYTES_MAX,
            needs_database: true,
        };
        Self { declaration, handler }
    }

    /// What it does, in one line.
    #[must_use]
    pub fn summary(mut self, summary: &'static str) -> Self {
        self.declaration.summary = summary;
        self
    }

    /// Takes bodies up to this size instead of the usual one.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.declaration.body_bytes_max = bytes;
        self
    }

    /// Answers even when the database is away.
    #[must_use]
    pub fn without_database(mut self) -> Self {
        self.declaration.needs_database = false;
        self
    }
}

/// What stands before the handlers.
#[derive(Debug, Clone)]
pub struct Gates {
    pub readiness: Readiness,
    pub authenticator: Authenticator,
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
            let limit = BodyLimit(declaration.body_bytes_max);
            // The layer that is added last is the first that a request meets.
            let mut handler = handler.route_layer(from_fn_with_state(limit, announce_limit));
            if let Access::Role(role) = declaration.access {
                let gate = (gates.authenticator.clone(), role);
                handler = handler.route_layer(from_fn_with_state(gate, authorize));
            }
            if declaration.needs_database {
                handler =
                    handler.route_layer(from_fn_with_state(gates.readiness.clone(), make_ready));
            }
            router = router.route(declaration.path, handler);
        }
        router.with_state(state)
    }
}

/// Tells the JSON extractor how large a body of this route may be.
async fn announce_limit(
    State(limit): State<BodyLimit>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(limit);
    next.run(request).await
}

async fn authorize(
    State((authenticator, role)): State<(Authenticator, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match authenticator.authenticate(request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    if let Err(problem) = caller.require(role) {
        return problem.into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn make_ready(State(readiness): State<Readiness>, request: Request, next: Next) -> Response {
    match readiness.ensure().await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
