use crate::{Limits, ProviderError, ToolCall};

/// Calls that come in pieces.
#[derive(Debug)]
pub struct Calls {
    begun: Vec<Begun>,
    count_max: usize,
    bytes_left: usize,
}

/// A piece of a call, as far as the provider says what it belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece<'a> {
    pub index: Option<u64>,
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
}

#[derive(Debug)]
struct Begun {
    index: Option<u64>,
    call: ToolCall,
}

impl Calls {
    pub fn new(limits: &Limits) -> Self {
        Self { begun: Vec::new(), count_max: limits.calls_max, bytes_left: limits.call_bytes_max }
    }

    /// Adds a piece to the call that it belongs to: the one with its id, else the last one with its index.
    ///
    /// Not every provider numbers its calls, and some give all of them the same number.
    pub fn add(&mut self, piece: Piece) -> Result<(), ProviderError> {
        let bytes = piece.id.len() + piece.name.len() + piece.arguments.len();
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(ProviderError::TooMuch)?;
        let belongs = |begun: &&mut Begun| match piece.id {
            "" => piece.index.is_none() || begun.index == piece.index,
            id => begun.call.id == id,
        };
        if let Some(begun) = self.begun.iter_mut().rev().find(belongs) {
            if begun.call.name.is_empty() {
                piece.name.clone_into(&mut begun.call.name);
            }
            begun.call.arguments.push_str(piece.arguments);
            return Ok(());
        }
        if self.begun.len() == self.count_max {
            return Err(ProviderError::TooMuch);
        }
        let call = ToolCall {
            id: piece.id.to_owned(),
            name: piece.name.to_owned(),
            arguments: piece.arguments.to_owned(),
        };
        self.begun.push(Begun { index: piece.index, call });
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// All calls, once they are whole.
    pub fn take(&mut self) -> Result<Vec<ToolCall>, ProviderError> {
        let begun = std::mem::take(&mut self.begun);
        begun.into_iter().enumerate().map(|(n, begun)| whole(n, begun.call)).collect()
    }
}

fn whole(position: usize, mut call: ToolCall) -> Result<ToolCall, ProviderError> {
    if call.name.is_empty() {
        return Err(ProviderError::Malformed);
    }
    // Some give no ids, and all want one back with the result.
    if call.id.is_empty() {
        call.id = format!("call_{position}");
    }
    if call.arguments.is_empty() {
        "{}".clone_into(&mut call.arguments);
    }
    Ok(call)
}
