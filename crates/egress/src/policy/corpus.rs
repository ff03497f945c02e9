//! The policy against all hostile URLs that the tests know.

use testing::hostile_urls;

use super::UrlPolicy;

#[test]
fn none_of_the_corpus_may_be_called() {
    let corpus = hostile_urls();
    assert!(600 <= corpus.len(), "{}", corpus.len());
    let policy = UrlPolicy::default();
    let called: Vec<_> = corpus.iter().filter(|url| policy.check(url).is_ok()).collect();
    assert!(called.is_empty(), "{called:#?}");
    let policy = policy.with_unverified("https://api.example.com:*").unwrap();
    let called: Vec<_> = corpus.iter().filter(|url| policy.check_unverified(url).is_ok()).collect();
    assert!(called.is_empty(), "{called:#?}");
}

/// An operator who opens one private origin opens that one and no other spelling of it.
#[test]
fn an_origin_that_is_opened_opens_nothing_else_of_the_corpus() {
    let policy: UrlPolicy = "http://127.0.0.1:11434".parse().unwrap();
    let called: Vec<_> =
        hostile_urls().into_iter().filter(|url| policy.check(url).is_ok()).collect();
    assert!(called.is_empty(), "{called:#?}");
    assert!(policy.check("http://127.0.0.1:11434/api/chat").is_ok());
}
