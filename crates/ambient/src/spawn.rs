/// Does work beside the request that begins it: it goes on when the answer is out, and when nobody waits for that any more.
///
/// How long it may go on is the host's to say; what must not be lost is kept in a database meanwhile. Natively it needs a tokio runtime.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    #[cfg(target_family = "wasm")]
    spin_sdk::wasip3::spawn(work);
    #[cfg(not(target_family = "wasm"))]
    drop(tokio::spawn(work));
}
