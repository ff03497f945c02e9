#![doc = include_str!("../README.md")]

mod allowed_hosts;
mod application;
mod blocked_networks;
mod component;
mod dependency;
mod document;
mod error;
mod identifier;
mod manifest;
mod overlap;
mod pattern;
mod quantity;
mod router;
mod runtime_config;
mod secret;
mod template;
mod tool;
mod trigger;
mod variables;

pub use allowed_hosts::{
    AllowedHosts, AllowedHostsError, SERVICE_CHAINING_SUFFIX, service_chaining_target,
};
pub use application::{Application, VariableDeclaration};
pub use blocked_networks::{BlockedNetworks, Network, NetworkError};
pub use component::{Build, Component, Mount};
pub use dependency::{Dependency, Inherit};
pub use error::{ManifestError, Position};
pub use manifest::Manifest;
pub use pattern::PatternError;
pub use router::{RouteMatch, Router};
pub use runtime_config::{
    KeyValueStore, OutboundHttp, OutboundNetworking, RuntimeConfig, SqliteDatabase,
    VariablesProvider,
};
pub use secret::Secret;
pub use template::{Template, TemplateError};
pub use tool::Tool;
pub use trigger::{HttpTrigger, Route, StaticResponse, Target};
pub use variables::{Missing, Resolved, Variables, VariablesError};
