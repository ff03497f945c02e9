use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work that an answer does not wait for, so that its duration tells nobody anything.
///
/// It travels with the answer, as an extension of it, to whoever can do it once the answer is out. What nobody does is not forgotten silently: the log says so.
#[derive(Clone)]
pub struct Afterwards(Arc<Kept>);

struct Kept(Mutex<Option<Work>>);

/// Reports work that was dropped before its end.
struct Watch {
    is_done: bool,
}

impl Afterwards {
    /// Keeps the work for later; nothing of it happens yet.
    pub fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Arc::new(Kept(Mutex::new(Some(Box::pin(work))))))
    }

    /// Does the work. Of several clones the first that is asked does it.
    pub async fn run(self) {
        let work = self.0.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(work) = work else { return };
        let mut watch = Watch { is_done: false };
        work.await;
        watch.is_done = true;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.0.get_mut().unwrap_or_else(PoisonError::into_inner).is_some() {
            tracing::error!("work that was to follow an answer was never begun");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_done {
            tracing::error!("work that followed an answer was cut short");
        }
    }
}

impl fmt::Debug for Afterwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Afterwards(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn work_is_done_once_and_not_before_it_is_asked_for() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let work = Afterwards::new(async move {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let clone = work.clone();
        assert_eq!(count.load(Ordering::SeqCst), 0);
        work.run().await;
        clone.run().await;
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
