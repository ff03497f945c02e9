//! Items: what messages say, in the pieces that OpenAI's Conversations and Responses know.

mod given;
mod id;
mod page;
mod shown;

pub use given::{files, read};
pub use id::{ItemId, answer_id};
pub use page::{ItemList, Order, PageQuery};
pub use shown::{Item, Stored, cut, text_of};
