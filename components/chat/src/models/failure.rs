use egress::EgressError;
use providers::{ProviderError, Unwritable};
use runs::{Failure, FailureCode};

/// Why a model gives no answer, or no end of one. Classes alone, without a word of the provider's (SECURITY R72).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    #[error("the provider gave no answer")]
    Egress(#[from] EgressError),
    #[error("the provider's answer is none")]
    Provider(#[from] ProviderError),
    #[error("the conversation cannot be written for the provider")]
    Unwritable,
}

impl From<Unwritable> for AskError {
    fn from(_: Unwritable) -> Self {
        Self::Unwritable
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let class = |detail| Self::new(FailureCode::ProviderError, detail);
        match error {
            AskError::Egress(EgressError::Timeout) => {
                let detail = "The provider took too long to begin or to go on with its answer.";
                Self::new(FailureCode::ProviderTimeout, detail)
            }
            AskError::Egress(EgressError::Unreachable) => {
                class("The provider could not be reached.")
            }
            AskError::Egress(EgressError::Redirected) => {
                class("The provider redirected, which is not followed.")
            }
            AskError::Egress(EgressError::TooLarge)
            | AskError::Provider(ProviderError::TooMuch) => {
                class("The provider sent more than it may.")
            }
            AskError::Egress(EgressError::Interrupted)
            | AskError::Provider(ProviderError::Interrupted) => {
                class("The provider stopped before the end of its answer.")
            }
            AskError::Provider(ProviderError::RateLimited { retry_after }) => {
                let detail = "The provider takes no more requests for now.";
                Self::new(FailureCode::ProviderRateLimited, detail).retry_after(retry_after)
            }
            AskError::Provider(ProviderError::Unauthorized) => {
                class("The provider does not take the key.")
            }
            AskError::Provider(ProviderError::NoSuchModel) => {
                class("The provider does not have this model.")
            }
            AskError::Provider(ProviderError::BudgetSpent) => {
                class("The key's budget at the provider is spent.")
            }
            AskError::Provider(ProviderError::TooLong) => {
                class("The conversation is too long for the model.")
            }
            AskError::Provider(ProviderError::Refused) => {
                class("The provider refused the request.")
            }
            AskError::Provider(ProviderError::Failed) => class("The provider failed."),
            AskError::Provider(ProviderError::Malformed) => {
                class("What the provider sent is no answer.")
            }
            AskError::Egress(EgressError::Unsendable) | AskError::Unwritable => {
                class("The conversation cannot be written for the provider.")
            }
        }
    }
}
