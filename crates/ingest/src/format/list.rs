//! Words the markers of list items.

/// Numbers the items of the lists that are open, innermost last.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// The next number of an ordered list; `None` for a list of bullets.
    open: Vec<Option<u64>>,
}

impl Lists {
    /// Opens a list whose first item has the number `start`; bullets without one.
    pub(crate) fn open(&mut self, start: Option<u64>) {
        self.open.push(start);
    }

    /// Closes the innermost list.
    pub(crate) fn close(&mut self) {
        self.open.pop();
    }

    /// The marker of the next item of the innermost list: `- ` or `3. `.
    pub(crate) fn marker(&mut self) -> String {
        match self.open.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            Some(None) | None => "- ".to_owned(),
        }
    }
}
