-- Only when the statement before this one changed a row: what had no effect may be tried again.
INSERT INTO idempotency_key (account_id, user_id, name, route, fingerprint, created_at, status, sealed_body, about)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
WHERE changes() > 0
