//! Every kind of id, with its prefix. A prefix is part of the public contract: it is never changed and never used twice.

use type_safe_id::StaticType;

use crate::Id;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $tag:ident $prefix:literal;)+) => {
        $(
            #[doc = concat!("Marks ids that begin with `", $prefix, "_`.")]
            #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $tag;

            impl StaticType for $tag {
                const TYPE: &'static str = $prefix;
            }

            $(#[$doc])+
            pub type $name = Id<$tag>;
        )+

        #[cfg(test)]
        pub(crate) const PREFIXES: &[&str] = &[$($prefix),+];
    };
}

kinds! {
    /// An account: what data belongs to. People belong to accounts through memberships.
    AccountId = Account "acct";
    /// An API key, with which programs act for a person. This is its name, not the secret.
    ApiKeyId = ApiKey "key";
    /// A conversation.
    ConversationId = Conversation "conv";
    /// A file.
    FileId = File "file";
    /// Somebody's name at an OpenID provider, by which they sign in.
    IdentityId = Identity "ident";
    /// An invitation into an account.
    InvitationId = Invitation "inv";
    /// A mail that was handed over.
    MailId = Mail "mail";
    /// Something that is remembered for a person.
    MemoryId = Memory "mem";
    /// A server of the Model Context Protocol, as it is configured.
    McpServerId = McpServer "mcp";
    /// A message of a conversation.
    MessageId = Message "msg";
    /// A model, as it is configured.
    ModelId = Model "model";
    /// A key of a provider of models. This is its name, not the secret.
    ProviderKeyId = ProviderKey "pkey";
    /// A run of bytes of a file that one request has written.
    PartId = Part "part";
    /// A request, as in the header `x-request-id`.
    RequestId = Request "req";
    /// A model's work on an answer.
    RunId = Run "run";
    /// A session: one sign-in on one device, for one account.
    SessionId = Session "sess";
    /// A link under which others read a conversation. This is its name, not the secret.
    ShareId = Share "shr";
    /// An access token (the claim `jti`).
    TokenId = Token "tok";
    /// A file that arrives in parts.
    UploadId = Upload "upload";
    /// A person.
    UserId = User "user";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_prefix_is_used_twice() {
        let distinct: BTreeSet<_> = PREFIXES.iter().collect();
        assert_eq!(distinct.len(), PREFIXES.len());
    }
}
