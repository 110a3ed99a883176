//! Decides, state by state, what the text that is pending is.

use intramuros_backend::ToolFormat;

use super::head::{Head, args_head, object_head};
use super::json::Scanner;
use super::marks::{HERMES_END, opening_mark, partial_suffix, unmarked};
use super::{State, ToolParser};

impl ToolParser {
    /// Takes one step; false when there is nothing to decide before more comes.
    pub(super) fn step(&mut self, last: bool) -> bool {
        match self.state {
            State::Start if self.format == ToolFormat::Hermes => self.in_unmarked_start(last),
            State::Start => self.in_start(last),
            State::Text => self.in_text(last),
            State::Plain => {
                self.emit_text(self.pending.len());
                false
            }
            State::Head { opened } => self.in_head(opened, last),
            State::Arguments(scanner) => self.in_arguments(scanner, last),
            State::Tail => self.in_tail(last),
            State::Unmarked(end) => self.in_unmarked_end(end),
            State::Between => self.in_between(last),
        }
    }

    fn in_start(&mut self, last: bool) -> bool {
        let space = self.pending.len() - self.pending.trim_start().len();
        match self.pending[space..].chars().next() {
            Some('{') => self.state = State::Head { opened: space },
            // The mark as ordinary text, in a vocabulary without it.
            Some('<') if !self.special_opening && self.starts_with_mark(space, last) => {}
            None if !last => return false,
            Some(_) | None => self.state = State::Plain,
        }
        !matches!(self.state, State::Start)
    }

    fn in_unmarked_start(&mut self, last: bool) -> bool {
        let mut may_be = false;
        for tool in 0..self.offered.len() {
            for (head, end) in unmarked(&self.offered[tool]) {
                if self.pending.starts_with(&head) {
                    self.start_call(self.offered[tool].clone(), None);
                    self.pending.drain(..head.len());
                    self.unmarked_end = Some(end);
                    self.state = State::Arguments(Scanner::default());
                    return true;
                }
                may_be |= head.starts_with(&self.pending);
            }
        }
        if may_be && !last {
            return false;
        }
        self.state = State::Text;
        true
    }

    /// Takes away what `end` and the text have in common.
    fn in_unmarked_end(&mut self, end: &'static str) -> bool {
        let same = self.pending.bytes().zip(end.bytes()).take_while(|(a, b)| a == b).count();
        self.pending.drain(..same);
        let rest = &end[same..];
        let goes_on = self.pending.is_empty() && !rest.is_empty();
        self.state = if goes_on { State::Unmarked(rest) } else { State::Text };
        !goes_on
    }

    /// Whether the opening mark is at `at`, or may yet be; the state follows if it is.
    fn starts_with_mark(&mut self, at: usize, last: bool) -> bool {
        let (text, mark) = (&self.pending[at..], opening_mark(self.format));
        if text.starts_with(mark) {
            self.state = State::Head { opened: at + mark.len() };
            return true;
        }
        !last && mark.starts_with(text)
    }

    fn in_text(&mut self, last: bool) -> bool {
        let mark = Some(opening_mark(self.format)).filter(|_| !self.special_opening);
        if let Some((at, mark)) = mark.and_then(|mark| Some((self.pending.find(mark)?, mark))) {
            let text = self.pending[..at].trim_end().len();
            self.emit_text(text);
            self.state = State::Head { opened: at - text + mark.len() };
            return true;
        }
        // White space before or after a call is the format's, not the answer's.
        let partial = mark.map_or(0, |mark| partial_suffix(&self.pending, mark));
        let text = self.pending[..self.pending.len() - partial].trim_end().len();
        if !last {
            self.emit_text(text);
        } else if self.calls.is_empty() || !self.pending.trim().is_empty() {
            self.emit_text(self.pending.len());
        } else {
            self.pending.clear();
        }
        false
    }

    fn in_head(&mut self, opened: usize, last: bool) -> bool {
        let text = &self.pending[opened..];
        let space = text.len() - text.trim_start().len();
        let text = &text[space..];
        let head = match self.format {
            ToolFormat::MistralArgs => args_head(text, &self.offered),
            ToolFormat::MistralList if text.starts_with('[') => {
                self.state = State::Head { opened: opened + space + 1 };
                return true;
            }
            ToolFormat::MistralList | ToolFormat::Hermes => object_head(text, &self.offered, false),
            ToolFormat::Llama3 => object_head(text, &self.offered, true),
        };
        match head {
            Head::Incomplete if !last => false,
            Head::Incomplete | Head::NotACall => self.give_up(opened),
            Head::Begun { name, id, arguments_at } => {
                self.start_call(name, id);
                self.pending.drain(..opened + space + arguments_at);
                self.state = State::Arguments(Scanner::default());
                true
            }
            Head::Whole { name, arguments, end } => {
                self.start_call(name, None);
                self.emit_arguments(arguments);
                self.pending.drain(..opened + space + end);
                self.state = State::Between;
                true
            }
        }
    }

    /// What was held for a call is text after all.
    fn give_up(&mut self, opened: usize) -> bool {
        self.emit_text(opened);
        self.state = if self.format == ToolFormat::Llama3 { State::Plain } else { State::Text };
        true
    }

    fn in_arguments(&mut self, mut scanner: Scanner, last: bool) -> bool {
        let end = scanner.end_in(&self.pending);
        let fragment = self.pending.drain(..end.unwrap_or(self.pending.len())).collect();
        self.emit_arguments(fragment);
        self.state = match (end, self.format) {
            (Some(_), _) if self.unmarked_end.is_some() => {
                State::Unmarked(self.unmarked_end.take().unwrap_or_default())
            }
            (None, _) if !last => State::Arguments(scanner),
            (None, _) | (Some(_), ToolFormat::MistralArgs) => State::Text,
            (Some(_), _) => State::Tail,
        };
        end.is_some()
    }

    fn in_tail(&mut self, last: bool) -> bool {
        let text = self.pending.trim_start();
        let space = self.pending.len() - text.len();
        let end = match text.chars().next() {
            Some('}') => Some(space + 1),
            // Members that no format has; they belong to no argument.
            Some(',') => Scanner::inside().end_in(&self.pending),
            Some(_) => Some(0),
            None => None,
        };
        match end {
            Some(end) => {
                self.pending.drain(..end);
                self.state = State::Between;
            }
            None if last => self.state = State::Text,
            None => return false,
        }
        true
    }

    fn in_between(&mut self, last: bool) -> bool {
        let text = self.pending.trim_start();
        let space = self.pending.len() - text.len();
        let first = text.chars().next();
        let waits = !last && first.is_none();
        self.state = match (self.format, first) {
            (_, _) if waits => return false,
            (ToolFormat::Hermes, _) => match closing_mark(text, last) {
                None => return false,
                Some(mark) => {
                    if mark > 0 {
                        self.pending.drain(..space + mark);
                    }
                    State::Text
                }
            },
            (ToolFormat::Llama3 | ToolFormat::MistralList, Some(';' | ',')) => {
                match text[1..].trim_start().chars().next() {
                    Some('{') => State::Head { opened: self.pending.find('{').unwrap_or(0) },
                    None if !last => return false,
                    Some(_) | None => State::Text,
                }
            }
            (ToolFormat::Llama3, Some('{')) => State::Head { opened: space },
            (ToolFormat::MistralList, Some(']')) => {
                self.pending.drain(..=space);
                State::Text
            }
            (_, _) => State::Text,
        };
        if self.format == ToolFormat::Llama3 && matches!(self.state, State::Text) {
            if self.pending.trim().is_empty() {
                self.pending.clear();
            }
            self.state = State::Plain;
        }
        true
    }
}

/// Length of the closing mark at the beginning of `text`, 0 when there is none; `None` when it may
/// yet come.
fn closing_mark(text: &str, last: bool) -> Option<usize> {
    let mark = HERMES_END;
    if text.starts_with(mark) {
        return Some(mark.len());
    }
    if mark.starts_with(text) {
        // An answer may end before the mark does.
        return last.then_some(text.len());
    }
    Some(0)
}
