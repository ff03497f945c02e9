//! Accounts, members, invitations, API keys and the audit log.

use e2e::ledger::read_list;
use e2e::volley::{Reply, Shot};
use serde_json::{Value, json};

use crate::world::{AT_ONCE, Crew, ROUNDS, Report, require_same};

const AUTH: &str = "auth";

pub async fn run(crew: &mut Crew, report: &mut Report) {
    let account = format!("/api/accounts/{}", crew.owner.account_id);
    let id = crew.owner.account_id.clone();
    report.add(crew.read(AUTH, "get account", &account, &id).await);
    let members = format!("{account}/members");
    let owner = crew.owner.user_id.clone();
    report.add(crew.read(AUTH, "list members", &members, &owner).await);
    report.add(crew.read(AUTH, "list audit", &format!("{account}/audit?limit=5"), "hash").await);
    report.add(crew.read(AUTH, "get keys", "/.well-known/jwks.json", "keys").await);
    if !crew.is_keyed() {
        report.add(crew.read(AUTH, "get me", "/api/me", "email").await);
        create_and_delete_keys(crew, report).await;
    }
    rename(crew, report, &account).await;
    invite_and_revoke(crew, report, &account).await;
}

/// Renames the account. Each time is in the audit log once, and the chain of the log has no gap.
async fn rename(crew: &mut Crew, report: &mut Report, account: &str) {
    let mut row = crew.row(AUTH, "rename account");
    let audit = format!("{account}/audit");
    let before = read_list(&crew.owner.client, &audit).await;
    let name = |round: usize, place: usize| format!("{round}-{place}");
    let shot = |round, place| {
        let body = json!({"name": name(round, place)});
        Shot::new(http::Method::PATCH, account).json(&body)
    };
    crew.rounds(&mut row, shot, |_, _, _| {}).await;
    let now = crew.owner.client.get(account).await.body;
    let is_last = (0..AT_ONCE).any(|place| now["name"] == name(ROUNDS - 1, place));
    row.require(is_last, || format!("the name is none of the last round: {now}"));
    let after = read_list(&crew.owner.client, &audit).await;
    let count = |entries: &[Value]| {
        entries.iter().filter(|entry| entry["action"] == "account.renamed").count()
    };
    let renamed = count(&after).abs_diff(count(&before));
    row.require(renamed == AT_ONCE * ROUNDS, || format!("{renamed} renamings in the audit log"));
    let numbers: Vec<_> = after.iter().filter_map(|entry| entry["seq"].as_u64()).collect();
    let has_gap = numbers.windows(2).any(|pair| pair[0] != pair[1] + 1);
    row.require(!has_gap, || "the audit log has a gap".to_owned());
    report.add(row);
}

async fn invite_and_revoke(crew: &mut Crew, report: &mut Report, account: &str) {
    let mut created = crew.row(AUTH, "create invitation");
    let mut revoked = crew.row(AUTH, "revoke invitation");
    let (path, mark) = (format!("{account}/invitations"), crew.mark.clone());
    for round in 0..ROUNDS {
        let shot = |place| {
            let email = format!("{mark}{round}-{place}@example.com");
            Shot::post(&path, &json!({"email": email, "role": "viewer"}))
        };
        let replies = crew.fire(&mut created, shot).await;
        let ids: Vec<_> = replies.iter().map(|(_, reply)| reply.id()).collect();
        let there = read_list(&crew.owner.client, &path).await;
        let there = there.iter().filter(|one| email_of(one).starts_with(&mark));
        require_same(&mut created, ids.clone(), there.map(id_of).collect());
        let shot = |place: usize| Shot::delete(format!("{path}/{}", ids[place % ids.len()]));
        if ids.len() == AT_ONCE {
            crew.fire(&mut revoked, shot).await;
        }
    }
    let there = read_list(&crew.owner.client, &path).await;
    let left = there.iter().filter(|one| email_of(one).starts_with(&mark)).count();
    revoked.require(left == 0, || format!("{left} invitations are left"));
    report.add(created);
    report.add(revoked);
}

async fn create_and_delete_keys(crew: &mut Crew, report: &mut Report) {
    let mut created = crew.row(AUTH, "create API key");
    let mut deleted = crew.row(AUTH, "delete API key");
    let mark = crew.mark.clone();
    for round in 0..ROUNDS {
        let shot = |place| {
            let name = format!("{mark}{round}-{place}");
            Shot::post("/api/tokens", &json!({"name": name, "scopes": ["chat"]}))
        };
        let replies: Vec<(usize, Reply)> = crew.fire(&mut created, shot).await;
        let mut there = Vec::new();
        for person in crew.people() {
            there.extend(read_list(person, "/api/tokens").await);
        }
        let there = there.iter().filter(|key| key["name"].as_str().unwrap().starts_with(&mark));
        let ids: Vec<_> = replies.iter().map(|(_, reply)| reply.id()).collect();
        require_same(&mut created, ids.clone(), there.map(id_of).collect());
        if ids.len() == AT_ONCE {
            // Place by place: a key is its maker's.
            crew.fire(&mut deleted, |place| Shot::delete(format!("/api/tokens/{}", ids[place])))
                .await;
        }
    }
    report.add(created);
    report.add(deleted);
}

fn id_of(item: &Value) -> String {
    item["id"].as_str().unwrap().to_owned()
}

fn email_of(item: &Value) -> &str {
    item["email"].as_str().unwrap()
}
