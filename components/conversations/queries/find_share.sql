SELECT account_id, conversation_id, tip_seq, title, created_at
FROM share
WHERE token_hash = ?1
