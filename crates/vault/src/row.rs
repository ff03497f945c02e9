use ids::AccountId;

/// Where a sealed value stands. It opens in this place and in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub id: &'a str,
    /// `None` for what belongs to the deployment and to no account.
    pub account_id: Option<AccountId>,
}

impl Row<'_> {
    /// The place as bytes that go into a seal. Every part is preceded by its length, so that no two places are written alike; `label` says
    /// what is sealed, and is never changed.
    pub(crate) fn associated(&self, label: &str, header: &[u8]) -> Vec<u8> {
        let account = self.account_id.map(|id| id.to_string()).unwrap_or_default();
        let parts = [label, self.table, self.column, self.id, &account].map(str::as_bytes);
        let mut bytes = Vec::with_capacity(192);
        for part in parts.into_iter().chain([header]) {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}
