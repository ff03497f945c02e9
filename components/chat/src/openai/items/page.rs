use problem::Problem;
use serde::{Deserialize, Serialize};

use super::{Item, ItemId};
use crate::error::ChatError;

const ITEMS_DEFAULT: usize = 20;
const ITEMS_MAX: usize = 100;

/// In which order items come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    Asc,
    #[default]
    Desc,
}

/// Which items of a list are wanted.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    pub after: Option<ItemId>,
    limit: Option<usize>,
    #[serde(default)]
    pub order: Order,
}

/// OpenAI's list of items.
#[derive(Debug, Serialize)]
pub struct ItemList {
    object: &'static str,
    data: Vec<Item>,
    first_id: Option<ItemId>,
    last_id: Option<ItemId>,
    has_more: bool,
}

impl PageQuery {
    /// How many items are wanted.
    ///
    /// # Errors
    /// 422 for none, or too many.
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(ITEMS_DEFAULT);
        if (1..=ITEMS_MAX).contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("It must be from 1 to {ITEMS_MAX}.");
        Err(ChatError::invalid("/limit", detail).into())
    }

    /// The page out of these items, which begin with the message of the one after which it begins, and go on beyond it if `has_more`.
    ///
    /// # Errors
    /// 422 when the item after which it begins is not there.
    pub fn page(&self, mut items: Vec<Item>, has_more: bool) -> Result<ItemList, Problem> {
        let limit = self.limit()?;
        if let Some(after) = self.after {
            let at = items.iter().position(|item| item.id() == after);
            let detail = "There is no such item.";
            let at = at.ok_or_else(|| ChatError::invalid("/after", detail))?;
            items.drain(..=at);
        }
        let has_more = has_more || limit < items.len();
        items.truncate(limit);
        Ok(ItemList { has_more, ..ItemList::whole(items) })
    }
}

impl ItemList {
    /// All there are.
    pub fn whole(data: Vec<Item>) -> Self {
        let (first_id, last_id) = (data.first().map(Item::id), data.last().map(Item::id));
        Self { object: "list", data, first_id, last_id, has_more: false }
    }
}
