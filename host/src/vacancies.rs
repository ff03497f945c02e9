//! Places in the instances of a component, and who gets the next one.
//!
//! An instance takes a request between two waits of its guest. While a hundred requests arrive at once none is between two waits, and whoever
//! finds nobody ready starts another instance: a hundred streams then keep a hundred instances, each with a memory of its own. So a request
//! waits a moment where instances have places left, and only if nothing moves is another one started.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How long nothing has to move before another instance is started although some have places left.
const PATIENCE: Duration = Duration::from_millis(10);

/// Instances for each processor that are started without waiting.
const INSTANCES_PER_PROCESSOR: usize = 2;

/// What is known of all instances of a component together.
pub struct Vacancies {
    places_per_instance: usize,
    /// So many instances are started without waiting.
    spread: usize,
    state: Mutex<State>,
    /// Held by whoever is next.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    rooms: HashMap<u64, Room>,
    next_id: u64,
    /// Places left in all instances.
    free: usize,
    /// Instances that would take a request at this moment.
    open: usize,
    /// Requests that were let in and are in no instance yet.
    entering: usize,
}

/// What there is in one instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Requests that it may take beside those that it has.
    pub free: usize,
    /// Whether it waits, so that it would take one at once.
    pub waits: bool,
}

impl Room {
    fn is_open(self) -> bool {
        self.waits && 0 < self.free
    }
}

/// The right to enter an instance, until this is dropped: by then the request is in one, or will never be.
pub struct Entry(Arc<Vacancies>);

impl Vacancies {
    /// None yet, of instances that take `places_per_instance` requests at a time.
    pub fn new(places_per_instance: usize) -> Arc<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Self {
            places_per_instance,
            spread: INSTANCES_PER_PROCESSOR * processors,
            state: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Waits until an instance is ready for a request, or until it is better to start one. In the order of the calls.
    pub async fn enter(self: &Arc<Self>) -> Entry {
        let _turn = self.turn.lock().await;
        while !self.lets_in() {
            if tokio::time::timeout(PATIENCE, self.changed.notified()).await.is_err() {
                break;
            }
        }
        self.state().entering += 1;
        Entry(self.clone())
    }

    fn lets_in(&self) -> bool {
        let state = self.state();
        let starting = state.entering.saturating_sub(state.open);
        let places = state.free.saturating_add(starting.saturating_mul(self.places_per_instance));
        let is_ready = state.entering < state.open;
        let is_full = places <= state.entering;
        is_ready || is_full || state.rooms.len().saturating_add(starting) < self.spread
    }

    /// Counts an instance. The number is its name here.
    pub fn add(&self) -> u64 {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        state.rooms.insert(id, Room::default());
        id
    }

    /// Says what has become of an instance. `room` is called where nobody else can say so meanwhile.
    pub fn update(&self, id: u64, room: impl FnOnce() -> Room) {
        let mut state = self.state();
        let Some(known) = state.rooms.get_mut(&id) else { return };
        let room = room();
        let before = std::mem::replace(known, room);
        state.replace(before, room);
        drop(state);
        if room.is_open() && !before.is_open() {
            self.changed.notify_one();
        }
    }

    /// Forgets an instance.
    pub fn remove(&self, id: u64) {
        let mut state = self.state();
        if let Some(room) = state.rooms.remove(&id) {
            state.replace(room, Room::default());
        }
        drop(state);
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn replace(&mut self, before: Room, after: Room) {
        self.free = self.free.saturating_sub(before.free).saturating_add(after.free);
        self.open = self
            .open
            .saturating_sub(before.is_open().into())
            .saturating_add(after.is_open().into());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.entering = state.entering.saturating_sub(1);
        drop(state);
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// With room for `spread` instances of four places.
    fn vacancies(spread: usize) -> Arc<Vacancies> {
        let mut vacancies = Arc::into_inner(Vacancies::new(4)).unwrap();
        vacancies.spread = spread;
        Arc::new(vacancies)
    }

    fn set(vacancies: &Vacancies, id: u64, free: usize, waits: bool) {
        vacancies.update(id, || Room { free, waits });
    }

    #[tokio::test]
    async fn as_many_instances_as_are_good_for_the_processors_are_started_at_once() {
        let vacancies = vacancies(2);
        let first = vacancies.enter().now_or_never().unwrap();
        let _second = vacancies.enter().now_or_never().unwrap();
        assert!(vacancies.enter().now_or_never().is_none());
        // One has got its instance, which has places left.
        let instance = vacancies.add();
        set(&vacancies, instance, 3, false);
        drop(first);
        assert!(vacancies.enter().now_or_never().is_none());
    }

    #[tokio::test]
    async fn an_instance_that_waits_takes_one_request_at_a_time() {
        let vacancies = vacancies(1);
        let instance = vacancies.add();
        set(&vacancies, instance, 4, true);
        let entry = vacancies.enter().now_or_never().unwrap();
        assert!(vacancies.enter().now_or_never().is_none());
        let waiting = vacancies.enter();
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        set(&vacancies, instance, 3, false);
        drop(entry);
        assert!(waiting.as_mut().now_or_never().is_none());
        set(&vacancies, instance, 3, true);
        assert!(waiting.now_or_never().is_some());
    }

    #[tokio::test]
    async fn where_no_place_is_left_nobody_waits() {
        let vacancies = vacancies(1);
        let instance = vacancies.add();
        set(&vacancies, instance, 0, true);
        // It starts an instance, of which it takes one place of four.
        let _entry = vacancies.enter().now_or_never().unwrap();
        assert!(vacancies.enter().now_or_never().is_none());
    }

    #[tokio::test]
    async fn where_nothing_moves_another_instance_is_started() {
        let vacancies = vacancies(1);
        let instance = vacancies.add();
        set(&vacancies, instance, 4, false);
        assert!(vacancies.enter().now_or_never().is_none());
        drop(vacancies.enter().await);
    }

    #[tokio::test]
    async fn instances_that_are_gone_have_no_places() {
        let vacancies = vacancies(1);
        let instance = vacancies.add();
        set(&vacancies, instance, 4, true);
        vacancies.remove(instance);
        set(&vacancies, instance, 4, true);
        let State { free, open, .. } = *vacancies.state();
        assert_eq!((free, open), (0, 0));
        let _entry = vacancies.enter().now_or_never().unwrap();
        assert!(vacancies.enter().now_or_never().is_none());
    }
}
