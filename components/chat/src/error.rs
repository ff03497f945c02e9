use egress::EgressError;

/// Why the component cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("requests to other servers cannot be made")]
    Egress(#[from] EgressError),
}
