//! How many are connected, and who of them has said nothing for the longest: at the limit that one makes room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::select;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Connections at once.
const MOST: u32 = 1024;

/// The places, taken and free.
pub struct Places {
    free: Arc<Semaphore>,
    idle: Mutex<Idle>,
    /// Somebody has become idle.
    changed: Notify,
}

/// Those without a request, in the order in which they came to have none.
#[derive(Default)]
struct Idle {
    next: u64,
    wanted: BTreeMap<u64, Arc<Notify>>,
}

/// The place of one connection; free again when dropped.
pub struct Place {
    places: Arc<Places>,
    wanted: Arc<Notify>,
    idle_as: Mutex<u64>,
    _permit: OwnedSemaphorePermit,
}

/// While it lives, the connection has a request.
pub struct Busy<'a>(&'a Place);

impl Places {
    /// All of them, free.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(MOST as usize)),
            idle: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// A place for a connection that has no request yet. If there is none, the one that is idle for the longest
    /// is closed; if nobody is idle, somebody will be.
    pub async fn take(self: &Arc<Self>) -> Arc<Place> {
        let mut is_coming = false;
        loop {
            let changed = self.changed.notified();
            let permit = match Arc::clone(&self.free).try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    // One makes room for one.
                    is_coming = is_coming || self.close_oldest_idle();
                    select! {
                        biased;
                        permit = Arc::clone(&self.free).acquire_owned() => permit.ok(),
                        () = changed, if !is_coming => None,
                    }
                }
            };
            if let Some(permit) = permit {
                return self.place(permit);
            }
        }
    }

    /// The same where nobody is to be closed for it.
    pub fn take_free(self: &Arc<Self>) -> Option<Arc<Place>> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(self.place(permit))
    }

    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Arc<Place> {
        let wanted = Arc::new(Notify::new());
        Arc::new(Place {
            places: Arc::clone(self),
            idle_as: Mutex::new(self.add_idle(&wanted)),
            wanted,
            _permit: permit,
        })
    }

    /// Closes it. False if there is none.
    pub fn close_oldest_idle(&self) -> bool {
        let oldest = lock(&self.idle).wanted.pop_first();
        if let Some((_, wanted)) = &oldest {
            wanted.notify_one();
        }
        oldest.is_some()
    }

    /// Waits until all are free.
    pub async fn all(&self) {
        // Nobody closes the semaphore.
        let _ = self.free.acquire_many(MOST).await;
    }

    fn add_idle(&self, wanted: &Arc<Notify>) -> u64 {
        let mut idle = lock(&self.idle);
        idle.next += 1;
        let number = idle.next;
        idle.wanted.insert(number, Arc::clone(wanted));
        drop(idle);
        self.changed.notify_waiters();
        number
    }
}

impl Place {
    /// Waits until somebody else needs it more.
    pub async fn is_wanted(&self) {
        self.wanted.notified().await;
    }

    /// A request is there.
    pub fn busy(&self) -> Busy<'_> {
        lock(&self.places.idle).wanted.remove(&*lock(&self.idle_as));
        Busy(self)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        *lock(&self.0.idle_as) = self.0.places.add_idle(&self.0.wanted);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places.idle).wanted.remove(&*lock(&self.idle_as));
    }
}

/// What a panic left behind is as good as before: no change takes more than one step.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
