//! What a process remembers: many who miss a value at once read it once, a failure is nobody's queue, and who goes away
//! holds up nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use paystrator::app::{Cache, UnderWay};
use paystrator::clock::Clock;
use tokio::sync::Notify;

const CROWD: usize = 50;

fn cache() -> Cache<u8, usize> {
    Cache::new(Duration::from_secs(60))
}

#[tokio::test]
async fn many_who_miss_at_once_read_once() {
    let (cache, clock, reads, go) = (cache(), Clock::system(), AtomicUsize::new(0), Notify::new());
    let read = || async {
        let nth = reads.fetch_add(1, Ordering::SeqCst);
        go.notified().await;
        Ok::<_, ()>(nth)
    };
    let all = join_all((0..CROWD).map(|_| cache.read(1, &clock, read())));
    let release = async {
        tokio::task::yield_now().await;
        go.notify_one();
    };
    let (values, ()) = tokio::join!(all, release);
    assert!(values.iter().all(|value| **value.as_ref().unwrap() == 0));
    assert_eq!(reads.load(Ordering::SeqCst), 1);
    // Another key is another value.
    go.notify_one();
    assert_eq!(*cache.read(2, &clock, read()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_failure_is_not_kept_and_nobody_queues_behind_it() {
    let (cache, clock, reads) = (cache(), Clock::system(), AtomicUsize::new(0));
    let all_here = tokio::sync::Barrier::new(CROWD - 1);
    let read = || async {
        let nth = reads.fetch_add(1, Ordering::SeqCst);
        if nth == 0 {
            tokio::task::yield_now().await;
            return Err("the first fails");
        }
        // One behind the other they would never all be here.
        all_here.wait().await;
        Ok(Some(nth))
    };
    let found = join_all((0..CROWD).map(|_| cache.find(1, &clock, read()))).await;
    assert_eq!(found.iter().filter(|found| found.is_err()).count(), 1);
    assert_eq!(reads.load(Ordering::SeqCst), CROWD);
}

#[tokio::test]
async fn what_is_not_there_is_asked_again() {
    let (cache, clock) = (cache(), Clock::system());
    assert_eq!(cache.find(1, &clock, async { Ok::<_, ()>(None) }).await.unwrap(), None);
    assert_eq!(cache.find(1, &clock, async { Ok::<_, ()>(Some(7)) }).await.unwrap(), Some(Arc::new(7)));
    assert_eq!(cache.find(1, &clock, async { Err("not asked") }).await.unwrap(), Some(Arc::new(7)));
}

#[tokio::test]
async fn who_goes_away_while_reading_holds_up_nobody() {
    let (cache, clock) = (cache(), Clock::system());
    let gone = cache.read(1, &clock, std::future::pending::<Result<usize, ()>>());
    let waits = cache.read(1, &clock, async { Ok::<_, ()>(2) });
    let mut gone = Box::pin(gone);
    assert!(futures_util::poll!(gone.as_mut()).is_pending());
    let mut waits = Box::pin(waits);
    assert!(futures_util::poll!(waits.as_mut()).is_pending());
    drop(gone);
    assert_eq!(*waits.await.unwrap(), 2);
}

#[tokio::test]
async fn what_is_under_way_is_begun_once_and_waited_for() {
    let all = UnderWay::default();
    all.over(&1).await;
    let mark = all.begin(1).unwrap();
    assert!(all.begin(1).is_none());
    assert!(all.begin(2).is_some());
    let mut over = Box::pin(all.over(&1));
    assert!(futures_util::poll!(over.as_mut()).is_pending());
    drop(mark);
    over.await;
    assert!(all.begin(1).is_some());
}

#[tokio::test]
async fn what_is_forgotten_while_it_is_read_is_not_kept() {
    let (cache, clock) = (cache(), Clock::system());
    for forget in [(|cache| cache.forget(&1)) as fn(&Cache<u8, usize>), |cache| cache.clear()] {
        let go = Notify::new();
        let old = async {
            go.notified().await;
            Ok::<_, ()>(1)
        };
        let mut reads = Box::pin(cache.read(1, &clock, old));
        assert!(futures_util::poll!(reads.as_mut()).is_pending());
        forget(&cache);
        // Comes after it was forgotten, and waits for who began before.
        let mut later = Box::pin(cache.read(1, &clock, async { Ok::<_, ()>(2) }));
        assert!(futures_util::poll!(later.as_mut()).is_pending());
        go.notify_one();
        assert_eq!(*reads.await.unwrap(), 1);
        assert_eq!(*later.await.unwrap(), 2);
        assert_eq!(cache.get(&1, clock.now()), Some(Arc::new(2)));
        cache.clear();
    }
}
