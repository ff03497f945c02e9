use super::*;

fn vitals() -> Arc<Vitals> {
    let settings = Settings {
        request_timeout: Duration::from_secs(1),
        response_timeout: Duration::from_secs(1),
        background_timeout: Duration::from_secs(1),
        cpu_time: Duration::from_secs(1),
        memory_bytes_max: 1 << 20,
        request_body_bytes_max: 1 << 20,
        concurrent_requests_max: 100,
        reuse_count: 8,
        reuse_concurrency: 4,
        idle_instance_timeout: Duration::from_secs(1),
        recycle_memory_bytes: 1 << 20,
        counts_streams: true,
    };
    let settings = Arc::new(settings);
    Arc::new(Vitals::new(settings, Vacancies::new(4)))
}

#[test]
fn a_request_is_repeated_only_if_another_overlapped_it() {
    let vitals = vitals();
    let (first, claim) = Lease::new(None);
    claim.attach(&vitals);
    assert!(!first.may_be_repeated());
    let (second, claim) = Lease::new(None);
    claim.attach(&vitals);
    assert!(first.may_be_repeated());
    assert!(second.may_be_repeated());
    drop((first, second));
    let (third, claim) = Lease::new(None);
    claim.attach(&vitals);
    assert!(!third.may_be_repeated());
}

#[test]
fn an_instance_outlives_its_return_while_a_client_reads() {
    let vitals = vitals();
    let (lease, claim) = Lease::new(None);
    claim.attach(&vitals);
    let start = Instant::now();
    let grace = Duration::from_mins(1);
    assert_eq!(vitals.post_return_deadline(start, grace, grace), None);
    lease.complete();
    drop(lease);
    assert!(vitals.post_return_deadline(start, grace, Duration::ZERO).unwrap() >= start + grace);
}

#[test]
fn a_client_that_leaves_shortens_the_life_of_the_instance() {
    let vitals = vitals();
    let (lease, claim) = Lease::new(None);
    claim.attach(&vitals);
    drop(lease);
    let (grace, abandoned) = (Duration::from_mins(1), Duration::from_secs(1));
    let deadline = vitals.post_return_deadline(Instant::now(), grace, abandoned);
    assert!(deadline.unwrap() <= Instant::now() + abandoned);
}

#[tokio::test]
async fn a_client_that_left_before_its_turn_is_noticed() {
    let vitals = vitals();
    let (lease, claim) = Lease::new(None);
    drop(lease);
    claim.attach(&vitals);
    claim.left().await;
    assert_eq!(vitals.live.load(SeqCst), 0);
    assert!(vitals.abandoned.load(Relaxed));
}

#[tokio::test]
async fn a_request_counts_until_the_end_of_its_instance_is_noted() {
    let vitals = vitals();
    let (lease, claim) = Lease::new(None);
    lease.instance_ended().await;
    claim.attach(&vitals);
    let waited = tokio::time::timeout(Duration::from_millis(20), lease.instance_ended()).await;
    assert!(waited.is_err());
    vitals.ended.send_replace(true);
    lease.instance_ended().await;
    assert_eq!(vitals.live.load(SeqCst), 1);
}

#[test]
fn an_instance_has_room_until_it_is_worn() {
    let vitals = vitals();
    let room = |free| Room { free, waits: false };
    assert_eq!(vitals.room(), room(4));
    let enter = || {
        let (lease, claim) = Lease::new(None);
        claim.attach(&vitals);
        lease
    };
    let five: Vec<Lease> = (0..5).map(|_| enter()).collect();
    assert_eq!(vitals.room(), room(0));
    drop(five);
    assert_eq!(vitals.room(), room(3));
    vitals.memory_bytes.store((1 << 20) + 1, Relaxed);
    assert_eq!(vitals.room(), room(0));
    vitals.memory_bytes.store(1, Relaxed);
    drop((enter(), enter(), enter()));
    assert_eq!(vitals.room(), room(0));
}
