//! A property of cursors: whoever follows them sees each message of one path exactly once, whatever is appended meanwhile.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::{Dice, Setup, seed, setup};

const ROUNDS: usize = 400;

/// A conversation as it must be: for each message, beginning with number 1, its id and the number of the one that it answers.
struct Model {
    path: String,
    ids: Vec<Value>,
    parents: Vec<usize>,
}

/// Someone in the middle of a history.
struct Reader {
    what: String,
    next: Option<String>,
    seen: Vec<usize>,
    expected: Vec<usize>,
}

impl Model {
    async fn append(&mut self, setup: &Setup, dice: &mut Dice) {
        let newest = self.ids.len() - 1;
        let mut body = json!({"role": "user", "content": "m"});
        let mut parent = newest;
        if 0 < newest && dice.roll(4) == 0 {
            let named = 1 + dice.roll(newest);
            if dice.roll(2) == 0 {
                parent = named;
                body["parent_id"] = self.ids[named].clone();
            } else {
                parent = self.parents[named];
                body["sibling_of"] = self.ids[named].clone();
            }
        }
        let appended = if dice.roll(3) == 0 {
            let follower = json!({"role": "assistant", "content": "m"});
            let batch = json!({"messages": [body, follower]});
            setup.ada.post(&format!("{}/batch", self.path), &batch).await
        } else {
            setup.ada.post(&self.path, &body).await
        };
        assert_eq!(appended.status, StatusCode::CREATED, "{}", appended.body);
        let one = [appended.body.clone()];
        let messages = appended.body["data"].as_array().map_or(&one[..], Vec::as_slice);
        for message in messages {
            assert_eq!(message["seq"], self.ids.len(), "{message}");
            assert_eq!(message["parent_id"], self.ids[parent]);
            self.parents.push(parent);
            parent = self.ids.len();
            self.ids.push(message["id"].clone());
        }
    }

    fn number_of(&self, id: &Value) -> usize {
        self.ids.iter().position(|other| other == id).unwrap()
    }

    /// Someone who begins to read now, in some direction, with pages of some size, on some path.
    fn reader(&self, dice: &mut Dice) -> Reader {
        let newest = self.ids.len() - 1;
        let limit = 1 + dice.roll(9);
        let direction = ["", "&after=0"][dice.roll(2)];
        let (view, tip) = match dice.roll(3) {
            0 => ("&all=true".to_owned(), None),
            1 => (String::new(), Some(newest)),
            _ => {
                let leaf = 1 + dice.roll(newest);
                (format!("&leaf={}", self.ids[leaf].as_str().unwrap()), Some(leaf))
            }
        };
        let expected = match tip {
            None => (1..=newest).collect(),
            Some(tip) => {
                let up = |number: &usize| Some(self.parents[*number]).filter(|parent| *parent != 0);
                let mut path: Vec<_> = std::iter::successors(Some(tip), up).collect();
                path.reverse();
                path
            }
        };
        let what = format!("limit={limit}{direction}{view}");
        let next = Some(format!("{}?{what}", self.path));
        Reader { what, next, seen: Vec::new(), expected }
    }
}

impl Reader {
    /// Reads one page.
    async fn step(&mut self, setup: &Setup, model: &Model) {
        let Some(url) = self.next.take() else { return };
        let page = setup.ada.get(&url).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let data = page.body["data"].as_array().unwrap();
        let numbers: Vec<_> = data.iter().map(|message| model.number_of(&message["id"])).collect();
        assert!(numbers.is_sorted(), "{}: {numbers:?}", self.what);
        self.seen.extend(numbers);
        let limit = self.what.split('&').next().unwrap();
        self.next = page.body["next_cursor"]
            .as_str()
            .map(|cursor| format!("{}?{limit}&cursor={cursor}", model.path));
    }

    /// Whether it has come to an end; then it has seen what it should.
    fn is_done(&mut self, seed: u64) -> bool {
        if self.next.is_some() {
            return false;
        }
        if !self.what.contains("after") {
            self.seen.sort_unstable();
        }
        assert_eq!(self.seen, self.expected, "seed {seed}: {}", self.what);
        true
    }
}

#[tokio::test]
async fn whoever_follows_cursors_among_writers_sees_each_message_exactly_once() {
    let seed = seed();
    let mut dice = Dice(seed);
    let setup = setup().await;
    let path = format!("{}/messages", setup.conversation().await);
    let mut model = Model { path, ids: vec![Value::Null], parents: vec![0] };
    model.append(&setup, &mut dice).await;
    let (mut readers, mut done) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        match dice.roll(4) {
            0 => model.append(&setup, &mut dice).await,
            // What counts is what was there when the first page was read.
            1 => {
                let mut reader = model.reader(&mut dice);
                reader.step(&setup, &model).await;
                readers.push(reader);
            }
            _ if readers.is_empty() => {}
            _ => {
                let chosen = dice.roll(readers.len());
                readers[chosen].step(&setup, &model).await;
                if readers[chosen].is_done(seed) {
                    readers.swap_remove(chosen);
                    done += 1;
                }
            }
        }
    }
    for mut reader in readers {
        while !reader.is_done(seed) {
            reader.step(&setup, &model).await;
        }
        done += 1;
    }
    assert!(ROUNDS / 8 < done, "seed {seed}: only {done} read to the end");
}
